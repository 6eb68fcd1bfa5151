//! libgcc's integer functions, which compilers call for what the processor has no instruction.
//! Division by zero gives what the processor's own instructions give.

use super::{Call, Handler};

pub(super) fn find(name: &str) -> Option<Handler> {
    Some(match name {
        "__ashldi3" => |call| call.give_wide(call.wide(0) << shift(call)),
        "__ashrdi3" => |call| call.give_wide((signed(call, 0) >> shift(call)).cast_unsigned()),
        "__lshrdi3" => |call| call.give_wide(call.wide(0) >> shift(call)),
        "__bswapdi2" => |call| call.give_wide(call.wide(0).swap_bytes()),
        "__bswapsi2" => |call| call.give(call.argument(0).swap_bytes()),
        "__clzdi2" => |call| call.give(call.wide(0).leading_zeros()),
        "__clzsi2" => |call| call.give(call.argument(0).leading_zeros()),
        "__ctzdi2" => |call| call.give(call.wide(0).trailing_zeros()),
        "__ctzsi2" => |call| call.give(call.argument(0).trailing_zeros()),
        "__ffsdi2" => |call| call.give(first_set(call.wide(0))),
        "__ffssi2" => |call| call.give(first_set(u64::from(call.argument(0)))),
        "__popcountdi2" => |call| call.give(call.wide(0).count_ones()),
        "__popcountsi2" => |call| call.give(call.argument(0).count_ones()),
        "__paritysi2" => |call| call.give(call.argument(0).count_ones() & 1),
        "__negdi2" => |call| call.give_wide(call.wide(0).wrapping_neg()),
        "__muldi3" => |call| call.give_wide(call.wide(0).wrapping_mul(call.wide(2))),
        "__mulsi3" => |call| call.give(call.argument(0).wrapping_mul(call.argument(1))),
        "__divdi3" => |call| {
            let quotient = match signed(call, 2) {
                0 => -1,
                divisor => signed(call, 0).wrapping_div(divisor),
            };
            call.give_wide(quotient.cast_unsigned())
        },
        "__moddi3" => |call| {
            let rest = match signed(call, 2) {
                0 => signed(call, 0),
                divisor => signed(call, 0).wrapping_rem(divisor),
            };
            call.give_wide(rest.cast_unsigned())
        },
        "__udivdi3" => |call| {
            let quotient = call.wide(0).checked_div(call.wide(2));
            call.give_wide(quotient.unwrap_or(u64::MAX))
        },
        "__umoddi3" => |call| {
            let rest = call.wide(0).checked_rem(call.wide(2));
            call.give_wide(rest.unwrap_or(call.wide(0)))
        },
        _ => return None,
    })
}

fn signed(call: &Call<'_>, number: usize) -> i64 {
    call.wide(number).cast_signed()
}

/// By how much to shift: the third argument, behind one of 64 bits.
fn shift(call: &Call<'_>) -> u32 {
    call.argument(2) & 63
}

/// The number of the lowest bit that is set, counted from 1; 0 if there is none.
fn first_set(value: u64) -> u32 {
    if value == 0 {
        0
    } else {
        value.trailing_zeros() + 1
    }
}
