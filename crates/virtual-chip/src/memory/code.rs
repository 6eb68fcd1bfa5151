//! Decoded instructions, a page at a time, forgotten where memory is written.

use crate::cpu::op::Op;

/// Bytes of memory in one page of decoded code.
pub(crate) const PAGE_BYTES: usize = 4096;
/// An instruction may begin at every second byte.
const OPS: usize = PAGE_BYTES / 2;
/// A page of which nothing was decoded.
const NONE: u32 = u32::MAX;

/// A page of decoded code: where its first instruction lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodePage(u32);

/// Pages are made when first executed and stay; only their instructions are forgotten.
#[derive(Debug)]
pub(crate) struct CodeCache {
    ops: Vec<Op>,
    pages: Box<[u32]>,
}

impl CodeCache {
    pub(crate) fn new(bytes: usize) -> CodeCache {
        CodeCache {
            ops: Vec::new(),
            pages: vec![NONE; bytes.div_ceil(PAGE_BYTES)].into_boxed_slice(),
        }
    }

    /// The page of the byte at `offset`, which must lie in the memory this was made for.
    pub(crate) fn page(&mut self, offset: usize) -> CodePage {
        let Some(page) = self.pages.get_mut(offset / PAGE_BYTES) else {
            return CodePage(0);
        };
        if *page == NONE {
            *page = self.ops.len() as u32;
            self.ops.resize(self.ops.len() + OPS, Op::UNKNOWN);
        }
        CodePage(*page)
    }

    #[inline]
    pub(crate) fn op(&self, page: CodePage, index: usize) -> Op {
        self.ops
            .get(page.0 as usize + index)
            .copied()
            .unwrap_or(Op::UNKNOWN)
    }

    pub(crate) fn keep(&mut self, page: CodePage, index: usize, op: Op) {
        if let Some(place) = self.ops.get_mut(page.0 as usize + index) {
            *place = op;
        }
    }

    /// Forgets what was decoded from `length` bytes at `offset`.
    #[inline]
    pub(crate) fn forget(&mut self, offset: usize, length: usize) {
        let last = offset + length.saturating_sub(1);
        // An instruction that begins two bytes before may reach into what was written.
        let first = offset.saturating_sub(2);
        for page in first / PAGE_BYTES..=last / PAGE_BYTES {
            match self.pages.get(page) {
                Some(&NONE) | None => {}
                Some(&base) => self.forget_in(page, base as usize, first, last),
            }
        }
    }

    #[cold]
    fn forget_in(&mut self, page: usize, base: usize, first: usize, last: usize) {
        let start = page * PAGE_BYTES;
        let from = first.max(start) - start;
        let to = last.min(start + PAGE_BYTES - 1) - start;
        if let Some(ops) = self.ops.get_mut(base + from / 2..=base + to / 2) {
            ops.fill(Op::UNKNOWN);
        }
    }

    pub(crate) fn forget_all(&mut self) {
        self.ops.fill(Op::UNKNOWN);
    }
}
