//! What was paid, also after the answers: every payment in the store that moved or may have moved
//! money.
//!
//! A payment whose answer was seen is kept under [`record::PAID`], by the time at which it began.
//! So a list is read in order, one record at a time, however many there are.

use std::rc::Rc;

use super::funds_moved::{FundsMoved, funds_moved};
use super::payments::Payments;
use super::record::{self, Found};
use super::store_failed;
use crate::api::error::Result;
use crate::api::payments::{Attempt, PaymentState};
use crate::json::Json;
use crate::platform::Platform;
use crate::time::{Deadline, Millis, WallTime};

/// The key of what the store knows of its history, so that not every program has to look through
/// all of it.
const TIDIED: &str = "eliza-jobs/tidied";
/// How many payments whose time is over are deleted at once.
const MAX_TIDIED: usize = 1_000;
/// How long a payment may stay after its time: all that are over by then are deleted together.
const GRACE: Millis = Millis::from_secs(86_400.0);
/// How long nothing is deleted after payments were.
const PAUSE: Millis = Millis::from_secs(3_600.0);

/// Which payments are wanted.
#[derive(Debug, Clone, Default)]
pub struct PaymentFilter {
    /// Those that began at this time or later.
    pub since: Option<WallTime>,
    /// Those that began before this time.
    pub until: Option<WallTime>,
    /// Those in this state.
    pub state: Option<PaymentState>,
}

impl PaymentFilter {
    fn has_time(&self, at: WallTime) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    fn has(&self, attempt: &Attempt) -> bool {
        // Keys have whole milliseconds, so the record's own time decides.
        self.has_time(attempt.begun_at)
            && self.state.is_none_or(|state| state == attempt.state)
            && funds_moved(attempt) != FundsMoved::No
            && attempt.price.is_some()
    }
}

/// What a store knows of its history.
#[derive(Debug, Clone, Copy, Default)]
struct Tidied {
    /// When it was looked through.
    at: WallTime,
    /// When the oldest payment in it began.
    oldest: WallTime,
    /// When the newest payment that was deleted from it began.
    deleted: WallTime,
}

impl Tidied {
    fn read(value: &Json) -> Self {
        let record = value.as_text().and_then(|text| Json::parse(&text)).unwrap_or_else(Json::object);
        let time = |key: &str| record.get_number(key).map_or(WallTime::default(), WallTime::from_ms);
        Self { at: time("at"), oldest: time("oldest"), deleted: time("deleted") }
    }

    fn to_json(self) -> Json {
        let time = |at: WallTime| Json::number(at.as_ms());
        Json::object().set("at", time(self.at)).set("oldest", time(self.oldest)).set("deleted", time(self.deleted))
    }
}

impl<P: Platform + 'static> Payments<P> {
    /// The keys of the payments that may be wanted, the oldest first: as they are, or would be, in
    /// the history.
    pub(crate) async fn paid_keys(&self, filter: &PaymentFilter, end: Deadline) -> Result<Vec<Json>> {
        let failed = |thrown| store_failed(thrown, "");
        let mut keys = Vec::new();
        for (at, key) in self.payment_keys(end).await.map_err(failed)?.iter().enumerate() {
            self.breathe(at, end).await.map_err(failed)?;
            if let Some(at) = record::time_of_past(key) {
                // Keys have whole milliseconds: what began in the same one is looked at.
                if filter.since.is_none_or(|since| at.whole() >= since.whole()) && filter.until.is_none_or(|until| at <= until) {
                    keys.push(Json::text(key));
                }
            } else {
                match self.peek_listed(key, end).await {
                    Found::Attempt(attempt) if filter.has(&attempt) => {
                        keys.push(Json::text(&record::paid_key(&attempt.id, attempt.begun_at)));
                    }
                    Found::Withheld(thrown) => return Err(failed(thrown)),
                    _ => {}
                }
            }
        }
        Ok(Json::array(keys).sorted().elements())
    }

    /// The payment of one of these keys as applications see it; `None` when it is gone, or not
    /// wanted.
    pub(crate) async fn paid(&self, key: &str, filter: &PaymentFilter, end: Deadline) -> Result<Option<Json>> {
        let mut found = self.peek(key, end).await;
        if let (Found::Missing, Some(id), Some(at)) = (&found, record::id_of_past(key), record::time_of_past(key)) {
            // It may have moved to the history since.
            found = self.peek_anywhere(id, at, end).await;
        }
        match found {
            Found::Attempt(attempt) if filter.has(&attempt) => Ok(Some(row(&attempt))),
            Found::Withheld(thrown) => Err(store_failed(thrown, "")),
            _ => Ok(None),
        }
    }

    /// Deletes payments whose time is over. All keys are listed for it, which takes as long as
    /// there are payments: only when the oldest one is over, and not again before a pause.
    pub(super) async fn tidy_history(self: &Rc<Self>) {
        let now = self.platform.wall_time();
        if !has_passed(self.tidied_at.replace(now), PAUSE, now) {
            return;
        }
        let Ok(value) = self.read(TIDIED, Deadline::NEVER).await else { return };
        let Tidied { at, oldest, deleted } = Tidied::read(&value);
        if !has_passed(at, PAUSE, now) || (oldest <= now && oldest + self.config.keep + GRACE > now) {
            return;
        }
        let Ok(keys) = self.keys(record::PAID, Deadline::NEVER).await else { return };
        let mut tidied = Tidied { at: now, oldest: now, deleted };
        let mut over = Vec::new();
        for (key, at) in keys.iter().filter_map(|key| Some((key, record::time_of_past(key)?))) {
            if at + self.config.keep < now && over.len() < MAX_TIDIED {
                over.push(key);
                if at > tidied.deleted {
                    tidied.deleted = at;
                }
            } else if at < tidied.oldest {
                tidied.oldest = at;
            }
        }
        // Written first: for a budget of another client, what is deleted must not look as if it had
        // never been paid.
        if self.set(TIDIED, &tidied.to_json()).await.is_ok() {
            for key in over {
                let _ = self.delete(key).await;
            }
        }
    }

    /// Whether a payment that began at this time is still in the history, if it was paid; `None`
    /// when the store does not say.
    pub(super) async fn keeps_history_of(&self, at: WallTime, end: Deadline) -> Option<bool> {
        let tidied = Tidied::read(&self.read(TIDIED, end).await.ok()?);
        // Keys have whole milliseconds.
        Some(at + self.config.keep > self.platform.wall_time() && at.whole() > tidied.deleted.whole())
    }
}

/// Whether so much time has passed. A clock that was put back says nothing: it has.
fn has_passed(since: WallTime, time: Millis, now: WallTime) -> bool {
    since + time <= now || since > now
}

fn row(attempt: &Attempt) -> Json {
    attempt.document().set("server", Json::text(&attempt.server)).set("createdAt", Json::number(attempt.begun_at.as_ms()))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_put_back_has_let_any_time_pass() {
        let at = |seconds: f64| WallTime::from_ms(1e12 + seconds * 1e3);
        for (now, passed) in [(0.0, false), (59.0, false), (60.0, true), (900.0, true), (-1.0, true)] {
            assert_eq!(has_passed(at(0.0), Millis::from_secs(60.0), at(now)), passed, "{now}");
        }
    }
}
