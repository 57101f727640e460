//! Secrets of chance: made here, told once, kept as hashes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore as _;
use sha2::{Digest, Sha256};

/// 256 bits of chance.
pub(crate) struct Secret {
    /// What its holder is told: `prefix` and 43 signs.
    pub(crate) text: String,
    /// What is kept.
    pub(crate) hash: String,
}

impl Secret {
    /// A new one; the prefix lets scanners for lost secrets know it.
    pub(crate) fn new(prefix: &str) -> Self {
        let text = format!("{prefix}{}", chance::<32>());
        Self { hash: hash_of(&text), text }
    }

    /// A public id of 72 bits.
    pub(crate) fn id() -> String {
        chance::<9>()
    }
}

fn chance<const BYTES: usize>() -> String {
    let mut bytes = [0_u8; BYTES];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The SHA-256 of a secret, in hex. The secrets are long and of chance: a slow hash would add nothing.
pub(crate) fn hash_of(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two secrets are the same; how long it takes says nothing of where they differ.
pub(crate) fn same(left: &str, right: &str) -> bool {
    let (left, right) = (hash_of(left), hash_of(right));
    left.bytes().zip(right.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
