//! newlib's functions on memory and strings.

use super::{Call, Handler, Outcome};

/// Strings longer than this are not strings.
const LONGEST_STRING: u32 = 1 << 20;

pub(super) fn find(name: &str) -> Option<Handler> {
    Some(match name {
        "memset" => |call| {
            let done = memset(call);
            call.accessed(0, done)
        },
        "memcpy" | "memmove" => |call| {
            let done = copy(call, call.argument(2));
            call.accessed(0, done)
        },
        "memcmp" | "__gcc_bcmp" => |call| {
            let done = compare(call);
            call.accessed(0, done)
        },
        "strcpy" => |call| {
            let done = string_length(call, 1).and_then(|length| copy(call, length + 1));
            call.accessed(1, done)
        },
        "strncpy" => |call| {
            let done = copy_string(call);
            call.accessed(0, done)
        },
        "strcmp" => |call| {
            let done = compare_strings(call, LONGEST_STRING);
            call.accessed(0, done)
        },
        "strncmp" => |call| {
            let done = compare_strings(call, call.argument(2));
            call.accessed(0, done)
        },
        "strlen" => |call| match string_length(call, 0) {
            Some(length) => call.give(length),
            None => Outcome::BadAddress(call.argument(0)),
        },
        _ => return None,
    })
}

fn memset(call: &mut Call<'_>) -> Option<()> {
    let (to, byte, length) = (call.argument(0), call.argument(1) as u8, call.argument(2));
    if length == 0 {
        return Some(());
    }
    call.memory.fill(to, byte, length as usize)
}

fn copy(call: &mut Call<'_>, length: u32) -> Option<()> {
    let (to, from) = (call.argument(0), call.argument(1));
    if length == 0 {
        return Some(());
    }
    let bytes = call.memory.slice(from, length as usize)?.to_vec();
    call.memory.write(to, &bytes)
}

fn compare(call: &mut Call<'_>) -> Option<()> {
    let (a, b, length) = (call.argument(0), call.argument(1), call.argument(2));
    let mut result = 0;
    if length != 0 {
        let a = call.memory.slice(a, length as usize)?;
        let b = call.memory.slice(b, length as usize)?;
        // What the first bytes that differ differ by.
        result = a
            .iter()
            .zip(b)
            .map(|(&a, &b)| i32::from(a) - i32::from(b))
            .find(|&difference| difference != 0)
            .unwrap_or(0);
    }
    call.give(result.cast_unsigned());
    Some(())
}

/// The length of the string that argument `number` points to.
fn string_length(call: &Call<'_>, number: usize) -> Option<u32> {
    let at = call.argument(number);
    for length in 0..LONGEST_STRING {
        let [byte] = call.memory.load::<1>(at.wrapping_add(length))?;
        if byte == 0 {
            return Some(length);
        }
    }
    None
}

/// `strncpy`: what the string leaves free is filled with zeros.
fn copy_string(call: &mut Call<'_>) -> Option<()> {
    let (to, from, length) = (call.argument(0), call.argument(1), call.argument(2));
    let mut ended = false;
    for index in 0..length {
        let mut byte = [0];
        if !ended {
            byte = call.memory.load(from.wrapping_add(index))?;
            ended = byte == [0];
        }
        call.memory.store(to.wrapping_add(index), byte)?;
    }
    Some(())
}

fn compare_strings(call: &mut Call<'_>, length: u32) -> Option<()> {
    let (a, b) = (call.argument(0), call.argument(1));
    let mut result = 0;
    for index in 0..length {
        let [a] = call.memory.load::<1>(a.wrapping_add(index))?;
        let [b] = call.memory.load::<1>(b.wrapping_add(index))?;
        result = i32::from(a) - i32::from(b);
        if result != 0 || a == 0 {
            break;
        }
    }
    call.give(result.cast_unsigned());
    Some(())
}
