//! What was paid, also after the answers: every payment in the store that moved or may have moved money.
//!
//! A payment whose answer was seen is kept under [`record::PAID`], by the time at which it began. So a list is read in order, one
//! record at a time, however many there are.

use std::rc::Rc;

use super::payments::Payments;
use super::record::{self, Found, FundsMoved, funds_moved};
use super::store_failed;
use crate::api::error::Result;
use crate::api::payments::{Attempt, PaymentState};
use crate::json::Json;
use crate::platform::{Platform, StoreOperation};
use crate::time::{Deadline, Millis, WallTime};

/// The key under which it says how old the oldest payment is, so that not every program has to look through all of them.
const TIDIED: &str = "eliza-jobs/tidied";
/// How many payments whose time is over are deleted at once.
const MAX_TIDIED: usize = 1_000;
/// How long a payment may stay after its time: all that are over by then are deleted together.
const GRACE: Millis = Millis::from_secs(86_400.0);
/// How long nothing is deleted after payments were.
const PAUSE: Millis = Millis::from_secs(3_600.0);
/// How many digits the time has in a key.
const DIGITS: usize = 13;

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
        // Old keys have whole milliseconds.
        self.has_time(attempt.begun_at)
            && self.state.is_none_or(|state| state == attempt.state)
            && funds_moved(attempt) != FundsMoved::No
            && attempt.price.is_some()
    }
}

/// When the payment of this key began, to the millisecond.
fn time_of(key: &str) -> Option<WallTime> {
    let digits = key.strip_prefix(record::PAID)?.get(..DIGITS)?;
    // Not read as a fraction: that alone is 13 KB of the package.
    #[expect(clippy::cast_precision_loss, reason = "thirteen digits")]
    digits.parse::<u64>().ok().map(|ms| WallTime::from_ms(ms as f64))
}

impl<P: Platform + 'static> Payments<P> {
    /// The keys of the payments that may be wanted, the oldest first: as they are, or would be, in the history.
    pub(crate) async fn paid_keys(&self, filter: &PaymentFilter, end: Deadline) -> Result<Vec<Json>> {
        let failed = |thrown| store_failed(thrown, "");
        let mut keys = Vec::new();
        for (at, key) in self.keys(end).await.map_err(failed)?.iter().enumerate() {
            self.breathe(at, end).await.map_err(failed)?;
            if let Some(at) = time_of(key) {
                // Keys have whole milliseconds: what began in the same one is looked at.
                if filter.since.is_none_or(|since| at.whole() >= since.whole()) && filter.until.is_none_or(|until| at <= until) {
                    keys.push(Json::text(key));
                }
            } else if key.starts_with(record::PREFIX) {
                match self.peek(key, end).await {
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

    /// The payment of one of these keys as applications see it; `None` when it is gone, or not wanted.
    pub(crate) async fn paid(&self, key: &str, filter: &PaymentFilter, end: Deadline) -> Result<Option<Json>> {
        let mut found = self.peek(key, end).await;
        if let (Found::Missing, Some((_, id))) = (&found, key.split_at_checked(record::PAID.len().saturating_add(DIGITS + 1))) {
            found = self.peek(&record::key(id), end).await;
        }
        match found {
            Found::Attempt(attempt) if filter.has(&attempt) => Ok(Some(row(&attempt))),
            Found::Withheld(thrown) => Err(store_failed(thrown, "")),
            _ => Ok(None),
        }
    }

    /// Deletes payments whose time is over. All keys are listed for it, which takes as long as there are payments: only when the oldest
    /// one is over, and not again before a pause.
    pub(super) async fn tidy_history(self: &Rc<Self>) {
        let now = self.platform.wall_time();
        if !has_passed(self.looked.replace(now), PAUSE, now) {
            return;
        }
        let Ok(tidied) = self.read(TIDIED, Deadline::NEVER).await else { return };
        let tidied = tidied.as_text().and_then(|text| Json::parse(&text)).unwrap_or_else(Json::object);
        let time = |key: &str| tidied.get_number(key).map_or(WallTime::default(), WallTime::from_ms);
        let oldest = time("oldest");
        if !has_passed(time("at"), PAUSE, now) || (oldest <= now && oldest + self.config.keep + GRACE > now) {
            return;
        }
        let Ok(keys) = self.keys(Deadline::NEVER).await else { return };
        let mut oldest = now;
        let mut count: usize = 0;
        for (key, at) in keys.iter().filter_map(|key| Some((key, time_of(key)?))) {
            if at + self.config.keep < now && count < MAX_TIDIED {
                count = count.wrapping_add(1);
                let _ = self.platform.store(StoreOperation::Delete, key, "").await;
            } else if at < oldest {
                oldest = at;
            }
        }
        let times = Json::object().set("at", Json::number(now.as_ms())).set("oldest", Json::number(oldest.as_ms()));
        let _ = self.set(TIDIED, &times).await;
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
    fn keys_tell_when_their_payments_began() {
        let at = WallTime::from_ms(1_800_000_000_123.5);
        let key = record::paid_key("id", at);
        assert_eq!(key, "eliza-jobs/paid/1800000000123-id");
        assert_eq!(time_of(&key).unwrap().as_ms(), 1_800_000_000_123.0);
        assert!(record::paid_key("a", WallTime::from_ms(5.0)) < record::paid_key("a", at), "keys sort by time");
        for other in ["eliza-jobs/payment/id", "eliza-jobs/paid/", "eliza-jobs/paid/yesterday-1-2-3", "x"] {
            assert!(time_of(other).is_none(), "{other}");
        }
    }
}
