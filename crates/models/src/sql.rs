//! A light look at SQL text: its words without comments and strings, enough to put common table
//! expressions before it. What it names is found by [`crate::relations`].

/// A word or sign of SQL, with where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word<'t> {
    pub(crate) text: &'t str,
    pub(crate) start: usize,
}

/// The words and signs of `sql`, without comments and string literals.
pub(crate) fn words(sql: &str) -> Vec<Word<'_>> {
    let bytes = sql.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        let rest = &sql[at..];
        at = match byte {
            b'-' if rest.starts_with("--") => rest.find('\n').map_or(sql.len(), |end| at + end),
            b'/' if rest.starts_with("/*") => rest.find("*/").map_or(sql.len(), |end| at + end + 2),
            b'\'' => quoted(bytes, at, b'\''),
            b'"' => {
                let end = quoted(bytes, at, b'"');
                words.push(Word { text: &sql[start..end], start });
                end
            }
            _ if byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii() => {
                let more = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                let end =
                    rest.find(|c| !more(c)).unwrap_or(rest.len()).max(rest.chars().next().map_or(1, char::len_utf8));
                words.push(Word { text: &sql[start..start + end], start });
                start + end
            }
            _ if byte.is_ascii_whitespace() => at + 1,
            _ => {
                words.push(Word { text: &sql[start..=start], start });
                at + 1
            }
        };
    }
    words
}

/// The end of a quoted run that starts at `at`; a doubled quote stands for itself.
fn quoted(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    at += 1;
    while at < bytes.len() {
        if bytes[at] == quote {
            if bytes.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    bytes.len()
}

/// `sql` with `expressions` (name and SQL) as common table expressions before its own.
pub(crate) fn with_expressions(sql: &str, expressions: &[(String, String)]) -> String {
    if expressions.is_empty() {
        return sql.to_owned();
    }
    let list: Vec<String> = expressions.iter().map(|(name, sql)| format!("{name} AS (\n{sql}\n)")).collect();
    let list = list.join(",\n");
    let words = words(sql);
    let is = |at: usize, text: &str| words.get(at).is_some_and(|w| w.text.eq_ignore_ascii_case(text));
    let own = if is(0, "with") && is(1, "recursive") { Some(1) } else { is(0, "with").then_some(0) };
    match own.and_then(|at| words.get(at)) {
        Some(last) => {
            let end = last.start + last.text.len();
            format!("{}\n{list},{}", &sql[..end], &sql[end..])
        }
        None => format!("WITH {list}\n{sql}"),
    }
}

/// `name` as an identifier: quoted unless it is a plain lowercase word.
pub(crate) fn identifier(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given a query with expressions of its own, when others are put in, then they come first.
    #[test]
    fn expressions_come_first() {
        let put = [("e".to_owned(), "SELECT 1".to_owned())];
        assert_eq!(with_expressions("SELECT * FROM e", &put), "WITH e AS (\nSELECT 1\n)\nSELECT * FROM e");
        assert_eq!(
            with_expressions("-- note\nwith a AS (SELECT 2) SELECT * FROM a, e", &put),
            "-- note\nwith\ne AS (\nSELECT 1\n), a AS (SELECT 2) SELECT * FROM a, e"
        );
    }
}
