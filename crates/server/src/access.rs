//! Who asks: passwords, secrets, sign-in with its brake, and the identity behind a request.

mod brake;
mod identity;
mod password;
mod secret;

pub(crate) use brake::Brake;
pub(crate) use identity::{COOKIE, COOKIE_OVER_TLS, Identity, identify, identify_at, local_only};
pub(crate) use password::{PASSWORD_MAX, verify_password};
pub use password::{hash_password, password_fault};
pub(crate) use secret::{Secret, same};
