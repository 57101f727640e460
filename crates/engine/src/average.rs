//! `average(sum, count)`: money divided exactly, by a count or by other money.
//!
//! DataFusion's own division gives a scale that depends on the inputs, cuts what lies beyond it, and
//! overflows where a wide sum is scaled up first. Here the quotient is formed in 256 bits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Decimal128Builder};
use arrow::datatypes::{DataType, Decimal128Type, i256};
use datafusion::error::{DataFusionError, Result as SqlResult};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// Places after the point.
const PLACES: i8 = 4;
/// Digits in all.
const DIGITS: u8 = 38;

/// The function, to register.
pub(crate) fn function() -> ScalarUDF {
    ScalarUDF::from(Average { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Average {
    signature: Signature,
}

impl ScalarUDFImpl for Average {
    fn name(&self) -> &'static str {
        "average"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> SqlResult<Vec<DataType>> {
        let [sum, count] = given else {
            return Err(DataFusionError::Plan("average takes a sum and a count".into()));
        };
        let exact = |given: &DataType, what: &str| match given {
            DataType::Decimal128(..) => Ok(given.clone()),
            DataType::Null => Ok(DataType::Decimal128(DIGITS, 0)),
            whole if whole.is_integer() => Ok(DataType::Decimal128(20, 0)),
            other => Err(DataFusionError::Plan(format!("average takes {what}, not {other}"))),
        };
        Ok(vec![exact(sum, "a decimal sum")?, exact(count, "a whole count or a decimal")?])
    }

    fn return_type(&self, _given: &[DataType]) -> SqlResult<DataType> {
        Ok(DataType::Decimal128(DIGITS, PLACES))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> SqlResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [sums, counts] = arrays.as_slice() else {
            return Err(DataFusionError::Internal("average got other than two columns".into()));
        };
        let sums: &Decimal128Array = sums.as_primitive::<Decimal128Type>();
        let counts: &Decimal128Array = counts.as_primitive::<Decimal128Type>();
        let mut averages = Decimal128Builder::with_capacity(sums.len());
        for row in 0..sums.len() {
            let known = sums.is_valid(row) && counts.is_valid(row) && counts.value(row) != 0;
            let quotient = known.then(|| {
                divide(sums.value(row), counts.value(row), i32::from(counts.scale()) - i32::from(sums.scale()))
            });
            averages.append_option(quotient.transpose()?);
        }
        let averages: ArrayRef = Arc::new(averages.finish().with_precision_and_scale(DIGITS, PLACES)?);
        Ok(ColumnarValue::Array(averages))
    }
}

/// `sum` over `count` in units of the last place, half away from zero; `count` has `finer` places more
/// after the point than `sum`.
fn divide(sum: i128, count: i128, finer: i32) -> SqlResult<i128> {
    let too_large = || DataFusionError::Execution("an average has more digits than a decimal can hold".into());
    let power = |exponent: i32| i256::from_i128(10).checked_pow(u32::try_from(exponent.max(0)).unwrap_or(0));
    let shift = i32::from(PLACES) + finer;
    let (up, down) = (power(shift), power(-shift));
    let dividend = up.and_then(|up| i256::from_i128(sum).checked_mul(up)).ok_or_else(too_large)?;
    let divisor = down.and_then(|down| i256::from_i128(count).checked_mul(down)).ok_or_else(too_large)?;
    let negative = (dividend < i256::ZERO) != (divisor < i256::ZERO);
    let (dividend, divisor) = (dividend.wrapping_abs(), divisor.wrapping_abs());
    let two = i256::from_i128(2);
    let doubled = dividend.checked_mul(two).and_then(|d| d.checked_add(divisor)).ok_or_else(too_large)?;
    let units = doubled / (divisor * two);
    let units = units.to_i128().filter(|units| *units < 10_i128.pow(DIGITS.into())).ok_or_else(too_large)?;
    Ok(if negative { -units } else { units })
}

#[cfg(test)]
mod tests {
    use super::divide;

    /// Given sums of scale 2, 4 and 6, when divided, then the fifth place rounds half away from zero.
    #[test]
    fn half_goes_away_from_zero() {
        assert_eq!(divide(1_00, 3, -2).unwrap(), 3_333);
        assert_eq!(divide(2_00, 3, -2).unwrap(), 6_667);
        assert_eq!(divide(-2_00, 3, -2).unwrap(), -6_667);
        assert_eq!(divide(1, 2, -4).unwrap(), 1, "0.00005 is 0.0001");
        assert_eq!(divide(-1, 2, -4).unwrap(), -1, "-0.00005 is -0.0001");
        assert_eq!(divide(49, 1, -6).unwrap(), 0, "0.000049 is 0.0000");
        assert_eq!(divide(-50, 1, -6).unwrap(), -1, "-0.000050 is -0.0001");
        assert_eq!(divide(149, 3, -6).unwrap(), 0, "0.0000496… is 0.0000, not rounded twice");
        assert_eq!(divide(7, 2, 0).unwrap(), 35_000);
    }

    /// Given money over money of another scale, when divided, then the share is exact.
    #[test]
    fn money_over_money() {
        assert_eq!(divide(10_000, 3_000_000, 2).unwrap(), 3_333, "100.00 / 300.0000");
        assert_eq!(divide(1, -3, 0).unwrap(), -3_333);
        assert!(divide(10_i128.pow(37), 1, 0).is_err());
    }

    /// Given the largest sum that a decimal holds, when the average does not fit, then it is an error.
    #[test]
    fn no_silent_overflow() {
        let largest = 10_i128.pow(38) - 1;
        assert!(divide(largest, 1, -2).is_err());
        assert_eq!(divide(largest, 1, -4).unwrap(), largest);
    }
}
