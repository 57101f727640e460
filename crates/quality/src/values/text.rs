//! Text in one form: Unicode NFC, so that a name typed two ways is one name.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::Misread;

/// The text in NFC; borrowed where it is so already, as ASCII always is.
pub(crate) fn normal(text: &str) -> Result<Cow<'_, str>, Misread> {
    // One pass for the common case: ASCII without NUL.
    if text.bytes().all(|byte| byte.wrapping_sub(1) < 0x7f) {
        return Ok(Cow::Borrowed(text));
    }
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(Misread::Nul);
    }
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Ok(Cow::Borrowed(text));
    }
    Ok(Cow::Owned(text.nfc().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given a name composed and decomposed, when normalised, then both are the same text.
    #[test]
    fn one_form() {
        assert_eq!(normal("Zoe\u{308}").unwrap(), "Zoë");
        assert!(matches!(normal("Zoë 👍🏽 \u{202e}x").unwrap(), Cow::Borrowed(_)), "all else is kept");
        assert_eq!(normal("a\0b"), Err(Misread::Nul));
        assert_eq!(normal("é\0"), Err(Misread::Nul));
    }
}
