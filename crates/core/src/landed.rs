//! A file in the landing zone: bytes as they came, named by their content.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ids::Sha256;
use crate::judged::RowPlace;

/// A landed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandedFile {
    /// The dataset it belongs to.
    pub dataset: String,
    /// The object's key below `landing/`, and later below `archive/`: `sales/3f2a…/day-9.csv`.
    pub key: String,
    /// The name it came under: `day-9.csv`; files are taken in the natural order of these.
    pub name: String,
    /// The path as the user knows it: `inbox/sales/day-9.csv`, or the URL of an API page.
    pub origin: String,
    /// The hash of its bytes.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// Where its bytes lie on this machine.
    pub path: PathBuf,
    /// For an API page, `(pull, page)`: what makes it the same page again, instead of its bytes.
    pub page: Option<(String, u64)>,
}

impl LandedFile {
    /// Whether its bytes lay in the archive when it was listed: its rows were judged again. Whichever
    /// machine says so, and wherever its project folder is.
    pub fn is_archived(&self) -> bool {
        self.path.ends_with(Path::new("archive").join(&self.key))
    }
}

/// A file of rows that somebody corrected by hand, archived like any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrections {
    /// The file; its dataset is the one that it corrects.
    pub file: LandedFile,
    /// What was taken of it: by the key of the loaded file that the rows come from, their places there.
    pub rows: BTreeMap<String, BTreeSet<RowPlace>>,
}

/// Compares names so that `day-9` comes before `day-10`; ties by the plain text.
pub fn natural_order(a: &str, b: &str) -> std::cmp::Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(&x), Some(&y)) = (left.first(), right.first()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (n, rest_left) = digits(left);
            let (m, rest_right) = digits(right);
            let order = n.len().cmp(&m.len()).then_with(|| n.cmp(m));
            if order.is_ne() {
                return order;
            }
            (left, right) = (rest_left, rest_right);
        } else if x == y {
            (left, right) = (&left[1..], &right[1..]);
        } else {
            return x.cmp(&y);
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// The leading number without its leading zeros, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    let zeros = text[..end].iter().take_while(|c| **c == b'0').count();
    (&text[zeros.min(end)..end], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::natural_order;

    /// Given names with numbers, when sorted, then numbers count as numbers.
    #[test]
    fn nine_comes_before_ten() {
        let mut names = ["day-10.csv", "day-9.csv", "day-009b.csv", "day-1.csv", "a"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["a", "day-1.csv", "day-9.csv", "day-009b.csv", "day-10.csv"]);
    }
}
