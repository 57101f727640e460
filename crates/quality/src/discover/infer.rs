//! The type of a column from its values: the narrowest that reads all of them and loses nothing.
//!
//! Each guess is put to the very reader that will judge the files later, so what is proposed here
//! is accepted there. What a machine would damage (`007`, long ids, phone numbers) stays text.

use chrono_tz::Tz;
use shoplake_core::contract::NumberFormat;
use shoplake_core::{Column, ColumnType, ShopZone};

use crate::values::Reader;

/// Signs and words of money that may stand beside a number.
const CURRENCIES: [&str; 17] =
    ["€", "$", "£", "¥", "₹", "₩", "₽", "zł", "kr", "EUR", "USD", "GBP", "CHF", "JPY", "SEK", "PLN", "INR"];
/// Decimal and thousands separators, the plainest first.
const SEPARATORS: [(char, Option<char>); 8] = [
    ('.', None),
    ('.', Some(',')),
    (',', None),
    (',', Some('.')),
    (',', Some(' ')),
    ('.', Some(' ')),
    ('.', Some('\'')),
    ('.', Some('’')),
];
/// Digits that an integer may have before it is taken for an id.
const INTEGER_DIGITS: usize = 18;

/// What a column seems to be, and what its person should know.
pub(super) struct Guess {
    /// The column with its type, formats and notation; name and header are the caller's.
    pub(super) column: Column,
    /// Decisions and questions, each without the column's name in front.
    pub(super) notes: Vec<String>,
}

/// Guesses a column from its values, empty ones included.
pub(super) fn column(name: &str, values: &[String], zone: Tz) -> Guess {
    let mut guess = Guess { column: Column::new(name, ColumnType::String), notes: Vec::new() };
    let filled: Vec<&str> =
        values.iter().map(String::as_str).map(str::trim).filter(|value| !value.is_empty()).collect();
    guess.column.required = !values.is_empty() && filled.len() == values.len();
    if filled.is_empty() {
        guess.notes.push("has no value in the sample: it is text until you say otherwise".to_owned());
        return guess;
    }
    if is_text_by_name(name) {
        if filled.iter().all(|value| value.strip_suffix(".0").is_some_and(digits)) {
            guess.notes.push(format!(
                "holds ids that a program wrote as decimals, such as `{}`: they stay text as they are",
                filled[0]
            ));
        }
        return guess;
    }
    let mut asked = Asked { zone: ShopZone::new(zone), filled: &filled };
    let found = boolean(&mut asked, &mut guess)
        || number(&mut asked, &mut guess)
        || iso_time(&mut asked, &mut guess)
        || written_time(&mut asked, &mut guess);
    if !found && looks_numeric(&filled) {
        guess
            .notes
            .push(format!("stays text: not all values are numbers of one notation, such as `{}`", odd_one(&filled)));
    }
    guess
}

/// The values, and the reader that is asked whether it takes them.
struct Asked<'v> {
    zone: ShopZone,
    filled: &'v [&'v str],
}

impl Asked<'_> {
    fn takes(&mut self, column: &Column) -> bool {
        let Ok(reader) = Reader::new(column) else { return false };
        self.filled.iter().all(|value| reader.read(value, &mut self.zone).is_ok())
    }
}

fn boolean(asked: &mut Asked<'_>, guess: &mut Guess) -> bool {
    let words = ["true", "false", "yes", "no"];
    if !asked.filled.iter().all(|value| words.iter().any(|word| value.eq_ignore_ascii_case(word))) {
        return false;
    }
    guess.column.column_type = ColumnType::Boolean;
    asked.takes(&guess.column)
}

fn number(asked: &mut Asked<'_>, guess: &mut Guess) -> bool {
    let currency = CURRENCIES.iter().find(|sign| asked.filled.iter().any(|value| has_sign(value, sign)));
    for (decimal, thousands) in SEPARATORS {
        let format = NumberFormat {
            decimal_separator: (decimal != '.').then_some(decimal),
            thousands_separator: thousands,
            currency_sign: currency.map(|sign| (*sign).to_owned()),
        };
        let widest = ColumnType::Decimal { precision: 38, scale: 19 };
        let probe = Column { number: format, ..Column::new("", widest) };
        if !asked.takes(&probe) {
            continue;
        }
        let plain: Vec<(usize, usize)> = asked.filled.iter().map(|value| size(value, decimal)).collect();
        let whole = plain.iter().map(|size| size.0).max().unwrap_or(1);
        let scale = plain.iter().map(|size| size.1).max().unwrap_or(0);
        if asked.filled.iter().any(|value| has_leading_zero(value)) {
            guess.notes.push("stays text: some values begin with a zero that a number would lose".to_owned());
            return true;
        }
        if scale == 0 && whole > INTEGER_DIGITS {
            guess.notes.push(format!("stays text: values of {whole} digits are ids, not quantities"));
            return true;
        }
        guess.column.number = probe.number;
        guess.column.column_type = if scale == 0 && currency.is_none() && !is_money_by_name(&guess.column.name) {
            ColumnType::Integer
        } else {
            decimal_type(whole, scale)
        };
        note_notation(asked.filled, decimal, thousands, guess);
        return asked.takes(&guess.column);
    }
    false
}

/// Two places, or four, or as many as there are; and room for numbers a hundred times as large.
fn decimal_type(whole: usize, scale: usize) -> ColumnType {
    let scale = match scale {
        0..=2 => 2,
        3..=4 => 4,
        more => more.min(19),
    };
    let precision = (whole + 2 + scale).clamp(if scale == 2 { 12 } else { 18 }, 38);
    ColumnType::Decimal { precision: precision as u8, scale: scale as u8 }
}

fn note_notation(filled: &[&str], decimal: char, thousands: Option<char>, guess: &mut Guess) {
    if let Some(sign) = &guess.column.number.currency_sign {
        guess.notes.push(format!("is money written with `{sign}`; the sign is read over"));
    }
    if thousands == Some(',') && !filled.iter().any(|value| value.contains('.')) {
        let all_one_group = filled.iter().filter(|value| value.contains(',')).all(|v| v.matches(',').count() == 1);
        guess.notes.push(if all_one_group {
            format!(
                "is `{}` a thousand and more, or a number with three decimals? It is taken with `,` for thousands",
                with(filled, ',')
            )
        } else {
            "has `,` between thousands".to_owned()
        });
    } else if decimal == ',' || thousands.is_some() {
        let between = thousands.map_or(String::new(), |sign| format!(" and `{sign}` between thousands"));
        guess.notes.push(format!(
            "has `{decimal}` before decimals{between}, as in `{}`",
            with(filled, thousands.unwrap_or(decimal))
        ));
    }
}

fn iso_time(asked: &mut Asked<'_>, guess: &mut Guess) -> bool {
    for column_type in [ColumnType::Date, ColumnType::Timestamp] {
        let probe = Column::new("", column_type);
        if asked.takes(&probe) {
            guess.column.column_type = column_type;
            return true;
        }
    }
    false
}

/// Dates that are not ISO 8601: the order of day and month by evidence, each way of writing a format.
fn written_time(asked: &mut Asked<'_>, guess: &mut Guess) -> bool {
    let mut evidence = Evidence::default();
    if !asked.filled.iter().all(|value| evidence.see(value)) {
        return false;
    }
    if evidence.first_over_12 && evidence.second_over_12 {
        guess.notes.push("stays text: day and month stand in both orders".to_owned());
        return true;
    }
    let day_first = !evidence.second_over_12;
    let mut formats: Vec<String> = Vec::new();
    for value in asked.filled {
        if let Some(format) = format_of(value, day_first)
            && !formats.contains(&format)
        {
            formats.push(format);
        }
    }
    let timed = formats.iter().any(|format| format.contains(':') || format.contains("%p"));
    guess.column.column_type = if timed { ColumnType::Timestamp } else { ColumnType::Date };
    guess.column.formats = formats;
    if !asked.takes(&guess.column) {
        guess.column = Column { formats: Vec::new(), column_type: ColumnType::String, ..guess.column.clone() };
        return false;
    }
    let shown = guess.column.formats.join("`, `");
    guess.notes.push(if evidence.numeric && !evidence.first_over_12 && !evidence.second_over_12 {
        format!(
            "is `{}` the day or the month first? Nothing in the sample tells; it is read as `{shown}`",
            asked.filled[0]
        )
    } else {
        format!("is read as `{shown}`")
    });
    true
}

/// What the sample says about the order of day and month.
#[derive(Default)]
struct Evidence {
    numeric: bool,
    first_over_12: bool,
    second_over_12: bool,
}

impl Evidence {
    /// Whether the value is a date at all.
    fn see(&mut self, value: &str) -> bool {
        let Some(parts) = Parts::of(value) else { return false };
        if parts.named_month.is_none() && parts.first.len() <= 2 {
            self.numeric = true;
            self.first_over_12 |= parts.first.parse::<u32>().is_ok_and(|part| part > 12);
            self.second_over_12 |= parts.second.parse::<u32>().is_ok_and(|part| part > 12);
        }
        true
    }
}

/// A date's text taken apart: `03/12/2024 10:30`, `3 Dec 2024`, `Dec 3, 2024`.
struct Parts<'v> {
    first: &'v str,
    second: &'v str,
    third: &'v str,
    between: [&'v str; 2],
    /// Which of the first two is a month's name.
    named_month: Option<usize>,
    /// What follows the date.
    rest: &'v str,
}

impl<'v> Parts<'v> {
    fn of(value: &'v str) -> Option<Self> {
        let (first, rest) = word(value)?;
        let (gap, rest) = gap(rest)?;
        let (second, rest) = word(rest)?;
        let (second_gap, rest) = self::gap(rest)?;
        let (third, rest) = word(rest)?;
        let named = |text: &str| text.chars().next().is_some_and(char::is_alphabetic);
        let named_month = [first, second].iter().position(|part| named(part));
        let mut numbers = [first, second, third].into_iter().enumerate().filter(|(at, _)| named_month != Some(*at));
        let right = numbers.all(|(_, part)| digits(part) && [1, 2, 4].contains(&part.len()));
        let year = if first.len() == 4 && named_month.is_none() { first } else { third };
        (right && (year.len() == 4 || year.len() == 2)).then_some(Self {
            first,
            second,
            third,
            between: [gap, second_gap],
            named_month,
            rest,
        })
    }
}

fn word(text: &str) -> Option<(&str, &str)> {
    let alphabetic = text.chars().next()?.is_alphabetic();
    let same = |c: char| if alphabetic { c.is_alphabetic() } else { c.is_ascii_digit() };
    let end = text.find(|c| !same(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn gap(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| c.is_alphanumeric())?;
    let (gap, rest) = text.split_at(end);
    ["/", ".", "-", " ", ", ", ". "].contains(&gap).then_some((gap, rest))
}

/// The strptime format that a value is written in.
fn format_of(value: &str, day_first: bool) -> Option<String> {
    let parts = Parts::of(value)?;
    let year = |text: &str| if text.len() == 4 { "%Y" } else { "%y" };
    let [a, b] = parts.between;
    let date = match parts.named_month {
        Some(0) => format!("%B{a}%d{b}{}", year(parts.third)),
        Some(_) => format!("%d{a}%B{b}{}", year(parts.third)),
        None if parts.first.len() == 4 => format!("%Y{a}%m{b}%d"),
        None if day_first => format!("%d{a}%m{b}{}", year(parts.third)),
        None => format!("%m{a}%d{b}{}", year(parts.third)),
    };
    Some(date + &time_format(parts.rest)?)
}

/// The format of what follows a date: nothing, or a time with or without seconds, AM/PM and offset.
fn time_format(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let (lead, time) = text.split_at(start);
    if !["T", " ", ", ", "  "].contains(&lead) {
        return None;
    }
    let clock = time.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(time.len());
    let (clock, tail) = time.split_at(clock);
    let half_day = ["AM", "PM"]
        .iter()
        .any(|half| tail.trim_start().get(..2).is_some_and(|start| start.eq_ignore_ascii_case(half)));
    let hour = if half_day { "%I" } else { "%H" };
    let seconds = match clock.matches(':').count() {
        1 => "",
        2 if clock.contains('.') => ":%S%.f",
        2 => ":%S",
        _ => return None,
    };
    let tail = match (half_day, tail) {
        (false, "") => String::new(),
        (true, tail) => format!("{}%p", &tail[..tail.len() - tail.trim_start().len()]),
        (false, "Z") => "Z".to_owned(),
        (false, tail) if tail.trim_start().starts_with(['+', '-']) => {
            format!("{}%z", &tail[..tail.len() - tail.trim_start().len()])
        }
        _ => return None,
    };
    Some(format!("{lead}{hour}:%M{seconds}{tail}"))
}

/// Whether a column of this name holds names of things, however much they look like numbers.
pub(super) fn is_text_by_name(name: &str) -> bool {
    const WORDS: [&str; 17] = [
        "id", "sku", "code", "phone", "zip", "postcode", "postal", "barcode", "ean", "upc", "gtin", "no", "number",
        "token", "iban", "fax", "mobile",
    ];
    name.split('_').next_back().is_some_and(|last| WORDS.contains(&last)) || name.starts_with("zip_")
}

fn is_money_by_name(name: &str) -> bool {
    const WORDS: [&str; 11] =
        ["amount", "price", "total", "subtotal", "revenue", "cost", "tax", "discount", "fee", "refund", "value"];
    name.split('_').any(|word| WORDS.contains(&word))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_sign(value: &str, sign: &str) -> bool {
    let value = value.trim_start_matches(['+', '-']);
    let rest = value.strip_prefix(sign).or_else(|| value.strip_suffix(sign));
    rest.is_some_and(|rest| rest.chars().any(|c| c.is_ascii_digit()) && !rest.chars().any(char::is_alphabetic))
}

/// Digits before and after the decimal sign.
fn size(value: &str, decimal: char) -> (usize, usize) {
    let count = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    let (whole, fraction) = value.split_once(decimal).unwrap_or((value, ""));
    (count(whole), count(fraction))
}

fn has_leading_zero(value: &str) -> bool {
    let from = value.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    let value = &value.as_bytes()[from..];
    matches!(value, [b'0', next, ..] if next.is_ascii_digit())
}

fn looks_numeric(filled: &[&str]) -> bool {
    let numeric = filled.iter().filter(|value| value.chars().filter(char::is_ascii_digit).count() * 2 > value.len());
    numeric.count() * 10 > filled.len() * 9 && filled.iter().all(|value| value.len() < 24)
}

/// A value unlike the rest: the one with the fewest digits.
fn odd_one<'v>(filled: &[&'v str]) -> &'v str {
    filled.iter().min_by_key(|value| value.chars().filter(char::is_ascii_digit).count()).copied().unwrap_or("")
}

fn with<'v>(filled: &[&'v str], sign: char) -> &'v str {
    filled.iter().find(|value| value.contains(sign)).or(filled.first()).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, values: &[&str]) -> (String, Vec<String>) {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let guess = column(name, &values, chrono_tz::UTC);
        (guess.column.column_type.to_string(), guess.column.formats)
    }

    /// Given values of each kind, when guessed, then the type is the narrowest that loses nothing.
    #[test]
    fn types() {
        for (name, values, want) in [
            ("units", &["1", "-2", "+30", "0"][..], "integer"),
            ("amount", &["1", "20"], "decimal(12,2)"),
            ("weight", &["1", "2.125"], "decimal(18,4)"),
            ("rank", &["7", "007"], "string"),
            ("order_id", &["1", "2"], "string"),
            ("zip", &["10115"], "string"),
            ("ref", &["9007199254740993123"], "string"),
            ("paid", &["TRUE", "false"], "boolean"),
            ("flag", &["0", "1"], "integer"),
            ("when", &["2024-02-29", "2023-01-01"], "date"),
            ("when", &["2024-02-29", "2023-01-01 10:00:00"], "timestamp"),
            ("when", &["2024-02-29T10:00:00.123Z"], "timestamp"),
            ("when", &["2023-02-29"], "string"),
            ("note", &["12", "twelve"], "string"),
            ("loss", &["(5.00)", "1.00"], "string"),
            ("speed", &["1e3"], "string"),
        ] {
            assert_eq!(of(name, values).0, want, "{name} {values:?}");
        }
    }

    /// Given dates of several countries, when guessed, then a part above 12 decides, and doubt is a question.
    #[test]
    fn day_or_month_first() {
        assert_eq!(of("d", &["01/02/2024", "13/02/2024"]), ("date".into(), vec!["%d/%m/%Y".into()]));
        assert_eq!(of("d", &["01/02/24 9:05", "01/13/24 10:00"]), ("timestamp".into(), vec!["%m/%d/%y %H:%M".into()]));
        assert_eq!(of("d", &["3 Dec 2024", "14 May 2023"]).0, "date");
        assert_eq!(of("d", &["Dec 3, 2024 1:05 PM"]).1, ["%B %d, %Y %I:%M %p"]);
        assert_eq!(of("d", &["31.12.2024", "01.01.2025 08:00"]).1, ["%d.%m.%Y", "%d.%m.%Y %H:%M"]);
        assert_eq!(of("d", &["13/02/2024", "02/13/2024"]).0, "string");
        let doubt = column("d", &["01/02/2024".to_owned()], chrono_tz::UTC);
        assert_eq!(doubt.column.formats, ["%d/%m/%Y"]);
        assert!(doubt.notes[0].contains("the day or the month first"), "{:?}", doubt.notes);
    }

    /// Given money as people write it, when guessed, then separators and sign are in the contract.
    #[test]
    fn notations() {
        let number = |values: &[&str]| {
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            let Column { number, column_type, .. } = column("price", &values, chrono_tz::UTC).column;
            (number.decimal_separator, number.thousands_separator, number.currency_sign, column_type.to_string())
        };
        let money = || "decimal(12,2)".to_owned();
        assert_eq!(number(&["1.234,56 €", "5 €"]), (Some(','), Some('.'), Some("€".into()), money()));
        assert_eq!(number(&["12,5", "3"]), (Some(','), None, None, money()));
        assert_eq!(number(&["$1,234.50", "-$5.00"]), (None, Some(','), Some("$".into()), money()));
        assert_eq!(number(&["1,234", "1,500"]), (None, Some(','), None, money()));
        assert_eq!(number(&["12.50", "12,50"]).3, "string");
    }
}
