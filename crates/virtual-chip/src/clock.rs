//! The chip's own time: it goes by with instructions, and jumps while the processor waits.

/// Picoseconds in a nanosecond.
const PS: u64 = 1000;

/// Virtual time since power came on.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// Time at the start of the run of instructions now under way, in picoseconds.
    start: u64,
    /// Instructions of that run.
    ran: u64,
    /// Picoseconds that an instruction takes.
    instruction: u64,
}

impl Clock {
    /// A clock at zero, for a processor of `mips` million instructions a second, at least 1.
    pub(crate) fn new(mips: u32) -> Clock {
        Clock {
            start: 0,
            ran: 0,
            instruction: 1_000_000 / u64::from(mips.max(1)),
        }
    }

    /// Nanoseconds since power came on.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        (self.start + self.ran * self.instruction) / PS
    }

    /// Says how many instructions the run under way has begun.
    #[inline]
    pub(crate) fn ran(&mut self, instructions: u32) {
        self.ran = u64::from(instructions);
    }

    /// Ends the run under way after so many instructions.
    pub(crate) fn end_run(&mut self, instructions: u32) {
        self.start += u64::from(instructions) * self.instruction;
        self.ran = 0;
    }

    /// How many instructions fit in before `at` nanoseconds, at least one.
    pub(crate) fn instructions_until(&self, at: u64) -> u64 {
        let left = at.saturating_mul(PS).saturating_sub(self.start);
        left.div_ceil(self.instruction).max(1)
    }

    /// Lets time go on to `at` nanoseconds; never back.
    pub(crate) fn skip_to(&mut self, at: u64) {
        self.start = self.start.max(at.saturating_mul(PS));
    }

    /// Lets `nanoseconds` go by.
    pub(crate) fn pass(&mut self, nanoseconds: u64) {
        self.start += nanoseconds.saturating_mul(PS);
    }
}
