//! Random misfortune: thousands of scripts in which every step on the network, in the wallet and in
//! the store may go wrong, and the program may end at any of them and begin again with what is in
//! the store. Whatever happens, the promises of [`watch`](crate::watch) hold, which stand in the
//! README in other words.
//!
//! `SCRIPTS=1000000 cargo test --release --test scenarios property` runs more of them (`make
//! soak`).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::sandbox::Paywall;
use eliza_jobs::api::error::Error;
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::client::{Client, Update};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::SendFailure;
use eliza_jobs::time::Millis;
use eliza_jobs::waiting::run::WaitPlan;
use proptest::prelude::*;

use crate::misfortune::{BODIES, JUNK, Misfortune, Net, PREFIX, Process, Says, StoreFault, Tab, Task, Wallet, World};
use crate::watch::CALL;

const USER: &str = "22222222-2222-4222-8222-222222222222";

/// What the application does in one life of the program.
#[derive(Debug, Clone)]
enum Does {
    /// Asks its question; twice at once, in one tab or two.
    Create { twice: bool, tabs: bool },
    /// Creates the job, and waits for it in another call.
    CreateThenPoll,
    /// Goes on with all that is open, in one tab or two.
    Resume { tabs: bool },
    /// Asks its question; another tab goes on with what is open as soon as something is.
    CreateAndResume,
    /// Goes on with what its errors carried.
    HandBack,
}

/// One life of the program.
#[derive(Debug, Clone)]
struct Life {
    does: Does,
    /// After how many steps the program ends.
    crash: Option<usize>,
    /// After how many steps it gives its calls up.
    abort: Option<usize>,
    /// How long nobody lives before, in milliseconds.
    rest_ms: f64,
    timeout_ms: Option<f64>,
    plan: WaitPlan,
}

#[derive(Debug, Clone)]
struct Script {
    misfortune: Misfortune,
    lives: Vec<Life>,
    /// Whether the calls that create have an idempotency key, the same in all lives.
    named: bool,
}

fn net() -> impl Strategy<Value = Net> {
    let ms = || prop_oneof![Just(0u32), 1u32..40_000, 1u32..200_000];
    let status = prop::sample::select(vec![200u16, 201, 204, 400, 401, 402, 403, 404, 408, 409, 429, 429, 500, 502, 503, 504]);
    let after = prop::sample::select(vec![
        None,
        None,
        Some("1"),
        Some("7"),
        Some("120"),
        Some("soon"),
        Some("Wed, 21 Oct 2026 07:28:00 GMT"),
    ]);
    let locations = vec![
        "https://evil.example/api/messaging/jobs",
        "//evil.example/api/messaging/jobs",
        "https://server:3000.evil.example/api/messaging/jobs",
        "https://server:3000@evil.example/",
        "https://server:3000/api/messaging/jobs",
        "/api/messaging/jobs",
        "/elsewhere",
        "",
    ];
    let failures = vec![SendFailure::TooLarge, SendFailure::HiddenRedirect, SendFailure::NoResponse, SendFailure::Failed];
    prop_oneof![
        10 => Just(Net::Fine),
        1 => Just(Net::Unreached),
        2 => Just(Net::LostBefore),
        3 => Just(Net::LostAfter),
        1 => any::<bool>().prop_map(|done| Net::Hang { done }),
        2 => (ms(), ms()).prop_map(|(there, back)| Net::Slow { there, back }),
        2 => (0usize..60).prop_map(Net::Cut),
        1 => (ms(), any::<bool>()).prop_map(|(later, second)| Net::Twice { later, second }),
        4 => (status, 0..BODIES, any::<bool>(), after)
            .prop_map(|(status, body, done, retry_after)| Net::Proxy { status, body, done, retry_after }),
        1 => (prop::sample::select(vec![301u16, 302, 303, 304, 307, 308]), prop::sample::select(locations))
            .prop_map(|(status, location)| Net::Redirect { status, location }),
        1 => any::<bool>().prop_map(|pending| Net::Unsettled { pending }),
        1 => Just(Net::Restart),
        1 => prop::sample::select(failures).prop_map(Net::Failure),
    ]
}

fn wallet() -> impl Strategy<Value = Wallet> {
    prop_oneof![
        8 => Just(Wallet::Pays),
        2 => (1u32..400_000).prop_map(Wallet::Slow),
        2 => Just(Wallet::Rejects),
        1 => Just(Wallet::RejectsWithHash),
        1 => Just(Wallet::Fails),
        1 => any::<bool>().prop_map(|hash| Wallet::FailsAfter { hash }),
        1 => (0..JUNK).prop_map(Wallet::Junk),
        1 => Just(Wallet::Wrapped),
        1 => Just(Wallet::Other),
        1 => Just(Wallet::Hangs),
        1 => Just(Wallet::Silent),
    ]
}

fn says() -> impl Strategy<Value = Says> {
    prop_oneof![
        12 => Just(Says::Yes),
        1 => (1u32..400_000).prop_map(Says::Slow),
        1 => Just(Says::No),
        1 => Just(Says::Odd),
        1 => Just(Says::Throws),
        1 => Just(Says::Hangs),
    ]
}

fn misfortune() -> impl Strategy<Value = Misfortune> {
    let paywall = prop::sample::select(vec![Paywall::Open, Paywall::Lax, Paywall::Strict, Paywall::V1, Paywall::V2]);
    let store_fault = prop_oneof![Just(StoreFault::Before), Just(StoreFault::After)];
    (
        (paywall, any::<bool>(), 0.0..40_000.0, prop::collection::vec(net(), 0..14), prop::collection::vec(wallet(), 1..4)),
        prop::option::of(says()),
        says(),
        prop::collection::btree_map(0usize..16, store_fault, 0..3),
        prop::sample::select(vec![0u32, 0, 3]),
    )
        .prop_map(|((paywall, list_open, agent_ms, net, wallet), confirm, address, store, store_ms)| Misfortune {
            paywall,
            list_open,
            agent_ms,
            net,
            wallet,
            confirm,
            address,
            store,
            store_ms,
        })
}

fn plan() -> impl Strategy<Value = WaitPlan> {
    prop_oneof![
        3 => Just(WaitPlan::default()),
        1 => (prop::option::of(0u32..5_000), prop::option::of(1u32..20))
            .prop_map(|(interval_ms, max_attempts)| WaitPlan { interval_ms, max_attempts }),
    ]
}

fn life(does: impl Strategy<Value = Does>) -> impl Strategy<Value = Life> {
    let rest_ms = prop_oneof![2 => Just(0.0), 2 => 0.0..60_000.0, 1 => 0.0..2_000_000.0];
    let crash = prop::option::of(0usize..40);
    let abort = prop::option::weighted(0.2, 0usize..40);
    (does, crash, abort, rest_ms, prop::option::of(1_000.0..60_000.0), plan())
        .prop_map(|(does, crash, abort, rest_ms, timeout_ms, plan)| Life { does, crash, abort, rest_ms, timeout_ms, plan })
}

fn script() -> impl Strategy<Value = Script> {
    let creates = || {
        prop_oneof![
            4 => Just(Does::Create { twice: false, tabs: false }),
            1 => any::<bool>().prop_map(|tabs| Does::Create { twice: true, tabs }),
            1 => Just(Does::CreateThenPoll),
        ]
    };
    let later = prop_oneof![
        2 => creates(),
        2 => any::<bool>().prop_map(|tabs| Does::Resume { tabs }),
        1 => Just(Does::HandBack),
        1 => Just(Does::CreateAndResume),
    ];
    (misfortune(), life(creates()), prop::collection::vec(life(later), 0..4), any::<bool>()).prop_map(
        |(misfortune, first, later, named)| Script { misfortune, lives: [first].into_iter().chain(later).collect(), named },
    )
}

/// What a call gives.
type Outcome = Result<Option<String>, Box<Error>>;

/// The application: what it has got so far.
struct Application {
    world: Rc<World>,
    named: bool,
    answers: RefCell<Vec<String>>,
    errors: RefCell<Vec<Error>>,
}

impl Application {
    /// A call of its own, watched from its beginning to its end.
    fn call<F: Future<Output = Outcome> + 'static>(
        self: &Rc<Self>,
        life: &Life,
        name: &str,
        work: impl FnOnce(CallOptions, WaitPlan) -> F + 'static,
    ) -> Task {
        let (application, life, name) = (self.clone(), life.clone(), name.to_owned());
        Box::pin(async move {
            let world = &application.world;
            let number = world.watch.borrow_mut().begins(world.now.get(), life.timeout_ms, life.plan);
            let options = CallOptions {
                timeout: life.timeout_ms.map(Millis::new),
                headers: vec![(CALL.into(), number.to_string())],
                idempotency_key: name,
                ..CallOptions::default()
            };
            let outcome = work(options, life.plan).await;
            world.watch.borrow_mut().ends(number, world.now.get(), &outcome);
            match outcome {
                Ok(job) => application.answers.borrow_mut().extend(job),
                Err(error) => application.errors.borrow_mut().push(*error),
            }
        })
    }

    fn creates(self: &Rc<Self>, client: &Rc<Client<Tab>>, life: &Life, polls: bool) -> Task {
        let client = client.clone();
        self.call(life, if self.named { "q" } else { "" }, move |call, plan| async move {
            let params = json!({"userId": USER, "content": "q"});
            if !polls {
                return client.create_and_wait(&params, &call, plan, &told).await.map(|job| job.get_text("jobId"));
            }
            let job = client.create_job(&params, &call, &told).await?;
            Ok(Some(job.created.job_id))
        })
    }

    fn resumes(self: &Rc<Self>, client: &Rc<Client<Tab>>, life: &Life, open: Json) -> Task {
        let client = client.clone();
        self.call(life, "", move |call, plan| async move {
            client.resume(&open, &call, plan, &told).await.map(|job| job.get_text("jobId"))
        })
    }

    /// Goes on with the first payment that the store shows, while whoever began it is still at it.
    fn meets(self: &Rc<Self>, client: &Rc<Client<Tab>>, life: &Life) -> Task {
        let (application, client, life) = (self.clone(), client.clone(), life.clone());
        Box::pin(async move {
            for _ in 0..50 {
                let store = application.world.store.borrow().clone();
                let first = store.iter().find(|(key, _)| key.starts_with(PREFIX)).map(|(_, text)| Json::parse(text).unwrap());
                if let Some(open) = first {
                    return application.resumes(&client, &life, open).await;
                }
                application.world.alarm(1.0).await;
            }
        })
    }

    /// What is open, as the client lists it.
    fn open(self: &Rc<Self>, process: &Process, client: &Rc<Client<Tab>>, life: &Life) -> Vec<Json> {
        let list = Rc::new(RefCell::new(Vec::new()));
        let (found, client) = (list.clone(), client.clone());
        let asks = self.call(life, "", move |_, _| async move {
            *found.borrow_mut() = client.pending_payments(&CallOptions::default()).await?;
            Ok(None)
        });
        process.run(vec![asks], usize::MAX);
        list.take()
    }

    fn lives(self: &Rc<Self>, life: &Life) {
        self.world.rest(life.rest_ms);
        let process = Process::new(&self.world, life.crash.unwrap_or(usize::MAX));
        let tabs = [process.client(), process.client()];
        let mut calls = Vec::new();
        match life.does {
            Does::Create { twice, tabs: two } => {
                calls.push(self.creates(&tabs[0], life, false));
                // Without a name these would be two payments, rightly.
                if twice && self.named {
                    let hasty = Life { timeout_ms: life.timeout_ms.map(|limit| limit / 3.0), ..life.clone() };
                    calls.push(self.creates(&tabs[usize::from(two)], &hasty, false));
                }
            }
            Does::CreateAndResume => {
                calls.push(self.creates(&tabs[0], life, false));
                calls.push(self.meets(&tabs[1], life));
            }
            Does::CreateThenPoll => calls.push(self.creates(&tabs[0], life, true)),
            Does::Resume { tabs: two } => {
                for open in self.open(&process, &tabs[0], life) {
                    calls.push(self.resumes(&tabs[0], life, open.clone()));
                    if two {
                        calls.push(self.resumes(&tabs[1], life, open));
                    }
                }
            }
            Does::HandBack => {
                for payment in self.errors.borrow().iter().filter_map(|error| error.payment.as_ref()) {
                    calls.push(self.resumes(&tabs[0], life, eliza_jobs::payment::record::to_json(payment)));
                }
            }
        }
        let abort = life.abort.unwrap_or(usize::MAX);
        process.run(calls, abort);
        if matches!(life.does, Does::CreateThenPoll) && !process.ended.get() {
            let jobs = self.answers.borrow().last().cloned();
            let polls = jobs.into_iter().map(|job| {
                let client = tabs[0].clone();
                self.call(life, "", move |call, plan| async move {
                    client.poll_job(&job, &call, plan, &told).await.map(|job| job.get_text("jobId"))
                })
            });
            process.run(polls.collect(), usize::MAX);
        }
        drop(tabs);
        let aborted = process.steps.get() >= abort;
        self.world.watch.borrow_mut().rests(&self.world.store.borrow(), process.ended.get(), aborted, self.world.wall());
    }
}

fn told(update: Update) {
    if let Update::Payment(payment) = update {
        assert!(payment.get("proof").is_none(), "I5: a proof is told");
    }
}

fn check(script: &Script) {
    let world = World::new(script.misfortune.clone());
    let application = Rc::new(Application {
        world: world.clone(),
        named: script.named,
        answers: RefCell::default(),
        errors: RefCell::default(),
    });
    for life in &script.lives {
        application.lives(life);
    }
    // The last life knows no misfortune, and finds whatever there still is.
    world.calm.set(true);
    let last = Life {
        does: Does::Resume { tabs: false },
        crash: None,
        abort: None,
        rest_ms: 0.0,
        timeout_ms: None,
        plan: WaitPlan::default(),
    };
    application.lives(&last);
    application.lives(&last);
    assert!(world.server.borrow().taken.len() <= script.lives.len(), "I1: money moves twice for one call");

    // A payment in a calm world gives its answer.
    let misfortune = &script.misfortune;
    let calm = misfortune.net.is_empty()
        && misfortune.store.is_empty()
        && matches!(misfortune.wallet[0], Wallet::Pays)
        && matches!(misfortune.confirm, None | Some(Says::Yes))
        && misfortune.address == Says::Yes
        && misfortune.agent_ms < 30_000.0;
    let first = &script.lives[0];
    // Who names an interval gets thirty looks, which may be over before the agent is done.
    let patient = first.timeout_ms.is_none() && first.plan.interval_ms.is_none() && first.plan.max_attempts.is_none();
    if calm && first.crash.is_none() && first.abort.is_none() && patient {
        assert!(!application.answers.borrow().is_empty(), "{:?}", application.errors.borrow());
    }
}

#[test]
fn whatever_goes_wrong_the_promises_hold() {
    let scripts = std::env::var("SCRIPTS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let config = ProptestConfig {
        cases: scripts,
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::Direct(
            "tests/host/property.regressions",
        ))),
        ..ProptestConfig::default()
    };
    proptest!(config, |(script in script())| check(&script));
}

fn calm(paywall: Paywall, does: impl IntoIterator<Item = Does>) -> Script {
    let misfortune = Misfortune { wallet: vec![Wallet::Pays], ..Misfortune::none(paywall) };
    let life = |does| Life { does, crash: None, abort: None, rest_ms: 0.0, timeout_ms: None, plan: WaitPlan::default() };
    Script { misfortune, lives: does.into_iter().map(life).collect(), named: true }
}
const CREATE: Does = Does::Create { twice: false, tabs: false };
const TWICE: Does = Does::Create { twice: true, tabs: true };
const RESUME: Does = Does::Resume { tabs: false };

#[test]
fn a_name_that_is_used_again_in_a_later_life_pays_nothing() {
    for paywall in [Paywall::Lax, Paywall::Strict, Paywall::V1, Paywall::V2] {
        check(&calm(paywall, [CREATE, CREATE, TWICE]));
    }
}

#[test]
fn a_job_that_is_made_long_after_its_payment_is_kept_in_mind() {
    let mut script = calm(Paywall::Lax, [CREATE, RESUME]);
    (script.misfortune.wallet, script.misfortune.agent_ms) = (vec![Wallet::Wrapped], 20_000.0);
    (script.lives[1].rest_ms, script.lives[1].abort) = (800_000.0, Some(14));
    check(&script);
}

#[test]
fn a_proof_that_comes_late_survives_a_store_that_fails_once() {
    let mut script = calm(Paywall::Lax, [CREATE]);
    (script.misfortune.wallet, script.lives[0].timeout_ms) = (vec![Wallet::Slow(45_000)], Some(1_000.0));
    script.misfortune.store = BTreeMap::from([(2, StoreFault::Before)]);
    check(&script);
}

#[test]
fn the_second_call_of_a_name_keeps_its_own_limit() {
    for tabs in [false, true] {
        let mut script = calm(Paywall::Open, [Does::Create { twice: true, tabs }]);
        (script.misfortune.net, script.lives[0].timeout_ms) = (vec![Net::Hang { done: false }; 2], Some(1_000.0));
        check(&script);
        script.misfortune = Misfortune { wallet: vec![Wallet::Hangs], ..calm(Paywall::V2, []).misfortune };
        check(&script);
    }
}

#[test]
fn what_an_error_carried_is_written_down_before_it_is_sent_again() {
    let mut script = calm(Paywall::Lax, [CREATE, RESUME, Does::HandBack]);
    script.misfortune.wallet = vec![Wallet::RejectsWithHash];
    check(&script);
}

#[test]
fn whoever_resumes_in_another_tab_waits_for_the_call_that_pays() {
    let mut script = calm(Paywall::Lax, [Does::CreateAndResume]);
    script.misfortune.net = vec![Net::Fine, Net::Slow { there: 10, back: 5_000 }];
    check(&script);
}
