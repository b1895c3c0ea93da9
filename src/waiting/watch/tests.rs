//! Each rule of many waits, without async.

use super::leading::LOST;
use super::list_outcome::CHANGED;
use super::subscription::Listing;
use super::*;
use crate::api::error::{Error, ErrorCode};
use crate::api::jobs;
use crate::http::retry::POLL_LIMIT;
use crate::json;
use crate::waiting::job_list::{JobList, SLICE};
use crate::waiting::list_schedule::Which;
use crate::waiting::schedule::WaitPlan;

const FREE: Way = Way { quiet: Millis::ZERO, spare: 500.0, is_cached: false };
const SPENT: Way = Way { quiet: Millis::ZERO, spare: 0.0, is_cached: false };

fn at(ms: f64) -> Instant {
    Instant::from_ms(ms)
}
/// A watch over so many jobs, named by their keys, that were created a second ago and are being
/// processed.
fn watch(count: usize, way: Way) -> Watch {
    let mut watch = Watch::new(Pace::default());
    let keys: Vec<Key> = (0..count).map(|key| join(&mut watch, &format!("job-{key}"), at(0.0))).collect();
    if count >= SHARED_FROM {
        show(&mut watch, at(1_000.0), way, &keys);
    }
    watch
}
fn join(watch: &mut Watch, id: &str, now: Instant) -> Key {
    let plan = WaitPlan::default();
    let terms = Terms {
        plan,
        lifetime: Some(Millis::new(30_000.0)),
        was_there: false,
        deadline: Instant::NEVER,
        limit: None,
        may_share: true,
    };
    watch.subscribe(id, "", terms, now)
}
fn job(key: Key, status: &str) -> Json {
    let job = json!({"jobId": format!("job-{key}"), "status": status, "createdAt": 0, "expiresAt": 30_000});
    if status == "completed" { job.set("result", json!({"message": {"content": "here"}})) } else { job }
}
fn list(jobs: Vec<Json>) -> Json {
    Json::object().set("jobs", Json::array(jobs))
}
/// Asks all of them for their next steps until one asks for a list.
fn leader(watch: &mut Watch, now: Instant, way: Way) -> Option<(Key, ListQuery)> {
    (0..watch.subscriptions.key_end()).find_map(|key| match step(watch, key, now, way) {
        Step::List { query, .. } => Some((key, query)),
        Step::Own(_) | Step::Led => None,
    })
}
/// The next step that is no report.
fn step(watch: &mut Watch, key: Key, now: Instant, way: Way) -> Step {
    loop {
        match watch.next(key, now, way) {
            Step::Own(Next::Report(_)) => {}
            step => return step,
        }
    }
}
/// Four jobs that a list has just shown, twenty seconds after they were created, on a server whose
/// answers are in its jobs.
fn crowd_of_slow_jobs() -> Watch {
    let mut watch = watch(4, FREE);
    watch.learn_from(&jobs::read_job(job(9, "completed")));
    show(&mut watch, at(20_000.0), FREE, &[0, 1, 2, 3]);
    watch
}
/// A list that shows these jobs as being processed.
fn show(watch: &mut Watch, now: Instant, way: Way, keys: &[Key]) {
    let (_, query) = leader(watch, now, way).unwrap();
    listed(watch, query, now, now, list(keys.iter().map(|key| job(*key, "processing")).collect()));
    for key in 0..watch.subscriptions.key_end() {
        step(watch, key, now, way);
    }
    watch.take_woken();
}
fn listed(watch: &mut Watch, query: ListQuery, asked_at: Instant, now: Instant, list: Json) {
    let mut jobs = JobList::new(query, asked_at, &list);
    while !jobs.read_on() {}
    while !watch.listed(&mut jobs, now) {}
}
fn sleeps_until(step: &Step) -> Instant {
    let Step::Own(Next::Sleep(until)) = step else { panic!("{step:?}") };
    *until
}
fn takes_slot(step: &Step) -> bool {
    matches!(step, Step::Own(Next::TakeSlot { .. }))
}

#[test]
fn three_jobs_are_polled_one_by_one_and_four_by_one_list() {
    let mut three = watch(3, FREE);
    assert!((0..3).all(|key| takes_slot(&three.next(key, at(1_000.0), FREE))));
    let mut four = watch(4, FREE);
    let (key, query) = leader(&mut four, at(2_000.0), FREE).unwrap();
    assert_eq!((key, query.path()), (0, "/api/messaging/jobs?limit=1000&status=processing".into()));
    for key in 1..4 {
        assert!(matches!(four.next(key, at(2_000.0), FREE), Step::Led));
        assert_eq!(four.subscriptions.get(key).unwrap().wait.sleeps_until(), at(30_050.0), "until its own expiry");
    }
}

/// A wait of the caller's, which ends at `deadline`.
fn join_until(watch: &mut Watch, deadline: f64, now: Instant) -> Key {
    let (plan, deadline) = (WaitPlan::default(), at(deadline));
    let terms = Terms { plan, lifetime: None, was_there: true, deadline, limit: None, may_share: true };
    watch.subscribe("another", "", terms, now)
}

#[test]
fn the_leader_wakes_each_of_the_others_when_its_time_is_over_and_nobody_before() {
    let mut watch = watch(5, FREE);
    let (leader, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
    let first = join_until(&mut watch, 2_500.0, at(2_000.0));
    let second = join_until(&mut watch, 2_700.0, at(2_000.0));
    watch.take_woken();
    for key in [second, first] {
        assert!(matches!(step(&mut watch, key, at(2_000.0), FREE), Step::Led));
        assert_eq!(watch.take_woken(), [leader], "its list may take longer than that");
    }
    assert_eq!(watch.led_until(), at(2_500.0));
    // While the list is on its way.
    for (now, woken) in [(2_499.0, vec![]), (2_500.0, vec![first]), (2_501.0, vec![]), (2_701.0, vec![second])] {
        watch.wake_ended(at(now));
        assert_eq!(watch.take_woken(), woken, "{now}");
        for key in woken {
            let end = step(&mut watch, key, at(now), FREE);
            assert!(matches!(&end, Step::Own(Next::TakeSlot { .. } | Next::Over(_))), "{now}: {end:?}");
            watch.unsubscribe(key, at(now));
        }
    }
    listed(&mut watch, query, at(2_000.0), at(2_800.0), list((0..5).map(|key| job(key, "processing")).collect()));
    // While the leader sleeps.
    let soon = sleeps_until(&step(&mut watch, leader, at(2_800.0), FREE));
    let third = join_until(&mut watch, 2_900.0, at(2_810.0));
    let later = join_until(&mut watch, soon.as_ms() + 500.0, at(2_810.0));
    watch.take_woken();
    assert!(matches!(step(&mut watch, later, at(2_810.0), FREE), Step::Led));
    assert_eq!(watch.take_woken(), Vec::<Key>::new(), "the leader wakes before that anyway");
    assert!(matches!(step(&mut watch, third, at(2_810.0), FREE), Step::Led));
    assert_eq!(watch.take_woken(), [leader]);
    assert_eq!(sleeps_until(&step(&mut watch, leader, at(2_810.0), FREE)), at(2_900.0));
    step(&mut watch, leader, at(2_900.0), FREE);
    assert_eq!(watch.take_woken(), [third]);
}

#[test]
fn those_who_are_led_go_on_when_nobody_is_left_to_lead_them() {
    let mut watch = watch(5, FREE);
    watch.learn(ChannelAnswer::NoChannels);
    let (leader, _) = leader(&mut watch, at(29_990.0), FREE).unwrap();
    let led: Vec<Key> = (0..5).filter(|key| *key != leader).collect();
    for key in &led {
        assert!(matches!(step(&mut watch, *key, at(29_990.0), FREE), Step::Led), "{key}");
    }
    watch.take_woken();
    // A moment after their expiry none of them wants a list, and the last poll is not due yet.
    watch.unsubscribe(leader, at(30_010.0));
    let woken = watch.take_woken();
    assert!(led.iter().all(|key| woken.contains(key)), "{woken:?}");
}

#[test]
fn a_long_list_is_looked_through_in_parts_and_every_wait_learns_of_it() {
    let count = 2 * SLICE + 1;
    let mut watch = watch(count, SPENT);
    let (_, query) = leader(&mut watch, at(3_000.0), SPENT).unwrap();
    let mut jobs = JobList::new(query, at(3_000.0), &list((0..count).map(|key| job(key, "completed")).collect()));
    let parts = (1..).find(|_| jobs.read_on());
    assert_eq!(parts, Some(3));
    for known in (CHANGED..count).step_by(CHANGED) {
        assert!(!watch.listed(&mut jobs, at(3_100.0)));
        assert_eq!(watch.take_woken().len(), CHANGED, "{known}");
        for key in known..count {
            assert!(!matches!(step(&mut watch, key, at(9_000.0), SPENT), Step::List { .. }), "no other list meanwhile");
        }
    }
    assert!(watch.listed(&mut jobs, at(3_200.0)));
    assert_eq!(watch.take_woken().len(), 1);
}

#[test]
fn waits_that_a_list_does_not_change_are_looked_through_in_larger_parts() {
    let mut watch = watch(2 * SLICE + 1, SPENT);
    let (_, query) = leader(&mut watch, at(3_000.0), SPENT).unwrap();
    let mut jobs = JobList::new(query, at(3_000.0), &list(Vec::new()));
    while !jobs.read_on() {}
    assert_eq!((1..).find(|_| watch.listed(&mut jobs, at(3_100.0))), Some(3));
}

#[test]
fn a_wait_that_does_not_share_polls_by_itself_in_any_crowd() {
    let mut watch = watch(4, FREE);
    let terms = |plan| Terms { plan, lifetime: None, was_there: true, deadline: Instant::NEVER, limit: None, may_share: true };
    let own_interval = WaitPlan { interval_ms: Some(700), max_attempts: None };
    let own = watch.subscribe("job-9", "", terms(own_interval), at(1_000.0));
    assert!(matches!(watch.next(own, at(1_000.0), FREE), Step::Own(Next::Poll { .. })));
    let alone = watch.subscribe("job-9", "", Terms { may_share: false, ..terms(WaitPlan::default()) }, at(1_000.0));
    assert!(takes_slot(&watch.next(alone, at(1_000.0), FREE)));
    // What comes of lists is nothing to it.
    let due = |watch: &Watch| watch.subscriptions.get(alone).unwrap().wait.due();
    let before = due(&watch);
    let (_, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
    watch.list_failed(query, at(2_050.0), FREE, &Error::new(ErrorCode::ConnectionFailed, "no"), ListLimit::Request);
    assert_eq!(due(&watch), before);
    listed(&mut watch, query, at(3_000.0), at(3_050.0), list(vec![job(9, "completed")]));
    assert!(!watch.take_woken().contains(&alone));
    assert_eq!(due(&watch), before);
}

#[test]
fn a_wait_that_does_not_share_reads_the_channel_of_its_job_beside_any_crowd() {
    let mut watch = watch(4, FREE);
    let (plan, lifetime) = (WaitPlan::default(), Some(Millis::new(30_000.0)));
    let terms = Terms { plan, lifetime, was_there: false, deadline: Instant::NEVER, limit: None, may_share: false };
    let alone = watch.subscribe("job-9", "", terms, at(0.0));
    // Channels are worth a look after five seconds; the crowd has its lists.
    let now = at(6_000.0);
    assert!(takes_slot(&step(&mut watch, alone, now, FREE)));
    watch.slot(alone, now, Some(true));
    assert!(matches!(watch.next(alone, now, FREE), Step::Own(Next::Poll { .. })));
    watch.polled(alone, at(6_050.0), Ok(jobs::read_job(job(9, "processing"))));
    assert!(matches!(step(&mut watch, alone, at(6_050.0), FREE), Step::Own(Next::ReadChannel { .. })));
    assert!(leader(&mut watch, at(6_050.0), FREE).is_some());
}

#[test]
fn all_but_the_leader_of_those_that_share_are_led() {
    let mut watch = watch(4, FREE);
    let plan = WaitPlan::default();
    let terms = Terms { plan, lifetime: None, was_there: true, deadline: Instant::NEVER, limit: None, may_share: false };
    let alone = watch.subscribe("job-9", "", terms, at(1_000.0));
    assert_eq!([0, 1, 2, 3, alone].map(|key| watch.has_other_leader(key)), [false, true, true, true, false]);
}

#[test]
fn a_new_wait_wakes_the_leader_when_it_wants_a_list_before_that_wakes() {
    let mut watch = crowd_of_slow_jobs();
    assert!(watch.sharing.attends_until > at(20_550.0), "{:?}", watch.sharing.attends_until);
    let plan = WaitPlan::default();
    let terms = Terms { plan, lifetime: None, was_there: true, deadline: Instant::NEVER, limit: None, may_share: false };
    watch.subscribe("job-8", "", terms, at(20_000.0));
    assert!(watch.take_woken().is_empty(), "it polls by itself");
    join(&mut watch, "job-9", at(20_000.0));
    assert_eq!(watch.take_woken(), [0]);
    step(&mut watch, 0, at(20_000.0), FREE);
    assert_eq!(watch.sharing.attends_until, at(20_500.0), "half a second after the last list");
    join(&mut watch, "job-10", at(20_050.0));
    assert!(watch.take_woken().is_empty(), "no sooner than that");
}

#[test]
fn a_wait_in_a_crowd_ends_at_its_limit_and_wants_no_list_after_its_jobs_expiry() {
    let mut watch = watch(4, FREE);
    let plan = WaitPlan::default();
    let lifetime = Some(Millis::new(30_000.0));
    let terms = Terms { plan, lifetime, was_there: false, deadline: at(1_400.0), limit: None, may_share: true };
    let limited = watch.subscribe("job-9", "", terms, at(1_000.0));
    assert!(matches!(step(&mut watch, limited, at(1_399.0), FREE), Step::Led));
    assert_eq!(watch.led_until(), at(1_400.0));
    assert!(matches!(step(&mut watch, limited, at(1_400.0), FREE), Step::Own(Next::Over(end)) if end.is_err()));
    let wants = |now| watch.subscriptions.get(0).unwrap().wants_list(at(now));
    assert!(wants(29_999.0) && !wants(30_000.0));
}

#[test]
fn when_the_leader_gives_the_list_up_the_next_one_asks_for_it() {
    let mut watch = watch(4, FREE);
    let (key, _) = leader(&mut watch, at(2_000.0), FREE).unwrap();
    watch.list_given_up(key, at(2_000.0));
    assert_eq!((key, watch.take_woken()), (0, vec![3]));
    assert!(matches!(step(&mut watch, 3, at(2_500.0), FREE), Step::List { .. }), "when its turn comes");
}

#[test]
fn a_job_that_lists_leave_out_is_polled_by_itself_for_ten_seconds_after_the_last_of_them() {
    let mut watch = watch(4, FREE);
    let own = watch.subscriptions.get_mut(3).unwrap();
    own.listing = Listing::LeftOut { until: at(5_000.0) };
    assert!(own.missed_by(Which::All, at(2_000.0)));
    assert!(own.is_left_out(at(11_999.0)) && !own.is_left_out(at(12_000.0)));
    // A list that is cut off need not have it.
    let (_, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
    let jobs = (0..3).chain(100..1_097).map(|key| job(key, "processing")).collect();
    listed(&mut watch, query, at(2_000.0), at(2_050.0), list(jobs));
    assert_eq!(leader(&mut watch, at(9_000.0), FREE).unwrap().1.limit, 1_000);
}

#[test]
fn when_the_leader_goes_another_one_asks_for_the_list_even_while_it_is_on_its_way() {
    let mut watch = watch(6, FREE);
    let mut gone = Vec::new();
    for (now, successor) in [(2_000.0, 5), (2_500.0, 4)] {
        let (key, _) = leader(&mut watch, at(now), FREE).unwrap();
        assert!((0..6).filter(|other| !gone.contains(other)).all(|key| !takes_slot(&step(&mut watch, key, at(now), FREE))));
        watch.unsubscribe(key, at(now));
        gone.push(key);
        assert_eq!(watch.take_woken(), [successor], "after {gone:?}");
        let early = step(&mut watch, successor, at(now + 499.0), FREE);
        assert_eq!(sleeps_until(&early), at(now + 500.0), "the next list waits its turn");
    }
    // Three are left: no list for them.
    assert_eq!(gone, [0, 5]);
    watch.unsubscribe(4, at(2_500.0));
    assert_eq!(watch.take_woken().into_iter().filter(|key| [1, 2, 3].contains(key)).count(), 3 + 1);
    assert!([1, 2, 3].iter().all(|key| takes_slot(&step(&mut watch, *key, at(2_500.0), FREE))));
}

#[test]
fn when_the_one_that_was_woken_to_lead_goes_too_the_next_is_woken() {
    // One signal ends several calls: none of them takes a step any more.
    let mut watch = watch(12, FREE);
    leader(&mut watch, at(2_000.0), FREE).unwrap();
    for key in [0, 11, 10, 9, 8, 7] {
        watch.unsubscribe(key, at(2_100.0));
    }
    assert_eq!(watch.take_woken().last(), Some(&6));
    assert!(matches!(step(&mut watch, 6, at(2_600.0), FREE), Step::List { .. }));
    // One that polls by itself passes it on as well.
    watch.unsubscribe(6, at(2_600.0));
    watch.subscriptions.get_mut(5).unwrap().must_poll(at(2_600.0));
    watch.take_woken();
    assert!(takes_slot(&step(&mut watch, 5, at(2_600.0), FREE)));
    assert_eq!(watch.take_woken(), [4]);
    assert!(matches!(step(&mut watch, 4, at(3_200.0), FREE), Step::List { .. }));
}

#[test]
fn of_waits_that_end_one_after_another_the_one_that_ends_last_asks_for_the_list() {
    let mut watch = watch(4, FREE);
    let ends: Vec<Key> =
        [9_000.0, 3_000.0, 20_000.0, 5_000.0].into_iter().map(|end| join_until(&mut watch, end, at(2_000.0))).collect();
    let (first, _) = leader(&mut watch, at(2_000.0), FREE).unwrap();
    for key in 0..4 {
        if key != first {
            watch.unsubscribe(key, at(2_000.0));
        }
    }
    watch.take_woken();
    watch.unsubscribe(first, at(2_000.0));
    assert_eq!(watch.take_woken().first(), Some(&ends[2]));
}

#[test]
fn a_leader_that_is_silent_after_its_time_is_replaced_by_the_next_that_waits() {
    let mut watch = watch(5, FREE);
    let silent = (0..5).find(|key| watch.sharing.leader == Some(*key)).unwrap();
    let until = sleeps_until(&step(&mut watch, silent, at(1_100.0), FREE));
    let next = join(&mut watch, "job-9", until);
    let at_once = until + LOST - Millis::new(1.0);
    assert!(matches!(step(&mut watch, next, at_once, FREE), Step::Led), "it may be a little late");
    assert!(matches!(step(&mut watch, next, until + LOST, FREE), Step::List { .. }));
    // It is there again.
    assert!(matches!(step(&mut watch, silent, until + LOST, FREE), Step::Led));
    // One that is silent while its list is on its way.
    let later = join(&mut watch, "job-10", until + LOST);
    let limit = until + LOST + POLL_LIMIT + LOST;
    assert!(matches!(step(&mut watch, later, limit - Millis::new(1.0), FREE), Step::Led));
    assert!(matches!(step(&mut watch, later, limit, FREE), Step::List { .. }));
}

#[test]
fn a_wait_that_is_held_ends_at_its_limit() {
    let mut watch = watch(4, SPENT);
    let (_, query) = leader(&mut watch, at(2_000.0), SPENT).unwrap();
    let mut refused = Error::new(ErrorCode::Forbidden, "no");
    refused.status = Some(403);
    watch.list_failed(query, at(2_050.0), SPENT, &refused, ListLimit::Request);
    let terms =
        Terms { plan: WaitPlan::default(), lifetime: None, was_there: true, deadline: at(5_000.0), limit: None, may_share: true };
    let limited = watch.subscribe("job-9", "", terms, at(2_100.0));
    // Another one polls.
    assert!(takes_slot(&step(&mut watch, 0, at(2_100.0), SPENT)));
    assert_eq!(sleeps_until(&step(&mut watch, limited, at(2_100.0), SPENT)), at(5_000.0));
    let end = step(&mut watch, limited, at(5_000.0), SPENT);
    assert!(matches!(end, Step::Own(Next::Over(end)) if end.as_ref().as_ref().unwrap_err().code == ErrorCode::WaitTimeout));
}

/// As on elizaOS 1.7.2, whose lists show every job as unfinished.
#[test]
fn as_long_as_none_was_answered_one_of_a_crowd_finds_out_whether_answers_are_in_channels() {
    let mut watch = watch(6, FREE);
    let keys = [0, 1, 2, 3, 4, 5];
    show(&mut watch, at(4_000.0), FREE, &keys);
    // It has been quiet for five seconds.
    assert!(takes_slot(&step(&mut watch, 0, at(5_000.0), FREE)));
    assert_eq!(watch.take_woken(), [5]);
    assert!(matches!(step(&mut watch, 5, at(5_000.0), FREE), Step::List { .. }), "the others go on meanwhile");
    watch.slot(0, at(5_000.0), Some(true));
    assert!(matches!(watch.next(0, at(5_000.0), FREE), Step::Own(Next::Poll { .. })));
    watch.polled(0, at(5_050.0), Ok(jobs::read_job(job(0, "processing"))));
    assert!(matches!(step(&mut watch, 0, at(5_050.0), FREE), Step::Own(Next::ReadChannel { slot: Slot::Ordinary, .. })));
    // Nothing yet: the next one tries, later, and then seldom.
    watch.channel_read(0, at(5_100.0), ChannelAnswer::None);
    assert!(!takes_slot(&step(&mut watch, 0, at(5_100.0), FREE)));
    assert!(!takes_slot(&step(&mut watch, 5, at(9_900.0), FREE)));
    assert!(takes_slot(&step(&mut watch, 5, at(10_000.0), FREE)));
    watch.slot(5, at(10_000.0), Some(true));
    watch.next(5, at(10_000.0), FREE);
    watch.polled(5, at(10_050.0), Ok(jobs::read_job(job(5, "processing"))));
    step(&mut watch, 5, at(10_050.0), FREE);
    watch.take_woken();
    // There it is: from now on each is polled by itself.
    let result = json!({"message": {"content": "here"}});
    watch.channel_read(5, at(10_100.0), ChannelAnswer::Found(result));
    assert_eq!(watch.take_woken(), keys);
    assert!(keys.iter().all(|key| *key == 5 || takes_slot(&step(&mut watch, *key, at(20_000.0), FREE))));
}

#[test]
fn only_those_wake_whose_jobs_have_changed() {
    let mut watch = watch(10, SPENT);
    let (_, query) = leader(&mut watch, at(3_000.0), SPENT).unwrap();
    assert_eq!(query.path(), "/api/messaging/jobs?limit=1000");
    let status = |key| if key == 7 { "completed" } else { "processing" };
    listed(&mut watch, query, at(3_000.0), at(3_050.0), list((0..10).map(|key| job(key, status(key))).collect()));
    assert_eq!(watch.take_woken(), [7]);
    assert!(matches!(step(&mut watch, 7, at(3_050.0), SPENT), Step::Own(Next::Over(end)) if end.is_ok()));
}

#[test]
fn a_job_that_has_left_the_list_is_polled_by_itself_and_one_that_lists_leave_out_stays_so_until_one_has_it() {
    let mut watch = watch(4, FREE);
    let rest: Vec<Key> = vec![0, 1, 2];
    let (_, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
    listed(&mut watch, query, at(2_000.0), at(2_050.0), list(rest.iter().map(|key| job(*key, "processing")).collect()));
    assert_eq!(watch.take_woken(), [3]);
    let poll = |watch: &mut Watch, now| {
        assert!(takes_slot(&step(watch, 3, now, FREE)));
        watch.slot(3, now, Some(true));
        assert!(matches!(watch.next(3, now, FREE), Step::Own(Next::Poll { .. })));
        watch.polled(3, now, Ok(jobs::read_job(job(3, "processing"))));
    };
    poll(&mut watch, at(2_050.0));
    show(&mut watch, at(2_600.0), FREE, &rest);
    let due = sleeps_until(&step(&mut watch, 3, at(2_600.0), FREE));
    assert!(due < at(4_000.0), "at its own time: {due:?}");
    poll(&mut watch, due);
    show(&mut watch, at(5_000.0), FREE, &[0, 1, 2, 3]);
    assert!(matches!(step(&mut watch, 3, at(5_000.0), FREE), Step::Led), "the list has it again");
}

/// As a server shows it that has just begun again, or a copy of it that knows of nothing yet.
#[test]
fn one_list_of_all_jobs_that_leaves_jobs_out_costs_no_polls_and_lists_that_go_on_so_are_asked_for_again() {
    let mut watch = watch(4, SPENT);
    let empty = |watch: &mut Watch, now: f64| {
        let (_, query) = leader(watch, at(now), SPENT).expect("a list is asked for");
        listed(watch, query, at(now), at(now + 50.0), list(vec![]));
    };
    empty(&mut watch, 2_000.0);
    assert!(watch.take_woken().is_empty());
    empty(&mut watch, 4_000.0);
    assert_eq!(watch.take_woken(), [0, 1, 2, 3]);
    for key in 0..4 {
        step(&mut watch, key, at(4_050.0), FREE);
        watch.slot(key, at(4_050.0), Some(true));
        assert!(matches!(watch.next(key, at(4_050.0), FREE), Step::Own(Next::Poll { .. })));
        watch.polled(key, at(4_050.0), Ok(jobs::read_job(job(key, "processing"))));
    }
    assert!(!watch.subscriptions.iter().any(|(_, own)| own.wants_list(at(14_000.0))), "each is polled by itself");
    // When the lists are whole again they serve all.
    let (_, query) = leader(&mut watch, at(14_060.0), SPENT).unwrap();
    listed(&mut watch, query, at(14_060.0), at(14_100.0), list((0..4).map(|key| job(key, "completed")).collect()));
    for key in 0..4 {
        assert!(matches!(step(&mut watch, key, at(14_100.0), SPENT), Step::Own(Next::Over(end)) if end.is_ok()), "{key}");
    }
}

#[test]
fn a_job_that_a_cut_off_list_leaves_out_is_not_polled_and_the_next_list_is_longer() {
    let mut watch = watch(4, FREE);
    let (_, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
    let others = (100..1_100).map(|key| job(key, "processing")).collect();
    listed(&mut watch, query, at(2_000.0), at(2_050.0), list(others));
    assert!(watch.take_woken().is_empty());
    let (_, query) = leader(&mut watch, at(9_000.0), FREE).unwrap();
    assert_eq!(query.limit, 2_000);
}

#[test]
fn an_answer_that_the_list_does_not_have_is_fetched() {
    let mut watch = watch(4, SPENT);
    let (_, query) = leader(&mut watch, at(2_000.0), SPENT).unwrap();
    let without = (0..4).map(|key| job(key, "completed").without("result")).collect();
    listed(&mut watch, query, at(2_000.0), at(2_050.0), list(without));
    assert_eq!(watch.take_woken().len(), 4);
    assert!(takes_slot(&step(&mut watch, 0, at(2_050.0), SPENT)));
}

#[test]
fn a_job_that_was_waited_for_after_the_list_was_asked_for_is_not_missing_from_it() {
    let mut watch = watch(4, FREE);
    let (_, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
    let new = join(&mut watch, "job-9", at(2_010.0));
    listed(&mut watch, query, at(2_000.0), at(2_050.0), list((0..4).map(|key| job(key, "processing")).collect()));
    assert!(!watch.take_woken().contains(&new));
    assert!(!takes_slot(&step(&mut watch, new, at(2_050.0), FREE)));
}

#[test]
fn each_of_two_waits_for_one_job_gets_its_end_and_its_reference() {
    let mut watch = watch(4, SPENT);
    let twin = join(&mut watch, "job-0", at(1_000.0));
    show(&mut watch, at(2_000.0), SPENT, &[0, 1, 2, 3]);
    let (_, query) = leader(&mut watch, at(3_000.0), SPENT).unwrap();
    let done = job(0, "completed").set("metadata", json!({"elizaJobsRef": "mine"}));
    listed(&mut watch, query, at(3_000.0), at(3_050.0), list(vec![done]));
    for key in [0, twin] {
        let Step::Own(Next::Over(end)) = step(&mut watch, key, at(3_050.0), SPENT) else { panic!("{key}") };
        assert_eq!(end.unwrap().reference.as_deref(), Some("mine"));
    }
}

#[test]
fn of_two_waits_in_one_part_of_a_crowd_the_second_knows_that_the_job_is_the_firsts() {
    let mut watch = watch(4, SPENT);
    join(&mut watch, "job-0", at(1_000.0));
    let (_, query) = leader(&mut watch, at(3_000.0), SPENT).unwrap();
    let mut jobs = JobList::new(query, at(3_000.0), &list(vec![job(0, "completed"), job(9, "completed")]));
    while !jobs.read_on() {}
    assert!(watch.listed(&mut jobs, at(3_100.0)));
    assert!(jobs.is_used("job-0") && !jobs.is_used("job-9"));
}

#[test]
fn a_job_that_was_not_created_here_says_which_agent_it_asks_and_one_that_was_stays_the_servers_choice() {
    let done = json!({"jobId": "job-0", "status": "completed", "agentId": "a", "createdAt": 0, "expiresAt": 30_000})
        .set("result", json!({"message": {"content": "here"}, "processingTimeMs": 300}));
    for (lifetime, agent) in [(None, "a"), (Some(Millis::new(30_000.0)), "")] {
        let mut watch = Watch::new(Pace::default());
        let plan = WaitPlan::default();
        let terms = Terms { plan, lifetime, was_there: false, deadline: Instant::NEVER, limit: None, may_share: true };
        let key = watch.subscribe("job-0", "", terms, at(0.0));
        watch.polled(key, at(400.0), Ok(jobs::read_job(done.clone())));
        watch.unsubscribe(key, at(400.0));
        assert_eq!(watch.agents.record()["agents"][0]["agent"], agent);
    }
}

/// Four jobs of one age finish four times as often as one, so that half its pause is best.
#[test]
fn a_crowds_list_comes_after_the_pause_of_one_job_that_finishes_as_often_as_all_of_them() {
    let mut watch = crowd_of_slow_jobs();
    let gap = watch.agents.plan("").gap(Millis::new(20_000.0));
    assert!(gap > Millis::new(1_200.0), "{gap:?}");
    assert_eq!(watch.list_due(at(20_000.0)), at(20_000.0) + gap.times(0.5));
}

/// Whoever waits runs between two parts of a long list, and may change what it has got.
#[test]
fn two_waits_for_one_job_in_different_parts_of_a_crowd_get_a_job_each() {
    let mut watch = watch(SLICE, SPENT);
    let twin = join(&mut watch, "job-0", at(1_000.0));
    assert_eq!(twin, SLICE);
    let (_, query) = leader(&mut watch, at(3_000.0), SPENT).unwrap();
    let mut jobs = JobList::new(query, at(3_000.0), &list(vec![job(0, "completed")]));
    while !jobs.read_on() {}
    assert!(!watch.listed(&mut jobs, at(3_100.0)));
    let Step::Own(Next::Over(first)) = step(&mut watch, 0, at(3_100.0), SPENT) else { panic!() };
    assert!(!jobs.is_used("job-0"), "the first has a copy");
    assert!(watch.listed(&mut jobs, at(3_100.0)));
    let Step::Own(Next::Over(second)) = step(&mut watch, twin, at(3_100.0), SPENT) else { panic!() };
    assert_eq!(first.unwrap().document, second.unwrap().document);
}

#[test]
fn no_more_jobs_are_polled_one_by_one_than_the_rate_limit_has_slots_for() {
    let mut watch = watch(10, SPENT);
    let (_, query) = leader(&mut watch, at(2_000.0), SPENT).unwrap();
    // All of them have left the list, and the one before it.
    listed(&mut watch, query, at(1_900.0), at(1_950.0), list(vec![]));
    listed(&mut watch, query, at(2_000.0), at(2_050.0), list(vec![]));
    let way = Way { spare: 3.0, ..SPENT };
    let slots: Vec<Key> = (0..10).filter(|key| takes_slot(&step(&mut watch, *key, at(2_050.0), way))).collect();
    assert_eq!(slots, [0, 1, 2]);
    watch.take_woken();
    // One that is done makes room for one, and so does one that is given up.
    watch.slot(0, at(2_100.0), Some(true));
    watch.next(0, at(2_100.0), way);
    watch.polled(0, at(2_100.0), Ok(jobs::read_job(job(0, "completed"))));
    assert_eq!(watch.take_woken(), [3]);
    assert!(takes_slot(&step(&mut watch, 3, at(2_100.0), way)));
    watch.unsubscribe(1, at(2_100.0));
    let woken = watch.take_woken();
    assert_eq!(woken.iter().filter(|key| takes_slot(&step(&mut watch, **key, at(2_100.0), way))).count(), 1);
    // The last poll of a job that expires is no part of that.
    assert!(takes_slot(&step(&mut watch, 9, at(30_050.0), way)));
}

#[test]
fn a_slot_that_is_not_needed_any_more_is_somebody_elses() {
    let mut watch = watch(4, SPENT);
    let (_, query) = leader(&mut watch, at(2_000.0), SPENT).unwrap();
    listed(&mut watch, query, at(1_900.0), at(1_950.0), list(vec![]));
    listed(&mut watch, query, at(2_000.0), at(2_050.0), list(vec![]));
    assert!(takes_slot(&step(&mut watch, 0, at(2_050.0), SPENT)));
    assert_eq!(sleeps_until(&step(&mut watch, 1, at(2_050.0), SPENT)), at(30_050.0));
    watch.take_woken();
    // The next list shows it after all.
    listed(&mut watch, query, at(3_000.0), at(3_050.0), list(vec![job(0, "completed")]));
    watch.slot(0, at(3_050.0), None);
    assert!(watch.take_woken().contains(&1));
    assert!(takes_slot(&step(&mut watch, 1, at(3_050.0), SPENT)));
}

#[test]
fn a_list_that_fails_leaves_a_crowd_asleep_where_single_polls_would_be_too_many() {
    let error = Error::new(ErrorCode::ServerError, "no");
    for (way, alone) in [(FREE, true), (SPENT, false)] {
        let mut watch = watch(10, way);
        let (_, query) = leader(&mut watch, at(2_000.0), way).unwrap();
        watch.list_failed(query, at(2_050.0), way, &error, ListLimit::Request);
        assert_eq!(watch.take_woken().len(), if alone { 10 } else { 0 });
        assert_eq!(takes_slot(&step(&mut watch, 9, at(2_050.0), way)), alone);
        // A second later a list is asked for again.
        let (_, query) = leader(&mut watch, at(3_050.0), way).unwrap();
        listed(&mut watch, query, at(3_050.0), at(3_100.0), list((0..10).map(|key| job(key, "processing")).collect()));
        assert!(!takes_slot(&step(&mut watch, 9, at(3_100.0), way)));
    }
}

#[test]
fn an_outage_is_every_waits_own_failure_and_says_nothing_about_lists() {
    for code in [ErrorCode::ConnectionFailed, ErrorCode::ConnectionReset, ErrorCode::RateLimited] {
        let mut watch = watch(4, FREE);
        let (_, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
        watch.list_failed(query, at(2_050.0), FREE, &Error::new(code, "no"), ListLimit::Request);
        assert!(watch.take_woken().is_empty());
        assert!(leader(&mut watch, at(2_400.0), FREE).is_none(), "not at once");
        assert!(leader(&mut watch, at(2_950.0), FREE).is_some());
    }
}

#[test]
fn when_the_time_of_the_one_that_asks_is_over_the_list_is_not_to_blame() {
    let mut watch = watch(4, SPENT);
    let (key, query) = leader(&mut watch, at(2_000.0), SPENT).unwrap();
    watch.list_failed(query, at(2_050.0), SPENT, &Error::new(ErrorCode::RequestTimeout, "no"), ListLimit::Leader);
    watch.unsubscribe(key, at(2_050.0));
    join(&mut watch, "job-9", at(2_050.0));
    assert!(leader(&mut watch, at(2_500.0), SPENT).is_some());
}

#[test]
fn a_page_that_is_active_again_asks_for_one_list_at_once() {
    let mut watch = crowd_of_slow_jobs();
    assert!(leader(&mut watch, at(20_600.0), FREE).is_none(), "its usual time is later");
    watch.is_active_again(2, at(20_200.0));
    assert!(watch.take_woken().is_empty() && leader(&mut watch, at(20_600.0), FREE).is_none(), "it was just seen");
    watch.is_active_again(2, at(20_600.0));
    assert_eq!(watch.take_woken(), [0]);
    assert!(leader(&mut watch, at(20_600.0), FREE).is_some());
    watch.is_active_again(3, at(20_600.0));
    assert!(watch.take_woken().is_empty(), "the list is on its way");
    let mut watch = crowd_of_slow_jobs();
    watch.is_active_again(0, at(20_600.0));
    assert!(watch.take_woken().is_empty(), "the leader itself is awake");
    assert!(leader(&mut watch, at(20_600.0), FREE).is_some());
}

#[test]
fn the_first_answer_that_is_seen_says_where_this_servers_answers_are() {
    let mut watch = Watch::new(Pace::default());
    for no_answer in
        [job(0, "processing"), job(0, "completed").without("result"), job(0, "completed").set("status", json!("failed"))]
    {
        watch.learn_from(&jobs::read_job(no_answer));
        assert_eq!(watch.answers(), Answers::Unknown);
    }
    watch.learn_from(&jobs::read_job(job(0, "completed")));
    assert_eq!(watch.answers(), Answers::InJobs);
    for nothing in [ChannelAnswer::None, ChannelAnswer::Failed] {
        assert!(watch.learn(nothing).is_none());
        assert_eq!(watch.answers(), Answers::InJobs);
    }
    assert_eq!(watch.learn(ChannelAnswer::Found(json!(1))), Some(json!(1)));
    assert_eq!(watch.answers(), Answers::InChannels);
}
