//! A Jobs server with a paywall as a state machine: the other end for property tests. It keeps
//! account of what it charged.
//!
//! It behaves as the real servers do, where that is strange too: a lax paywall takes a hash again
//! and again; version 1 makes the job before it settles, so that a proof that was used makes
//! another job and is answered with 402.

use serde_json::{Value, json};

use eliza_jobs::api::routes;
use eliza_jobs::encoding;
use eliza_jobs::json::read_header;
use eliza_jobs::platform::{Body, HttpRequest, HttpResponse, Method};

/// What stands before the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paywall {
    /// Nothing.
    Open,
    /// elizaOS's own, which looks at the form of the hash alone.
    Lax,
    /// elizaOS's own, where a hash pays once.
    Strict,
    /// x402 version 1.
    V1,
    /// x402 version 2.
    V2,
}

/// One job.
#[derive(Debug, Clone)]
struct Job {
    id: String,
    metadata: Value,
    created_at: f64,
}

/// The server.
#[derive(Debug)]
pub struct Sandbox {
    paywall: Paywall,
    /// Whether the list of jobs is shown.
    list_open: bool,
    /// How long the agent takes, in milliseconds.
    agent_ms: f64,
    jobs: Vec<Job>,
    /// How many jobs there have ever been.
    made: u64,
    /// The proofs that were taken, in order; once each where the paywall is strict.
    pub taken: Vec<String>,
}

/// How long a job lives, in milliseconds.
const LIFETIME_MS: f64 = 30_000.0;
const RECIPIENT: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";

impl Sandbox {
    /// A server without jobs.
    pub fn new(paywall: Paywall, list_open: bool, agent_ms: f64) -> Self {
        Self { paywall, list_open, agent_ms, jobs: Vec::new(), made: 0, taken: Vec::new() }
    }

    /// Starts again: the jobs are forgotten, as they are in servers that keep them in memory.
    pub fn restart(&mut self) {
        self.jobs.clear();
    }

    /// Answers a request at this time (milliseconds since 1970).
    pub fn handle(&mut self, now: f64, request: &HttpRequest) -> HttpResponse {
        let route = request.url.find(routes::JOBS).and_then(|at| request.url.get(at.saturating_add(routes::JOBS.len())..));
        match (request.method, route) {
            (Method::Post, Some("")) => self.create(now, request),
            (Method::Get, Some("" | "?limit=50")) if self.list_open => {
                let jobs: Vec<Value> = self.jobs.iter().rev().map(|job| self.show(now, job)).collect();
                answer(200, json!({"total": jobs.len(), "filtered": jobs.len(), "jobs": jobs}))
            }
            (Method::Get, Some(rest)) if rest.len() > 1 => {
                let job = self.jobs.iter().find(|job| rest.strip_prefix('/') == Some(job.id.as_str()));
                job.map_or_else(
                    || answer(404, json!({"success": false, "error": "Job not found"})),
                    |job| answer(200, self.show(now, job)),
                )
            }
            _ => answer(403, json!({"success": false, "error": "closed"})),
        }
    }

    fn show(&self, now: f64, job: &Job) -> Value {
        let age = now - job.created_at;
        let status = if age >= self.agent_ms.min(LIFETIME_MS) {
            if self.agent_ms <= LIFETIME_MS { "completed" } else { "timeout" }
        } else {
            "processing"
        };
        let mut shown = json!({"jobId": job.id, "status": status, "metadata": job.metadata,
            "createdAt": job.created_at, "expiresAt": job.created_at + LIFETIME_MS});
        if let (Some(shown), "completed") = (shown.as_object_mut(), status) {
            shown.insert("result".into(), json!({"message": {"content": "here"}, "processingTimeMs": age}));
        }
        shown
    }

    fn create(&mut self, now: f64, request: &HttpRequest) -> HttpResponse {
        let header = |wanted: &str| request.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let proof = match self.paywall {
            Paywall::Open => return self.make(now, request),
            Paywall::Lax | Paywall::Strict => header("x-payment").filter(|hash| encoding::is_hex(hash, 64)).map(str::to_owned),
            Paywall::V1 => header("x-payment").and_then(|value| nonce(value, now)),
            Paywall::V2 => header("payment-signature").and_then(|value| nonce(value, now)),
        };
        let Some(proof) = proof else { return self.asks() };
        let used = self.taken.contains(&proof);
        match (self.paywall, used) {
            (Paywall::Strict | Paywall::V2, true) => self.asks(),
            (Paywall::V1, true) => {
                self.make(now, request);
                self.asks()
            }
            (_, used) => {
                if !used {
                    self.taken.push(proof);
                }
                self.make(now, request)
            }
        }
    }

    fn make(&mut self, now: f64, request: &HttpRequest) -> HttpResponse {
        let body: Value = request.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        let id = format!("job-{}", self.made);
        self.made = self.made.saturating_add(1);
        let metadata = body.get("metadata").cloned().unwrap_or_else(|| json!({}));
        self.jobs.push(Job { id: id.clone(), metadata, created_at: now });
        answer(201, json!({"jobId": id, "status": "processing", "createdAt": now, "expiresAt": now + LIFETIME_MS}))
    }

    /// The 402.
    fn asks(&self) -> HttpResponse {
        let exact = |network: &str, amount: &str| {
            json!({"scheme": "exact", "network": network, (amount): "20000", "payTo": RECIPIENT, "maxTimeoutSeconds": 60,
                "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "extra": {"name": "USD Coin", "version": "2"}})
        };
        match self.paywall {
            Paywall::V1 => answer(402, json!({"x402Version": 1, "accepts": [exact("base", "maxAmountRequired")]})),
            Paywall::V2 => {
                let required = json!({"x402Version": 2, "accepts": [exact("eip155:8453", "amount")]});
                let mut answer = answer(402, json!({}));
                answer.headers.push(("payment-required", encoding::to_base64(&required.to_string())));
                answer
            }
            _ => answer(402, json!({"payment": [{"network": "base", "recipient": RECIPIENT, "amount": "0.02"}]})),
        }
    }
}

/// The nonce of an authorisation that is still good.
fn nonce(header: &str, now: f64) -> Option<String> {
    let document: Value = read_header(header)?.into();
    let authorization = document.get("payload")?.get("authorization")?;
    let before: f64 = authorization.get("validBefore")?.as_str()?.parse().ok()?;
    (before * 1000.0 > now).then(|| authorization.get("nonce")?.as_str().map(str::to_owned)).flatten()
}

fn answer(status: u16, body: Value) -> HttpResponse {
    HttpResponse { status, headers: Vec::new(), body: Body::Json(body.into()) }
}

/// The reply as it arrives when the connection breaks in the middle of it.
pub fn cut(response: &HttpResponse, keep: usize) -> HttpResponse {
    let whole = if let Body::Json(document) = &response.body { document.to_string() } else { String::new() };
    let kept: String = whole.chars().take(keep.min(whole.len().saturating_sub(1))).collect();
    let body = if kept.is_empty() { Body::Empty } else { Body::Text(kept) };
    HttpResponse { status: response.status, headers: response.headers.clone(), body }
}
