//! Archives: gzip, zstd, and zip of one file, known by their first bytes; anything else as it is.
//!
//! This is the one place that unpacks, so that the limit on unpacked bytes has no way round.

use std::error::Error;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use fs_err::File;
use shoplake_core::{Fault, LandedFile, Result};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::{read_fault, stream_error};

const GZIP: [u8; 4] = [0x1f, 0x8b, 0x08, 0];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const ZIP: [u8; 4] = *b"PK\x03\x04";
const EMPTY_ZIP: [u8; 4] = *b"PK\x05\x06";
const BUFFER_BYTES: usize = 256 << 10;

/// The file's bytes, unpacked; at most `most_bytes` of them where it is an archive.
pub(super) fn unpack(file: &LandedFile, most_bytes: u64) -> Result<Box<dyn Read + Send>> {
    let mut disk = Disk(File::open(&file.path)?);
    let mut magic = Vec::with_capacity(4);
    disk.by_ref().take(4).read_to_end(&mut magic).map_err(read_fault)?;
    disk.0.rewind()?;
    let ending = file.name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    if magic.is_empty() && matches!(ending.as_str(), "gz" | "zst" | "zip") {
        return Err(broken("it is empty"));
    }
    let inner: Box<dyn Read + Send> = match magic.as_slice() {
        [a, b, c, ..] if [*a, *b, *c] == GZIP[..3] => {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, disk)))
        }
        magic if magic == ZSTD => {
            Box::new(zstd::stream::read::Decoder::new(disk).map_err(|error| broken(error.to_string()))?)
        }
        magic if magic == ZIP || magic == EMPTY_ZIP => only_file(disk.0)?,
        _ => return Ok(Box::new(disk)),
    };
    Ok(Box::new(Unpacked { inner, left: most_bytes, most: most_bytes }))
}

/// The one file in a zip archive.
fn only_file(file: File) -> Result<Box<dyn Read + Send>> {
    let mut archive = ZipArchive::new(BufReader::new(Disk(file))).map_err(refused)?;
    let mut files = Vec::new();
    for (at, name) in archive.file_names().enumerate() {
        let name = name.map_err(|error| broken(error.to_string()))?;
        if name == "[Content_Types].xml" {
            return Err(Fault::data("the file is an Excel workbook").hint("export the sheet as CSV and drop that"));
        }
        if !name.ends_with('/') && !name.starts_with("__MACOSX/") {
            files.push(at);
        }
    }
    let [at] = files.as_slice() else {
        return Err(Fault::data(format!("the zip archive holds {} files", files.len()))
            .hint("an archive must hold exactly one file; drop the files one by one"));
    };
    let (start, size, method, crc) = {
        let entry = archive.by_index(*at).map_err(refused)?;
        let start = entry.data_start().ok_or_else(|| broken("its file has no beginning"))?;
        (start, entry.compressed_size(), entry.compression(), entry.crc32())
    };
    let mut disk = archive.into_inner();
    disk.seek(SeekFrom::Start(start)).map_err(read_fault)?;
    let packed = disk.take(size);
    let inner: Box<dyn Read + Send> = match method {
        CompressionMethod::Stored => Box::new(packed),
        CompressionMethod::Deflated => Box::new(DeflateDecoder::new(packed)),
        other => return Err(broken(format!("`{other}` is not read")).hint("pack it with deflate, or as gzip or zstd")),
    };
    Ok(Box::new(Checked { inner, sum: Crc::new(), want: crc }))
}

/// The fault of a file in a zip archive that cannot be opened.
fn refused(error: ZipError) -> Fault {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            Fault::data("the zip archive has a password").hint("pack it again without one")
        }
        // A zip ends with the list of what is in it.
        error @ ZipError::InvalidArchive(_) => broken(format!("its list of files is missing or damaged ({error})")),
        error => broken(error.to_string()),
    }
}

fn broken(why: impl std::fmt::Display) -> Fault {
    let why = why.to_string();
    // zstd's own words for a window that is larger than any reader should grant.
    let remedy = if why.contains("too much memory") {
        "pack it again without `--long` or `--ultra`, or as gzip"
    } else {
        "it may be cut short: bring it again as a whole"
    };
    Fault::data(format!("the archive cannot be unpacked: {why}")).detail("Nothing of the file was loaded.").hint(remedy)
}

/// A file whose errors say of themselves that they are the disk's, whatever they pass through.
struct Disk(File);

impl Read for Disk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(disk_error)
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

fn disk_error(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Interrupted { error } else { stream_error(error.kind(), Fault::from(error)) }
}

/// Compares the checksum once the stream ends.
struct Checked {
    inner: Box<dyn Read + Send>,
    sum: Crc,
    want: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.sum.update(&buffer[..n]);
        if n == 0 && !buffer.is_empty() && self.sum.sum() != self.want {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is another"));
        }
        Ok(n)
    }
}

/// What came out of an archive: bounded, and with its errors in words.
struct Unpacked {
    inner: Box<dyn Read + Send>,
    left: u64,
    most: u64,
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer).map_err(|error| {
            let known = error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<Fault>);
            if known || error.kind() == io::ErrorKind::Interrupted {
                error
            } else {
                stream_error(error.kind(), broken(&error))
            }
        })?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| {
            let fault = Fault::data(format!("the archive unpacks to more than {} bytes", self.most));
            stream_error(io::ErrorKind::InvalidData, fault.hint("raise `limits.unpacked_bytes` if it is meant to"))
        })?;
        Ok(n)
    }
}
