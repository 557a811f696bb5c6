//! Sprig's arithmetic and number lists. How a value becomes a number is in
//! `cast`, the decimal arithmetic of `addf` and others in `decimal`.

use super::args::{Body, bytes, fixed, from, int, take, variadic};
use super::decimal::{self, Operation};
use super::strings::too_many;
use crate::cast::{to_float64, to_int64};
use crate::func::{Cx, Func, FuncError, FuncResult, Param};
use crate::gofmt::parse::{self, NumError};
use crate::gofmt::{self, utf8};
use crate::limits::MAX_LIST_ITEMS;
use crate::value::{Elem, List, Value};

const ANY: &[Param] = &[Param::Any];
const ANY_ANY: &[Param] = &[Param::Any, Param::Any];

pub(crate) const FUNCS: &[Func] = &[
    fixed("add1", ANY, Param::Int64, |_, a| Ok(Value::int64(to_int64(&take(a, 0)).wrapping_add(1)))),
    variadic("add", ANY, Param::Int64, |_, a| fold_ints(0, a, i64::wrapping_add)),
    fixed("sub", ANY_ANY, Param::Int64, |_, a| {
        let first = to_int64(&take(a, 0));
        fold_ints(first, from(a, 1), i64::wrapping_sub)
    }),
    variadic("mul", ANY_ANY, Param::Int64, |_, a| {
        let first = to_int64(&take(a, 0));
        fold_ints(first, from(a, 1), i64::wrapping_mul)
    }),
    fixed("div", ANY_ANY, Param::Int64, |_, a| divide(a, i64::wrapping_div)),
    fixed("mod", ANY_ANY, Param::Int64, |_, a| divide(a, i64::wrapping_rem)),
    variadic("max", ANY_ANY, Param::Int64, MAX),
    variadic("biggest", ANY_ANY, Param::Int64, MAX),
    variadic("min", ANY_ANY, Param::Int64, |_, a| {
        let first = to_int64(&take(a, 0));
        fold_ints(first, from(a, 1), i64::min)
    }),
    variadic("maxf", ANY_ANY, Param::Float64, |_, a| fold_floats(a, max_float)),
    variadic("minf", ANY_ANY, Param::Float64, |_, a| fold_floats(a, |x, y| -max_float(-x, -y))),
    fixed("ceil", ANY, Param::Float64, |_, a| Ok(Value::Float(to_float64(&take(a, 0)).ceil()))),
    fixed("floor", ANY, Param::Float64, |_, a| Ok(Value::Float(to_float64(&take(a, 0)).floor()))),
    variadic("round", &[Param::Any, Param::Int, Param::Float64], Param::Float64, round),
    fixed("add1f", ANY, Param::Float64, |_, a| {
        let mut both = [take(a, 0), Value::int(1)];
        decimal::fold(Operation::Add, &mut both)
    }),
    variadic("addf", ANY, Param::Float64, |_, a| decimal::fold(Operation::Add, a)),
    variadic("subf", ANY_ANY, Param::Float64, |_, a| decimal::fold(Operation::Sub, a)),
    variadic("mulf", ANY_ANY, Param::Float64, |_, a| decimal::fold(Operation::Mul, a)),
    variadic("divf", ANY_ANY, Param::Float64, |_, a| decimal::fold(Operation::Div, a)),
    fixed("int", ANY, Param::Int, |_, a| Ok(Value::int(to_int64(&take(a, 0))))),
    fixed("int64", ANY, Param::Int64, |_, a| Ok(Value::int64(to_int64(&take(a, 0))))),
    fixed("float64", ANY, Param::Float64, |_, a| Ok(Value::Float(to_float64(&take(a, 0))))),
    fixed("atoi", &[Param::Str], Param::Int, atoi),
    fixed("toDecimal", ANY, Param::Int64, to_decimal),
    fixed("until", &[Param::Int], Param::IntList, |_, a| {
        let count = int(a, 0);
        int_list(steps(0, count, if count < 0 { -1 } else { 1 })?)
    }),
    fixed("untilStep", &[Param::Int, Param::Int, Param::Int], Param::IntList, |_, a| {
        int_list(steps(int(a, 0), int(a, 1), int(a, 2))?)
    }),
    variadic("seq", &[Param::Int], Param::Str, seq),
];

const MAX: Body = |_, a| {
    let first = to_int64(&take(a, 0));
    fold_ints(first, from(a, 1), i64::max)
};

fn fold_ints(first: i64, rest: &[Value], f: impl Fn(i64, i64) -> i64) -> FuncResult {
    Ok(Value::int64(rest.iter().fold(first, |n, v| f(n, to_int64(v)))))
}

fn divide(args: &mut [Value], f: impl Fn(i64, i64) -> i64) -> FuncResult {
    let (dividend, divisor) = (to_int64(&take(args, 0)), to_int64(&take(args, 1)));
    if divisor == 0 {
        return Err(FuncError::panic("runtime error: integer divide by zero"));
    }
    Ok(Value::int64(f(dividend, divisor)))
}

fn fold_floats(args: &[Value], f: impl Fn(f64, f64) -> f64) -> FuncResult {
    let mut numbers = args.iter().map(to_float64);
    let first = numbers.next().unwrap_or(0.0);
    Ok(Value::Float(numbers.fold(first, f)))
}

/// `math.Max`: an infinity wins over NaN, NaN over everything else, and zero
/// over its negative.
fn max_float(x: f64, y: f64) -> f64 {
    if x == f64::INFINITY || y == f64::INFINITY {
        f64::INFINITY
    } else if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == 0.0 && y == 0.0 {
        if x.is_sign_negative() { y } else { x }
    } else if x > y {
        x
    } else {
        y
    }
}

fn round(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let value = to_float64(&take(args, 0));
    let up_from = match args.get(2) {
        Some(Value::Float(f)) => *f,
        _ => 0.5,
    };
    let power = power_of_ten(int(args, 1));
    let shifted = power * value;
    let rounded = if shifted.fract() >= up_from { shifted.ceil() } else { shifted.floor() };
    Ok(Value::Float(rounded / power))
}

/// Ten to a power by squaring, with the roundings of Go's `math.Pow`: the
/// mantissa stays in [½, 1) and the exponent is counted apart.
fn power_of_ten(exponent: i64) -> f64 {
    match exponent {
        0 => return 1.0,
        1 => return 10.0,
        400.. => return f64::INFINITY,
        ..=-400 => return 0.0,
        _ => {}
    }
    let (mut mantissa, mut binary) = (1.0f64, 0i32);
    let (mut square, mut square_binary) = (0.625f64, 4i32);
    let mut bits = exponent.unsigned_abs();
    while bits != 0 {
        if bits & 1 == 1 {
            mantissa *= square;
            binary += square_binary;
        }
        square *= square;
        square_binary *= 2;
        if square < 0.5 {
            square += square;
            square_binary -= 1;
        }
        bits >>= 1;
    }
    if exponent < 0 {
        mantissa = 1.0 / mantissa;
        binary = -binary;
    }
    // In two steps, so that a subnormal result is rounded only once.
    let half = binary.clamp(-1000, 1000);
    mantissa * 2f64.powi(half) * 2f64.powi(binary - half)
}

fn atoi(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let text = bytes(args, 0);
    Ok(Value::int(match parse::atoi(text) {
        Ok(n) => n,
        Err(NumError::Syntax) => 0,
        // The error is swallowed, but the nearest number stays.
        Err(NumError::Range) if text.first() == Some(&b'-') => i64::MIN,
        Err(NumError::Range) => i64::MAX,
    }))
}

fn to_decimal(cx: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let text = gofmt::sprint(&[take(args, 0)], cx.compat)?;
    Ok(Value::int64(parse::parse_int(&text, 8, 64).unwrap_or(0)))
}

/// The numbers from `start` up or down to before `stop`.
fn steps(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    let runs = if stop < start { step < 0 } else { step > 0 };
    if !runs {
        return Ok(Vec::new());
    }
    let count = stop.abs_diff(start).div_ceil(step.unsigned_abs());
    let count = usize::try_from(count).ok().filter(|&n| n <= MAX_LIST_ITEMS).ok_or_else(too_many)?;
    Ok((0..count as i64).map(|i| start.wrapping_add(step.wrapping_mul(i))).collect())
}

fn int_list(numbers: Vec<i64>) -> FuncResult {
    Ok(Value::List(List::new(Elem::Int, numbers.into_iter().map(Value::int).collect())))
}

fn seq(_: &Cx<'_>, args: &mut [Value]) -> FuncResult {
    let (start, step, end) = match args {
        [_] => {
            let end = int(args, 0);
            (1, if end < 1 { -1 } else { 1 }, end)
        }
        [_, _] => {
            let (start, end) = (int(args, 0), int(args, 1));
            (start, if end < start { -1 } else { 1 }, end)
        }
        [_, _, _] => (int(args, 0), int(args, 1), int(args, 2)),
        _ => return Ok(Value::str("")),
    };
    if end < start && step > 0 {
        return Ok(Value::str(""));
    }
    // The end belongs to it.
    let stop = end.wrapping_add(if end < start { -1 } else { 1 });
    let mut out = Vec::new();
    for (i, n) in steps(start, stop, step)?.into_iter().enumerate() {
        if i > 0 {
            utf8::push(&mut out, ' ');
        }
        out.extend_from_slice(n.to_string().as_bytes());
    }
    Ok(Value::str(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers() {
        assert_eq!(power_of_ten(2), 100.0);
        assert_eq!(power_of_ten(-1), 0.1);
        assert_eq!(power_of_ten(22), 1e22);
        assert_eq!(power_of_ten(309), f64::INFINITY);
        assert_eq!(power_of_ten(-330), 0.0);
    }

    #[test]
    fn stepping() {
        assert_eq!(steps(0, 3, 1).unwrap(), [0, 1, 2]);
        assert_eq!(steps(0, -3, -2).unwrap(), [0, -2]);
        assert!(steps(0, 3, -1).unwrap().is_empty());
        assert!(steps(3, 3, 1).unwrap().is_empty());
        assert!(steps(i64::MIN, i64::MAX, 1).is_err());
        assert_eq!(steps(i64::MIN, i64::MAX, i64::MAX).unwrap().len(), 3);
    }

    #[test]
    fn maxima() {
        assert!(max_float(f64::NAN, 1.0).is_nan());
        assert_eq!(max_float(f64::NAN, f64::INFINITY), f64::INFINITY);
        assert!(max_float(-0.0, 0.0).is_sign_positive());
    }
}
