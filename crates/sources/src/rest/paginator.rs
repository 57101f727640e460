//! From a page to the next: where a pull stands, and where it goes on.

use serde::{Deserialize, Serialize};
use shoplake_core::source::Paginator;

use super::page::Page;

/// The place of a request in a pull; stored, so that the next run resumes there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Position {
    /// The first request of a paginator that says nothing in it.
    First,
    /// A page number.
    Page(u64),
    /// Records before the page.
    Offset(u64),
    /// The cursor of the page before.
    Cursor(String),
    /// The whole address.
    Link(String),
}

impl Position {
    /// Where a pull begins.
    pub(super) fn first(paginator: &Paginator) -> Self {
        match paginator {
            Paginator::PageNumber { start, .. } => Self::Page(*start),
            Paginator::Offset { .. } => Self::Offset(0),
            _ => Self::First,
        }
    }

    /// The paginator's own parameters in this request.
    pub(super) fn params(&self, paginator: &Paginator) -> Vec<(String, String)> {
        match (paginator, self) {
            (Paginator::PageNumber { param, .. }, Self::Page(number)) => vec![(param.clone(), number.to_string())],
            (Paginator::Offset { offset_param, limit_param, limit }, Self::Offset(offset)) => {
                vec![(offset_param.clone(), offset.to_string()), (limit_param.clone(), limit.to_string())]
            }
            (Paginator::Cursor { param, .. }, Self::Cursor(cursor)) => vec![(param.clone(), cursor.clone())],
            _ => Vec::new(),
        }
    }

    /// The place after a page that had records; `None` where the page says that it is the last.
    ///
    /// `link_header` is the reply's `Link` header. An offset moves by the records that came, not by
    /// the limit that was asked for: a server may cap it.
    pub(super) fn next(&self, paginator: &Paginator, page: &Page<'_>, link_header: Option<&str>) -> Option<Self> {
        match (paginator, self) {
            (Paginator::PageNumber { .. }, Self::Page(number)) => Some(Self::Page(number + 1)),
            (Paginator::Offset { .. }, Self::Offset(offset)) => Some(Self::Offset(offset + page.len() as u64)),
            (Paginator::Cursor { cursor_path, .. }, _) => page.scalar(cursor_path).map(Self::Cursor),
            (Paginator::JsonLink { next_path }, _) => page.scalar(next_path).map(Self::Link),
            (Paginator::HeaderLink, _) => link_header.and_then(next_link).map(Self::Link),
            _ => None,
        }
    }
}

/// The address with `rel="next"` in a `Link` header.
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (address, after) = after.split_once('>')?;
        let params = after.split('<').next().unwrap_or_default();
        let is_next = params.split([';', ',']).any(|param| {
            param.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value.trim().trim_matches('"').split_whitespace().any(|rel| rel.eq_ignore_ascii_case("next"))
            })
        });
        if is_next && !address.trim().is_empty() {
            return Some(address.trim().to_owned());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::next_link;

    /// Given `Link` headers as shops send them, when read, then the next page's address comes out.
    #[test]
    fn next_among_links() {
        let next = Some("https://a.example/p?limit=2&page_info=B,C".to_owned());
        assert_eq!(next_link(r#"<https://a.example/p?limit=2&page_info=B,C>; rel="next""#), next);
        assert_eq!(
            next_link(
                r#"<https://a.example/p?x=1>; rel="previous", <https://a.example/p?limit=2&page_info=B,C>; title="a"; REL=next"#
            ),
            next
        );
        assert_eq!(next_link(r#"</p?page=3>; rel="last next""#).as_deref(), Some("/p?page=3"));
        assert_eq!(next_link(r#"<https://a.example/p>; rel="previous""#), None);
        assert_eq!(next_link("next"), None);
    }
}
