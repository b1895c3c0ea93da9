//! Watches that the promises hold. It is told of everything that happens in a world of misfortune,
//! and stops the test where one of them is broken:
//!
//! - I1: for one payment the wallet is asked once; once more only for the same authorisation, when
//!   the first came too late. For calls
//!   of one name money moves once.
//! - I2: for one payment, and for calls of one name, one proof is sent, however often.
//! - I3: the payment is written down before the wallet is asked, the proof before it is sent;
//!   neither is forgotten before the job is
//!   known, or before it is certain that no money has moved.
//! - I4: a job that the client was told of is written down before anything else is done with it,
//!   and is in the store, in the answer
//!   or in the error.
//! - I5: the proof goes to the server's origin and the route that creates jobs, the key of the API
//!   to the origin; neither is anywhere
//!   else.
//! - I6: every call ends within its own limit, and leaves nothing behind.
//! - I7: one wait looks at its job no more often than its schedule says, and stays away as long as
//!   the server asks.

use std::collections::{BTreeMap, BTreeSet};

use eliza_jobs::api::error::Error;
use eliza_jobs::encoding;
use eliza_jobs::json::Json;
use eliza_jobs::platform::{Body, HttpRequest, HttpResponse, Method};
use eliza_jobs::waiting::run::WaitPlan;

use crate::misfortune::{API_KEY, BASE, PREFIX};

/// By which header a request says to which call it belongs.
pub const CALL: &str = "x-call";
/// The shortest time between two looks of the client's own schedule, in milliseconds.
const LEAST_GAP_MS: f64 = 50.0;
/// The shortest time from a job's creation to the first look, in milliseconds.
const FIRST_GAP_MS: f64 = 50.0;
/// For how long a paid job is remembered after its expiry at least, in milliseconds.
const KEPT_MS: f64 = 600_000.0;
/// Servers want so many seconds to be left of an authorisation.
const LEAST_LEFT_S: f64 = 6.0;

/// One payment, by the attempt's id.
#[derive(Debug, Default)]
struct Payment {
    name: String,
    /// What the wallet was asked for: the mark, until when it is good (seconds), and whether
    /// nothing came of it for certain.
    asked: Option<(String, f64)>,
    harmless: bool,
    moved: bool,
    /// What the wallet has given, when it could still be used: its mark, when it was, and how long
    /// the store had taken by then.
    given: Option<(String, f64, f64)>,
    /// The store would not take the proof.
    proof_not_written: bool,
    proofs: BTreeSet<String>,
    /// Whether one of them may have reached the server.
    reached: bool,
    /// Its signature never reached the server, and its record is deleted: it must never be sent.
    dropped: bool,
}

#[derive(Debug, Default)]
struct Look {
    began: f64,
    ended: f64,
    stay_away_ms: f64,
}

/// One call of the application's.
#[derive(Debug, Default)]
pub struct Call {
    pub began: f64,
    pub limit_ms: Option<f64>,
    pub plan: WaitPlan,
    store_ms: f64,
    looks: Vec<Look>,
    /// When the server's answer to its create came.
    created: Option<f64>,
    /// It has sent a proof: before there is a job, it looks for the job.
    searches: bool,
    /// The last answer was a redirect: what comes next belongs to it.
    redirected: bool,
    /// The jobs that the server has told it of, with the payment's id, which is empty where nothing
    /// was paid.
    told: BTreeMap<String, String>,
    /// What it ended with.
    pub ended: bool,
}

/// A request that was sent: by which call, for which payment, whether to look at a job.
pub struct Ticket {
    call: Option<usize>,
    /// The id of the payment, empty for none.
    creates: Option<String>,
    look: bool,
}

#[derive(Debug, Default)]
pub struct Watch {
    payments: BTreeMap<String, Payment>,
    pub calls: Vec<Call>,
    /// The jobs that the application knows, from answers and errors; and those whose time is over.
    known: BTreeSet<String>,
    /// The marks of the proofs that the application has got in errors.
    in_errors: BTreeSet<String>,
    /// The jobs that the store would not take.
    jobs_not_written: BTreeSet<String>,
    /// How long the store has taken so far, in milliseconds.
    pub store_ms: f64,
    /// Whether the application forgets payments, as it may.
    pub may_forget: bool,
}

/// A record as the store has it.
struct Record {
    id: String,
    mark: Option<String>,
    job: Option<String>,
    document: Json,
}

fn record(text: &str) -> Record {
    let document = Json::parse(text).unwrap();
    let proof = document.get("proof").unwrap_or(eliza_jobs::json!(null));
    let header = proof.get_text("payment-signature").or_else(|| proof.get_text("x-payment"));
    let signed = document["dialect"] != "elizaos";
    let mark = if signed { header.as_deref().and_then(mark) } else { document.get_text("transaction") };
    Record {
        id: document.get_text("attemptId").unwrap(),
        mark,
        job: document.get("created").and_then(|created| created.get_text("jobId")),
        document,
    }
}

/// What moves the money in a proof: the hash of a transfer, the nonce of an authorisation.
fn mark(header: &str) -> Option<String> {
    if encoding::is_hex(header, 64) {
        return Some(header.to_owned());
    }
    let document: Json = Json::parse(&encoding::from_base64(header)?)?;
    Some(document["payload"]["authorization"]["nonce"].as_str()?.to_owned())
}

/// The payments in a store.
fn payments(store: &BTreeMap<String, String>) -> impl Iterator<Item = Record> {
    store.iter().filter(|(key, _)| key.starts_with(PREFIX)).map(|(_, text)| record(text))
}

fn found(store: &BTreeMap<String, String>, id: &str) -> Option<Record> {
    store.get(&format!("{PREFIX}{id}")).map(|text| record(text))
}

impl Watch {
    pub fn begins(&mut self, now: f64, limit_ms: Option<f64>, plan: WaitPlan) -> usize {
        self.calls.push(Call { began: now, limit_ms, plan, store_ms: self.store_ms, ..Call::default() });
        self.calls.len() - 1
    }

    pub fn sends(&mut self, now: f64, request: &HttpRequest, store: &BTreeMap<String, String>) -> Ticket {
        let path = request.url.strip_prefix(BASE).filter(|path| path.starts_with('/'));
        let path = path.unwrap_or_else(|| panic!("I5: sent to {}", request.url));
        let header = |wanted: &str| request.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let proof = header("x-payment").or(header("payment-signature"));
        let mut creates = (request.method == Method::Post).then(String::new);
        let body = request.body.clone().unwrap_or_default();
        for (name, value) in &request.headers {
            assert!(name == "x-api-key" || !value.contains(API_KEY), "I5: the key is in {name}");
        }
        assert!(!path.contains(API_KEY) && !body.contains(API_KEY), "I5: the key is in the request");
        for (given, ..) in self.payments.values().filter_map(|payment| payment.given.as_ref()) {
            assert!(!path.contains(given) && !body.contains(given), "I5: a proof is in {path} or in the body");
        }
        let call = header(CALL).map(|number| number.parse::<usize>().unwrap());
        if let Some(proof) = proof {
            assert!(
                creates.is_some() && path == "/api/messaging/jobs",
                "I5: a proof is sent with {} {path}",
                request.method.as_str()
            );
            let id = Json::parse(&body).unwrap()["metadata"]["elizaJobsRef"].as_str().unwrap().to_owned();
            let mark = mark(proof).unwrap();
            let payment = self.payments.get_mut(&id).unwrap();
            assert!(!payment.dropped, "I1: a signature is sent whose payment was over");
            payment.proofs.insert(proof.to_owned());
            assert_eq!(payment.proofs.len(), 1, "I2: two proofs for one payment");
            let kept = found(store, &id);
            let is_kept = kept.is_some_and(|kept| {
                kept.job.is_some() || (kept.mark.as_ref() == Some(&mark) && kept.document.get_text("request") == Some(body))
            });
            let transferred = !proof.starts_with("ey");
            assert!(is_kept || (payment.proof_not_written && transferred), "I3: a proof is sent and not written down");
            let name = payment.name.clone();
            let is_named = |payment: &&Payment| !name.is_empty() && payment.name == name && !payment.dropped;
            let named = self.payments.values().filter(is_named);
            assert!(named.flat_map(|payment| &payment.proofs).count() <= 1, "I2: two proofs for one name");
            creates = Some(id);
            if let Some(call) = call {
                self.calls[call].searches = true;
            }
        }
        let job =
            path.strip_prefix("/api/messaging/jobs/").filter(|job| job.starts_with("job-") && request.method == Method::Get);
        let mut look = false;
        if let (Some(call), Some(job)) = (call, job) {
            let call = &mut self.calls[call];
            // Jobs that cost nothing are in no store.
            if call.told.get(job).is_some_and(|payment| !payment.is_empty()) {
                let is_kept = payments(store).any(|record| record.job.as_deref() == Some(job));
                assert!(
                    is_kept || self.jobs_not_written.contains(job) || self.known.contains(job),
                    "I4: the client goes on before the job {job} is written down"
                );
            }
            let searches = call.searches && call.created.is_none();
            look = !call.redirected && !searches;
            if look {
                call.looks.push(Look { began: now, ..Look::default() });
            }
        }
        Ticket { call, creates, look }
    }

    /// The request may reach the server.
    pub fn reaches(&mut self, ticket: &Ticket) {
        if let Some(payment) = ticket.creates.as_ref().and_then(|id| self.payments.get_mut(id)) {
            payment.reached |= !payment.proofs.is_empty();
        }
    }

    /// What came of a request, in the client's hands.
    pub fn is_told(&mut self, ticket: Ticket, now: f64, answer: Option<&HttpResponse>) {
        let Some(call) = ticket.call.and_then(|call| self.calls.get_mut(call)) else { return };
        call.redirected = answer.is_some_and(|answer| matches!(answer.status, 301..=308));
        if let Some(HttpResponse { status: 200..=299, body: Body::Json(job), .. }) = answer
            && let Some(payment) = ticket.creates
            && let Some(id) = job.get_text("jobId").filter(|id| !id.is_empty())
        {
            call.told.insert(id, payment);
            call.created = Some(now);
        }
        if let Some(look) = call.looks.last_mut() {
            look.ended = now;
            if ticket.look
                && let Some(answer) = answer.filter(|answer| answer.status == 429)
            {
                // Words that say nothing count as none; the only date in these scripts is long
                // past.
                let seconds = match answer.header("retry-after") {
                    Some(text) if text.contains("GMT") => 0.0,
                    text => text.and_then(|text| text.parse().ok()).unwrap_or(15.0),
                };
                look.stay_away_ms = seconds * 1_000.0;
            }
        }
    }

    /// The wallet is asked to pay.
    pub fn asks(&mut self, id: &str, mark: &str, until_s: f64, wall: f64, store: &BTreeMap<String, String>) {
        let kept = found(store, id).unwrap_or_else(|| panic!("I3: the wallet is asked and the store holds nothing of {id}"));
        assert!(kept.document.get_text("request").is_some(), "I3: the wallet is asked and the store does not know for what");
        let name = kept.document.get_text("idempotencyKey").unwrap_or_default();
        for (other, payment) in &self.payments {
            let same = !name.is_empty() && payment.name == name && other != id && payment.asked.is_some();
            // What was signed, has never reached the server, and can be settled no more, or is sent
            // no more, is as good as nothing.
            let harmless = payment.harmless || payment.dropped || (payment.stale(wall) && !payment.reached);
            assert!(!same || harmless, "I1: the wallet is asked twice for the name {name}");
        }
        let payment = self.payments.get_mut(id).unwrap();
        if let Some((known, until)) = &payment.asked {
            let stale = *until < (wall / 1_000.0).floor() + LEAST_LEFT_S;
            assert!(known == mark && stale && payment.proofs.is_empty(), "I1: the wallet is asked twice for one payment");
        }
        payment.asked = Some((mark.to_owned(), until_s));
    }

    /// The wallet has moved money.
    pub fn moves(&mut self, id: &str, _mark: &str) {
        let payment = self.payments.get_mut(id).unwrap();
        assert!(!payment.moved, "I1: money moves twice for one payment");
        payment.moved = true;
        let name = payment.name.clone();
        let named = self.payments.values().filter(|payment| !name.is_empty() && payment.name == name && payment.moved);
        assert!(named.count() <= 1, "I1: money moves twice for one name");
    }

    /// The wallet gives a proof, or a trace of one.
    pub fn gives(&mut self, id: &str, mark: &str, wall: f64) {
        let payment = self.payments.get_mut(id).unwrap();
        let (_, until) = payment.asked.clone().unwrap();
        let stale = until < (wall / 1_000.0).floor() + LEAST_LEFT_S;
        payment.given = (!stale && !payment.dropped).then(|| (mark.to_owned(), wall, self.store_ms));
    }

    /// The wallet certainly does not pay.
    pub fn gives_nothing(&mut self, id: &str) {
        self.payments.get_mut(id).unwrap().harmless = true;
    }

    /// The store has taken a record.
    pub fn is_written(&mut self, before: Option<&str>, text: &str) {
        let now = record(text);
        let payment = self.payments.entry(now.id.clone()).or_default();
        payment.name = now.document.get_text("idempotencyKey").unwrap_or_default();
        if let Some((given, ..)) = &payment.given {
            assert!(now.mark.as_ref() == Some(given) || now.job.is_some(), "I3: the proof is overwritten: {text}");
        }
        if let Some(before) = before.map(record) {
            assert!(now.job.is_some() || before.job.is_none(), "I4: the job is overwritten: {text}");
            let answered = |record: &Record| record.document.get("answered").is_some();
            assert!(
                answered(&now) || answered(&before) || before.document.get_text("request") == now.document.get_text("request"),
                "I3: what was asked for is overwritten"
            );
        }
    }

    /// The store has said that it did not take a record.
    pub fn is_not_written(&mut self, text: &str) {
        let record = record(text);
        if record.mark.is_some() {
            self.payments.entry(record.id).or_default().proof_not_written = true;
        }
        self.jobs_not_written.extend(record.job);
    }

    /// The store has said that it cannot read a record. A signature waits until it can: until then
    /// nobody knows whether it is still wanted.
    pub fn is_not_read(&mut self, id: &str) {
        if let Some(payment) = self.payments.get_mut(id)
            && payment.asked.as_ref().is_some_and(|(_, until)| until.is_finite())
        {
            payment.proof_not_written = true;
        }
    }

    /// The store has forgotten a record.
    pub fn is_forgotten(&mut self, text: &str, wall: f64) {
        if self.may_forget {
            return;
        }
        let record = record(text);
        let payment = &self.payments[&record.id];
        if let Some(job) = record.job {
            let number = |key: &str| record.document["created"][key].as_f64();
            let lifetime = eliza_jobs::api::jobs::lifetime(&record.document.get("created").unwrap()).get();
            // The server's clock is the world's.
            let over = wall >= number("createdAt").unwrap_or(f64::INFINITY) + lifetime + KEPT_MS;
            assert!(over || self.known.contains(&job), "I4: the job {job} is forgotten and nobody knows it");
            self.known.insert(job);
            return;
        }
        // A signature that has never reached the server moves nothing, if it never does.
        let void = !payment.reached && record.document.get("signs").is_some();
        assert!(void || (record.mark.is_none() && payment.given.is_none()), "I3: a proof is forgotten");
        assert!(
            void || payment.asked.is_none() || payment.harmless || payment.stale(wall),
            "I3: a payment that may come is forgotten"
        );
        if void && let Some(payment) = self.payments.get_mut(&record.id) {
            (payment.given, payment.dropped) = (None, true);
        }
    }

    /// What of the promises must hold whenever the program is not running. `crashed`: it did not
    /// end by itself; `aborted`: its calls did not.
    pub fn rests(&mut self, store: &BTreeMap<String, String>, crashed: bool, aborted: bool, wall: f64) {
        let records: BTreeMap<String, Record> = payments(store).map(|record| (record.id.clone(), record)).collect();
        for (id, payment) in &mut self.payments {
            let Some((given, at, store_ms)) = &payment.given else { continue };
            let record = records.get(id);
            // A record that is gone has served: `is_forgotten` makes sure.
            let served = record.is_none() && !payment.proofs.is_empty();
            let kept = record.is_some_and(|record| record.mark.as_ref() == Some(given) || record.job.is_some());
            // It ended in the moment between the wallet's answer and the store's.
            let cut_off = crashed && payment.proofs.is_empty() && wall - at <= self.store_ms - store_ms + 0.001;
            // The store refused, and then nobody was left who had it.
            let refused = (crashed || aborted) && payment.proof_not_written;
            assert!(
                kept || served || cut_off || refused || self.in_errors.contains(given),
                "I3: the proof {given} is nowhere: {payment:?} {store:?}"
            );
            if (cut_off || refused) && !kept && !served {
                payment.given = None;
            }
        }
        for call in &mut self.calls {
            let ended = call.ended;
            call.told.retain(|job, payment| {
                let kept = records.values().any(|record| record.job.as_ref() == Some(job)) || self.known.contains(job);
                // It ended in the moment between the server's answer and the store's: the proof
                // finds the job again.
                let again = !ended && records.get(payment).is_some_and(|record| record.mark.is_some());
                let lost = !ended && (payment.is_empty() || self.jobs_not_written.contains(job));
                assert!(kept || again || lost, "I4: the job {job} is nowhere: {store:?}");
                kept
            });
        }
    }

    /// A call has come to its end.
    pub fn ends(&mut self, number: usize, now: f64, outcome: &Result<Option<String>, Box<Error>>) {
        match outcome {
            Ok(job) => self.known.extend(job.clone()),
            Err(error) => {
                self.known.extend(error.job_id.clone());
                if let Some(payment) = &error.payment {
                    let record = record(&eliza_jobs::payment::record::to_json(payment).to_json());
                    self.known.extend(record.job);
                    self.in_errors.extend(record.mark);
                }
                assert!(!error.message.contains(API_KEY), "I5: the key is in a message: {}", error.message);
                for (given, ..) in self.payments.values().filter_map(|payment| payment.given.as_ref()) {
                    assert!(!error.message.contains(given), "I5: a proof is in a message: {}", error.message);
                }
                assert!(error.message.len() < 3_000, "a message of {} bytes", error.message.len());
            }
        }
        let store_ms = self.store_ms;
        let call = &mut self.calls[number];
        call.ended = true;
        let took = now - call.began - (store_ms - call.store_ms);
        if let Some(limit) = call.limit_ms {
            assert!(took <= limit + 50.0, "I6: took {took} ms of {limit}: {outcome:?}");
        }
        assert!(took <= 3.6e6, "I6: took {took} ms");
        for job in call.told.keys() {
            let in_error = outcome.as_ref().err().is_some_and(|error| {
                error.job_id.as_ref() == Some(job)
                    || error.payment.as_ref().and_then(|payment| payment.job_id()).as_ref() == Some(job)
            });
            assert!(in_error || *outcome.as_ref().unwrap_or(&None) == Some(job.clone()), "I4: the call knew {job}: {outcome:?}");
        }
        call.keeps_its_pace();
    }
}

impl Payment {
    fn stale(&self, wall: f64) -> bool {
        self.asked.as_ref().is_some_and(|(_, until)| *until < (wall / 1_000.0).floor() + LEAST_LEFT_S)
    }
}

impl Call {
    /// I7.
    fn keeps_its_pace(&self) {
        let (least, most) = match (self.plan.interval_ms, self.plan.max_attempts) {
            (None, None) => (LEAST_GAP_MS, None),
            (interval, attempts) => (f64::from(interval.unwrap_or(1_000)), Some(attempts.unwrap_or(30))),
        };
        let mut hurried = 0;
        let mut intrudes = 0;
        for pair in self.looks.windows(2) {
            let gap = pair[1].began - pair[0].ended;
            if gap < pair[0].stay_away_ms - 0.001 {
                intrudes += 1;
            }
            if gap < least - 0.001 {
                hurried += 1;
            }
        }
        // The client's own schedule looks once right after the job's expiry, whenever it has looked
        // before, and where the server wants to be left alone until the job is gone.
        let allowed = if most.is_none() { 1 } else { 0 };
        assert!(intrudes <= allowed, "I7: {intrudes} looks while the server wants to be left alone: {:?}", self.looks);
        assert!(hurried <= allowed, "I7: {hurried} looks come sooner than after {least} ms: {:?}", self.looks);
        if let (Some(created), Some(first), None) = (self.created, self.looks.first(), most) {
            // At the caller's limit there is one look in any case.
            let late = self.limit_ms.is_some_and(|limit| first.began >= self.began + limit - 0.001);
            assert!(
                late || first.began >= created + FIRST_GAP_MS,
                "I7: the first look comes {} ms after the job",
                first.began - created
            );
        }
        if let Some(most) = most {
            assert!(self.looks.len() <= most as usize, "I7: {} looks of {most}", self.looks.len());
        }
        assert!(self.looks.len() <= 130, "I7: {} looks", self.looks.len());
    }
}
