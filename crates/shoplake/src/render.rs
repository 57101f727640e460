//! Values as people read them: faults, numbers, money, sizes, times, and text that is safe on a terminal.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use owo_colors::OwoColorize;
use shoplake_core::{Fault, FaultKind};

/// A fault: `error: place: message`, then its detail, what caused it, and what to do next.
pub(crate) fn fault(fault: &Fault) -> String {
    let mut text = "error:".red().bold().to_string() + " ";
    if let Some(place) = &fault.place {
        let _ = write!(text, "{}: ", escape(&place.to_string()).bold());
    }
    text += &escape_lines(&fault.message);
    if let Some(detail) = &fault.detail {
        let _ = write!(text, "\n{} {}", "detail:".bold(), indent(detail));
    }
    for cause in causes(fault) {
        let _ = write!(text, "\n{} {}", "caused by:".bold(), indent(&cause));
    }
    if let Some(hint) = &fault.hint {
        let _ = write!(text, "\n{} {}", "hint:".cyan().bold(), indent(hint));
    } else if fault.kind == FaultKind::Internal {
        let note =
            "this is a fault of Shoplake itself, nothing was published; please report it with the output of `-vv`";
        let _ = write!(text, "\n{} {note}", "hint:".cyan().bold());
    }
    text
}

/// The errors below a fault that say more than what stands above them.
fn causes(fault: &Fault) -> Vec<String> {
    let mut said = fault.message.clone() + fault.detail.as_deref().unwrap_or_default();
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(fault);
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said += &text;
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

fn indent(text: &str) -> String {
    escape_lines(text).replace('\n', "\n  ")
}

/// The text with line ends kept and every other control character escaped.
fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// The text on one line, with control characters and marks that turn the direction of writing escaped.
pub(crate) fn escape(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(hidden) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut safe, c| {
        if hidden(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
        safe
    })
}

/// A whole number with separators of thousands: `19,632`.
pub(crate) fn thousands(number: u64) -> String {
    group(&number.to_string())
}

/// A decimal number as text with separators of thousands: `-88,433.41`.
pub(crate) fn decimal(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    match digits.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", group(whole)),
        None => format!("{sign}{}", group(digits)),
    }
}

/// Money as decimal text: separators of thousands, two places or as many as it needs.
pub(crate) fn money(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() {
        return String::new();
    }
    decimal(&format!("{whole}.{:0<2}", fraction.trim_end_matches('0')))
}

fn group(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share of 0 to 1 in per cent: `33.9 %`. What is not zero is not shown as zero.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        some if some > 0.0 && some < 0.1 => "<0.1 %".to_owned(),
        some => format!("{some:.1} %"),
    }
}

/// Something and its number: `1 file`, `3 files`, `0 files`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// A size: `812 B`, `12.3 MB` (powers of 1000).
pub(crate) fn bytes(size: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.iter().find(|(unit, _)| size >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", size as f64 / *unit as f64),
        None => format!("{size} B"),
    }
}

/// Seconds: `0.31 s`, `12.4 s`, `3 min 5 s`, `2 h 10 min`.
pub(crate) fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match seconds {
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 59.95 => format!("{s:.1} s"),
        s if s < 3_599.5 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

/// Rows and their rate: `19,632 rows, 6,447 rows/s`.
pub(crate) fn rows_a_second(rows: u64, seconds: f64) -> String {
    let rate = (rows as f64 / seconds.max(0.001)).round() as u64;
    format!("{}, {} rows/s", count(rows, "row", "rows"), thousands(rate))
}

/// A moment on the shop's clock, to the minute: `2024-03-15 10:30`.
pub(crate) fn moment(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

/// How long ago: `just now`, `5 minutes ago`, `3 days ago`.
pub(crate) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = (now - at).num_minutes().max(0) as u64;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => count(minutes, "minute", "minutes") + " ago",
        60..1_440 => count(minutes / 60, "hour", "hours") + " ago",
        _ => count(minutes / 1_440, "day", "days") + " ago",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given numbers of every length, then each third digit has its separator and the sign none.
    #[test]
    fn numbers_in_thousands() {
        assert_eq!(
            [0, 7, 999, 1_000, 19_632, 5_020_000].map(thousands),
            ["0", "7", "999", "1,000", "19,632", "5,020,000"]
        );
        assert_eq!(["88433.41", "-1000", "-0.5", "123"].map(decimal), ["88,433.41", "-1,000", "-0.5", "123"]);
        assert_eq!(["88433.4100000000", "1000", "0.1250", ""].map(money), ["88,433.41", "1,000.00", "0.125", ""]);
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
    }

    /// Given shares, sizes and times at the borders of their units, then the unit fits and none is lost.
    #[test]
    fn units_at_their_borders() {
        assert_eq!([0.0, 0.0002, 0.3387, 1.0].map(percent), ["0.0 %", "<0.1 %", "33.9 %", "100.0 %"]);
        assert_eq!([0, 999, 1_000, 12_345_678].map(bytes), ["0 B", "999 B", "1.0 kB", "12.3 MB"]);
        assert_eq!(
            [0.314, 9.999, 59.99, 185.2, 7_800.0].map(seconds),
            ["0.31 s", "10.0 s", "1 min 0 s", "3 min 5 s", "2 h 10 min"]
        );
        assert_eq!(count(1, "file", "files") + ", " + &count(0, "file", "files"), "1 file, 0 files");
    }

    /// Given text from a hostile file, when shown, then it can neither move the cursor nor turn the line.
    #[test]
    fn control_characters_are_shown() {
        assert_eq!(escape("a\u{1b}[2Jb\nc\u{202e}d é 日本"), "a\\u{1b}[2Jb\\nc\\u{202e}d é 日本");
    }

    /// Given a fault with all its parts, then each stands on its own line and causes are not repeated.
    #[test]
    fn a_fault_with_all_parts() {
        let below = std::io::Error::other("disk is full");
        let whole = Fault::unavailable("cannot write `lake`")
            .at("shoplake.yml", Some(3), Some(5))
            .detail("Nothing was published.\nThe files wait.")
            .hint("free some space")
            .caused_by(below);
        let plain = anstream::adapter::strip_str(&fault(&whole)).to_string();
        assert_eq!(
            plain,
            "error: shoplake.yml:3:5: cannot write `lake`\ndetail: Nothing was published.\n  The files wait.\ncaused by: disk is full\nhint: free some space"
        );
    }
}
