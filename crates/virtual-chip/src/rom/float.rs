//! libgcc's floating point in software. The host computes by the same standard (IEEE 754), so the
//! results are the same bit for bit, but for the payload of what is not a number.

use std::cmp::Ordering;

use super::{Call, Handler, Outcome};

pub(super) fn find(name: &str) -> Option<Handler> {
    Some(match name {
        "__addsf3" => |call| give_single(call, single(call, 0) + single(call, 1)),
        "__subsf3" => |call| give_single(call, single(call, 0) - single(call, 1)),
        "__mulsf3" => |call| give_single(call, single(call, 0) * single(call, 1)),
        "__divsf3" => |call| give_single(call, single(call, 0) / single(call, 1)),
        "__negsf2" => |call| give_single(call, -single(call, 0)),
        "__adddf3" => |call| give_double(call, double(call, 0) + double(call, 2)),
        "__subdf3" => |call| give_double(call, double(call, 0) - double(call, 2)),
        "__muldf3" => |call| give_double(call, double(call, 0) * double(call, 2)),
        "__divdf3" => |call| give_double(call, double(call, 0) / double(call, 2)),
        "__negdf2" => |call| give_double(call, -double(call, 0)),
        "__extendsfdf2" => |call| give_double(call, f64::from(single(call, 0))),
        "__truncdfsf2" => |call| give_single(call, double(call, 0) as f32),
        name => return find_comparison(name).or_else(|| find_conversion(name)),
    })
}

fn find_comparison(name: &str) -> Option<Handler> {
    // What cannot be ordered compares so that the comparison asked for is false.
    Some(match name {
        "__eqsf2" | "__nesf2" | "__ltsf2" | "__lesf2" => |call| compare_singles(call, 1),
        "__gtsf2" | "__gesf2" => |call| compare_singles(call, -1),
        "__eqdf2" | "__nedf2" | "__ltdf2" | "__ledf2" => |call| compare_doubles(call, 1),
        "__gtdf2" | "__gedf2" => |call| compare_doubles(call, -1),
        "__unordsf2" => |call| {
            let unordered = single(call, 0).is_nan() || single(call, 1).is_nan();
            call.give(u32::from(unordered))
        },
        "__unorddf2" => |call| {
            let unordered = double(call, 0).is_nan() || double(call, 2).is_nan();
            call.give(u32::from(unordered))
        },
        _ => return None,
    })
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "these functions are those very casts"
)]
fn find_conversion(name: &str) -> Option<Handler> {
    Some(match name {
        "__fixsfsi" => |call| call.give((single(call, 0) as i32).cast_unsigned()),
        "__fixsfdi" => |call| call.give_wide((single(call, 0) as i64).cast_unsigned()),
        "__fixunssfsi" => |call| call.give(single(call, 0) as u32),
        "__fixunssfdi" => |call| call.give_wide(single(call, 0) as u64),
        "__fixdfsi" => |call| call.give((double(call, 0) as i32).cast_unsigned()),
        "__fixdfdi" => |call| call.give_wide((double(call, 0) as i64).cast_unsigned()),
        "__fixunsdfsi" => |call| call.give(double(call, 0) as u32),
        "__floatsisf" => |call| give_single(call, call.argument(0).cast_signed() as f32),
        "__floatunsisf" => |call| give_single(call, call.argument(0) as f32),
        "__floatdisf" => |call| give_single(call, call.wide(0).cast_signed() as f32),
        "__floatundisf" => |call| give_single(call, call.wide(0) as f32),
        "__floatsidf" => |call| give_double(call, f64::from(call.argument(0).cast_signed())),
        "__floatunsidf" => |call| give_double(call, f64::from(call.argument(0))),
        "__floatdidf" => |call| give_double(call, call.wide(0).cast_signed() as f64),
        "__floatundidf" => |call| give_double(call, call.wide(0) as f64),
        _ => return None,
    })
}

fn single(call: &Call<'_>, number: usize) -> f32 {
    f32::from_bits(call.argument(number))
}

fn double(call: &Call<'_>, number: usize) -> f64 {
    f64::from_bits(call.wide(number))
}

fn give_single(call: &mut Call<'_>, value: f32) -> Outcome {
    call.give(value.to_bits())
}

fn give_double(call: &mut Call<'_>, value: f64) -> Outcome {
    call.give_wide(value.to_bits())
}

fn compare_singles(call: &mut Call<'_>, unordered: i32) -> Outcome {
    let order = single(call, 0).partial_cmp(&single(call, 1));
    give_order(call, order, unordered)
}

fn compare_doubles(call: &mut Call<'_>, unordered: i32) -> Outcome {
    let order = double(call, 0).partial_cmp(&double(call, 2));
    give_order(call, order, unordered)
}

fn give_order(call: &mut Call<'_>, order: Option<Ordering>, unordered: i32) -> Outcome {
    let order = match order {
        Some(Ordering::Less) => -1,
        Some(Ordering::Equal) => 0,
        Some(Ordering::Greater) => 1,
        None => unordered,
    };
    call.give(order.cast_unsigned())
}
