//! Passwords: Argon2id with the parameters that OWASP names, kept with the hash.

use rand::RngCore as _;
use shoplake_core::{Fault, Result};

/// The shortest and the longest password, in characters and in bytes.
const PASSWORD_MIN: usize = 10;
pub(crate) const PASSWORD_MAX: usize = 1_024;

fn config() -> argon2::Config<'static> {
    argon2::Config {
        variant: argon2::Variant::Argon2id,
        version: argon2::Version::Version13,
        mem_cost: 19 * 1_024,
        time_cost: 2,
        lanes: 1,
        hash_length: 32,
        secret: &[],
        thread_mode: argon2::ThreadMode::Sequential,
        ad: &[],
    }
}

/// What is wrong with a new password, if anything.
pub fn password_fault(password: &str) -> Option<Fault> {
    if password.chars().count() < PASSWORD_MIN {
        let fault = Fault::usage(format!("the password is shorter than {PASSWORD_MIN} characters"));
        return Some(fault.hint("take several words that do not belong together"));
    }
    (password.len() > PASSWORD_MAX).then(|| Fault::usage(format!("the password is longer than {PASSWORD_MAX} bytes")))
}

/// The hash of a new password. It takes about 50 ms and 19 MB, by design.
pub fn hash_password(password: &str) -> Result<String> {
    let mut salt = [0_u8; 16];
    rand::rng().fill_bytes(&mut salt);
    argon2::hash_encoded(password.as_bytes(), &salt, &config())
        .map_err(|error| Fault::internal("the password cannot be hashed").caused_by(error))
}

/// Whether a password is the one behind `hash`. Without a hash (no such user) it takes as long, and is not.
pub(crate) fn verify_password(password: &str, hash: Option<&str>) -> bool {
    // The hash of nothing that anybody knows.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c2hvcGxha2Utbm9ib2R5IQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let right = argon2::verify_encoded(hash.unwrap_or(NOBODY), password.as_bytes()).unwrap_or(false);
    right && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given a password, then its hash knows it and no other, and two hashes of it differ.
    #[test]
    fn a_hash_knows_its_password() {
        let (one, two) =
            (hash_password("correct horse battery").unwrap(), hash_password("correct horse battery").unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        assert!(verify_password("correct horse battery", Some(&one)));
        assert!(!verify_password("correct horse batterz", Some(&one)));
        assert!(!verify_password("correct horse battery", None));
    }
}
