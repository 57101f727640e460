//! Seeds: small CSV files that become tables, as SQL of their values.

use shoplake_core::Fault;

use crate::references::SqlFile;
use crate::settings::Settings;
use crate::sql::identifier;

/// Seeds are small lists; a larger file is a dataset.
const MOST_VALUES: usize = 40_000;
/// The longest SQL that the engine takes, with room for the rest of it.
const MOST_BYTES: usize = 900_000;

/// The SELECT that gives the rows of a seed.
pub(crate) fn sql(file: &SqlFile, settings: &Settings) -> Result<String, Fault> {
    let rows = rows(file, settings.delimiter.unwrap_or(','))?;
    let Some(((_, header), rows)) = rows.split_first() else {
        return Err(Fault::usage("the seed has no header").at(&file.path, Some(1), None));
    };
    check_header(file, header)?;
    for name in settings.column_types.keys() {
        if !header.contains(name) {
            let fault = Fault::usage(format!("`column_types` names `{name}`, which is no column"));
            return Err(fault.at(&file.path, Some(1), None));
        }
    }
    if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() != header.len()) {
        let what = format!("{} values, where the header has {} columns", row.len(), header.len());
        return Err(Fault::usage(what).at(&file.path, Some(*line), None).hint("quote a value that holds a comma"));
    }
    if rows.len() * header.len() > MOST_VALUES || file.text.len() > MOST_BYTES {
        let what = format!("a seed of {} rows is too large: seeds are small lists", rows.len());
        let name = &file.name;
        return Err(Fault::usage(what).at(&file.path, None, None).hint(format!(
            "make it a dataset: `shoplake discover {} --as {name}`, and drop the file into inbox/{name}/",
            file.path
        )));
    }
    let kinds: Vec<String> = header
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let stated = settings.column_types.get(name).cloned();
            stated.unwrap_or_else(|| inferred(rows.iter().filter_map(|(_, row)| row.get(index))))
        })
        .collect();
    Ok(select(header, &kinds, rows.iter().map(|(_, row)| row)))
}

/// A SELECT of these texts as these types; an empty text is NULL.
pub(crate) fn select<'r>(
    header: &[String],
    kinds: &[String],
    rows: impl ExactSizeIterator<Item = &'r Vec<String>>,
) -> String {
    if rows.len() == 0 {
        let columns = header.iter().zip(kinds).map(|(n, k)| format!("CAST(NULL AS {k}) AS {}", identifier(n)));
        return format!("SELECT {} WHERE false", columns.collect::<Vec<_>>().join(", "));
    }
    let columns = header.iter().zip(kinds).enumerate();
    let columns = columns.map(|(i, (name, kind))| format!("CAST(column{} AS {kind}) AS {}", i + 1, identifier(name)));
    let literal =
        |text: &String| if text.is_empty() { "NULL".into() } else { format!("'{}'", text.replace('\'', "''")) };
    let rows = rows.map(|row| format!("({})", row.iter().map(literal).collect::<Vec<String>>().join(", ")));
    format!(
        "SELECT {} FROM (VALUES\n{}\n)",
        columns.collect::<Vec<_>>().join(", "),
        rows.collect::<Vec<_>>().join(",\n")
    )
}

fn check_header(file: &SqlFile, header: &[String]) -> Result<(), Fault> {
    for (index, name) in header.iter().enumerate() {
        let what = if name.trim().is_empty() {
            format!("column {} has no name", index + 1)
        } else if header[..index].contains(name) {
            format!("two columns are called `{name}`")
        } else {
            continue;
        };
        return Err(Fault::usage(what).at(&file.path, Some(1), None).hint("each column has a name of its own"));
    }
    Ok(())
}

/// The rows of a CSV text, each with its line; RFC 4180.
pub(crate) fn rows(file: &SqlFile, delimiter: char) -> Result<Vec<(u64, Vec<String>)>, Fault> {
    let mut rows = Vec::new();
    let (mut row, mut value, mut line, mut began) = (Vec::new(), String::new(), 1_u64, 1_u64);
    let mut quoted = false;
    let mut letters = file.text.trim_start_matches('\u{FEFF}').chars().peekable();
    let mut end = |row: &mut Vec<String>, value: &mut String, began: u64| {
        row.push(std::mem::take(value));
        let row = std::mem::take(row);
        if row.len() > 1 || row.iter().any(|value| !value.is_empty()) {
            rows.push((began, row));
        }
    };
    while let Some(letter) = letters.next() {
        line += u64::from(letter == '\n');
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => value.extend(letters.next()),
            '"' if quoted => quoted = false,
            '"' if value.is_empty() => quoted = true,
            _ if quoted => value.push(letter),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' => {
                end(&mut row, &mut value, began);
                began = line;
            }
            _ if letter == delimiter => row.push(std::mem::take(&mut value)),
            _ => value.push(letter),
        }
    }
    if quoted {
        let fault = Fault::usage("a quote is opened and not closed").at(&file.path, Some(began), None);
        return Err(fault.hint("double a quote inside of a value: `\"\"`"));
    }
    end(&mut row, &mut value, began);
    Ok(rows)
}

/// The narrowest type that every value fits.
fn inferred<'v>(values: impl Iterator<Item = &'v String> + Clone) -> String {
    let values = values.filter(|value| !value.is_empty());
    let all = |fits: fn(&str) -> bool| values.clone().all(|value| fits(value));
    if values.clone().next().is_none() {
        return "VARCHAR".into();
    }
    if all(is_integer) {
        return "BIGINT".into();
    }
    if all(is_decimal) {
        let digits = |value: &String, after: bool| {
            let (whole, places) = value.trim_start_matches('-').split_once('.').unwrap_or((value, ""));
            if after { places.len() } else { whole.trim_start_matches('-').len() }
        };
        let whole = values.clone().map(|v| digits(v, false)).max().unwrap_or(1);
        let places = values.clone().map(|v| digits(v, true)).max().unwrap_or(0);
        if whole + places <= 38 {
            return format!("DECIMAL({},{places})", (whole + places).max(18.min(38 - places) + places));
        }
    }
    if all(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "false")) {
        return "BOOLEAN".into();
    }
    if all(is_date) {
        return "DATE".into();
    }
    if all(is_timestamp) {
        return "TIMESTAMP".into();
    }
    "VARCHAR".into()
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // `007` is a code, not a number.
    let plain = digits == "0" || !digits.starts_with('0');
    plain && digits.len() <= 18 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_decimal(text: &str) -> bool {
    match text.split_once('.') {
        Some((whole, places)) => {
            let bare = whole.strip_prefix('-').unwrap_or(whole);
            is_integer(if bare.is_empty() { "x" } else { bare })
                && !places.is_empty()
                && places.bytes().all(|b| b.is_ascii_digit())
        }
        None => is_integer(text),
    }
}

fn is_date(text: &str) -> bool {
    chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() && text.len() == 10
}

fn is_timestamp(text: &str) -> bool {
    let text = text.replace('T', " ");
    chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(text: &str) -> Result<String, Fault> {
        let file = SqlFile { name: "s".into(), path: "seeds/s.csv".into(), text: text.into() };
        sql(&file, &Settings::default())
    }

    /// Given columns of each kind, then each has the narrowest type that fits, and an empty cell is NULL.
    #[test]
    fn types_are_inferred() {
        let sql = seed("id,code,price,day,at,ok,note\n1,007,-1.50,2024-02-29,2024-02-29 10:00:00,true,\"a, \"\"b\"\"\"\n2,08,12,2024-03-01,2024-03-01T11:00:00,false,\n").unwrap();
        let (columns, _) = sql.split_once(" FROM ").unwrap();
        assert_eq!(
            columns,
            "SELECT CAST(column1 AS BIGINT) AS id, CAST(column2 AS VARCHAR) AS code, CAST(column3 AS DECIMAL(20,2)) AS price, \
             CAST(column4 AS DATE) AS day, CAST(column5 AS TIMESTAMP) AS at, CAST(column6 AS BOOLEAN) AS ok, \
             CAST(column7 AS VARCHAR) AS note"
        );
        assert!(sql.contains("'a, \"b\"')") && sql.ends_with("'false', NULL)\n)"), "{sql}");
    }

    /// Given rows that do not fit the header, then the line is named.
    #[test]
    fn a_row_of_another_length_is_named() {
        assert_eq!(
            seed("a,b\n1,2\n\n3\n").unwrap_err().to_string(),
            "seeds/s.csv:4: 1 values, where the header has 2 columns"
        );
        assert_eq!(seed("a,a\n1,2\n").unwrap_err().to_string(), "seeds/s.csv:1: two columns are called `a`");
        assert!(seed("a\n").unwrap().ends_with("WHERE false"));
    }
}
