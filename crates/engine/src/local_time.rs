//! The shop's clock in SQL: `local_time`, `local_date`, `local_hour`, `iso_weekday`.

use std::cell::RefCell;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono_tz::Tz;
use datafusion::error::{DataFusionError, Result as SqlResult};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use shoplake_core::ShopZone;

const MICROS_AN_HOUR: i64 = 3_600_000_000;
const MICROS_A_DAY: i64 = 24 * MICROS_AN_HOUR;

thread_local! {
    /// Each thread keeps the offsets of the days that it has met, from batch to batch.
    static CLOCK: RefCell<Option<ShopZone>> = const { RefCell::new(None) };
}

/// The functions, to register.
pub(crate) fn functions(zone: Tz) -> [ScalarUDF; 4] {
    [Part::Time, Part::Date, Part::Hour, Part::Weekday].map(|part| {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::from(LocalTime { part, zone, signature })
    })
}

/// What of the local moment a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Time,
    Date,
    Hour,
    Weekday,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LocalTime {
    part: Part,
    zone: Tz,
    signature: Signature,
}

impl LocalTime {
    fn of_moments(&self, moments: &PrimitiveArray<TimestampMicrosecondType>) -> ArrayRef {
        CLOCK.with_borrow_mut(|kept| {
            let clock = match kept {
                Some(clock) if clock.zone() == self.zone => clock,
                other => other.insert(ShopZone::new(self.zone)),
            };
            match self.part {
                Part::Time => map::<TimestampMicrosecondType>(moments, |m| clock.local_micros(m)),
                Part::Date => map::<Date32Type>(moments, |m| clock.local_day(m)),
                Part::Hour => {
                    map::<Int64Type>(moments, |m| clock.local_micros(m).rem_euclid(MICROS_A_DAY) / MICROS_AN_HOUR)
                }
                Part::Weekday => map::<Int64Type>(moments, |m| weekday_of(clock.local_day(m).into())),
            }
        })
    }
}

impl ScalarUDFImpl for LocalTime {
    fn name(&self) -> &'static str {
        match self.part {
            Part::Time => "local_time",
            Part::Date => "local_date",
            Part::Hour => "local_hour",
            Part::Weekday => "iso_weekday",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> SqlResult<Vec<DataType>> {
        let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        match given {
            [DataType::Timestamp(_, Some(_)) | DataType::Null] => Ok(vec![moment]),
            [DataType::Date32] if self.part == Part::Weekday => Ok(vec![DataType::Date32]),
            [other] => Err(DataFusionError::Plan(format!("{} takes a timestamp in UTC, not {other}", self.name()))),
            many => Err(DataFusionError::Plan(format!("{} takes one value, not {}", self.name(), many.len()))),
        }
    }

    fn return_type(&self, _given: &[DataType]) -> SqlResult<DataType> {
        Ok(match self.part {
            Part::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
            Part::Date => DataType::Date32,
            Part::Hour | Part::Weekday => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> SqlResult<ColumnarValue> {
        let Some(given) = args.args.first() else {
            return Err(DataFusionError::Internal(format!("{} got no value", self.name())));
        };
        let given = given.to_array(args.number_rows)?;
        let answer = match given.data_type() {
            DataType::Date32 => {
                let days = given.as_primitive::<Date32Type>();
                Arc::new(days.unary::<_, Int64Type>(|day| weekday_of(day.into()))) as ArrayRef
            }
            _ => self.of_moments(given.as_primitive::<TimestampMicrosecondType>()),
        };
        Ok(ColumnarValue::Array(answer))
    }
}

/// `of` each moment; NULL stays NULL.
fn map<T: ArrowPrimitiveType>(
    moments: &PrimitiveArray<TimestampMicrosecondType>,
    of: impl FnMut(i64) -> T::Native,
) -> ArrayRef {
    let values: ScalarBuffer<T::Native> = moments.values().iter().copied().map(of).collect();
    Arc::new(PrimitiveArray::<T>::new(values, moments.nulls().cloned()))
}

/// 1970-01-01 was a Thursday.
fn weekday_of(day: i64) -> i64 {
    (day + 3).rem_euclid(7) + 1
}
