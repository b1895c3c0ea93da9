//! How much of each limit is spent. What is reserved for a payment under way is treated as spent.
//!
//! [`Budget`] is what one client has spent since it was made. [`Counters`] is what all clients of a
//! store have spent.

use crate::json::{Json, Kind};
use crate::time::WallTime;
use crate::x402::amount;

/// The sums of what is spent, one for each limit of the policy, in atomic units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    spent: Vec<u128>,
}

/// How much a payment takes of which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// The limit's place in the policy.
    pub limit: usize,
    /// How much it is, in atomic units.
    pub units: u128,
}

impl Budget {
    /// A budget of which so much is spent already.
    pub fn new(spent: Vec<u128>) -> Self {
        Self { spent }
    }

    /// How much of this limit is spent, in atomic units.
    pub fn spent(&self, limit: usize) -> u128 {
        self.spent.get(limit).copied().unwrap_or(0)
    }

    /// Whether a payment keeps the sum at or below `most`.
    pub fn allows(&self, payment: Reserved, most: u128) -> bool {
        self.spent(payment.limit).saturating_add(payment.units) <= most
    }

    /// Sets money aside, whatever the limit says.
    pub fn reserve(&mut self, payment: Reserved) {
        if let Some(spent) = self.spent.get_mut(payment.limit) {
            *spent = spent.saturating_add(payment.units);
        }
    }

    /// Releases what was set aside for a payment that certainly moves no money.
    pub fn release(&mut self, payment: Reserved) {
        if let Some(spent) = self.spent.get_mut(payment.limit) {
            *spent = spent.saturating_sub(payment.units);
        }
    }
}

/// What may be spent of a token at most, in atomic units; `u128::MAX` where there is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// In one hour (UTC).
    pub per_hour: u128,
    /// In one day (UTC).
    pub per_day: u128,
    /// In all.
    pub total: u128,
}

impl Caps {
    /// No limit at all.
    pub const NONE: Caps = Caps { per_hour: u128::MAX, per_day: u128::MAX, total: u128::MAX };

    /// The limit of this window.
    pub fn of(self, window: Window) -> u128 {
        match window {
            Window::Hour => self.per_hour,
            Window::Day => self.per_day,
            Window::Total => self.total,
        }
    }

    /// The windows that have a limit.
    pub fn windows(self) -> impl Iterator<Item = Window> {
        Window::ALL.into_iter().filter(move |window| self.of(*window) < u128::MAX)
    }

    /// Whether anything has a limit.
    pub fn is_limited(self) -> bool {
        self != Self::NONE
    }
}

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// One hour (UTC).
    Hour,
    /// One day (UTC).
    Day,
    /// Everything.
    Total,
}

impl Window {
    /// All of them, the shortest first.
    pub const ALL: [Window; 3] = [Window::Hour, Window::Day, Window::Total];

    /// Its name in `spend.budget` and in what `spending()` returns.
    pub fn name(self) -> &'static str {
        match self {
            Window::Hour => "perHour",
            Window::Day => "perDay",
            Window::Total => "total",
        }
    }

    /// The hour in which the window of this hour began.
    fn first_hour(self, hour: u64) -> u64 {
        match self {
            Window::Hour => hour,
            Window::Day => hour.wrapping_sub(hour % 24),
            Window::Total => 0,
        }
    }
}

/// A payment whose money is set aside, until its record says what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// The attempt's id.
    pub id: String,
    /// How much it is, in atomic units.
    pub units: u128,
    /// When the payment began.
    pub at: WallTime,
}

/// What a payment's record says of the money that is set aside for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// Nothing yet: it stays set aside.
    Open,
    /// It has moved, or may have: it is spent, at this time.
    Spent(WallTime),
    /// Certainly it has not moved, and never will.
    Unmoved,
}

/// What is spent in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct HourSum {
    /// The hour's number since 1970.
    hour: u64,
    /// How much it is, in atomic units.
    units: u128,
}

/// What was spent of one token, as the store keeps it for all clients of a scope.
///
/// The records of the payments are the truth: a payment's record is written before its money is set
/// aside here, and what is set aside becomes spent, or is given back, by what its record says. So a
/// crash at any point loses nothing, and counters that are lost are made again from the records.
#[derive(Debug, Clone, PartialEq)]
pub struct Counters {
    /// Since when payments are recorded here.
    since: WallTime,
    /// What is spent in all.
    total: u128,
    /// What is spent in each hour in which something was.
    hours: Vec<HourSum>,
    /// What is set aside.
    open: Vec<Open>,
}

const VERSION: f64 = 1.0;
/// How many hours are kept, the latest ones: three days without a pause. However often the clock is
/// put forward and back, an hour that was used is not forgotten before so many others were used.
const MAX_HOURS: usize = 72;
const HOUR_MS: f64 = 3_600_000.0;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates at 0")]
fn hour_of(at: WallTime) -> u64 {
    (at.as_ms() / HOUR_MS) as u64
}

impl Counters {
    /// Counters that begin now, with nothing spent.
    pub fn new(now: WallTime) -> Self {
        Self { since: now, total: 0, hours: Vec::new(), open: Vec::new() }
    }

    /// Adds a payment that was begun before these counters.
    pub fn add_earlier(&mut self, open: Open, fate: Fate) {
        if open.at < self.since {
            self.since = open.at;
        }
        let id = open.id.clone();
        self.open.push(open);
        self.resolve(&id, fate);
    }

    /// What is set aside.
    pub fn open(&self) -> &[Open] {
        &self.open
    }

    /// Sets the money of a payment aside. Once: a payment that is there already is left as it is.
    pub fn reserve(&mut self, open: Open) {
        if !self.has(&open.id) {
            self.open.push(open);
        }
    }

    /// Whether the money of this payment is set aside.
    pub fn has(&self, id: &str) -> bool {
        self.open.iter().any(|open| open.id == id)
    }

    /// Takes over what the record of a payment says.
    pub fn resolve(&mut self, id: &str, fate: Fate) {
        let Some(at) = self.open.iter().position(|open| open.id == id) else { return };
        if fate == Fate::Open {
            return;
        }
        let Open { units, at: began, .. } = self.open.remove(at);
        if let Fate::Spent(moved) = fate {
            // A payment that was begun in one hour and moves in the next one is spent in the later
            // one.
            self.spend(units, if moved > began { moved } else { began });
        }
    }

    fn spend(&mut self, units: u128, at: WallTime) {
        self.total = self.total.saturating_add(units);
        let hour = hour_of(at);
        if let Some(sum) = self.hours.iter_mut().find(|sum| sum.hour == hour) {
            sum.units = sum.units.saturating_add(units);
            return;
        }
        self.hours.push(HourSum { hour, units });
        if self.hours.len() > MAX_HOURS
            && let Some(earliest) = self.hours.iter().map(|sum| sum.hour).min()
        {
            self.hours.retain(|sum| sum.hour != earliest);
        }
    }

    /// Gives back what was spent on a payment that may have moved, and of which it is certain now
    /// that it has not.
    pub fn refund(&mut self, id: &str, units: u128, at: WallTime) {
        if self.has(id) {
            return self.resolve(id, Fate::Unmoved);
        }
        self.total = self.total.saturating_sub(units);
        let hour = hour_of(at);
        if let Some(sum) = self.hours.iter_mut().find(|sum| sum.hour == hour) {
            sum.units = sum.units.saturating_sub(units);
        }
    }

    /// What is spent in the window of this time. What was spent under a later clock is included:
    /// putting a clock back fills no budget again.
    pub fn spent(&self, window: Window, now: WallTime) -> u128 {
        if window == Window::Total {
            return self.total;
        }
        let first = window.first_hour(hour_of(now));
        let counted = self.hours.iter().filter(|sum| sum.hour >= first);
        counted.fold(0, |spent: u128, sum| spent.saturating_add(sum.units))
    }

    /// What is reserved, in every window: it moves now or later.
    pub fn reserved(&self) -> u128 {
        self.open.iter().fold(0, |sum: u128, open| sum.saturating_add(open.units))
    }

    /// What is spent and set aside in the window of this time.
    pub fn used(&self, window: Window, now: WallTime) -> u128 {
        self.spent(window, now).saturating_add(self.reserved())
    }

    /// The window whose limit a payment of so much would break.
    pub fn refuses(&self, units: u128, caps: Caps, now: WallTime) -> Option<Window> {
        caps.windows().find(|window| self.used(*window, now).saturating_add(units) > caps.of(*window))
    }

    /// When this window began, or these counters, whichever is later.
    pub fn since(&self, window: Window, now: WallTime) -> WallTime {
        #[expect(clippy::cast_precision_loss, reason = "hours since 1970")]
        let first = WallTime::from_ms(window.first_hour(hour_of(now)) as f64 * HOUR_MS);
        if first > self.since { first } else { self.since }
    }

    /// The counters as they are written down.
    pub fn to_json(&self) -> Json {
        #[expect(clippy::cast_precision_loss, reason = "hours since 1970")]
        let hour = |sum: &HourSum| Json::array([Json::number(sum.hour as f64), Json::text(&sum.units.to_string())]);
        let open = |Open { id, units, at }: &Open| {
            Json::array([Json::text(id), Json::text(&units.to_string()), Json::number(at.as_ms())])
        };
        Json::object()
            .set("version", Json::number(VERSION))
            .set("since", Json::number(self.since.as_ms()))
            .set("total", Json::text(&self.total.to_string()))
            .set("hours", Json::array(self.hours.iter().map(hour)))
            .set("open", Json::array(self.open.iter().map(open)))
    }

    /// Reads what a store holds. `None` when it is nothing, damaged, or of another version.
    pub fn read(value: &Json) -> Option<Self> {
        let record = Json::parse(&value.as_text()?)?;
        record.get_number("version").filter(|version| *version == VERSION)?;
        let units = |value: Option<Json>| amount::limit(&value?.as_text()?, 0);
        let list = |key: &str| record.get(key).filter(|list| list.kind() == Kind::Array).map(|list| list.elements());
        let time = |value: Option<Json>| value?.as_number().filter(|ms| ms.is_finite() && *ms >= 0.0).map(WallTime::from_ms);
        let mut counters = Self::new(time(record.get("since"))?);
        counters.total = units(record.get("total"))?;
        for entry in list("hours")? {
            let mut members = entry.elements().into_iter();
            let hour = members.next()?.as_number().filter(|hour| hour.fract() == 0.0 && (0.0..1e9).contains(hour))?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
            counters.hours.push(HourSum { hour: hour as u64, units: units(members.next())? });
        }
        for entry in list("open")? {
            let mut members = entry.elements().into_iter();
            let id = members.next()?.as_text()?;
            counters.open.push(Open { id, units: units(members.next())?, at: time(members.next())? });
        }
        // What was spent in an hour was spent in all.
        let hours = counters.hours.iter().fold(0, |spent: u128, sum| spent.saturating_add(sum.units));
        Some(counters).filter(|counters| hours <= counters.total)
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn what_is_reserved_counts_until_it_is_released() {
        let mut budget = Budget::new(vec![0, 7]);
        let payment = Reserved { limit: 0, units: 30 };
        assert!(budget.allows(payment, 30) && !budget.allows(payment, 29));
        budget.reserve(payment);
        assert!(!budget.allows(payment, 59) && budget.allows(payment, 60));
        assert_eq!((budget.spent(0), budget.spent(1)), (30, 7));
        budget.release(payment);
        assert_eq!(budget, Budget::new(vec![0, 7]));
    }

    #[test]
    fn sums_neither_overflow_nor_fall_below_zero_and_other_limits_have_none() {
        let mut budget = Budget::new(vec![u128::MAX - 1]);
        let payment = Reserved { limit: 0, units: 5 };
        assert!(!budget.allows(payment, u128::MAX - 1) && budget.allows(payment, u128::MAX));
        budget.reserve(payment);
        assert_eq!(budget.spent(0), u128::MAX);
        budget.release(Reserved { limit: 0, units: u128::MAX });
        budget.release(payment);
        assert_eq!(budget.spent(0), 0);
        budget.reserve(Reserved { limit: 1, units: 5 });
        assert_eq!((budget.spent(1), budget.spent(0)), (0, 0));
    }

    const DAY: f64 = 86_400_000.0;
    const HOUR: f64 = 3_600_000.0;
    /// Midnight (UTC).
    const NOW: f64 = 20_000.0 * DAY;

    fn at(ms: f64) -> WallTime {
        WallTime::from_ms(ms)
    }
    fn open(id: &str, units: u128, ms: f64) -> Open {
        Open { id: id.to_owned(), units, at: at(ms) }
    }
    /// Counters with payments of 10 that moved at these times.
    fn spent_at(times: &[f64]) -> Counters {
        let mut counters = Counters::new(at(NOW));
        for (number, ms) in times.iter().enumerate() {
            let id = number.to_string();
            counters.reserve(open(&id, 10, *ms));
            counters.resolve(&id, Fate::Spent(at(*ms)));
        }
        counters
    }

    #[test]
    fn days_and_hours_are_those_of_utc_and_begin_empty() {
        let counters = spent_at(&[NOW, NOW + HOUR - 1.0, NOW + HOUR, NOW + DAY]);
        for (window, ms, expected) in [
            (Window::Hour, NOW + DAY, 10),
            (Window::Day, NOW + DAY, 10),
            (Window::Day, NOW + 2.0 * DAY - 1.0, 10),
            (Window::Day, NOW + 2.0 * DAY, 0),
            (Window::Total, NOW + 9.0 * DAY, 40),
        ] {
            assert_eq!(counters.spent(window, at(ms)), expected, "{window:?} {ms}");
        }
        assert_eq!(counters.since(Window::Day, at(NOW + 1.5 * DAY)), at(NOW + DAY));
        assert_eq!(counters.since(Window::Hour, at(NOW + 5.0 * HOUR + 7.0)), at(NOW + 5.0 * HOUR));
        assert_eq!(counters.since(Window::Total, at(NOW + DAY)), at(NOW));
    }

    #[test]
    fn putting_the_clock_forward_and_back_fills_no_budget_again() {
        let mut counters = spent_at(&[NOW]);
        let caps = Caps { per_day: 10, ..Caps::NONE };
        assert_eq!(counters.refuses(1, caps, at(NOW)), Some(Window::Day));
        assert_eq!(counters.refuses(1, caps, at(NOW - 3.0 * DAY)), Some(Window::Day), "put back");
        assert_eq!(counters.refuses(10, caps, at(NOW + DAY)), None, "another day, as far as anybody knows");
        for day in 1..40 {
            let id = format!("later-{day}");
            counters.reserve(open(&id, 10, NOW + f64::from(day) * DAY));
            counters.resolve(&id, Fate::Spent(at(NOW + f64::from(day) * DAY)));
            assert_eq!(counters.refuses(1, caps, at(NOW)), Some(Window::Day), "forward and back");
        }
        assert_eq!(counters.refuses(1, caps, at(NOW + 39.0 * DAY)), Some(Window::Day));
    }

    #[test]
    fn what_is_set_aside_counts_in_every_window_until_its_record_says_what_became_of_it() {
        let mut counters = spent_at(&[]);
        let caps = Caps { per_hour: 25, per_day: 25, total: 25 };
        counters.reserve(open("a", 10, NOW));
        counters.reserve(open("a", 10, NOW));
        counters.reserve(open("b", 10, NOW));
        let tomorrow = at(NOW + DAY);
        assert_eq!((counters.reserved(), counters.used(Window::Hour, tomorrow)), (20, 20));
        assert_eq!(counters.refuses(6, caps, tomorrow), Some(Window::Hour));
        counters.resolve("a", Fate::Open);
        counters.resolve("a", Fate::Spent(tomorrow));
        counters.resolve("a", Fate::Spent(tomorrow));
        counters.resolve("b", Fate::Unmoved);
        counters.resolve("c", Fate::Spent(tomorrow));
        assert_eq!(
            (counters.reserved(), counters.spent(Window::Day, tomorrow), counters.spent(Window::Total, tomorrow)),
            (0, 10, 10)
        );
        assert_eq!(counters.spent(Window::Day, at(NOW + 2.0 * DAY)), 0, "it counts for the day on which it moved");
        assert_eq!(counters.refuses(15, caps, tomorrow), None);
        assert_eq!(counters.refuses(16, Caps { per_hour: u128::MAX, ..caps }, tomorrow), Some(Window::Day));
        assert_eq!(counters.refuses(16, Caps { total: 25, ..Caps::NONE }, tomorrow), Some(Window::Total));
    }

    #[test]
    fn a_refund_takes_back_what_was_counted_and_no_more() {
        let mut counters = spent_at(&[NOW, NOW + DAY]);
        counters.reserve(open("open", 5, NOW));
        counters.refund("open", 5, at(NOW));
        assert_eq!((counters.reserved(), counters.spent(Window::Total, at(NOW))), (0, 20));
        counters.refund("0", 10, at(NOW));
        assert_eq!((counters.spent(Window::Day, at(NOW + DAY)), counters.spent(Window::Total, at(NOW))), (10, 10));
        counters.refund("1", 50, at(NOW + DAY));
        assert_eq!(counters.used(Window::Total, at(NOW)), 0);
    }

    #[test]
    fn counters_are_read_as_they_were_written_and_anything_else_is_no_counters() {
        let mut counters = spent_at(&[NOW, NOW + HOUR]);
        counters.reserve(open("a", u128::MAX - 1, NOW + 0.5));
        let text = counters.to_json().to_json();
        assert_eq!(Counters::read(&json!(text)), Some(counters));
        for odd in [
            String::new(),
            "{".to_owned(),
            "{}".to_owned(),
            text.replace("\"version\":1", "\"version\":2"),
            text.replace("\"version\":1", "\"version\":0"),
            text.replace("\"total\":\"20\"", "\"total\":20"),
            text.replace("\"total\":\"20\"", "\"total\":\"-20\""),
            text.replace("\"total\":\"20\"", "\"total\":\"19\""),
            text.replace("\"hours\"", "\"days\""),
            text.replace("\"open\"", "\"shut\""),
            text.replace("480000", "-480000"),
            text.replace("\"since\":", "\"since\":-"),
            text.get(..text.len() - 3).unwrap().to_owned(),
        ] {
            assert_ne!(odd, text);
            assert_eq!(Counters::read(&json!(odd)), None, "{odd}");
        }
        assert_eq!(Counters::read(&json!(null)), None);
        assert_eq!(Counters::read(&json!(5)), None);
    }

    #[test]
    fn payments_of_before_are_counted_where_they_belong() {
        let mut counters = Counters::new(at(NOW + 9.0 * DAY));
        counters.add_earlier(open("a", 10, NOW), Fate::Spent(at(NOW + DAY)));
        counters.add_earlier(open("b", 3, NOW + DAY), Fate::Open);
        counters.add_earlier(open("c", 4, NOW + DAY), Fate::Unmoved);
        let then = at(NOW + DAY);
        assert_eq!((counters.spent(Window::Day, then), counters.used(Window::Day, then)), (10, 13));
        assert_eq!(counters.since(Window::Total, at(NOW + 9.0 * DAY)), at(NOW));
    }

    #[test]
    fn the_counters_stay_small() {
        let mut counters = spent_at(&[]);
        for number in 0..10_000 {
            let id = number.to_string();
            counters.reserve(open(&id, 1, NOW + f64::from(number) * HOUR));
            counters.resolve(&id, Fate::Spent(at(NOW)));
        }
        assert_eq!((counters.hours.len(), counters.total), (MAX_HOURS, 10_000));
        assert!(counters.to_json().to_json().len() < 2_000);
    }
}
