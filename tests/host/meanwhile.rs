//! Two programs on one store: while the first one waits for any one of its calls of the store, the
//! second one does all that it has to do, as far as no lock keeps it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use eliza_jobs::api::error::{Error, ErrorCode, Result};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::client::{Client, PaymentFilter};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::payment::funds_moved::{FundsMoved, funds_moved_for};
use eliza_jobs::payment::record;
use eliza_jobs::spending::policy::SpendPolicy;
use eliza_jobs::time::Millis;
use eliza_jobs::waiting::run::WaitPlan;

use crate::misfortune::{Misfortune, Process, Tab, Task, World};
use crate::sandbox::Paywall;

const COUNTERS: &str = "eliza-jobs/budget/";
/// For how many payments there is a budget. Three were made before.
const PAYMENTS: usize = 4;

/// What a program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Pay,
    PayWithoutBudget,
    PayWithKey,
    PayAndWait,
    /// Its client keeps payments for some seconds only.
    PayAndTidy,
    Resume(Whose, Given),
    Forget(Whose),
    PollJob,
    GetJob,
    Pending,
    List,
    Spending,
    LoseCounters,
    DamageCounters,
    LoseCountersAndPay,
}

/// The payment that a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Whose job's answer was not seen.
    Unseen,
    /// Whose reply was lost.
    Lost,
}

/// What a call is given of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Listed,
    Id,
    /// All that an error has.
    Attempt,
}

impl Work {
    fn all() -> Vec<Self> {
        use Work::{
            DamageCounters, Forget, GetJob, List, LoseCounters, LoseCountersAndPay, Pay, PayAndTidy, PayAndWait, PayWithKey,
            PayWithoutBudget, Pending, PollJob, Resume, Spending,
        };
        let mut all = vec![Pay, PayWithoutBudget, PayWithKey, PayAndWait, PayAndTidy, PollJob, GetJob, Pending, List, Spending];
        all.extend([LoseCounters, DamageCounters, LoseCountersAndPay]);
        for whose in [Whose::Unseen, Whose::Lost] {
            all.push(Forget(whose));
            all.extend([Given::Listed, Given::Id, Given::Attempt].map(|given| Resume(whose, given)));
        }
        all
    }
    fn loses_counters(self) -> bool {
        matches!(self, Work::LoseCounters | Work::DamageCounters | Work::LoseCountersAndPay)
    }
}

/// What a program has got.
#[derive(Debug, Default)]
struct Got {
    job: Option<String>,
    rows: Option<Vec<String>>,
    spending: Option<Json>,
}
type Done = Rc<RefCell<Vec<(Work, Result<Got>)>>>;

/// A store in which one payment is in the history, one has a job whose answer was not seen, and the
/// reply of one was lost.
struct Setting {
    world: Rc<World>,
    unseen: Json,
    lost: Json,
    job: String,
    /// The key of the payment of the history.
    past: String,
}

fn params() -> Json {
    json!({"userId": crate::world::USER, "content": "q"})
}

fn call(world: &World) -> CallOptions {
    let number = world.watch.borrow_mut().begins(world.now.get(), None, WaitPlan::default());
    let headers = vec![(crate::watch::CALL.into(), number.to_string())];
    CallOptions { headers, timeout: Some(Millis::new(60_000.0)), ..CallOptions::default() }
}

fn settle(world: &World, process: &Process, mut calls: Vec<Task>) {
    loop {
        world.stirred.set(false);
        let done = process.go_on(&mut calls);
        if calls.is_empty() && process.is_idle() {
            return;
        }
        assert!(done || world.stirred.get() || world.pass(f64::INFINITY), "it never ends");
    }
}

fn setting(paywall: Paywall) -> Setting {
    let world = World::new(Misfortune::none(paywall));
    world.watch.borrow_mut().may_forget = true;
    world.spend.borrow_mut().limits[0].budget = PAYMENTS as u128 * 20_000;
    for pays in [Work::PayAndWait, Work::Pay, Work::Pay] {
        let process = Process::new(&world, usize::MAX);
        let (client, world, call) = (process.client(), world.clone(), call(&world));
        let work = async move { drop(pay(&client, pays, &call).await.unwrap()) };
        settle(&world, &process, vec![Box::pin(work)]);
    }
    let key = |part: &str| world.store.borrow().keys().filter(|key| key.starts_with(part)).cloned().collect::<Vec<_>>();
    let read = |key: &str| Json::parse(&world.store.borrow()[key]).unwrap();
    let (past, open) = (key("eliza-jobs/paid/").remove(0), key(record::PREFIX));
    let (unseen, mut lost) = (read(&open[0]), read(&open[1]));
    let job = unseen["created"]["jobId"].as_str().unwrap().to_owned();
    // As a program leaves it that has ended while the reply was on its way.
    lost.0.as_object_mut().unwrap().remove("created");
    let hash = lost["transaction"].clone();
    lost = Json(lost.0).set("state", json!("sent")).set("proof", json!({"x-payment": hash.clone(), "x-payment-proof": hash}));
    world.store.borrow_mut().insert(open[1].clone(), lost.to_json());
    world.rest(1.1 * 86_400_000.0);
    Setting { world, unseen, lost, job, past }
}

fn client(process: &Rc<Process>, work: Work) -> Rc<Client<Tab>> {
    process.client_with(|config| match work {
        Work::PayWithoutBudget => config.spend = SpendPolicy::default(),
        Work::PayAndTidy => config.keep_payments = Millis::from_secs(10.0),
        _ => {}
    })
}

async fn pay(client: &Rc<Client<Tab>>, work: Work, call: &CallOptions) -> Result<String> {
    let key = if work == Work::PayWithKey { "k" } else { "" };
    let call = CallOptions { idempotency_key: key.into(), ..call.clone() };
    if matches!(work, Work::PayAndWait | Work::PayAndTidy) {
        let job = client.create_and_wait(&params(), &call, WaitPlan::default(), &|_| ()).await?;
        return Ok(job.get_text("jobId").unwrap());
    }
    Ok(client.create_job(&params(), &call, &|_| ()).await?.created.job_id)
}

impl Setting {
    fn given(&self, whose: Whose, given: Given) -> Json {
        let attempt = if whose == Whose::Unseen { &self.unseen } else { &self.lost };
        match given {
            Given::Listed => record::read(attempt).unwrap().listed(),
            Given::Id => json!(attempt["attemptId"]),
            Given::Attempt => attempt.clone(),
        }
    }

    fn change_counters(&self, work: Work) {
        let mut store = self.world.store.borrow_mut();
        if work == Work::DamageCounters {
            store.iter_mut().filter(|(key, _)| key.starts_with(COUNTERS)).for_each(|(_, text)| *text = "{".into());
        } else {
            store.retain(|key, _| !key.starts_with(COUNTERS));
        }
    }

    async fn does(&self, client: Rc<Client<Tab>>, work: Work) -> Result<Got> {
        let (call, plan) = (call(&self.world), WaitPlan::default());
        if work.loses_counters() {
            self.change_counters(work);
        }
        let mut got = Got::default();
        match work {
            Work::Pay
            | Work::PayWithoutBudget
            | Work::PayWithKey
            | Work::PayAndWait
            | Work::PayAndTidy
            | Work::LoseCountersAndPay => {
                got.job = Some(pay(&client, work, &call).await?);
            }
            Work::Resume(whose, given) => {
                got.job = client.resume(&self.given(whose, given), &call, plan, &|_| ()).await?.get_text("jobId");
            }
            Work::Forget(whose) => client.forget_payment(&self.given(whose, Given::Listed), &call).await?,
            Work::PollJob => got.job = client.poll_job(&self.job, &call, plan, &|_| ()).await?.get_text("jobId"),
            Work::GetJob => drop(client.get_job(&self.job, &call).await?),
            Work::Pending => drop(client.pending_payments(&call).await?),
            Work::List => {
                let rows = RefCell::new(Vec::new());
                let put = async |row: Json| rows.borrow_mut().push(row.get_text("attemptId").unwrap());
                client.payments(&PaymentFilter::default(), &call, put).await?;
                got.rows = Some(rows.take());
            }
            Work::Spending => got.spending = Some(client.spending("USDC", &call).await?),
            Work::LoseCounters | Work::DamageCounters => {}
        }
        Ok(got)
    }
}

fn task(setting: &Rc<Setting>, process: &Rc<Process>, work: Work, done: &Done) -> Vec<Task> {
    let (setting, client, done) = (setting.clone(), client(process, work), done.clone());
    vec![Box::pin(async move {
        let got = setting.does(client, work).await;
        done.borrow_mut().push((work, got));
    })]
}

/// Both programs, the second one while the first one is at its call of the store of this number;
/// nothing when it has fewer.
fn both(setting: &Rc<Setting>, first: Work, second: Work, at: usize) -> Option<Vec<(Work, Result<Got>)>> {
    let (world, done) = (&setting.world, Done::default());
    let (one, two) = (Process::new(world, usize::MAX), Process::new(world, usize::MAX));
    one.rests_after.set(at);
    let (mut calls, mut others, mut has_begun) = (task(setting, &one, first, &done), Vec::new(), false);
    loop {
        world.stirred.set(false);
        let mut is_done = one.go_on(&mut calls);
        if one.rests.get() && !has_begun {
            (has_begun, is_done) = (true, true);
            others = task(setting, &two, second, &done);
        }
        is_done |= two.go_on(&mut others);
        let are_over = others.is_empty() && two.is_idle();
        if one.rests.get() && are_over {
            one.rests.set(false);
        } else if are_over && calls.is_empty() && one.is_idle() {
            return has_begun.then(|| done.take());
        } else if !is_done && !world.stirred.get() {
            // The second one waits for a lock of the first one, or for a while.
            if one.rests.get() && world.is_locked() {
                one.rests.set(false);
            } else {
                assert!(world.pass(f64::INFINITY), "it never ends");
            }
        }
    }
}

/// How many payments are spent, or set aside.
fn counted(spending: &Json) -> usize {
    let number = |key: &str| spending["total"][key].as_str().unwrap().parse::<f64>().unwrap();
    format!("{:.0}", (number("spent") + number("reserved")) * 50.0).parse().unwrap()
}

/// Whether an error is as it should be, where these two were at it.
fn is_fair(error: &Error, does: &dyn Fn(Work) -> bool, is_lost: bool) -> bool {
    let forgets = does(Work::Forget(Whose::Lost));
    match error.code {
        ErrorCode::PaymentOverLimit => true,
        // After it was forgotten its id is no payment's.
        ErrorCode::PaymentNotOpen => forgets && funds_moved_for(error) == FundsMoved::Unknown,
        ErrorCode::JobNotFound => forgets,
        // The counters are lost right after they were made again: nothing is paid.
        ErrorCode::StoreFailed => is_lost && funds_moved_for(error) == FundsMoved::No,
        _ => false,
    }
}

/// What must hold when both have ended.
fn check(setting: &Rc<Setting>, works: [Work; 2], done: &[(Work, Result<Got>)], moved_before: usize) {
    let world = &setting.world;
    let does = |work: Work| works.contains(&work);
    let is_lost = works.iter().any(|work| work.loses_counters());
    let is_tidied = !world.store.borrow().contains_key(&setting.past);
    // All that was answered by then is deleted with it.
    let may_lack = usize::from(does(Work::Forget(Whose::Lost))) + if is_tidied { 3 } else { 0 };
    // Who counts all again does not count what is not there any more.
    let may_forget = if is_lost { may_lack } else { 0 };
    let moved = world.moved();
    let without_budget = works.iter().filter(|work| **work == Work::PayWithoutBudget).count();
    assert!(moved <= PAYMENTS + without_budget + may_forget, "{moved} payments moved");
    let unseen = setting.unseen.get_text("attemptId").unwrap();
    let check_rows = |rows: &[String], least: usize| {
        let once: BTreeSet<&String> = rows.iter().collect();
        assert!(
            once.len() == rows.len() && rows.len() + may_lack >= least && (is_tidied || rows.contains(&unseen)),
            "{rows:?} are listed"
        );
    };
    for (_, got) in done {
        let got = match got {
            Ok(got) => got,
            Err(error) => {
                assert!(is_fair(error, &does, is_lost), "{error:?}");
                continue;
            }
        };
        if let Some(rows) = &got.rows {
            check_rows(rows, moved_before);
        }
        if let Some(spending) = &got.spending {
            // It takes no lock: of a payment that is forgotten meanwhile it may see no trace.
            let unseen = usize::from(does(Work::Forget(Whose::Lost)));
            assert!(counted(spending) + may_forget.max(unseen) >= moved_before, "{spending}");
        }
    }
    let keyed: BTreeSet<_> =
        done.iter().filter(|(work, _)| *work == Work::PayWithKey).flat_map(|(_, got)| got.as_ref().ok()?.job.as_ref()).collect();
    assert!(keyed.len() <= 1, "one key has {keyed:?}");
    if is_tidied {
        let began: f64 = setting.past["eliza-jobs/paid/".len()..][..13].parse().unwrap();
        let tidied = Json::parse(&world.store.borrow()["eliza-jobs/tidied"]).unwrap();
        assert!(tidied.get_number("deleted").unwrap() >= began, "more was deleted than {tidied} says");
    }
    // A later program.
    let later = Rc::default();
    for work in [Work::Spending, Work::List] {
        let process = Process::new(world, usize::MAX);
        settle(world, &process, task(setting, &process, work, &later));
    }
    let later = later.take();
    let got: Vec<&Got> = later.iter().map(|(_, got)| got.as_ref().unwrap()).collect();
    let counted = counted(got[0].spending.as_ref().unwrap());
    // What is forgotten stays spent; who goes on with it all the same spends it again.
    let twice = usize::from(does(Work::Forget(Whose::Lost)) && does(Work::Resume(Whose::Lost, Given::Attempt)));
    assert!(counted + may_forget >= moved && counted <= moved + twice, "{counted} are counted of {moved}");
    check_rows(got[1].rows.as_ref().unwrap(), moved);
}

#[test]
fn whatever_another_program_does_meanwhile_nothing_is_paid_twice_lost_or_counted_wrong() {
    for (paywall, first) in
        [Paywall::Lax, Paywall::V2].into_iter().flat_map(|paywall| Work::all().into_iter().map(move |work| (paywall, work)))
    {
        for second in Work::all() {
            let is_signed = paywall == Paywall::V2;
            let works = [first, second];
            // The store has a transfer whose reply was lost.
            if is_signed && works.iter().any(|work| matches!(work, Work::Resume(Whose::Lost, _) | Work::Forget(Whose::Lost))) {
                continue;
            }
            for at in 0.. {
                let setting = Rc::new(setting(paywall));
                let moved = setting.world.moved();
                let Some(done) = both(&setting, first, second, at) else { break };
                let checks = std::panic::AssertUnwindSafe(|| check(&setting, works, &done, moved));
                assert!(std::panic::catch_unwind(checks).is_ok(), "{paywall:?}: {second:?} at call {at} of {first:?}: {done:#?}");
            }
        }
    }
}
