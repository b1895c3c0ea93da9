//! When jobs are polled: the member `polling` of a client's options.

use super::error::argument;
use super::members::only;
use crate::api::error::Result;
use crate::api::options::PollingOptions;
use crate::json::{Json, Kind, is_true};
use crate::time::Millis;
use crate::waiting::run::{Pace, Polling};

/// Reads `polling`.
pub(super) fn read(options: &Json) -> Result<Polling> {
    const LONGEST: f64 = 300_000.0;
    let Some(given) = options.get("polling") else { return Ok(Polling::default()) };
    only("polling", &given, &[PollingOptions::MEMBERS])?;
    let usual = Pace::default();
    let price = pause(&given, "pollCostMs", "polling.pollCostMs", (1.0, LONGEST), usual.price, "from 1 to 300000")?;
    let floor = pause(&given, "minPauseMs", "polling.minPauseMs", (50.0, LONGEST), usual.floor, "from 50 to 300000")?;
    let range = (floor.get(), LONGEST);
    let ceiling =
        pause(&given, "maxPauseMs", "polling.maxPauseMs", range, usual.ceiling.max(floor), "from minPauseMs (50) to 300000")?;
    let remember = given.get("remember");
    if let Some(other) = remember.as_ref().filter(|remember| remember.kind() != Kind::Boolean) {
        return Err(argument("polling.remember", "must be true or false", &other.0));
    }
    Ok(Polling { pace: Pace { price, floor, ceiling }, is_kept: remember.is_none_or(|remember| is_true(&remember)) })
}

fn pause(given: &Json, key: &str, field: &'static str, (least, most): (f64, f64), usual: Millis, range: &str) -> Result<Millis> {
    let Some(value) = given.get(key) else { return Ok(usual) };
    let ms = value.as_number().filter(|ms| (least..=most).contains(ms));
    let rule = ["must be a number of milliseconds ", range].concat();
    ms.map(Millis::new).ok_or_else(|| argument(field, &rule, &value.0))
}
