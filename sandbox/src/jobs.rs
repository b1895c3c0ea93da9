//! Jobs: what a request for one must have, how long one lives, and how it ends. As
//! `@elizaos/server` 1.7.0 has it.

use crate::json::{Map, ToJson, Value, document};
use crate::message::Reply;
use crate::text::{is_uuid, leading_integer, length};
use crate::time::Ms;

const MAX_CONTENT: usize = 50_000;
const MAX_METADATA: usize = 10_000;
const DEFAULT_TIMEOUT_MS: Ms = 30_000.0;
const MIN_TIMEOUT_MS: u32 = 1_000;
const MAX_TIMEOUT_MS: u32 = 300_000;
const CLEANUP_MS: Ms = 60_000.0;
/// Later answers are not listened for.
const MAX_LISTEN_MS: Ms = 300_000.0;
const MAX_JOBS: usize = 10_000;
/// How many of the oldest are dropped when there are too many.
const DROPPED: usize = 1_000;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The agent was asked.
    Processing,
    /// The agent has answered.
    Completed,
    /// The time is over.
    Timeout,
}

impl Status {
    /// As the API has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Processing => "processing",
            Status::Completed => "completed",
            Status::Timeout => "timeout",
        }
    }
}

/// The values of `status` in a query.
const STATUSES: [&str; 5] = ["pending", "processing", "completed", "failed", "timeout"];

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// The agent that was asked.
    pub agent_id: String,
    /// Whose job it is.
    pub user_id: String,
    /// The question.
    pub content: String,
    /// The application's own.
    pub metadata: Value,
    /// Where it stands.
    pub status: Status,
    /// When it was created.
    pub created_at: Ms,
    /// When its time is over.
    pub expires_at: Ms,
    /// The answer.
    pub result: Option<Value>,
}

/// What a request for a job asks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `None`: the server's first.
    pub agent_id: Option<String>,
    /// Whose job it is.
    pub user_id: String,
    /// The question.
    pub content: String,
    /// The application's own.
    pub metadata: Value,
    /// How long it may take.
    pub timeout_ms: Ms,
}

impl Wanted {
    /// Reads the body of a request; else what is wrong with it, in the server's words and order.
    pub fn read(body: Option<&Value>) -> Result<Self, String> {
        let body = match body {
            Some(Value::Object(members)) => members.clone(),
            // An array is an object in JavaScript.
            Some(Value::Array(_)) => Map::new(),
            _ => return Err("Request body must be an object".to_owned()),
        };
        Self::check(&body)?;
        let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let user_id = text("userId");
        if !is_uuid(&user_id) {
            return Err("Invalid userId format (must be valid UUID)".to_owned());
        }
        let agent_id = Some(text("agentId")).filter(|id| !id.is_empty());
        if agent_id.as_deref().is_some_and(|id| !is_uuid(id)) {
            return Err("Invalid agentId format (must be valid UUID)".to_owned());
        }
        Ok(Self {
            agent_id,
            user_id,
            content: text("content"),
            metadata: body.get("metadata").cloned().unwrap_or_else(|| document!({})),
            timeout_ms: body.get("timeoutMs").and_then(Value::as_f64).unwrap_or(DEFAULT_TIMEOUT_MS),
        })
    }

    fn check(body: &Map) -> Result<(), String> {
        let fail = |text: &str| Err(text.to_owned());
        if body.get("agentId").is_some_and(|id| id.as_str().is_none()) {
            return fail("agentId must be a valid UUID string");
        }
        if body.get("userId").and_then(Value::as_str).is_none() {
            return fail("userId is required and must be a valid UUID string");
        }
        let Some(content) = body.get("content").and_then(Value::as_str) else {
            return fail("content is required and must be a string");
        };
        if content.is_empty() {
            return fail("content cannot be empty");
        }
        if length(content) > MAX_CONTENT {
            return Err(format!("content exceeds maximum length of {MAX_CONTENT} characters"));
        }
        if let Some(metadata) = body.get("metadata") {
            if !metadata.has_members() {
                return fail("metadata must be an object");
            }
            if length(&metadata.to_string()) > MAX_METADATA {
                return Err(format!("metadata exceeds maximum size of {MAX_METADATA} bytes"));
            }
        }
        if let Some(timeout) = body.get("timeoutMs") {
            let Some(ms) = timeout.as_f64().filter(|ms| *ms >= 0.0) else { return fail("timeoutMs must be a positive number") };
            if ms < MIN_TIMEOUT_MS.into() {
                return Err(format!("timeoutMs must be at least {MIN_TIMEOUT_MS}ms"));
            }
            if ms > MAX_TIMEOUT_MS.into() {
                return Err(format!("timeoutMs cannot exceed {MAX_TIMEOUT_MS}ms"));
            }
        }
        Ok(())
    }
}

impl Job {
    /// As the API shows it.
    pub fn document(&self) -> Value {
        let mut document = document!({
            "jobId": self.id,
            "status": self.status.as_str(),
            "agentId": self.agent_id,
            "userId": self.user_id,
            "prompt": self.content,
            "createdAt": self.created_at,
            "expiresAt": self.expires_at,
        });
        if let Some(result) = &self.result {
            document.set("result", result.clone());
        }
        if self.status == Status::Timeout {
            document.set("error", "Job timed out waiting for agent response".json());
        }
        document.set("metadata", self.metadata.clone());
        document
    }

    fn expire(&mut self, now: Ms) -> bool {
        let is_over = self.expires_at < now && self.status == Status::Processing;
        if is_over {
            self.status = Status::Timeout;
        }
        is_over
    }
}

/// All jobs, in memory as on the real server.
#[derive(Debug)]
pub struct Jobs {
    all: Vec<Job>,
    next_cleanup: Ms,
    completed: u32,
    timed_out: u32,
    processing_ms: Ms,
}

impl Jobs {
    /// No jobs, at the start of the server.
    pub fn new(now: Ms) -> Self {
        Self { all: vec![], next_cleanup: now + CLEANUP_MS, completed: 0, timed_out: 0, processing_ms: 0.0 }
    }

    /// Does what the server does every minute, for every minute that is over.
    pub fn pass(&mut self, now: Ms) {
        while self.next_cleanup <= now {
            let at = self.next_cleanup;
            self.next_cleanup = at + CLEANUP_MS;
            self.cleanup(at);
            if self.all.is_empty() {
                let over = ((now - at) / CLEANUP_MS).floor().max(0.0);
                self.next_cleanup = at + CLEANUP_MS * (over + 1.0);
            }
        }
    }

    fn cleanup(&mut self, now: Ms) {
        self.all.retain(|job| job.expires_at >= now || job.status == Status::Processing);
        for job in &mut self.all {
            if job.expire(now) {
                self.timed_out = self.timed_out.saturating_add(1);
            }
        }
        if self.all.len() > MAX_JOBS {
            self.all.drain(..DROPPED);
        }
    }

    /// Adds a job.
    pub fn add(&mut self, job: Job) {
        self.all.push(job);
    }

    /// Every job as it is, in the order of their creation.
    pub fn all(&self) -> &[Job] {
        &self.all
    }

    /// Whether there is this job.
    pub fn has(&self, id: &str) -> bool {
        self.all.iter().any(|job| job.id == id)
    }

    /// Forgets a job.
    pub fn remove(&mut self, id: &str) {
        self.all.retain(|job| job.id != id);
    }

    /// The agent's answer has come. Whether it is the job's answer: not when the job was seen to be
    /// over.
    pub fn answered(&mut self, id: &str, message: &Value, now: Ms) -> bool {
        let waiting = |job: &&mut Job| job.id == id && job.status == Status::Processing && now < job.created_at + MAX_LISTEN_MS;
        let Some(job) = self.all.iter_mut().find(waiting) else { return false };
        let took = (now - job.created_at).floor();
        job.status = Status::Completed;
        job.result = Some(document!({"message": message, "processingTimeMs": took}));
        self.completed = self.completed.saturating_add(1);
        self.processing_ms += took;
        true
    }

    /// `GET /jobs/:id`
    pub fn get(&mut self, id: &str, now: Ms) -> Reply {
        let Some(job) = self.all.iter_mut().find(|job| job.id == id) else { return Reply::refusal(404, "Job not found") };
        if job.expire(now) {
            self.timed_out = self.timed_out.saturating_add(1);
        }
        Reply::json(200, &job.document())
    }

    /// `GET /jobs`
    pub fn list(&self, limit: Option<&str>, status: Option<&str>) -> Reply {
        let status = status.filter(|status| STATUSES.contains(status));
        let mut found: Vec<&Job> =
            self.all.iter().filter(|job| status.is_none_or(|wanted| job.status.as_str() == wanted)).collect();
        found.sort_by(|one, other| other.created_at.total_cmp(&one.created_at));
        let limit = limit.and_then(leading_integer).filter(|limit| *limit != 0).unwrap_or(50);
        let count = usize::try_from(limit.unsigned_abs()).unwrap_or(usize::MAX);
        // As Array.prototype.slice has it: a negative end counts from the end.
        found.truncate(if limit < 0 { found.len().saturating_sub(count) } else { count });
        let jobs: Vec<Value> = found.into_iter().map(Job::document).collect();
        Reply::json(200, &document!({"jobs": jobs, "total": self.all.len(), "filtered": jobs.len()}))
    }

    /// `GET /jobs/health`
    pub fn health(&self, now: Ms) -> Reply {
        let count = |status: &str| self.all.iter().filter(|job| job.status.as_str() == status).count();
        let mut counts = document!({});
        for status in STATUSES {
            counts.set(status, count(status).json());
        }
        let (completed, timed_out) = (f64::from(self.completed), f64::from(self.timed_out));
        let all = completed + timed_out;
        let rate = |part: f64| if all > 0.0 { (part / all * 100.0).round() / 100.0 } else { 0.0 };
        let average = if completed > 0.0 { (self.processing_ms / completed).round() } else { 0.0 };
        let body = document!({
            "healthy": true,
            "timestamp": now.floor(),
            "totalJobs": self.all.len(),
            "statusCounts": counts,
            "metrics": document!({
                "averageProcessingTimeMs": average,
                "successRate": rate(completed),
                "failureRate": rate(0.0),
                "timeoutRate": rate(timed_out),
            }),
            "maxJobs": MAX_JOBS,
        });
        Reply::json(200, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    const USER: &str = "22222222-2222-4222-8222-222222222222";

    fn job(id: &str, at: Ms) -> Job {
        Job {
            id: id.into(),
            agent_id: "a".into(),
            user_id: USER.into(),
            content: "hi".into(),
            metadata: json!({}),
            status: Status::Processing,
            created_at: at,
            expires_at: at + 30_000.0,
            result: None,
        }
    }

    fn body(reply: &Reply) -> Value {
        Value::parse(&reply.body).unwrap()
    }

    #[test]
    fn a_request_is_checked_in_the_servers_words_and_order() {
        let good = json!({"userId": USER, "content": "hi"});
        let cases = [
            ("agentId", json!(null), "agentId must be a valid UUID string"),
            ("userId", json!(5), "userId is required and must be a valid UUID string"),
            ("userId", json!("x"), "Invalid userId format (must be valid UUID)"),
            ("agentId", json!("x"), "Invalid agentId format (must be valid UUID)"),
            ("content", json!(5), "content is required and must be a string"),
            ("content", json!(""), "content cannot be empty"),
            ("content", json!("x".repeat(50_001)), "content exceeds maximum length of 50000 characters"),
            ("metadata", json!("x"), "metadata must be an object"),
            ("metadata", json!({"k": "x".repeat(9_993)}), "metadata exceeds maximum size of 10000 bytes"),
            ("timeoutMs", json!("5s"), "timeoutMs must be a positive number"),
            ("timeoutMs", json!(-1), "timeoutMs must be a positive number"),
            ("timeoutMs", json!(999), "timeoutMs must be at least 1000ms"),
            ("timeoutMs", json!(300_001), "timeoutMs cannot exceed 300000ms"),
        ];
        for (key, value, words) in cases {
            let mut bad = good.clone();
            bad[key] = value;
            assert_eq!(Wanted::read(Some(&bad)).unwrap_err(), words);
        }
        assert_eq!(Wanted::read(None).unwrap_err(), "Request body must be an object");
        assert_eq!(Wanted::read(Some(&json!([]))).unwrap_err(), "userId is required and must be a valid UUID string");
        let limits = json!({"userId": USER, "content": "x".repeat(50_000), "agentId": "", "metadata": {"k": "x".repeat(9_992)}, "timeoutMs": 1000});
        assert_eq!(Wanted::read(Some(&limits)).unwrap().agent_id, None);
    }

    #[test]
    fn a_job_that_was_seen_to_be_over_takes_no_answer() {
        let mut jobs = Jobs::new(0.0);
        for id in ["seen", "unseen"] {
            jobs.add(job(id, 0.0));
        }
        assert_eq!(body(&jobs.get("seen", 30_000.0))["status"], "processing", "at its expiry it is not over yet");
        assert_eq!(body(&jobs.get("seen", 30_001.0))["error"], "Job timed out waiting for agent response");
        assert!(!jobs.answered("seen", &json!({}), 30_002.0));
        assert!(jobs.answered("unseen", &json!({}), 30_002.0), "nobody has looked");
        let health = body(&jobs.health(30_002.0));
        assert_eq!((&health["metrics"]["timeoutRate"], &health["statusCounts"]["completed"]), (&json!(0.5), &json!(1)));
    }

    #[test]
    fn the_minute_ends_jobs_and_forgets_those_that_had_ended() {
        let mut jobs = Jobs::new(0.0);
        jobs.add(job("waiting", 0.0));
        jobs.add(job("answered", 0.0));
        jobs.answered("answered", &json!({}), 5.0);
        jobs.pass(59_999.0);
        assert!(jobs.has("answered"));
        jobs.pass(60_000.0);
        assert!(!jobs.has("answered"));
        assert_eq!(jobs.all()[0].status, Status::Timeout);
        jobs.pass(120_000.0);
        assert!(jobs.all().is_empty());
        jobs.pass(1e12);
        jobs.add(job("late", 1e12));
        jobs.pass(1e12 + 120_000.0);
        assert!(jobs.has("late") && jobs.all()[0].status == Status::Timeout);
    }

    #[test]
    fn lists_are_cut_as_javascript_cuts_them() {
        let mut jobs = Jobs::new(0.0);
        for at in 0..4 {
            jobs.add(job(&at.to_string(), f64::from(at)));
        }
        let ids = |limit: Option<&str>| {
            let list = body(&jobs.list(limit, None));
            list["jobs"].as_array().unwrap().iter().map(|job| job["jobId"].as_str().unwrap().to_owned()).collect::<String>()
        };
        assert_eq!(
            [None, Some("2"), Some("0"), Some("-1"), Some("x"), Some("3x"), Some("-9")].map(ids),
            ["3210", "32", "3210", "321", "3210", "321", ""]
        );
        assert_eq!(body(&jobs.list(None, Some("completed")))["filtered"], 0);
        assert_eq!(body(&jobs.list(None, Some("bogus")))["filtered"], 4);
    }
}
