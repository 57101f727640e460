//! Sizes and lengths of time as people write them.

use shoplake_core::Fault;

use crate::files::Scalar;
use crate::yaml::Node;

/// Bytes of `512MB`, `64 GiB` or `1048576`; units are powers of 1024.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
}

/// Reads a size; `None` and a mistake where it is not one.
pub(crate) fn read_bytes(size: &Scalar, node: &Node, faults: &mut Vec<Fault>) -> Option<u64> {
    let read = bytes(&size.0);
    if read.is_none() {
        faults.push(node.fault(format!("`{}` is not a size", size.0)).hint("for example `512MB` or `16GB`"));
    }
    read
}

/// Seconds of `30s`, `15m`, `1h`, `2d` or `90`.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let (number, unit) = split(text)?;
    let each = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    i64::try_from(number.checked_mul(each)?).ok()
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        assert_eq!(
            [bytes("512MB"), bytes("1 KiB"), bytes("7"), bytes("2G")],
            [Some(512 << 20), Some(1024), Some(7), Some(2 << 30)]
        );
        assert_eq!([bytes("0"), bytes("MB"), bytes("1.5GB"), bytes("99999999TB"), bytes("")], [None; 5]);
        assert_eq!(
            [seconds("1h"), seconds("90"), seconds("2d"), seconds("1w")],
            [Some(3600), Some(90), Some(172_800), None]
        );
    }
}
