//! Which of several instances on one state leads: a row that the leader keeps changing.
//!
//! No clock is compared with another machine's: a follower counts by its own for how long it saw no beat.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use shoplake_core::Result;
use shoplake_core::schedule::ports::{Leadership, Standing};

use super::State;
use super::db::{Connection, Pool, begin, within};
use super::fault::OrFault;

/// What is led.
pub(super) const ROLE: &str = "schedule";
const DOING: &str = "find out which instance leads";

/// One instance's stand among those that share a state.
#[derive(Debug)]
pub struct Leader {
    writer: Pool,
    /// A name that no other instance has, not even an earlier one of this machine.
    holder: String,
    /// How long another must be silent to be taken for dead.
    silence: Duration,
    /// The last beat of another that was seen, with the moment by our own clock.
    seen: Mutex<Option<((i64, i64), Instant)>>,
}

impl State {
    /// The stand of an instance with a name of its own. It takes over from one that was silent for `silence`.
    pub fn leadership(&self, holder: impl Into<String>, silence: Duration) -> Leader {
        Leader { writer: self.writer.clone(), holder: holder.into(), silence, seen: Mutex::new(None) }
    }
}

impl Leader {
    /// Whether whoever beat like this has been silent for long enough.
    fn is_silent(&self, beat: (i64, i64)) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match *seen {
            Some((known, since)) if known == beat => since.elapsed() >= self.silence,
            _ => {
                *seen = Some((beat, Instant::now()));
                false
            }
        }
    }
}

#[async_trait]
impl Leadership for Leader {
    async fn beat(&self) -> Result<Standing> {
        let standing = within(self.stand()).await;
        if standing.is_err() {
            // Who cannot look sees no beat either: of the silence of others only what was seen counts.
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        standing
    }

    async fn resign(&self) -> Result<()> {
        let sql = "UPDATE leaders SET holder = '' WHERE role = $1 AND holder = $2";
        let query = sqlx::query(sql).bind(ROLE).bind(&self.holder);
        within(async { query.execute(&self.writer).await.or_fault("give the lead away") }).await?;
        Ok(())
    }
}

impl Leader {
    async fn stand(&self) -> Result<Standing> {
        let mut transaction = begin(&self.writer).await.or_fault(DOING)?;
        let sql = "SELECT holder, term, beats FROM leaders WHERE role = $1";
        let row: Option<(String, i64, i64)> =
            sqlx::query_as(sql).bind(ROLE).fetch_optional(&mut *transaction).await.or_fault(DOING)?;
        let (holder, term, beats) = row.unwrap_or_default();
        let term = if holder == self.holder {
            term
        } else if holder.is_empty() || self.is_silent((term, beats)) {
            term + 1
        } else {
            return Ok(Standing::Follows);
        };
        write(&mut transaction, &self.holder, term, beats + 1).await.or_fault(DOING)?;
        transaction.commit().await.or_fault(DOING)?;
        Ok(Standing::Leads(term as u64))
    }
}

async fn write(connection: &mut Connection, holder: &str, term: i64, beats: i64) -> sqlx::Result<()> {
    let sql = "INSERT INTO leaders (role, holder, term, beats) VALUES ($1, $2, $3, $4)
               ON CONFLICT (role) DO UPDATE SET holder = excluded.holder, term = excluded.term, beats = excluded.beats";
    sqlx::query(sql).bind(ROLE).bind(holder).bind(term).bind(beats).execute(connection).await?;
    Ok(())
}
