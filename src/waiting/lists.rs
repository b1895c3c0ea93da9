//! What this server's lists of jobs are worth: which one to ask for, how much of it, and when.
//!
//! Two lists serve a crowd. That of the unfinished jobs is small; a job that has left it is then polled by itself. That
//! of all jobs holds the answers too, so that it costs no further requests. Both come newest first and have no pages:
//! a list that is cut off before some of our jobs is asked for with a greater limit, one that is too large or too slow
//! with a smaller one.

use crate::api::error::{Error, ErrorCode};
use crate::api::routes;
use crate::text::{concat, decimal};
use crate::time::{Instant, Millis};

/// The shortest time between two lists.
const LEAST_GAP: Millis = Millis::new(500.0);
/// How much longer the pause after a list gets with each job in it, in milliseconds: long lists are heavy for the server,
/// the network and this program.
const GAP_PER_JOB_MS: f64 = 0.1;
/// How many times as long as the list took the pause after it is at least.
const GAP_PER_TIME: f64 = 3.0;
/// The pause after a list that failed; it doubles with each further one.
const BACKOFF: Millis = Millis::new(1_000.0);
/// The longest pause after a list that failed.
const MAX_BACKOFF: Millis = Millis::new(5_000.0);
/// After so many failures in a row jobs are polled by themselves, as far as the rate limit carries that.
const BROKEN_FROM: u32 = 4;
/// A list that was refused is asked for again after so long: keys and proxies change.
const REFUSED: Millis = Millis::new(300_000.0);
/// A limit that was too great is tried again after so long.
const CUT_BACK: Millis = Millis::new(60_000.0);
/// The least that is asked for.
const MIN_LIMIT: u32 = 50;
/// As many jobs as a server holds.
const MAX_LIMIT: u32 = 10_000;

/// Which jobs a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that are being processed.
    Unfinished,
    /// All, with their answers.
    All,
}

/// A list to ask for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ListQuery {
    pub(crate) which: Which,
    /// How many jobs it has at most.
    pub(crate) limit: u32,
    /// How many jobs are waited for.
    pub(crate) waiting: f64,
}

impl ListQuery {
    /// The path with its query.
    pub(crate) fn path(&self) -> String {
        let status = if self.which == Which::Unfinished { "&status=processing" } else { "" };
        concat(&[routes::JOBS, "?limit=", &decimal(self.limit.into()), status])
    }
}

/// What a list has brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    pub(crate) asked_at: Instant,
    /// How many jobs it has.
    pub(crate) count: u32,
    /// Whether it was cut off and leaves out jobs that are waited for.
    pub(crate) falls_short: bool,
}

/// How much of one of the two lists is asked for.
#[derive(Debug, Clone, Copy)]
struct Reach {
    /// As many as were needed so far.
    needed: u32,
    /// No more than this, for a while: it was too large, or too slow.
    most: u32,
    most_until: Instant,
}

impl Reach {
    const NEW: Self = Self { needed: 0, most: MAX_LIMIT, most_until: Instant::from_ms(0.0) };

    fn ceiling(&self, now: Instant) -> u32 {
        if now < self.most_until { self.most } else { MAX_LIMIT }
    }

    /// Twice as many as are waited for, since others have jobs too.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    fn limit(&self, now: Instant, waiting: f64) -> u32 {
        ((waiting * 2.0) as u32).saturating_add(MIN_LIMIT).max(self.needed).min(self.ceiling(now))
    }
}

/// Whether lists can be had.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Lists {
    /// They can.
    Open,
    /// The last one failed: the next one may be asked for at this time. Those before it failed too where `is_broken`.
    Failing { until: Instant, is_broken: bool },
    /// The server refuses them.
    Refused,
}

/// What is known about the lists of a server.
#[derive(Debug)]
pub(crate) struct ListState {
    unfinished: Reach,
    all: Reach,
    /// Until when the list of all jobs is known not to reach the jobs that are waited for.
    too_short_until: Instant,
    failures: u32,
    closed_until: Instant,
    is_refused: bool,
    last_at: Option<Instant>,
    not_before: Instant,
}

impl Default for ListState {
    fn default() -> Self {
        let long_ago = Instant::from_ms(f64::NEG_INFINITY);
        Self {
            unfinished: Reach::NEW,
            all: Reach::NEW,
            too_short_until: long_ago,
            failures: 0,
            closed_until: long_ago,
            is_refused: false,
            last_at: None,
            not_before: long_ago,
        }
    }
}

impl ListState {
    pub(crate) fn lists(&self, now: Instant) -> Lists {
        if now >= self.closed_until {
            Lists::Open
        } else if self.is_refused {
            Lists::Refused
        } else {
            Lists::Failing { until: self.closed_until, is_broken: self.failures >= BROKEN_FROM }
        }
    }

    /// When the next list is due, for a crowd that wants one this long after the last, or at `first`.
    pub(crate) fn due(&self, gap: Millis, first: Instant) -> Instant {
        let due = self.last_at.map_or(first, |last| first.min(last + gap.max(LEAST_GAP)));
        due.max(self.not_before).max(self.closed_until)
    }

    /// Which list to ask for when `spare` requests may go out at once. As long as each of those who wait could have a
    /// request of its own, the small list is enough.
    pub(crate) fn query(&self, now: Instant, waiting: f64, spare: f64) -> ListQuery {
        let small = spare >= waiting || now < self.too_short_until;
        let (which, reach) = if small { (Which::Unfinished, &self.unfinished) } else { (Which::All, &self.all) };
        ListQuery { which, limit: reach.limit(now, waiting), waiting }
    }

    /// A list has come.
    pub(crate) fn heard(&mut self, now: Instant, query: ListQuery, listed: Listed) {
        self.failures = 0;
        self.last_at = Some(now);
        let took = now.since(listed.asked_at).times(GAP_PER_TIME);
        let pause = LEAST_GAP.max(took).max(Millis::new(f64::from(listed.count) * GAP_PER_JOB_MS));
        self.not_before = listed.asked_at + pause;
        if !listed.falls_short {
            return;
        }
        let reach = self.reach(query.which);
        let ceiling = reach.ceiling(now);
        reach.needed = query.limit.saturating_mul(2).min(MAX_LIMIT);
        if query.limit >= ceiling && query.which == Which::All {
            self.too_short_until = now + CUT_BACK;
        }
    }

    /// No answer from anybody: that says nothing about lists.
    pub(crate) fn unanswered(&mut self, now: Instant) {
        self.last_at = Some(now);
    }

    /// There is no list this time.
    pub(crate) fn failed(&mut self, now: Instant, query: ListQuery, error: &Error) {
        self.is_refused = matches!(error.status, Some(300..=407 | 409..=424 | 426..=428 | 430..=499));
        self.failures = self.failures.saturating_add(1);
        let backoff = BACKOFF.times(f64::from(1u32.checked_shl(self.failures.min(9).saturating_sub(1)).unwrap_or(1)));
        self.closed_until = now + if self.is_refused { REFUSED } else { backoff.min(MAX_BACKOFF) };
        if matches!(error.code, ErrorCode::ResponseTooLarge | ErrorCode::RequestTimeout) {
            let reach = self.reach(query.which);
            // What is needed is found out again from below.
            (reach.needed, reach.most) = (0, query.limit.checked_div(2).unwrap_or(0).max(MIN_LIMIT));
            reach.most_until = now + CUT_BACK;
        }
    }

    fn reach(&mut self, which: Which) -> &mut Reach {
        match which {
            Which::Unfinished => &mut self.unfinished,
            Which::All => &mut self.all,
        }
    }
}
