//! The decimal arithmetic behind `addf`, `subf`, `mulf` and `divf`: exact
//! sums and products, quotients with sixteen digits behind the point.

use num_bigint::{BigInt, Sign};

use super::args::take;
use crate::cast::to_float64;
use crate::func::{FuncError, FuncResult};
use crate::gofmt::float;
use crate::value::Value;

/// Digits behind the point that a quotient is rounded to.
const QUOTIENT_PLACES: i32 = 16;

/// Products may not have more digits: a chain of them would swell.
const MAX_BITS: u64 = 1 << 20;

/// What is done from the left to the right.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    Add,
    Sub,
    Mul,
    Div,
}

/// `digits × 10^exponent`
#[derive(Debug, Clone)]
struct Decimal {
    digits: BigInt,
    exponent: i32,
}

/// Folds the arguments' numbers; no arguments are nought.
pub(super) fn fold(operation: Operation, args: &mut [Value]) -> FuncResult {
    let mut numbers = (0..args.len()).map(|i| Decimal::of(to_float64(&take(args, i))));
    let mut result = numbers.next().unwrap_or_else(|| Decimal::of(0.0))?;
    for number in numbers {
        let number = number?;
        result = match operation {
            Operation::Add => result.plus(&number),
            Operation::Sub => result.plus(&Decimal { digits: -number.digits, exponent: number.exponent }),
            Operation::Mul => result.times(&number)?,
            Operation::Div => result.over(&number)?,
        };
    }
    Ok(Value::Float(result.to_float()))
}

fn ten_to(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

impl Decimal {
    /// The shortest decimal that reads back as this number.
    fn of(v: f64) -> Result<Decimal, FuncError> {
        let mut text = Vec::new();
        float::append_float(&mut text, v, b'e', None);
        let text = String::from_utf8_lossy(&text).into_owned();
        if !v.is_finite() {
            return Err(FuncError::panic(format!("Cannot create a Decimal from {text}")));
        }
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().unwrap_or_default();
        let exponent = exponent.parse::<i32>().unwrap_or(0) - fraction.len() as i32;
        Ok(Decimal { digits, exponent })
    }

    /// The digits with a smaller exponent.
    fn scaled(&self, exponent: i32) -> BigInt {
        &self.digits * ten_to(self.exponent.saturating_sub(exponent).max(0).unsigned_abs())
    }

    fn plus(&self, other: &Decimal) -> Decimal {
        let exponent = self.exponent.min(other.exponent);
        Decimal { digits: self.scaled(exponent) + other.scaled(exponent), exponent }
    }

    fn times(&self, other: &Decimal) -> Result<Decimal, FuncError> {
        let digits = &self.digits * &other.digits;
        if digits.bits() > MAX_BITS {
            return Err(FuncError::error("product has too many digits"));
        }
        Ok(Decimal { digits, exponent: self.exponent.saturating_add(other.exponent) })
    }

    fn over(&self, other: &Decimal) -> Result<Decimal, FuncError> {
        if other.digits.sign() == Sign::NoSign {
            return Err(FuncError::panic("decimal division by 0"));
        }
        let shift = self.exponent.saturating_sub(other.exponent).saturating_add(QUOTIENT_PLACES);
        let power = ten_to(shift.unsigned_abs());
        let (dividend, divisor) = if shift < 0 {
            (self.digits.clone(), &other.digits * power)
        } else {
            (&self.digits * power, other.digits.clone())
        };
        let mut quotient = &dividend / &divisor;
        let rest = (&dividend % &divisor).magnitude() * 2u32;
        if rest >= *divisor.magnitude() {
            // Half is rounded away from nought.
            let away = if self.digits.sign() == other.digits.sign() { 1 } else { -1 };
            quotient += away;
        }
        Ok(Decimal { digits: quotient, exponent: -QUOTIENT_PLACES })
    }

    fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(operation: Operation, numbers: &[f64]) -> f64 {
        let mut args: Vec<Value> = numbers.iter().map(|&n| Value::Float(n)).collect();
        match fold(operation, &mut args) {
            Ok(Value::Float(f)) => f,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn folds() {
        assert_eq!(run(Operation::Add, &[0.1, 0.2]), 0.3);
        assert_eq!(run(Operation::Add, &[]), 0.0);
        assert_eq!(run(Operation::Sub, &[7.5, 2.0, 3.0]), 2.5);
        assert_eq!(run(Operation::Mul, &[1.1, 1.1]), 1.21);
        assert_eq!(run(Operation::Div, &[1.0, 3.0]), 0.3333333333333333);
        assert_eq!(run(Operation::Div, &[-2.0, 3.0]), -0.6666666666666667);
        assert_eq!(run(Operation::Div, &[1e300, 1e-300]), f64::INFINITY);
        assert_eq!(run(Operation::Div, &[1e-300, 1e300]), 0.0);
    }

    #[test]
    fn refuses() {
        let text = |operation, a: f64, b: f64| fold(operation, &mut [Value::Float(a), Value::Float(b)]);
        assert!(matches!(text(Operation::Div, 1.0, 0.0), Err(FuncError::Panic(t)) if t == "decimal division by 0"));
        assert!(
            matches!(text(Operation::Add, f64::NAN, 0.0), Err(FuncError::Panic(t)) if t == "Cannot create a Decimal from NaN")
        );
    }
}
