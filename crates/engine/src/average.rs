//! `average(sum, count)`: money divided exactly.
//!
//! DataFusion's own division gives a scale that depends on the inputs, cuts what lies beyond it, and
//! overflows where a wide sum is scaled up first. Here the quotient is formed in 256 bits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Decimal128Builder};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, i256};
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
        let sum = match sum {
            DataType::Decimal128(..) => sum.clone(),
            DataType::Null => DataType::Decimal128(DIGITS, 0),
            whole if whole.is_integer() => DataType::Decimal128(20, 0),
            other => return Err(DataFusionError::Plan(format!("average takes a decimal sum, not {other}"))),
        };
        if !(count.is_integer() || count.is_null()) {
            return Err(DataFusionError::Plan(format!("average takes a whole count, not {count}")));
        }
        Ok(vec![sum, DataType::Int64])
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
        let counts = counts.as_primitive::<Int64Type>();
        let mut averages = Decimal128Builder::with_capacity(sums.len());
        for row in 0..sums.len() {
            let known = sums.is_valid(row) && counts.is_valid(row) && counts.value(row) != 0;
            averages
                .append_option(known.then(|| divide(sums.value(row), sums.scale(), counts.value(row))).transpose()?);
        }
        let averages: ArrayRef = Arc::new(averages.finish().with_precision_and_scale(DIGITS, PLACES)?);
        Ok(ColumnarValue::Array(averages))
    }
}

/// `sum` (of `scale`) over `count`, in units of the last place, half away from zero.
fn divide(sum: i128, scale: i8, count: i64) -> SqlResult<i128> {
    let too_large = || DataFusionError::Execution("an average has more digits than a decimal can hold".into());
    let power = |exponent: i8| i256::from_i128(10).checked_pow(u32::try_from(exponent.max(0)).unwrap_or(0));
    let (up, down) = (power(PLACES - scale), power(scale - PLACES));
    let dividend = up.and_then(|up| i256::from_i128(sum).checked_mul(up)).ok_or_else(too_large)?;
    let divisor = down.and_then(|down| i256::from_i128(count.into()).checked_mul(down)).ok_or_else(too_large)?;
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
        assert_eq!(divide(1_00, 2, 3).unwrap(), 3_333);
        assert_eq!(divide(2_00, 2, 3).unwrap(), 6_667);
        assert_eq!(divide(-2_00, 2, 3).unwrap(), -6_667);
        assert_eq!(divide(1, 4, 2).unwrap(), 1, "0.00005 is 0.0001");
        assert_eq!(divide(-1, 4, 2).unwrap(), -1, "-0.00005 is -0.0001");
        assert_eq!(divide(49, 6, 1).unwrap(), 0, "0.000049 is 0.0000");
        assert_eq!(divide(-50, 6, 1).unwrap(), -1, "-0.000050 is -0.0001");
        assert_eq!(divide(149, 6, 3).unwrap(), 0, "0.0000496… is 0.0000, not rounded twice");
        assert_eq!(divide(7, 0, 2).unwrap(), 35_000);
    }

    /// Given the largest sum that a decimal holds, when the average does not fit, then it is an error.
    #[test]
    fn no_silent_overflow() {
        let largest = 10_i128.pow(38) - 1;
        assert!(divide(largest, 2, 1).is_err());
        assert_eq!(divide(largest, 4, 1).unwrap(), largest);
    }
}
