//! A look at the first bytes: what is no table is refused before a row of it is read.

use encoding_rs::Encoding;
use shoplake_core::contract::Format;
use shoplake_core::{Fault, Result};

/// Bytes in which NUL is looked for.
const NUL_WINDOW: usize = 1024;

/// What a file can be instead, by its first bytes.
const OTHER_FILES: [(&[u8], &str, &str); 10] = [
    (b"%PDF", "a PDF document", "export the table behind it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "export the sheet as CSV"),
    (b"PK\x03\x04", "an archive within an archive", "pack it once, or not at all"),
    (b"\x1f\x8b\x08", "an archive within an archive", "pack it once, or not at all"),
    (b"\x28\xb5\x2f\xfd", "an archive within an archive", "pack it once, or not at all"),
    (b"BZh", "an archive of a kind that is not read", "pack it as gzip, zstd or zip"),
    (b"\xfd7zXZ", "an archive of a kind that is not read", "pack it as gzip, zstd or zip"),
    (b"7z\xbc\xaf", "an archive of a kind that is not read", "pack it as gzip, zstd or zip"),
    (b"Rar!", "an archive of a kind that is not read", "pack it as gzip, zstd or zip"),
    (b"PAR1", "a Parquet file", "set `format: parquet`"),
];

/// Refuses a file whose `head` (without its byte-order mark) is that of something else.
pub(super) fn refuse_what_is_no_table(head: &[u8], encoding: Option<&'static Encoding>, format: Format) -> Result<()> {
    if let Some((_, what, hint)) = OTHER_FILES.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Err(Fault::data(format!("the file is {what}")).hint(*hint));
    }
    let text = head.trim_ascii_start();
    let begins = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
    if begins("<!doctype") || begins("<html") || begins("<?xml") {
        let what = if begins("<?xml") { "an XML document" } else { "a web page" };
        return Err(Fault::data(format!("the file is {what}"))
            .hint("it may be a sign-in page that was saved under this name; export the table again"));
    }
    let wide = encoding.is_some_and(|e| e == encoding_rs::UTF_16LE || e == encoding_rs::UTF_16BE);
    if wide { Ok(()) } else { refuse_binary(&head[..head.len().min(NUL_WINDOW)], format) }
}

/// NUL in the first line, or in more than a tenth of the first bytes, is in no table; a stray one in
/// a value is that row's own fault.
fn refuse_binary(head: &[u8], format: Format) -> Result<()> {
    let nuls = memchr::memchr_iter(0, head).count();
    let line_end = memchr::memchr2(b'\n', b'\r', head).unwrap_or(head.len());
    let in_header = format == Format::Csv && head[..line_end].contains(&0);
    if nuls == 0 || !in_header && nuls * 10 <= head.len() {
        return Ok(());
    }
    let at = |parity: usize| head.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    // In UTF-16 every second byte of plain text is NUL.
    let likely = match (at(0) * 4 > head.len(), at(1) * 4 > head.len()) {
        _ if nuls == 1 => return Err(binary()),
        (false, true) => "utf-16le",
        (true, false) => "utf-16be",
        _ => return Err(binary()),
    };
    Err(Fault::data("the file is not in UTF-8").hint(format!("it looks like UTF-16: set `encoding: {likely}`")))
}

fn binary() -> Fault {
    Fault::data("the file is binary, not text").hint("see whether it is the file that was meant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table() {
        let look = |head: &[u8]| refuse_what_is_no_table(head, None, Format::Csv).map_err(|fault| fault.hint.unwrap());
        assert_eq!(look(b"a,b\n1,2\n"), Ok(()));
        assert_eq!(look(b"a,b\nab\0,2\n1,2\n1,2\n1,2\n"), Ok(()), "a stray NUL is the row's fault");
        assert_eq!(look(b""), Ok(()));
        assert!(look(b"%PDF-1.7").is_err());
        assert!(look(b"\n <!DOCTYPE html>").is_err());
        assert!(look(b"\x7fELF\0\0\0\0\0\0").is_err());
        assert!(look(b"a\0,\0b\0\n\0").unwrap_err().contains("utf-16le"));
        assert!(refuse_what_is_no_table(b"a\0,\0b\0", Some(encoding_rs::UTF_16LE), Format::Csv).is_ok());
    }
}
