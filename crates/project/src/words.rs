//! Words: the nearest right one, lists of them, and what a name may look like.

use shoplake_core::Fault;

/// The most words that a hint lists.
const LISTED_MAX: usize = 20;

/// The right word that somebody most likely meant, if one is near enough.
pub(crate) fn nearest<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    right
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&wrong, &word.to_lowercase()), word))
        .filter(|(distance, word)| *distance <= wrong.chars().count().max(word.chars().count()).div_ceil(3).min(4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `a`, `b` and `c`, in backticks.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Adds a hint with the nearest of the right words, or all of them.
pub(crate) fn suggest(fault: Fault, wrong: &str, right: &[&str], noun: &str) -> Fault {
    match (nearest(wrong, right.iter().copied()), right) {
        (Some(word), _) => fault.hint(format!("did you mean `{word}`?")),
        (None, []) => fault,
        (None, [only]) => fault.hint(format!("there is only the {noun} `{only}`")),
        (None, _) if right.len() > LISTED_MAX => {
            let first = listed(right.iter().copied().take(LISTED_MAX));
            fault.hint(format!("the {noun}s are {first}, and {} more", right.len() - LISTED_MAX))
        }
        (None, _) => fault.hint(format!("the {noun}s are {}", listed(right.iter().copied()))),
    }
}

/// Why a dataset or a column cannot be called so; `None` where it can.
pub(crate) fn bad_name(name: &str) -> Option<&'static str> {
    if name.starts_with('_') {
        return Some("names that start with `_` are Shoplake's own");
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) {
        return Some("a name is lowercase letters, digits and `_`, and starts with a letter");
    }
    (name.len() > 63).then_some("a name has at most 63 characters")
}

/// The nearest allowed name: `Order ID` becomes `order_id`.
pub(crate) fn good_name(name: &str) -> Option<String> {
    let spelled: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let spelled = spelled.trim_matches(|c: char| c == '_' || c.is_ascii_digit()).to_owned();
    bad_name(&spelled).is_none().then_some(spelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near_or_none() {
        assert_eq!(nearest("scedule", ["schedule", "target"]), Some("schedule"));
        assert_eq!(nearest("Colums", ["columns", "column"]), Some("columns"));
        assert_eq!(nearest("zzz", ["schedule", "target"]), None);
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(good_name("Order ID"), Some("order_id".to_owned()));
    }
}
