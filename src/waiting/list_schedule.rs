//! What this server's lists of jobs are worth: which one to ask for, how much of it, and when.
//!
//! Two lists serve many waits. That of the unfinished jobs is small; a job that has left it is then
//! polled by itself. That of all jobs holds the answers too, so that it costs no further requests.
//! Both come newest first and have no pages: a list that is cut off before some of our jobs is
//! asked for with a greater limit, one that is too large or too slow with a smaller one.

use crate::api::error::{Error, ErrorCode};
use crate::api::routes;
use crate::http::retry::POLL_LIMIT;
use crate::time::{Instant, Millis};

/// The shortest time between two lists.
const LEAST_GAP: Millis = Millis::new(500.0);
/// How much longer the pause after a list gets with each job in it, in milliseconds: long lists are
/// heavy for the server, the network and this program.
const GAP_PER_JOB_MS: f64 = 0.1;
/// How many times as long as the list took the pause after it is at least.
const GAP_PER_TIME: f64 = 2.0;
/// How long a list may take at first; twice as long after each that took too long. A server that is
/// slow with lists may be quick with single jobs.
const LIST_LIMIT: Millis = Millis::new(3_000.0);
/// The pause after a list that failed; it doubles with each further one.
const BACKOFF: Millis = Millis::new(1_000.0);
/// The longest pause after a list that failed.
const MAX_BACKOFF: Millis = Millis::new(5_000.0);
/// After so many failures in a row jobs are polled by themselves, as far as the rate limit carries
/// that.
const BROKEN_FROM: u32 = 4;
/// A list that was refused is asked for again after so long: keys and proxies change.
const REFUSED: Millis = Millis::new(300_000.0);
/// A limit that was too great is tried again after so long.
const CUT_BACK: Millis = Millis::new(60_000.0);
/// So many jobs are asked for at least, unless that was too much: a megabyte or two.
const USUAL_LIMIT: u32 = 1_000;
/// No less is asked for, whatever becomes of it.
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
}

impl ListQuery {
    /// The path with its query.
    pub(crate) fn path(&self) -> String {
        let status = if self.which == Which::Unfinished { "&status=processing" } else { "" };
        format!("{}?limit={}{status}", routes::JOBS, self.limit)
    }
}

/// What a list has brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    /// When it was asked for.
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
    /// Until when `most` counts.
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
        ((waiting * 2.0) as u32).max(USUAL_LIMIT).max(self.needed).min(self.ceiling(now))
    }
}

/// Whether lists can be had.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Availability {
    /// They can.
    Open,
    /// The last one failed: the next one may be asked for at this time. Those before it failed too
    /// where `is_broken`.
    Failing { until: Instant, is_broken: bool },
    /// The server refuses them.
    Refused,
}

/// What is known about the lists of a server.
#[derive(Debug)]
pub(crate) struct ListSchedule {
    unfinished: Reach,
    all: Reach,
    /// Until when the list of all jobs is known not to reach the jobs that are waited for.
    too_short_until: Instant,
    /// How many lists have failed in a row.
    failures: u32,
    /// After a failure: until when none is asked for.
    closed_until: Instant,
    /// Whether the last failure was the server's last word.
    is_refused: bool,
    /// When the last list came, or the server did not answer.
    last_at: Option<Instant>,
    /// The pause after the last list, which is longer for long lists.
    not_before: Instant,
    /// How long the next one may take.
    limit: Millis,
}

impl Default for ListSchedule {
    fn default() -> Self {
        Self {
            unfinished: Reach::NEW,
            all: Reach::NEW,
            too_short_until: Instant::LONG_AGO,
            failures: 0,
            closed_until: Instant::LONG_AGO,
            is_refused: false,
            last_at: None,
            not_before: Instant::LONG_AGO,
            limit: LIST_LIMIT,
        }
    }
}

impl ListSchedule {
    pub(crate) fn availability(&self, now: Instant) -> Availability {
        if now >= self.closed_until {
            Availability::Open
        } else if self.is_refused {
            Availability::Refused
        } else {
            Availability::Failing { until: self.closed_until, is_broken: self.failures >= BROKEN_FROM }
        }
    }

    /// When the next list is due, for waits that want one this long after the last, or at
    /// `first`.
    pub(crate) fn due(&self, gap: Millis, first: Instant) -> Instant {
        let due = self.last_at.map_or(first, |last| first.min(last + gap.max(LEAST_GAP)));
        due.max(self.not_before).max(self.closed_until)
    }

    /// Which list to ask for when `spare` requests may go out at once. As long as each of those who
    /// wait could have a request of its own and half of them are left, the small list is enough.
    pub(crate) fn query(&self, now: Instant, waiting: f64, spare: f64) -> ListQuery {
        let small = spare >= 2.0 * waiting || now < self.too_short_until;
        let (which, reach) = if small { (Which::Unfinished, &self.unfinished) } else { (Which::All, &self.all) };
        ListQuery { which, limit: reach.limit(now, waiting) }
    }

    /// How long the next list may take.
    pub(crate) fn limit(&self) -> Millis {
        self.limit
    }

    /// A list is asked for. If it ends with the one that has asked for it, the next one waits its
    /// turn all the same.
    pub(crate) fn asked(&mut self, now: Instant) {
        self.not_before = self.not_before.max(now + LEAST_GAP);
    }

    /// A list has come.
    pub(crate) fn arrived(&mut self, now: Instant, query: ListQuery, listed: Listed) {
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

    /// No answer at all, which says nothing about lists.
    pub(crate) fn unanswered(&mut self, now: Instant) {
        self.last_at = Some(now);
    }

    /// There is no list this time.
    pub(crate) fn failed(&mut self, now: Instant, query: ListQuery, error: &Error) {
        self.is_refused = error.is_last_word() || matches!(error.status, Some(300..=399));
        self.failures = self.failures.saturating_add(1);
        let backoff = BACKOFF.times(f64::from(1u32.checked_shl(self.failures.min(9).saturating_sub(1)).unwrap_or(1)));
        self.closed_until = now + if self.is_refused { REFUSED } else { backoff.min(MAX_BACKOFF) };
        if error.code == ErrorCode::RequestTimeout {
            self.limit = self.limit.times(2.0).min(POLL_LIMIT);
        }
        if matches!(error.code, ErrorCode::ResponseTooLarge | ErrorCode::RequestTimeout) {
            let reach = self.reach(query.which);
            // What is needed is found out again from below.
            (reach.needed, reach.most) = (0, query.limit.checked_div(2).unwrap_or(0).max(MIN_LIMIT));
            reach.most_until = now + CUT_BACK;
            // Answers that are so large come one by one, when their jobs have left the small list.
            if query.which == Which::All && query.limit <= MIN_LIMIT {
                self.too_short_until = now + CUT_BACK;
            }
        }
    }

    fn reach(&mut self, which: Which) -> &mut Reach {
        match which {
            Which::Unfinished => &mut self.unfinished,
            Which::All => &mut self.all,
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    fn at(ms: f64) -> Instant {
        Instant::from_ms(ms)
    }
    fn error(code: ErrorCode, status: Option<u16>) -> Box<Error> {
        let mut error = Error::new(code, "no");
        error.status = status;
        error
    }
    fn server_error() -> Box<Error> {
        error(ErrorCode::ServerError, Some(500))
    }
    fn short(asked_at: f64) -> Listed {
        Listed { asked_at: at(asked_at), count: 1_000, falls_short: true }
    }
    const ALL: ListQuery = ListQuery { which: Which::All, limit: 1_000 };

    #[test]
    fn the_small_list_is_asked_for_while_each_could_have_two_requests_of_its_own() {
        let lists = ListSchedule::default();
        assert_eq!(lists.query(at(0.0), 20.0, 40.0).path(), "/api/messaging/jobs?limit=1000&status=processing");
        assert_eq!(lists.query(at(0.0), 20.0, 39.0).path(), "/api/messaging/jobs?limit=1000");
        assert_eq!(lists.query(at(0.0), 3_000.0, 0.0).limit, 6_000);
        assert_eq!(lists.query(at(0.0), 9_000.0, 0.0).limit, 10_000);
    }

    #[test]
    fn a_list_may_take_three_seconds_and_twice_as_long_after_each_that_took_too_long() {
        let mut lists = ListSchedule::default();
        for limit in [3_000.0, 6_000.0, 10_000.0, 10_000.0] {
            assert_eq!(lists.limit(), Millis::new(limit));
            lists.failed(at(0.0), ALL, &server_error());
            lists.failed(at(0.0), ALL, &error(ErrorCode::RequestTimeout, None));
        }
    }

    #[test]
    fn a_list_that_ends_with_the_one_that_asked_for_it_is_not_asked_for_again_at_once() {
        let mut lists = ListSchedule::default();
        lists.asked(at(1_000.0));
        assert_eq!(lists.due(Millis::ZERO, at(1_000.0)), at(1_500.0));
    }

    #[test]
    fn a_list_that_leaves_jobs_out_is_asked_for_with_twice_the_limit() {
        let mut lists = ListSchedule::default();
        let limits = [1_000, 2_000, 4_000, 8_000, 10_000, 10_000].map(|limit| {
            let query = lists.query(at(0.0), 10.0, 0.0);
            assert_eq!((query.which, query.limit), (Which::All, limit));
            if limit < 10_000 {
                lists.arrived(at(0.0), query, short(0.0));
            }
            query.limit
        });
        assert_eq!(limits.len(), 6);
        // It reaches no further: for a minute the other list has to do.
        lists.arrived(at(0.0), ListQuery { limit: 10_000, ..ALL }, short(0.0));
        assert_eq!(lists.query(at(59_999.0), 10.0, 0.0).which, Which::Unfinished);
        assert_eq!(lists.query(at(60_000.0), 10.0, 0.0).which, Which::All);
    }

    #[test]
    fn what_is_too_large_or_too_slow_is_asked_for_with_half_the_limit_for_a_minute() {
        for code in [ErrorCode::ResponseTooLarge, ErrorCode::RequestTimeout] {
            let mut lists = ListSchedule::default();
            for limit in [500, 250, 125, 62, 50] {
                let query = lists.query(at(0.0), 10.0, 0.0);
                lists.failed(at(0.0), query, &error(code, None));
                assert_eq!(lists.query(at(59_999.0), 10.0, 0.0), ListQuery { limit, ..ALL });
                assert_eq!(lists.query(at(60_000.0), 10.0, 0.0), ALL);
            }
            // Fifty answers are too large: now the list without answers is asked for.
            lists.failed(at(0.0), ListQuery { limit: 50, ..ALL }, &error(code, None));
            assert_eq!(lists.query(at(59_000.0), 10.0, 0.0).which, Which::Unfinished);
            assert_eq!(lists.query(at(61_000.0), 10.0, 0.0).limit, 1_000);
        }
    }

    #[test]
    fn a_list_that_fails_is_due_again_after_a_pause_that_doubles_up_to_five_seconds() {
        let mut lists = ListSchedule::default();
        let mut now = 0.0;
        for pause in [1_000.0, 2_000.0, 4_000.0, 5_000.0, 5_000.0] {
            lists.failed(at(now), ALL, &server_error());
            assert_eq!(lists.due(Millis::ZERO, at(0.0)), at(now + pause));
            let is_broken = now >= 7_000.0;
            assert_eq!(lists.availability(at(now)), Availability::Failing { until: at(now + pause), is_broken });
            now += pause;
            assert_eq!(lists.availability(at(now)), Availability::Open);
        }
        for _ in 0..40 {
            lists.failed(at(now), ALL, &server_error());
        }
        lists.arrived(at(now), ALL, Listed { asked_at: at(now), count: 5, falls_short: false });
        lists.failed(at(now), ALL, &server_error());
        assert_eq!(lists.availability(at(now)), Availability::Failing { until: at(now + 1_000.0), is_broken: false });
    }

    #[test]
    fn a_list_that_is_refused_is_asked_for_again_after_five_minutes() {
        for status in [301, 400, 401, 402, 403, 404, 405, 422, 451] {
            let mut lists = ListSchedule::default();
            lists.failed(at(0.0), ALL, &error(ErrorCode::Forbidden, Some(status)));
            assert_eq!(lists.availability(at(299_000.0)), Availability::Refused, "{status}");
            assert_eq!(lists.availability(at(300_000.0)), Availability::Open);
        }
        for status in [None, Some(200), Some(408), Some(425), Some(429), Some(500), Some(503)] {
            let mut lists = ListSchedule::default();
            lists.failed(at(0.0), ALL, &error(ErrorCode::InvalidResponse, status));
            assert_ne!(lists.availability(at(0.0)), Availability::Refused, "{status:?}");
        }
    }

    #[test]
    fn long_and_slow_lists_come_less_often() {
        let due = |count, took: f64| {
            let mut lists = ListSchedule::default();
            lists.arrived(at(took), ALL, Listed { asked_at: at(0.0), count, falls_short: false });
            lists.due(Millis::ZERO, at(0.0))
        };
        assert_eq!(due(20, 50.0), at(500.0));
        assert_eq!(due(20, 1_000.0), at(2_000.0));
        assert_eq!(due(10_000, 50.0), at(1_000.0));
        // Waits that are content with fewer get fewer.
        let mut lists = ListSchedule::default();
        lists.arrived(at(50.0), ALL, Listed { asked_at: at(0.0), count: 5, falls_short: false });
        assert_eq!(lists.due(Millis::new(2_000.0), at(9_000.0)), at(2_050.0));
    }
}
