//! The brake on guessing passwords and secrets: by address, and by name at an address, so that nobody can lock out
//! another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tries that cost nothing: of one name at one address, and of one address.
const FREE_A_NAME: u32 = 5;
const FREE_AN_ADDRESS: u32 = 20;
/// After this time without a try all is forgotten.
const FORGOTTEN: Duration = Duration::from_mins(15);
const WAIT_MAX: Duration = Duration::from_mins(5);
/// Entries that are remembered; beyond them the oldest go.
const ENTRIES_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Tries {
    wrong: u32,
    last: Instant,
}

/// Remembers wrong tries.
#[derive(Debug, Default)]
pub(crate) struct Brake(Mutex<HashMap<Key, Tries>>);

/// An address, and a name or the hash of a secret; an address alone stands for all that it tries.
type Key = (IpAddr, Option<String>);

impl Brake {
    /// How long this try has to wait, if it has to.
    pub(crate) fn wait(&self, address: IpAddr, name: &str) -> Option<Duration> {
        let tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let by = |name: Option<String>, free: u32| {
            let known = tries.get(&(address, name)).filter(|known| known.last.elapsed() < FORGOTTEN)?;
            let over = known.wrong.checked_sub(free)?;
            let wait = Duration::from_secs(4 << over.min(9)).min(WAIT_MAX);
            wait.checked_sub(known.last.elapsed()).filter(|left| !left.is_zero())
        };
        by(None, FREE_AN_ADDRESS).max(by(Some(name.to_owned()), FREE_A_NAME))
    }

    /// How long this secret (by its hash) has to wait, if it has to: one that was right here lately never does, so
    /// that who guesses behind the same proxy locks out nobody who has one.
    pub(crate) fn wait_for_secret(&self, address: IpAddr, hash: &str) -> Option<Duration> {
        if self.was_right(address, hash) { None } else { self.wait(address, hash) }
    }

    /// Whether this secret was right here lately.
    pub(crate) fn was_right(&self, address: IpAddr, hash: &str) -> bool {
        self.was(address, hash, |known| known.wrong == 0)
    }

    /// Whether this secret was wrong here lately: no more has to be found out of it.
    pub(crate) fn was_wrong(&self, address: IpAddr, hash: &str) -> bool {
        self.was(address, hash, |known| known.wrong > 0)
    }

    /// Notes whether a secret was right. One that is sent again and again, as by the page of a link that has ended,
    /// is one guess of its address.
    pub(crate) fn note_secret(&self, address: IpAddr, hash: &str, right: bool) {
        let again = self.was_wrong(address, hash);
        let own = (address, Some(hash.to_owned()));
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (right, again) {
            (true, _) => {
                tries.insert(own, Tries { wrong: 0, last: Instant::now() });
            }
            (false, true) => count(&mut tries, own),
            (false, false) => {
                count(&mut tries, (address, None));
                count(&mut tries, own);
            }
        }
        bound(&mut tries);
    }

    fn was(&self, address: IpAddr, name: &str, what: impl Fn(&Tries) -> bool) -> bool {
        let tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tries.get(&(address, Some(name.to_owned())));
        known.is_some_and(|known| known.last.elapsed() < FORGOTTEN && what(known))
    }

    /// Notes how a try ended.
    pub(crate) fn note(&self, address: IpAddr, name: &str, right: bool) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if right {
            tries.remove(&(address, Some(name.to_owned())));
            return;
        }
        for key in [(address, None), (address, Some(name.to_owned()))] {
            count(&mut tries, key);
        }
        bound(&mut tries);
    }
}

/// Counts one more wrong try.
fn count(tries: &mut HashMap<Key, Tries>, key: Key) {
    let known = tries.entry(key).or_insert(Tries { wrong: 0, last: Instant::now() });
    let wrong = if known.last.elapsed() < FORGOTTEN { known.wrong + 1 } else { 1 };
    *known = Tries { wrong, last: Instant::now() };
}

/// Forgets what need not be remembered.
fn bound(tries: &mut HashMap<Key, Tries>) {
    if tries.len() > ENTRIES_MAX {
        tries.retain(|_, known| known.last.elapsed() < FORGOTTEN);
        if tries.len() > ENTRIES_MAX {
            let oldest = tries.iter().min_by_key(|(_, known)| known.last).map(|(key, _)| key.clone());
            oldest.map(|key| tries.remove(&key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given five wrong tries of a name, then the sixth waits, another name and another address do not.
    #[test]
    fn guessing_slows_down_and_hits_nobody_else() {
        let (here, there) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let brake = Brake::default();
        for _ in 0..5 {
            brake.note(here, "ada", false);
        }
        assert!(brake.wait(here, "ada").is_some());
        assert!(brake.wait(here, "bob").is_none());
        assert!(brake.wait(there, "ada").is_none());
        for number in 0..20 {
            brake.note(here, &format!("name {number}"), false);
        }
        assert!(brake.wait(here, "bob").is_some(), "one address tries many names");
    }

    /// Given guesses of secrets, then the next one waits, another address and a secret that was right here do not;
    /// one that is wrong again and again slows down itself alone.
    #[test]
    fn guessing_secrets_slows_down_and_hits_nobody_else() {
        let (here, there) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let brake = Brake::default();
        for _ in 0..30 {
            brake.note_secret(here, "ended", false);
        }
        assert!(brake.wait_for_secret(here, "ended").is_some());
        assert!(brake.wait_for_secret(here, "other").is_none());
        brake.note_secret(here, "right", true);
        for number in 0..20 {
            brake.note_secret(here, &format!("guess {number}"), false);
        }
        assert!(brake.wait_for_secret(here, "guess 20").is_some());
        assert!(brake.wait_for_secret(here, "right").is_none());
        assert!(brake.wait_for_secret(there, "guess 20").is_none());
        brake.note_secret(here, "right", false);
        assert!(brake.wait_for_secret(here, "right").is_some(), "it has ended");
    }
}
