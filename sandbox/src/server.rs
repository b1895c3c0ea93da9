//! The server: which request goes where, what goes wrong on the way, and what is due when. What is
//! served stands in the files beside: [`jobs`], [`sessions`], [`payments`]; what every answer has,
//! in [`answers`].

mod answers;
mod jobs;
mod payments;
mod sessions;

use crate::chain::Chain;
use crate::channels::{AGENT, AGENT_NAME, Channels, Message};
use crate::faults::{FaultName, Faults};
use crate::jobs::{Job, Jobs};
use crate::json::{ToJson, Value, document};
use crate::message::{Answer, Effect, Queue, Reply, Request, decoded};
use crate::options::{OptionError, Options};
use crate::paywall::{Around, Paywall, Verdict};
use crate::random::Random;
use crate::rate_limit::RateLimit;
use crate::sessions::{Sent, Sessions};
use crate::time::{Ms, iso};

const MESSAGING: &str = "/api/messaging/";
/// What a page may send everywhere, and how.
const ALLOWED_HEADERS: &str = "Content-Type,Authorization,X-API-KEY";
const ALLOWED_METHODS: &str = "GET,POST,PUT,DELETE,PATCH,OPTIONS";
/// How large a body may be, in bytes.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// How far the clock is ahead in the fault `clock-skew`.
const SKEW_MS: Ms = 300_000.0;
/// After so long the server cuts a connection that waits for an agent.
const SOCKET_MS: Ms = 30_000.0;
/// How many requests are kept, and how many of the oldest are dropped when there are more.
const MAX_LOG: usize = 10_000;
const FORGOTTEN: usize = 1_000;
const HTML: &str = "<!doctype html><html><head><title>Welcome to the hotel</title></head><body>Please sign in.</body></html>";

/// A request that has come in, for the log.
#[derive(Debug, Clone)]
pub struct Logged {
    at: Ms,
    request: Request,
    /// What was answered; `None` while nothing is, or when the connection broke.
    status: Option<u16>,
    /// What went wrong with it.
    fault: Option<FaultName>,
}

/// How an answer gets to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Whole,
    Lost,
    Cut,
    Slow,
}

/// What becomes of a request.
enum Outcome {
    Reply(Reply),
    Deliver(Reply, Delivery),
    /// The agent is asked first.
    Later,
    /// The connection breaks.
    Gone,
}

/// What the agent was asked for.
#[derive(Debug)]
enum Asked {
    Job { job_id: String },
    Message { request: u32, logged: usize, sent: Box<Sent> },
}

/// A question to the agent that is open.
#[derive(Debug)]
struct Question {
    id: u32,
    channel_id: String,
    message_id: String,
    asked: Asked,
}

/// The sandbox's server, with its chain and its wallet.
#[derive(Debug)]
pub struct Server {
    options: Options,
    random: Random,
    queue: Queue,
    jobs: Jobs,
    sessions: Sessions,
    channels: Channels,
    limit: RateLimit,
    wall: Option<Paywall>,
    chain: Chain,
    faults: Faults,
    /// Proofs with which something has gone wrong in the wallet.
    marked: Vec<(String, FaultName)>,
    questions: Vec<Question>,
    asked: u32,
    log: Vec<Logged>,
    /// How many requests were there before the log's first.
    forgotten: usize,
    /// The number of the request that is being answered.
    current: usize,
    /// Connections are refused until then.
    down_until: Ms,
}

impl Server {
    /// A server that starts now. `seed` determines all ids and hashes.
    pub fn new(options: Options, seed: u32, now: Ms) -> Self {
        Self {
            random: Random::new(seed),
            queue: Queue::default(),
            jobs: Jobs::new(now),
            sessions: Sessions::new(now),
            channels: Channels::default(),
            limit: RateLimit::new(options.rate_limit),
            wall: Paywall::new(&options),
            chain: Chain::new(options.balance),
            faults: Faults::new(&options.faults),
            marked: vec![],
            questions: vec![],
            asked: 0,
            log: vec![],
            forgotten: 0,
            current: 0,
            down_until: now,
            options,
        }
    }

    /// What is to be done by now.
    pub fn effects(&mut self, now: Ms) -> Vec<Effect> {
        self.queue.take(now)
    }

    /// When something is to be done next.
    pub fn next_due(&self) -> Option<Ms> {
        self.queue.next()
    }

    /// From now on a fault strikes so many times.
    pub fn set_fault(&mut self, fault: FaultName, times: f64) -> Result<(), OptionError> {
        self.options.can_strike(fault)?;
        self.faults.set(fault, times);
        Ok(())
    }

    /// All jobs as the server would show them, in the order of their creation.
    pub fn jobs(&self) -> Vec<Value> {
        self.jobs.all().iter().map(Job::document).collect()
    }

    /// The last requests, in their order.
    pub fn requests(&self) -> Vec<Value> {
        let show = |logged: &Logged| {
            let request = &logged.request;
            let mut headers = document!({});
            for (name, value) in &request.headers {
                headers.set(name, value.json());
            }
            let mut entry = document!({
                "at": logged.at,
                "method": request.method,
                "url": request.url,
                "path": request.path(),
                "headers": headers,
                "body": request.body,
            });
            if let Some(status) = logged.status {
                entry.set("status", u32::from(status).json());
            }
            if let Some(fault) = logged.fault {
                entry.set("fault", fault.name().json());
            }
            entry
        };
        self.log.iter().map(show).collect()
    }

    /// A request comes in. The answer, or what becomes of it, is among the effects.
    pub fn receive(&mut self, id: u32, request: Request, now: Ms) {
        if self.log.len() >= MAX_LOG {
            self.log.drain(..FORGOTTEN);
            self.forgotten = self.forgotten.saturating_add(FORGOTTEN);
        }
        self.current = self.forgotten.saturating_add(self.log.len());
        // It lasts, and whatever else strikes says more of the request.
        let fault = self.faults.is_on(FaultName::ClockSkew).then_some(FaultName::ClockSkew);
        self.log.push(Logged { at: now, request: request.clone(), status: None, fault });
        let time = self.time(now);
        self.jobs.pass(time);
        self.sessions.pass(time);
        if now < self.down_until {
            self.queue.add(now, Effect::Break { id, code: "ECONNREFUSED" });
            return;
        }
        let (reply, delivery) = match self.answer(id, &request, now) {
            Outcome::Reply(reply) => (reply, Delivery::Whole),
            Outcome::Deliver(reply, delivery) => (reply, delivery),
            Outcome::Later => return,
            Outcome::Gone => {
                self.queue.add(now + self.options.latency_ms, Effect::Break { id, code: "ECONNRESET" });
                return;
            }
        };
        let reply = self.finish(reply, &request, now);
        self.deliver(id, reply, delivery, now);
    }

    /// The server's own clock.
    fn time(&self, now: Ms) -> Ms {
        if self.faults.is_on(FaultName::ClockSkew) { now + SKEW_MS } else { now }
    }

    /// The request that is being answered, in the log.
    fn logged(&mut self) -> Option<&mut Logged> {
        self.log.get_mut(self.current.checked_sub(self.forgotten)?)
    }

    fn strikes(&mut self, fault: FaultName) -> bool {
        let strikes = self.faults.strikes(fault);
        self.note_fault();
        strikes
    }

    /// Notes the fault that has struck the request that is being answered.
    fn note_fault(&mut self) {
        if let Some(fault) = self.faults.struck()
            && let Some(logged) = self.logged()
        {
            logged.fault = Some(fault);
        }
    }

    /// The order in which the server's layers look at a request.
    fn answer(&mut self, id: u32, request: &Request, now: Ms) -> Outcome {
        if request.method == "OPTIONS" {
            return Outcome::Reply(self.preflight());
        }
        let path = canonical(request.path());
        let is_api = path.starts_with("/api/");
        // Of a limiter in front of everything: elizaOS's own comes after a paywall, which then
        // keeps the money.
        if is_api && self.strikes(FaultName::RateLimit) {
            return Outcome::Reply(self.limit.fault());
        }
        let is_create = request.method == "POST" && path == "/api/messaging/jobs";
        let mut proof = None;
        if is_create {
            match self.pass_paywall(request, now) {
                Some(Verdict::Asked(reply)) => return Outcome::Reply(reply),
                Some(Verdict::Taken(taken)) => proof = Some(taken),
                None => {}
            }
        }
        if let Some(reply) = self.gate(request, &path) {
            return Outcome::Reply(reply);
        }
        if is_api {
            if let Some(refused) = self.limit.count(now) {
                return Outcome::Reply(refused);
            }
            if let Some(refused) = wrong_type(request) {
                return Outcome::Reply(refused);
            }
        }
        if !is_create {
            return self.route(id, request, &path, now);
        }
        let reply = self.create(request, now);
        self.after_create(request, reply, proof, now)
    }

    /// What the paywall says to a request for a job; `None` where there is no paywall.
    fn pass_paywall(&mut self, request: &Request, now: Ms) -> Option<Verdict> {
        self.note_marked(request);
        let time = self.time(now);
        let wall = self.wall.as_mut()?;
        let mut around = Around { chain: &mut self.chain, faults: &mut self.faults, random: &mut self.random, now, time };
        let verdict = wall.check(request, &mut around);
        self.note_fault();
        Some(verdict)
    }

    fn preflight(&self) -> Reply {
        let own = self.wall.as_ref().map(|wall| format!(",{}", wall.request_headers())).unwrap_or_default();
        Reply::empty(204)
            .with("access-control-allow-methods", ALLOWED_METHODS)
            .with("access-control-allow-headers", format!("{ALLOWED_HEADERS}{own}"))
    }

    /// What stands before all routes: the body's form, the health of the server, the key.
    fn gate(&self, request: &Request, path: &str) -> Option<Reply> {
        let broken = |message: &str| {
            Some(Reply::json(500, &document!({"success": false, "error": document!({"message": message, "code": 500_u32})})))
        };
        if is_json(request) && !request.body.is_empty() {
            if request.body.len() > MAX_BODY {
                return broken("request entity too large");
            }
            if let Some(message) = &request.json_error {
                return broken(message);
            }
        }
        let at = iso(self.log.last().map_or(0.0, |logged| self.time(logged.at)));
        if request.method == "GET" || request.method == "HEAD" {
            if path == "/healthz" {
                return Some(Reply::json(200, &document!({"status": "ok", "timestamp": at})));
            }
            if path == "/health" {
                return Some(self.health(&at));
            }
        }
        let is_api = path == "/api" || path.starts_with("/api/");
        if let (Some(key), true) = (&self.options.api_key, is_api)
            && request.header("x-api-key") != Some(key)
        {
            let body = document!({"error": "API key required", "message": "Missing or invalid X-API-KEY header"});
            return Some(Reply::json(401, &body));
        }
        (!path.starts_with("/api/")).then(|| Reply::text(403, "Forbidden"))
    }

    fn health(&self, at: &str) -> Reply {
        let has_agent = self.options.has_agent;
        let body = document!({
            "status": if has_agent { "OK" } else { "DEGRADED" },
            "version": "unknown",
            "timestamp": at,
            "dependencies": document!({"agents": if has_agent { "healthy" } else { "no_agents" }}),
            "agentCount": u32::from(has_agent),
        });
        Reply::json(if has_agent { 200 } else { 503 }, &body)
    }

    /// The list of agents: the one that there is.
    fn agents(&self) -> Reply {
        let agent = document!({
            "id": AGENT,
            "name": AGENT_NAME,
            "characterName": AGENT_NAME,
            "bio": "says what its test tells it to say",
            "status": "active",
        });
        let agents = Value::Array(self.options.has_agent.then_some(agent).into_iter().collect());
        Reply::json(200, &document!({"success": true, "data": document!({"agents": agents})}))
    }

    fn route(&mut self, id: u32, request: &Request, path: &str, now: Ms) -> Outcome {
        // HEAD is answered as GET, without the body.
        let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
        if method == "GET" && path == "/api/agents" {
            return Outcome::Reply(self.agents());
        }
        let rest = path.strip_prefix(MESSAGING).unwrap_or_default();
        let lower: Vec<&str> = rest.split('/').collect();
        // Ids are as they were sent; only the routes' own words may be in any case.
        let Some(parts) = parameters(request.path()) else {
            return Outcome::Reply(Reply::refusal(500, "Internal server error in jobs API"));
        };
        let given = |at: usize| parts.get(at).map(String::as_str).unwrap_or_default();
        let reply = match (method, lower.as_slice()) {
            ("GET", ["jobs", ..]) if lower.len() <= 2 => return self.read_jobs(request, given(1), now),
            ("GET", ["message-servers", _, "channels"]) => self.channels.list(given(1)),
            ("GET", ["channels", _, "messages"]) => self.channels.messages(given(1)),
            (_, ["sessions", ..]) => return self.session(id, request, method, &lower, &parts, now),
            _ => not_found(),
        };
        Outcome::Reply(reply)
    }

    fn ask(&mut self, content: &str, context: Value, channel_id: String, message_id: String, asked: Asked, now: Ms) {
        self.asked = self.asked.saturating_add(1);
        let id = self.asked;
        self.questions.push(Question { id, channel_id, message_id, asked });
        self.queue.add(now + self.options.answer_ms, Effect::Ask { id, content: content.to_owned(), context });
    }

    /// The agent has answered a question, chosen not to, or failed.
    pub fn answered(&mut self, id: u32, answer: &Answer, now: Ms) {
        let Some(place) = self.questions.iter().position(|question| question.id == id) else { return };
        let question = self.questions.remove(place);
        let time = self.time(now);
        self.jobs.pass(time);
        let said = answer.text.as_deref().filter(|_| answer.error.is_none());
        let message = said.map(|text| Message::of_agent(self.random.uuid(), text, time, &question.message_id));
        if let Some(message) = &message {
            self.channels.say(&question.channel_id, message.clone());
        }
        match (&question.asked, message) {
            (Asked::Job { job_id }, Some(message)) => {
                let shown = document!({
                    "id": message.id,
                    "content": message.content,
                    "authorId": AGENT,
                    "createdAt": time.floor(),
                    "metadata": message.metadata,
                });
                self.jobs.answered(job_id, &shown, time);
            }
            (Asked::Job { .. }, None) => {}
            (Asked::Message { request, logged, sent }, message) => {
                self.current = *logged;
                self.conclude(*request, sent, answer, message.as_ref(), now);
            }
        }
    }
}

/// The path in lower case, without a slash at its end.
fn canonical(path: &str) -> String {
    let path = path.to_ascii_lowercase();
    if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path }
}

/// What is behind `/api/messaging/`, decoded; `None` when something cannot be.
fn parameters(path: &str) -> Option<Vec<String>> {
    let rest = path.get(MESSAGING.len()..).unwrap_or_default();
    rest.trim_end_matches('/').split('/').map(decoded).collect()
}

fn not_found() -> Reply {
    Reply::json(404, &document!({"success": false, "error": document!({"message": "API endpoint not found", "code": 404_u32})}))
}

fn is_json(request: &Request) -> bool {
    let kind = request.header("content-type").unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The body's document. `None`: it was not read, because it is not JSON. An empty one is an empty
/// object.
fn body(request: &Request) -> Option<Value> {
    let text = if request.body.is_empty() { "{}" } else { request.body.as_str() };
    Value::parse(text).filter(|_| is_json(request))
}

/// Refuses bodies of other types.
fn wrong_type(request: &Request) -> Option<Reply> {
    const TYPES: [&str; 3] = ["application/json", "multipart/form-data", "application/x-www-form-urlencoded"];
    let kind = request.header("content-type").unwrap_or_default();
    let has_body = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") && !request.body.is_empty();
    let error = document!({"code": "INVALID_CONTENT_TYPE", "message": "Invalid or missing Content-Type header"});
    (has_body && !TYPES.iter().any(|known| kind.contains(known)))
        .then(|| Reply::json(400, &document!({"success": false, "error": error})))
}

#[cfg(test)]
mod tests;
