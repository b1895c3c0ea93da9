//! The server: which request goes where, what goes wrong on the way, and what is due when.

use serde_json::{Map, Value};

use crate::chain::{Chain, Transfer, network};
use crate::channels::{AGENT, AGENT_NAME, Channel, Channels, Message};
use crate::faults::{FaultName, Faults};
use crate::jobs::{Job, Jobs, Status, Wanted};
use crate::json::{document, number};
use crate::message::{Answer, Effect, Queue, Reply, Request, decoded};
use crate::options::{OptionError, Options};
use crate::paywall::{Around, Paywall, Proof, Verdict};
use crate::random::Random;
use crate::rate_limit::RateLimit;
use crate::sessions::{Mode, Sent, Sessions};
use crate::text::{atomic, decimal, is_hex};
use crate::time::{Ms, iso};
use crate::wallet;

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
/// In how many pieces an answer drips.
const DRIPS: u32 = 10;
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

    /// All payments that have moved money.
    pub fn payments(&self, now: Ms) -> Vec<Value> {
        let show = |transfer: &Transfer| {
            document!({
                "transaction": transfer.hash,
                "network": transfer.network.name,
                "chainId": transfer.network.chain_id,
                "asset": transfer.network.usdc,
                "from": transfer.from,
                "to": transfer.to,
                "amount": decimal(transfer.value),
                "amountAtomic": transfer.value.to_string(),
                "currency": "USDC",
                "at": number(transfer.at),
            })
        };
        self.chain.landed(now).map(show).collect()
    }

    /// All jobs as the server would show them, in the order of their creation.
    pub fn jobs(&self) -> Vec<Value> {
        self.jobs.all().iter().map(Job::document).collect()
    }

    /// The last requests, in their order.
    pub fn requests(&self) -> Vec<Value> {
        let show = |logged: &Logged| {
            let request = &logged.request;
            let headers: Map<String, Value> =
                request.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
            let mut entry = document!({
                "at": number(logged.at),
                "method": request.method,
                "url": request.url,
                "path": request.path(),
                "headers": headers,
                "body": request.body,
            });
            if let Some(members) = entry.as_object_mut() {
                members.extend(logged.status.map(|status| ("status".to_owned(), status.into())));
                members.extend(logged.fault.and_then(|fault| Some(("fault".to_owned(), serde_json::to_value(fault).ok()?))));
            }
            entry
        };
        self.log.iter().map(show).collect()
    }

    /// What an account has on a network, as a decimal string.
    pub fn balance(&self, network_name: &str, address: &str, now: Ms) -> Option<String> {
        Some(decimal(self.chain.balance(network(network_name)?, address, now)))
    }

    // The wallet.

    /// The wallet is asked for a signature.
    pub fn sign(&mut self, id: u32, typed_data: &Value, now: Ms) {
        let signed = wallet::sign(typed_data);
        let at = self.wallet_answers(now);
        self.settle(id, at, signed);
    }

    /// The wallet is asked to make a transfer.
    pub fn transfer(&mut self, id: u32, quote: &Value, now: Ms) {
        let at = self.wallet_answers(now);
        let hash = self.made_transfer(quote, at);
        self.settle(id, at, hash);
    }

    /// Something waits for the sandbox's time to pass.
    pub fn sleep(&mut self, id: u32, ms: Ms, now: Ms) {
        self.settle(id, now + ms, Ok(String::new()));
    }

    fn settle(&mut self, id: u32, at: Ms, result: Result<String, String>) {
        let (value, error) = match result {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(error)),
        };
        self.queue.add(at, Effect::Settle { id, value, error });
    }

    fn wallet_answers(&mut self, now: Ms) -> Ms {
        if self.faults.strikes(FaultName::SlowWallet) { now + self.options.slow_ms } else { now }
    }

    fn made_transfer(&mut self, quote: &Value, at: Ms) -> Result<String, String> {
        let text = |key: &str| quote.get(key).and_then(Value::as_str).unwrap_or_default();
        let Some(network) = network(text("network")) else {
            return Err(format!("the sandbox's wallet knows no network {:?}", text("network")));
        };
        let to = text("recipient");
        if !is_hex(to, 40) {
            return Err(format!("the sandbox's wallet cannot pay {to:?}: that is no address"));
        }
        let Some(value) = atomic(text("amount")) else {
            return Err(format!("the sandbox's wallet cannot pay {:?}: that is no amount", text("amount")));
        };
        let from = wallet::address();
        let balance = self.chain.balance(network, &from, at);
        if balance < value {
            return Err(format!(
                "the sandbox's wallet has {} USDC on {}, not {}",
                decimal(balance),
                network.name,
                decimal(value)
            ));
        }
        let is_reverted = self.faults.strikes(FaultName::SettleFails);
        let is_late = self.faults.strikes(FaultName::SettleLate);
        let moves = if is_late { at + self.options.slow_ms } else { at };
        let (hash, to) = (String::new(), to.to_owned());
        let transfer = Transfer { hash, network, from, to, value, nonce: None, at: moves, is_reverted };
        Ok(self.chain.add(transfer, &mut self.random))
    }

    // Requests.

    /// A request comes in. The answer, or what becomes of it, is among the effects.
    pub fn receive(&mut self, id: u32, request: Request, now: Ms) {
        if self.log.len() >= MAX_LOG {
            self.log.drain(..FORGOTTEN);
            self.forgotten = self.forgotten.saturating_add(FORGOTTEN);
        }
        self.current = self.forgotten.saturating_add(self.log.len());
        self.log.push(Logged { at: now, request: request.clone(), status: None, fault: None });
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
        if let (Some(logged), true) = (self.logged(), strikes) {
            logged.fault = Some(fault);
        }
        strikes
    }

    /// The order in which the server's layers look at a request.
    fn answer(&mut self, id: u32, request: &Request, now: Ms) -> Outcome {
        if request.method == "OPTIONS" {
            return Outcome::Reply(self.preflight());
        }
        let path = canonical(request.path());
        let is_api = path.starts_with("/api/");
        // Of a limiter in front of everything: elizaOS's own comes after a paywall, which then keeps the money.
        if is_api && self.strikes(FaultName::RateLimit) {
            return Outcome::Reply(self.limit.fault());
        }
        let is_create = request.method == "POST" && path == "/api/messaging/jobs";
        let mut proof = None;
        if let (Some(wall), true) = (&mut self.wall, is_create) {
            let time = if self.faults.is_on(FaultName::ClockSkew) { now + SKEW_MS } else { now };
            let mut around = Around { chain: &mut self.chain, faults: &mut self.faults, random: &mut self.random, now, time };
            match wall.check(request, &mut around) {
                Verdict::Asked(reply) => return Outcome::Reply(reply),
                Verdict::Taken(taken) => proof = Some(taken),
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

    fn read_jobs(&mut self, request: &Request, id: &str, now: Ms) -> Outcome {
        let time = self.time(now);
        if id.eq_ignore_ascii_case("health") {
            return Outcome::Reply(self.jobs.health(time));
        }
        if self.strikes(FaultName::ServerRestarts) {
            self.restart(now);
            return Outcome::Gone;
        }
        if id.is_empty() {
            return Outcome::Reply(self.jobs.list(request.query("limit").as_deref(), request.query("status").as_deref()));
        }
        if self.jobs.has(id) && self.strikes(FaultName::JobGone) {
            self.jobs.remove(id);
        }
        Outcome::Reply(self.jobs.get(id, time))
    }

    /// Forgets what a server keeps in memory, and refuses connections for a while. The chain goes on.
    fn restart(&mut self, now: Ms) {
        let time = self.time(now);
        self.jobs = Jobs::new(time);
        self.sessions = Sessions::new(time);
        self.limit = RateLimit::new(self.options.rate_limit);
        self.questions.clear();
        if let Some(wall) = &mut self.wall {
            wall.restart();
        }
        self.down_until = now + self.options.slow_ms;
    }

    fn create(&mut self, request: &Request, now: Ms) -> Reply {
        let time = self.time(now);
        let body = body(request);
        let wanted = match Wanted::read(body.as_ref()) {
            Ok(wanted) => wanted,
            Err(words) => return Reply::refusal(400, &words),
        };
        if !self.options.has_agent && wanted.agent_id.is_none() {
            return Reply::refusal(404, "No agents available on server");
        }
        let agent_id = wanted.agent_id.unwrap_or_else(|| AGENT.to_owned());
        if !self.options.has_agent || agent_id != AGENT {
            return Reply::refusal(404, &format!("Agent {agent_id} not found"));
        }
        let created_at = time.floor();
        let [id, channel_id, message_id] = [(); 3].map(|()| self.random.uuid());
        let job = Job {
            id: id.clone(),
            agent_id,
            user_id: wanted.user_id,
            content: wanted.content,
            metadata: wanted.metadata,
            status: Status::Processing,
            created_at,
            expires_at: created_at + wanted.timeout_ms,
            result: None,
        };
        let created = document!({
            "jobId": id,
            "status": "processing",
            "createdAt": number(job.created_at),
            "expiresAt": number(job.expires_at),
        });
        self.open_channel(&job, &channel_id, &message_id, time);
        let context = document!({
            "jobId": id,
            "agentId": AGENT,
            "userId": job.user_id,
            "metadata": job.metadata,
        });
        let content = job.content.clone();
        self.jobs.add(job);
        self.ask(&content, context, channel_id, message_id, Asked::Job { job_id: id }, now);
        Reply::json(201, &created)
    }

    /// The channel of a job, with the user's message in it.
    fn open_channel(&mut self, job: &Job, channel_id: &str, message_id: &str, time: Ms) {
        let mut about = document!({"jobId": job.id, "agentId": AGENT, "userId": job.user_id, "isJobChannel": true});
        let mut metadata = document!({"jobId": job.id, "isJobMessage": true});
        for target in [&mut about, &mut metadata] {
            if let (Some(members), Some(own)) = (target.as_object_mut(), job.metadata.as_object()) {
                members.extend(own.clone());
            }
        }
        let message = Message {
            id: message_id.to_owned(),
            author: job.user_id.clone(),
            content: job.content.clone(),
            at: time,
            metadata,
            answers: None,
            source: "job_request",
        };
        let (id, name) = (channel_id.to_owned(), format!("job-{}", job.id));
        self.channels.add(Channel { id, name, metadata: about, created_at: time, messages: vec![message] });
    }

    fn ask(&mut self, content: &str, context: Value, channel_id: String, message_id: String, asked: Asked, now: Ms) {
        self.asked = self.asked.saturating_add(1);
        let id = self.asked;
        self.questions.push(Question { id, channel_id, message_id, asked });
        self.queue.add(now + self.options.answer_ms, Effect::Ask { id, content: content.to_owned(), context });
    }

    /// Settles what was paid, and lets go wrong what is to go wrong with the answer.
    fn after_create(&mut self, request: &Request, reply: Reply, proof: Option<Proof>, now: Ms) -> Outcome {
        let mut reply = reply;
        if let (Some(wall), Some(proof), true) = (&mut self.wall, &proof, reply.status < 400) {
            let time = if self.faults.is_on(FaultName::ClockSkew) { now + SKEW_MS } else { now };
            let mut around = Around { chain: &mut self.chain, faults: &mut self.faults, random: &mut self.random, now, time };
            reply = wall.settle(request, reply, proof, &mut around);
        }
        if reply.status != 201 {
            return Outcome::Reply(reply);
        }
        for (fault, delivery) in
            [(FaultName::LoseReply, Delivery::Lost), (FaultName::CutBody, Delivery::Cut), (FaultName::SlowBody, Delivery::Slow)]
        {
            if self.strikes(fault) {
                return Outcome::Deliver(reply, delivery);
            }
        }
        if self.strikes(FaultName::PayThen500) {
            return Outcome::Reply(Reply::refusal(500, "Failed to create job"));
        }
        if self.strikes(FaultName::Html) {
            return Outcome::Reply(Reply::text(200, HTML).with("content-type", "text/html; charset=utf-8"));
        }
        if self.strikes(FaultName::AgainPaymentRequired)
            && let Some(wall) = &self.wall
        {
            return Outcome::Reply(wall.again(request));
        }
        Outcome::Reply(reply)
    }

    // Sessions.

    fn session(&mut self, id: u32, request: &Request, method: &str, lower: &[&str], parts: &[String], now: Ms) -> Outcome {
        let time = self.time(now);
        let session = parts.get(1).map(String::as_str).unwrap_or_default();
        let body = body(request);
        let body = body.as_ref();
        let answer = match (method, lower) {
            ("GET", ["sessions"]) => Ok(self.sessions.list(time)),
            ("GET", ["sessions", "health"]) => Ok(self.sessions.health(time)),
            ("POST", ["sessions"]) => {
                let ids = [self.random.uuid(), self.random.uuid()];
                self.sessions.create(body, self.options.has_agent, ids, time).map(|(reply, channel)| {
                    self.channels.add(channel);
                    reply
                })
            }
            ("GET", ["sessions", _]) => self.sessions.get(session, time),
            ("DELETE", ["sessions", _]) => self.sessions.delete(session, time),
            ("POST", ["sessions", _, "renew"]) => self.sessions.renew(session, time),
            ("POST", ["sessions", _, "heartbeat"]) => self.sessions.heartbeat(session, time),
            ("PATCH", ["sessions", _, "timeout"]) => self.sessions.set_timeout(session, body, time),
            ("GET", ["sessions", _, "messages"]) => self.sessions.read(session, request, time).map(|(channel, page)| {
                page.of(self.channels.get(&channel).map(|channel| channel.messages.as_slice()).unwrap_or_default())
            }),
            ("POST", ["sessions", _, "messages"]) => return self.message(id, request, session, body, now),
            _ => Ok(not_found()),
        };
        Outcome::Reply(answer.unwrap_or_else(|refused| *refused))
    }

    fn message(&mut self, id: u32, request: &Request, session: &str, body: Option<&Value>, now: Ms) -> Outcome {
        let time = self.time(now);
        let message_id = self.random.uuid();
        let (sent, message) = match self.sessions.send(session, body, &message_id, time) {
            Ok(taken) => taken,
            Err(refused) => return Outcome::Reply(*refused),
        };
        let context = document!({"sessionId": session, "agentId": AGENT, "userId": message.author, "metadata": message.metadata});
        let (mode, channel_id, content) = (sent.mode, sent.channel_id.clone(), message.content.clone());
        self.channels.say(&channel_id, message);
        let reply = document!({"success": true, "userMessage": sent.user_message, "sessionStatus": sent.status});
        let begins = format!("event: user_message\ndata: {}\n\n", sent.user_message);
        let asked = Asked::Message { request: id, logged: self.current, sent: Box::new(sent) };
        self.ask(&content, context, channel_id, message_id, asked, now);
        match mode {
            Mode::Later => return Outcome::Reply(Reply::json(201, &reply)),
            Mode::Sync => self.queue.add(now + SOCKET_MS, Effect::Break { id, code: "ECONNRESET" }),
            Mode::Stream => {
                let stream =
                    Reply::text(200, &begins).with("content-type", "text/event-stream").with("cache-control", "no-cache");
                let stream = self.finish(stream, request, now);
                self.respond(id, stream, false, now + self.options.latency_ms);
                self.queue.add(now + SOCKET_MS, Effect::Break { id, code: "ECONNRESET" });
            }
        }
        Outcome::Later
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
                    "createdAt": number(time.floor()),
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

    /// Answers a request that has waited for the agent.
    fn conclude(&mut self, id: u32, sent: &Sent, answer: &Answer, message: Option<&Message>, now: Ms) {
        let response_id = self.random.uuid();
        let content = message.map(|message| {
            document!({
                "thought": crate::channels::THOUGHT,
                "actions": vec!["REPLY"],
                "providers": Vec::<Value>::new(),
                "text": message.content,
                "simple": true,
                "responseId": response_id,
                "inReplyTo": message.answers,
            })
        });
        let at = now + self.options.latency_ms;
        self.queue.forget_break(id);
        match sent.mode {
            Mode::Later => {}
            Mode::Sync => {
                let reply = in_full(sent, answer, content);
                let request = self.logged().map(|logged| logged.request.clone());
                let reply = request.map_or(reply.clone(), |request| self.finish(reply, &request, now));
                self.respond(id, reply, true, at);
            }
            Mode::Stream => {
                for text in in_events(&response_id, answer, message, content.as_ref()) {
                    self.queue.add(at, Effect::Piece { id, text });
                }
                self.queue.add(at, Effect::End { id });
            }
        }
    }

    // Answers.

    /// What every answer has: who may read it, what is left of the rate limit, its length and its time.
    fn finish(&self, mut reply: Reply, request: &Request, now: Ms) -> Reply {
        let path = canonical(request.path());
        let is_counted = path.starts_with("/api/") && !matches!(reply.status, 204 | 401 | 402);
        if is_counted && !is_broken_body(&reply) {
            reply = self.limit.stamp(reply, now);
        }
        reply = reply
            .with("vary", "Origin")
            .with("access-control-allow-credentials", "true")
            .with("x-content-type-options", "nosniff");
        if let Some(origin) = request.header("origin") {
            reply = reply.with("access-control-allow-origin", origin);
            if let Some(wall) = &self.wall {
                reply = reply.with("access-control-expose-headers", wall.response_headers());
            }
        }
        let is_read = request.method == "GET" && reply.status == 200;
        // Clients take a date that stands still for a cache's.
        if !(self.options.is_virtual && is_read) {
            let ms = self.time(now).max(0.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
            let at = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_millis(ms as u64));
            if let Some(at) = at.filter(|_| ms < 2.5e14) {
                reply = reply.with("date", httpdate::fmt_http_date(at));
            }
        }
        if !reply.headers.iter().any(|(_, value)| value == "text/event-stream") && reply.status != 204 {
            let length = reply.body.len().to_string();
            reply = reply.with("content-length", length);
        }
        if request.method == "HEAD" {
            reply.body.clear();
        }
        reply
    }

    fn deliver(&mut self, id: u32, reply: Reply, delivery: Delivery, now: Ms) {
        let at = now + self.options.latency_ms;
        match delivery {
            Delivery::Whole => self.respond(id, reply, true, at),
            Delivery::Lost => self.queue.add(at, Effect::Break { id, code: "ECONNRESET" }),
            Delivery::Cut => {
                // In the middle of the job's id.
                let half = reply.body.chars().take(24).collect();
                self.respond(id, Reply { body: half, ..reply }, false, at);
                self.queue.add(at, Effect::Break { id, code: "ECONNRESET" });
            }
            Delivery::Slow => {
                let letters: Vec<char> = reply.body.chars().collect();
                let size = letters.len().div_ceil(DRIPS as usize).max(1);
                self.respond(id, Reply { body: String::new(), ..reply }, false, at);
                for (drip, piece) in (1..=DRIPS).zip(letters.chunks(size)) {
                    let when = at + self.options.slow_ms * f64::from(drip) / f64::from(DRIPS);
                    self.queue.add(when, Effect::Piece { id, text: piece.iter().collect() });
                }
                self.queue.add(at + self.options.slow_ms, Effect::End { id });
            }
        }
    }

    fn respond(&mut self, id: u32, reply: Reply, ends: bool, at: Ms) {
        if let Some(logged) = self.logged() {
            logged.status = Some(reply.status);
        }
        let Reply { status, headers, body } = reply;
        self.queue.add(at, Effect::Respond { id, status, headers, body, ends });
    }
}

/// The answer to a message, in the mode `sync`.
fn in_full(sent: &Sent, answer: &Answer, content: Option<Value>) -> Reply {
    if answer.error.is_some() {
        return Reply::refusal(500, "Failed to process message in sync mode");
    }
    let mut body = document!({"success": true, "userMessage": sent.user_message});
    if let Some(members) = body.as_object_mut() {
        members.extend(content.map(|content| ("agentResponse".to_owned(), content)));
        members.insert("sessionStatus".to_owned(), sent.status.clone());
    }
    Reply::json(201, &body)
}

/// The answer to a message as events, in the mode `stream`.
fn in_events(response_id: &str, answer: &Answer, message: Option<&Message>, content: Option<&Value>) -> Vec<String> {
    let event = |name: &str, data: &Value| format!("event: {name}\ndata: {data}\n\n");
    if let Some(error) = &answer.error {
        return vec![event("error", &document!({"error": error}))];
    }
    let (Some(message), Some(content)) = (message, content) else { return vec![] };
    let whole = [message.content.clone()];
    let chunks = if answer.pieces.is_empty() { &whole[..] } else { &answer.pieces };
    let chunk =
        |(index, chunk): (usize, &String)| event("chunk", &document!({"messageId": response_id, "chunk": chunk, "index": index}));
    chunks.iter().enumerate().map(chunk).chain([event("done", content)]).collect()
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

/// The body's document. `None`: it was not read, because it is not JSON. An empty one is an empty object.
fn body(request: &Request) -> Option<Value> {
    let text = if request.body.is_empty() { "{}" } else { request.body.as_str() };
    serde_json::from_str(text).ok().filter(|_| is_json(request))
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

/// Whether this is the answer to a body that could not be read: it comes before the rate limit.
fn is_broken_body(reply: &Reply) -> bool {
    reply.status == 500 && reply.body.contains("\"code\":500")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const USER: &str = "22222222-2222-4222-8222-222222222222";

    fn server(options: Value) -> Server {
        Server::new(Options::read(options.as_object().unwrap()).unwrap(), 7, 0.0)
    }

    fn post(path: &str, body: Value, headers: &[(&str, &str)]) -> Request {
        let kind = ("content-type".to_owned(), "application/json".to_owned());
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain([kind]).collect();
        Request { method: "POST".into(), url: format!("https://h{path}"), headers, body: body.to_string(), json_error: None }
    }

    fn create(server: &mut Server, id: u32, headers: &[(&str, &str)], now: Ms) {
        server.receive(id, post("/api/messaging/jobs", json!({"userId": USER, "content": "hi"}), headers), now);
    }

    fn get(path: &str) -> Request {
        Request { method: "GET".into(), ..post(path, json!(null), &[]) }
    }

    fn status(effects: &[Effect]) -> Vec<u16> {
        effects
            .iter()
            .filter_map(|effect| if let Effect::Respond { status, .. } = effect { Some(*status) } else { None })
            .collect()
    }

    /// Has the wallet make a transfer, and returns its hash.
    fn paid(server: &mut Server, amount: &str, now: Ms) -> String {
        let quote = json!({"network": "base", "recipient": wallet::RECIPIENT, "amount": amount});
        server.transfer(99, &quote, now);
        match server.effects(now).pop() {
            Some(Effect::Settle { value: Some(hash), .. }) => hash,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_agent_is_asked_and_its_answer_completes_the_job() {
        let mut server = server(json!({"answerMs": 50}));
        create(&mut server, 1, &[], 0.0);
        assert_eq!(status(&server.effects(0.0)), [201]);
        assert_eq!(server.next_due(), Some(50.0));
        let asked = server.effects(50.0);
        let [Effect::Ask { id, content, context }] = &asked[..] else { panic!("{asked:?}") };
        assert_eq!((content.as_str(), &context["userId"]), ("hi", &json!(USER)));
        server.answered(*id, &Answer { text: Some("hello".into()), pieces: vec![], error: None }, 80.0);
        let job = &server.jobs()[0];
        assert_eq!((&job["status"], &job["result"]["message"]["content"]), (&json!("completed"), &json!("hello")));
        assert_eq!(job["result"]["processingTimeMs"], 80);
        server.answered(*id, &Answer { text: Some("again".into()), pieces: vec![], error: None }, 90.0);
        assert_eq!(server.jobs()[0]["result"]["message"]["content"], "hello", "a question has one answer");
    }

    #[test]
    fn a_seed_makes_everything_the_same() {
        let run = || {
            let mut server = server(json!({"paywall": "elizaos", "faults": ["cut-body"]}));
            let hash = paid(&mut server, "0.02", 0.0);
            create(&mut server, 1, &[("x-payment", &hash)], 5.0);
            format!("{:?} {:?} {:?} {:?}", server.effects(9.0), server.jobs(), server.payments(9.0), server.requests())
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn a_transfer_pays_once_and_only_in_full() {
        let mut server = server(json!({"paywall": "elizaos"}));
        let (enough, little) = (paid(&mut server, "0.02", 0.0), paid(&mut server, "0.019999", 0.0));
        let unknown = format!("0x{}", "ab".repeat(32));
        for (hash, expected) in [(&enough, 201), (&enough, 402), (&little, 402), (&unknown, 402)] {
            create(&mut server, 1, &[("x-payment", hash), ("x-payment-network", "base")], 1.0);
            assert_eq!(status(&server.effects(1.0)), [expected], "{hash}");
        }
        assert_eq!(server.payments(1.0).len(), 2);
        assert_eq!(server.balance("base", &wallet::address(), 1.0).unwrap(), "999.960001");
    }

    #[test]
    fn an_empty_wallet_pays_nothing() {
        let mut server = server(json!({"paywall": "elizaos", "balance": "0.01"}));
        server.transfer(1, &json!({"network": "base", "recipient": wallet::RECIPIENT, "amount": "0.02"}), 0.0);
        let effects = server.effects(0.0);
        let [Effect::Settle { error: Some(words), .. }] = &effects[..] else { panic!("{effects:?}") };
        assert!(words.contains("has 0.01 USDC on base, not 0.02"), "{words}");
    }

    #[test]
    fn a_server_that_restarts_forgets_its_jobs_and_keeps_the_money() {
        let mut server = server(json!({"paywall": "elizaos", "slowMs": 100, "faults": ["server-restarts"]}));
        let hash = paid(&mut server, "0.02", 0.0);
        create(&mut server, 1, &[("x-payment", &hash)], 0.0);
        server.effects(0.0);
        server.receive(2, get("/api/messaging/jobs"), 10.0);
        assert_eq!(server.effects(10.0), [Effect::Break { id: 2, code: "ECONNRESET" }]);
        server.receive(3, get("/api/messaging/jobs"), 109.0);
        assert_eq!(server.effects(109.0), [Effect::Break { id: 3, code: "ECONNREFUSED" }]);
        server.receive(4, get("/api/messaging/jobs"), 110.0);
        assert_eq!((status(&server.effects(110.0)), server.jobs().len(), server.payments(110.0).len()), (vec![200], 0, 1));
    }

    #[test]
    fn the_log_keeps_the_last_requests() {
        let mut server = server(json!({"rateLimit": 0}));
        for id in 0..10_500 {
            server.receive(id, get(&format!("/api/messaging/jobs/{id}")), 0.0);
            server.effects(0.0);
        }
        let log = server.requests();
        assert_eq!((log.len(), &log[0]["path"]), (9_500, &json!("/api/messaging/jobs/1000")));
        assert!(log.iter().all(|entry| entry["status"] == 404));
    }

    #[test]
    fn a_body_that_is_cut_breaks_off_in_the_jobs_id() {
        let mut server = server(json!({"faults": ["cut-body"]}));
        create(&mut server, 1, &[], 0.0);
        let effects = server.effects(0.0);
        let [.., Effect::Respond { headers, body, ends: false, .. }, Effect::Break { id: 1, .. }] = &effects[..] else {
            panic!("{effects:?}")
        };
        let length = &headers.iter().find(|(name, _)| *name == "content-length").unwrap().1;
        assert!(body.starts_with("{\"jobId\":\"") && !body.contains("status") && body.len() < length.parse().unwrap(), "{body}");
    }

    #[test]
    fn a_body_that_drips_is_whole_in_the_end() {
        let mut server = server(json!({"faults": ["slow-body"], "slowMs": 100, "latencyMs": 5}));
        create(&mut server, 1, &[], 0.0);
        assert!(status(&server.effects(4.9)).is_empty(), "it is under way");
        let effects = server.effects(105.0);
        let text: String = effects
            .iter()
            .filter_map(|effect| if let Effect::Piece { text, .. } = effect { Some(text.as_str()) } else { None })
            .collect();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["status"], "processing");
        assert_eq!(effects.last(), Some(&Effect::End { id: 1 }));
    }

    #[test]
    fn a_message_without_an_answer_loses_its_connection_after_thirty_seconds() {
        let mut server = server(json!({}));
        server.receive(1, post("/api/messaging/sessions", json!({"agentId": AGENT, "userId": USER}), &[]), 0.0);
        let created = server.effects(0.0);
        let [Effect::Respond { body, .. }] = &created[..] else { panic!("{created:?}") };
        let id = serde_json::from_str::<Value>(body).unwrap()["sessionId"].as_str().unwrap().to_owned();
        let path = format!("/api/messaging/sessions/{id}/messages");
        for (request, mode, answered) in [(2, "sync", false), (3, "sync", true), (4, "stream", true)] {
            server.receive(request, post(&path, json!({"content": "hi", "mode": mode}), &[]), 0.0);
            let question =
                server.effects(0.0).into_iter().find_map(|it| if let Effect::Ask { id, .. } = it { Some(id) } else { None });
            if answered {
                server.answered(question.unwrap(), &Answer { text: Some("x".into()), pieces: vec![], error: None }, 1.0);
            }
        }
        server.effects(29_999.0);
        assert_eq!(server.effects(30_000.0), [Effect::Break { id: 2, code: "ECONNRESET" }]);
    }
}
