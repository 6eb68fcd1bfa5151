//! What the firmware says of its memory.

use std::io::Write as _;

use crate::diary::Diary;

/// Least share of the stack that nothing ever used, in percent: what a product's own tasks may need besides.
const STACK_FREE: usize = 25;
/// Least share of the heap.
const HEAP_FREE: usize = 25;

/// Prints the highest figures that the firmware ever said, and checks that enough was left.
pub(crate) fn check(diary: &Diary) {
    let peaks: Vec<[usize; 4]> = diary
        .lines()
        .iter()
        .filter_map(|line| parse(line))
        .collect();
    assert!(!peaks.is_empty(), "the firmware never said");
    let highest = |at: usize| peaks.iter().map(|peak| peak[at]).max().unwrap_or(0);
    let [stack_peak, stack, heap_peak, heap] = [0, 1, 2, 3].map(highest);
    let said = format!(
        "the firmware's peaks: stack {stack_peak} of {stack}, heap {heap_peak} of {heap} bytes\n"
    );
    // Not `println!`, which a test that passes keeps to itself.
    std::io::stderr()
        .write_all(said.as_bytes())
        .expect("stderr takes it");
    assert!(
        stack_peak * 100 <= stack * (100 - STACK_FREE),
        "{STACK_FREE} % of the stack are to be free"
    );
    assert!(
        heap_peak * 100 <= heap * (100 - HEAP_FREE),
        "{HEAP_FREE} % of the heap are to be free"
    );
}

/// The figures of `memory: stack 30,352 of 192,360, heap 7,160 of 81,920 bytes at the peak`.
fn parse(line: &str) -> Option<[usize; 4]> {
    let rest = line.strip_prefix("memory: stack ")?;
    let (stack, heap) = rest.split_once(", heap ")?;
    let heap = heap.strip_suffix(" bytes at the peak")?;
    let (stack_peak, stack) = stack.split_once(" of ")?;
    let (heap_peak, heap) = heap.split_once(" of ")?;
    let number = |text: &str| text.replace(',', "").parse().ok();
    Some([
        number(stack_peak)?,
        number(stack)?,
        number(heap_peak)?,
        number(heap)?,
    ])
}
