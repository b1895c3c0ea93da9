//! Points in time and durations as types of their own, so that a bare number is none of them.
//!
//! There are two clocks. [`Instant`] is on a monotonic clock, which only goes forward and means
//! nothing outside this run of the program: deadlines and polls use it. [`WallTime`] is on the wall
//! clock, which people and servers can set: records and signatures use it.

use core::ops::{Add, Sub};

/// A duration in milliseconds. Never NaN; may be infinite ("no limit") and may be negative where a
/// difference is.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Millis(f64);

/// A point on the monotonic clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Instant(f64);

/// A point on the wall clock: milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct WallTime(f64);

/// The point on the monotonic clock at which something must have ended, or [`Deadline::NEVER`].
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Deadline(f64);

impl Millis {
    /// No time at all.
    pub const ZERO: Millis = Millis(0.0);
    /// No limit.
    pub const FOREVER: Millis = Millis(f64::INFINITY);

    /// So many milliseconds; NaN counts as none.
    pub const fn new(ms: f64) -> Self {
        Self(if ms.is_nan() { 0.0 } else { ms })
    }

    /// So many seconds.
    pub const fn from_secs(seconds: f64) -> Self {
        Self::new(seconds * 1_000.0)
    }

    /// The number of milliseconds.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The shorter of the two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// The longer of the two.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }

    /// The duration that many times.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self::new(self.0 * factor)
    }

    /// Whether any time is left: false for zero and for negative durations.
    pub fn is_positive(self) -> bool {
        self.0 > 0.0
    }

    /// Whole milliseconds, for messages; 0 for negative durations.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people; the cast saturates")]
    pub fn whole(self) -> u64 {
        self.0.max(0.0) as u64
    }
}

impl Instant {
    /// A point in time that never comes.
    pub const NEVER: Instant = Instant(f64::INFINITY);
    /// A point in time before all others.
    pub const LONG_AGO: Instant = Instant(f64::NEG_INFINITY);

    /// The point that is so many milliseconds after the clock's own zero.
    pub const fn from_ms(ms: f64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the clock's own zero.
    pub const fn as_ms(self) -> f64 {
        self.0
    }

    /// How much later this is than `earlier`; negative when it is not.
    pub fn since(self, earlier: Self) -> Millis {
        Millis::new(self.0 - earlier.0)
    }

    /// The earlier of the two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// The later of the two.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}

impl WallTime {
    /// So many milliseconds after 1970.
    pub const fn from_ms(ms: f64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970.
    pub const fn as_ms(self) -> f64 {
        self.0
    }

    /// Whole milliseconds since 1970; 0 before that.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates at 0")]
    pub fn whole(self) -> u64 {
        self.0 as u64
    }

    /// Whole seconds since 1970; 0 before that.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates at 0")]
    pub fn as_secs(self) -> u64 {
        (self.0 / 1_000.0) as u64
    }

    /// How much later this is than `earlier`; negative when it is not.
    pub fn since(self, earlier: Self) -> Millis {
        Millis::new(self.0 - earlier.0)
    }
}

impl Deadline {
    /// No limit.
    pub const NEVER: Deadline = Deadline(f64::INFINITY);

    /// This point in time.
    pub const fn at(instant: Instant) -> Self {
        Self(instant.0)
    }

    /// So long after `now`; `None` is no limit.
    pub fn after(now: Instant, limit: Option<Millis>) -> Self {
        limit.map_or(Self::NEVER, |limit| Self(now.0 + limit.0))
    }

    /// What is left at `now`: negative when it is over, infinite without a limit.
    pub fn left(self, now: Instant) -> Millis {
        Millis::new(self.0 - now.0)
    }

    /// The point itself; infinitely far away without a limit.
    pub const fn instant(self) -> Instant {
        Instant(self.0)
    }

    /// Whether it is over at `now`.
    pub fn is_over(self, now: Instant) -> bool {
        now.0 >= self.0
    }

    /// The earlier of the two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }
}

impl Add<Millis> for Instant {
    type Output = Instant;
    fn add(self, duration: Millis) -> Instant {
        Instant(self.0 + duration.0)
    }
}

impl Add<Millis> for WallTime {
    type Output = WallTime;
    fn add(self, duration: Millis) -> WallTime {
        WallTime(self.0 + duration.0)
    }
}

impl Sub<Millis> for Instant {
    type Output = Instant;
    fn sub(self, duration: Millis) -> Instant {
        Instant(self.0 - duration.0)
    }
}

impl Sub<Millis> for WallTime {
    type Output = WallTime;
    fn sub(self, duration: Millis) -> WallTime {
        WallTime(self.0 - duration.0)
    }
}

impl Add for Millis {
    type Output = Millis;
    fn add(self, other: Millis) -> Millis {
        Millis::new(self.0 + other.0)
    }
}

impl Sub for Millis {
    type Output = Millis;
    fn sub(self, other: Millis) -> Millis {
        Millis::new(self.0 - other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_says_what_is_left_and_never_is_never_over() {
        let now = Instant::from_ms(100.0);
        let deadline = Deadline::after(now, Some(Millis::new(50.0)));
        assert_eq!(deadline.left(now), Millis::new(50.0));
        assert!(!deadline.is_over(Instant::from_ms(149.0)) && deadline.is_over(Instant::from_ms(150.0)));
        assert!(!Deadline::NEVER.is_over(Instant::from_ms(f64::MAX)));
        assert_eq!(Deadline::NEVER.left(now), Millis::FOREVER);
        assert_eq!(Deadline::after(now, None).min(deadline), deadline);
    }

    #[test]
    fn not_a_number_is_no_duration() {
        assert_eq!(Millis::new(f64::NAN), Millis::ZERO);
        assert_eq!(Millis::FOREVER - Millis::FOREVER, Millis::ZERO);
        assert_eq!(Millis::ZERO.times(f64::INFINITY), Millis::ZERO);
    }

    #[test]
    fn times_before_1970_have_no_seconds() {
        assert_eq!(WallTime::from_ms(-5.0).as_secs(), 0);
        assert_eq!(WallTime::from_ms(1_999.9).as_secs(), 1);
    }
}
