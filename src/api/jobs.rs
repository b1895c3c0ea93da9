//! The Jobs API: its types, the local validation, and how answers are read.
//!
//! The structs are the package's type declarations (`derive(Tsify)`); answers themselves pass through as the runtime's own
//! documents, checked and put right where servers differ. The host tests read recorded answers of real servers into the
//! structs, so the declarations say what servers send.

use serde::{Deserialize, Serialize};
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::api::error::{Error, Result};
use crate::api::routes;
use crate::encoding;
use crate::json::{Json, Kind, picked, shown};
use crate::text::{decimal, fill, has, shorten};
use crate::x402::keccak::keccak256;

/// The longest content, in UTF-16 code units.
pub const MAX_CONTENT_UNITS: usize = 50_000;
/// The longest metadata, in UTF-16 code units of its JSON text (the server calls them bytes).
pub const MAX_METADATA_UNITS: usize = 10_000;
/// The least job time, in milliseconds.
pub const MIN_JOB_TIMEOUT_MS: f64 = 1_000.0;
/// The greatest job time, in milliseconds.
pub const MAX_JOB_TIMEOUT_MS: f64 = 300_000.0;

/// Where a job stands.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(target_arch = "wasm32", serde(rename_all = "lowercase"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// Waits to be processed.
    Pending,
    /// The agent is at it.
    Processing,
    /// Answered: `result` is there.
    Completed,
    /// The agent reported a failure: `error` is there.
    Failed,
    /// No answer within the job's time.
    Timeout,
    /// The server said something else; `rawStatus` has it. Not final.
    Unknown,
}

impl JobStatus {
    /// Every status that a server can mean.
    pub const ALL: [JobStatus; 6] = [
        JobStatus::Pending,
        JobStatus::Processing,
        JobStatus::Completed,
        JobStatus::Failed,
        JobStatus::Timeout,
        JobStatus::Unknown,
    ];

    /// The status as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            JobStatus::Pending => "pending",
            JobStatus::Processing => "processing",
            JobStatus::Completed => "completed",
            JobStatus::Failed => "failed",
            JobStatus::Timeout => "timeout",
            JobStatus::Unknown => "unknown",
        }
    }

    /// Whether nothing comes after it.
    pub fn is_terminal(self) -> bool {
        matches!(self, JobStatus::Completed | JobStatus::Failed | JobStatus::Timeout)
    }

    fn read(text: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|status| Some(status.as_str()) == text).unwrap_or(JobStatus::Unknown)
    }
}

/// What `createJob` sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CreateJobRequest {
    /// The agent to ask. @default the server's first agent
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub agent_id: Option<String>,
    /// The user in whose name the message is sent.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub user_id: String,
    /// The message: 1 to 50,000 UTF-16 code units.
    pub content: String,
    /// Anything that belongs to the job; comes back with it. At most 10,000 characters as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub metadata: Option<Metadata>,
    /// How long the agent may take and the answer is kept, in milliseconds: 1,000 to 300,000. @default 30000 (the server's)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<f64>,
}

impl CreateJobRequest {
    /// What is read.
    pub const MEMBERS: &[&str] = &["agentId", "userId", "content", "timeoutMs", "metadata"];
}

/// What the server answers to `createJob`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CreateJobResponse {
    /// The job's id.
    pub job_id: String,
    /// Where the job stands.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "JobStatus"))]
    pub status: String,
    /// When the job was created, in milliseconds of the server's clock.
    pub created_at: f64,
    /// When the server gives the job up, in milliseconds of its clock. May have a fraction.
    pub expires_at: f64,
    /// What was paid; absent when the server asked for nothing. Not part of the server's answer.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Option::is_none")]
    pub payment: Option<crate::x402::PaymentAttempt>,
}

/// Reads nothing: no server sends the member.
fn absent<'a, T, D: serde::Deserializer<'a>>(deserializer: D) -> Result<Option<T>, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| None)
}

/// A job as the server knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct JobDetailsResponse {
    /// The job's id.
    pub job_id: String,
    /// Where the job stands.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "JobStatus"))]
    pub status: String,
    /// The server's word for the status when it is none of the known ones; `status` is `unknown` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_status: Option<String>,
    /// The agent that was asked.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub agent_id: String,
    /// The user in whose name the message was sent.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub user_id: String,
    /// The message.
    pub prompt: String,
    /// When the job was created, in milliseconds of the server's clock.
    pub created_at: f64,
    /// When the server gives the job up, in milliseconds of its clock. May have a fraction.
    pub expires_at: f64,
    /// The answer, when the job is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<JobResult>,
    /// Why the job failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What `createJob` was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub metadata: Option<Metadata>,
}

/// A job with its answer.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
pub struct CompletedJob {
    /// The job.
    #[serde(flatten)]
    pub job: JobDetailsResponse,
    /// It is completed.
    #[tsify(type = "'completed'")]
    pub status: String,
    /// The answer.
    pub result: JobResult,
}

/// What happens while a job is created and waited for.
///
/// - `quote`: the price was read and keeps the rules; `confirm` and the wallet are about to be asked.
/// - `payment`: a payment has come further. The wallet has returned the proof, which is about to be sent; or the server
///   has accepted it.
/// - `created`: there is a job.
/// - `status`: the job was seen for the first time, or in another status.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JobUpdate {
    /// The price.
    Quote {
        /// What the server asks for.
        quote: crate::x402::Quote,
    },
    /// A payment.
    Payment {
        /// The attempt, without its proof.
        payment: crate::x402::PaymentAttempt,
    },
    /// A job.
    Created {
        /// The job.
        job: CreateJobResponse,
    },
    /// A job in another status.
    Status {
        /// The job.
        job: JobDetailsResponse,
    },
}

/// The agent's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct JobResult {
    /// The message that the agent sent.
    pub message: JobMessage,
    /// How long the agent took, in milliseconds.
    pub processing_time_ms: f64,
}

/// The message that the agent sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct JobMessage {
    /// The message's id.
    pub id: String,
    /// The answer's text.
    pub content: String,
    /// The agent's id.
    pub author_id: String,
    /// When it was written, in milliseconds of the server's clock.
    pub created_at: f64,
    /// What the agent added (its thought, its actions).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub metadata: Option<Metadata>,
}

/// What `listJobs` is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct ListJobsParams {
    /// How many jobs at most. @default 50 (the server's)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// Only jobs in this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "JobStatus"))]
    pub status: Option<String>,
}

/// Jobs, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct ListJobsResponse {
    /// The jobs.
    pub jobs: Vec<JobDetailsResponse>,
    /// How many jobs the server holds.
    pub total: f64,
    /// How many are in `jobs`.
    pub filtered: f64,
}

impl ListJobsParams {
    /// What is read.
    pub const MEMBERS: &[&str] = &["limit", "status"];
}

/// elizaOS's own name for `ListJobsResponse`.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[tsify(type = "ListJobsResponse")]
pub struct JobListResponse(pub ListJobsResponse);

/// elizaOS's own name for `JobsHealthResponse`.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[tsify(type = "JobsHealthResponse")]
pub struct JobHealthResponse(pub JobsHealthResponse);

/// How many jobs stand where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct JobStatusCounts {
    /// Jobs that wait.
    pub pending: f64,
    /// Jobs that an agent is at.
    pub processing: f64,
    /// Jobs with an answer.
    pub completed: f64,
    /// Jobs that failed.
    pub failed: f64,
    /// Jobs without an answer in their time.
    pub timeout: f64,
}

/// How the server's jobs went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct JobMetrics {
    /// Mean time to an answer, in milliseconds.
    pub average_processing_time_ms: f64,
    /// Share of jobs that completed, 0 to 1.
    pub success_rate: f64,
    /// Share of jobs that failed, 0 to 1.
    pub failure_rate: f64,
    /// Share of jobs that timed out, 0 to 1.
    pub timeout_rate: f64,
}

/// How the Jobs service is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct JobsHealthResponse {
    /// Whether the service says that it is well.
    pub healthy: bool,
    /// When this was, in milliseconds of the server's clock.
    pub timestamp: f64,
    /// How many jobs the server holds.
    pub total_jobs: f64,
    /// How many stand where.
    pub status_counts: JobStatusCounts,
    /// Not every server has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<JobMetrics>,
    /// How many jobs the server holds at most.
    pub max_jobs: f64,
}

/// A JSON object of the application's own.
#[cfg(not(target_arch = "wasm32"))]
pub type Metadata = serde_json::Map<String, serde_json::Value>;
/// On wasm32 the structs are declarations: metadata stays a JavaScript object, and this only names a type that can be derived for.
#[cfg(target_arch = "wasm32")]
pub type Metadata = std::collections::BTreeMap<String, String>;

/// Eight, four, four, four and twelve hexadecimal digits.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[tsify(type = "string", rename = "UUID")]
pub struct Uuid(pub String);

/// Eight, four, four, four and twelve hexadecimal digits: any version, any case, as the server checks it.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Checks a job request by the server's own rules, in the server's order. A paywall runs before the server's validation,
/// so a body that will be refused costs the price: nothing may be sent before this has passed.
///
/// `metadata` must already be a plain JSON document. Fields that the API does not know are left out.
pub fn validate(params: &Json) -> Result<Json> {
    if params.kind() != Kind::Object {
        return Err(Error::argument("params", "must be an object with userId and content", &shown(params)));
    }
    let body = Json::object();
    let agent = params.get("agentId").filter(|agent| agent.as_text().as_deref() != Some(""));
    let body = match agent {
        None => body,
        Some(agent) => body.set("agentId", uuid("agentId", Some(agent))?),
    };
    let body = body.set("userId", uuid("userId", params.get("userId"))?);

    let body = body.set("content", content(params, MAX_CONTENT_UNITS)?);
    let body = match metadata(params, MAX_METADATA_UNITS)? {
        None => body,
        Some(metadata) => body.set("metadata", metadata),
    };

    let body = match params.get("timeoutMs") {
        None => body,
        Some(limit) => match limit.as_number() {
            Some(ms) if (MIN_JOB_TIMEOUT_MS..=MAX_JOB_TIMEOUT_MS).contains(&ms) => body.set("timeoutMs", limit),
            _ => {
                return Err(Error::argument("timeoutMs", "must be a number of milliseconds from 1000 to 300000", &shown(&limit)));
            }
        },
    };
    Ok(body)
}

/// A hash of what a job asks, and of whom: what two calls of one name must have in common. The metadata, which may tell one try from
/// another, do not count.
pub fn question(body: &Json) -> String {
    let asked = picked(body, &["agentId", "userId", "content"]).to_json();
    encoding::to_hex(&keccak256(&[asked.as_bytes()]))
}

/// The text of a message: some, and not more than the server takes.
pub(crate) fn content(params: &Json, most: usize) -> Result<Json> {
    let refused = |given: &str| {
        let rule = if given == "\"\"" { "cannot be empty: it " } else { "" };
        let rule = fill("%must be a string of 1 to % characters", &[rule, &decimal(most as u64)]);
        Err(Error::argument("content", &rule, given))
    };
    let content = params.get("content");
    let text = content.as_ref().and_then(Json::as_text);
    let (Some(content), Some(text)) = (content, text) else { return refused(&given(params, "content")) };
    let units = text.encode_utf16().count();
    if text.is_empty() {
        return refused("\"\"");
    }
    if units > most {
        return refused(&fill("% characters", &[&decimal(units as u64)]));
    }
    // The server takes it, and its database fails on it when the job has been paid for.
    if has(&text, "\0") {
        return Err(Error::argument("content", "must be text without the character U+0000", "text with one"));
    }
    Ok(content)
}

/// What belongs to a job or a message: an object, and not more than the server takes.
pub(crate) fn metadata(params: &Json, most: usize) -> Result<Option<Json>> {
    match params.get("metadata") {
        Some(metadata) if metadata.kind() == Kind::Object => {
            let units = metadata.to_json().encode_utf16().count();
            if units > most {
                let rule = fill("must be at most % bytes as JSON", &[&decimal(most as u64)]);
                return Err(Error::argument("metadata", &rule, &fill("% bytes", &[&decimal(units as u64)])));
            }
            Ok(Some(metadata))
        }
        Some(other) => Err(Error::argument("metadata", "must be a plain object", &shown(&other))),
        None => Ok(None),
    }
}

fn given(params: &Json, key: &str) -> String {
    params.get(key).as_ref().map_or_else(|| Kind::Undefined.name().to_owned(), shown)
}

pub(crate) fn uuid(field: &'static str, value: Option<Json>) -> Result<Json> {
    match value {
        Some(value) if value.as_text().is_some_and(|text| is_uuid(&text)) => Ok(value),
        other => Err(Error::argument(
            field,
            "must be a UUID (8-4-4-4-12 hexadecimal digits)",
            &other.as_ref().map_or_else(|| Kind::Undefined.name().to_owned(), shown),
        )),
    }
}

/// Where the reference is in a job's metadata.
const REFERENCE: &str = "elizaJobsRef";

/// The body with a reference in its metadata, by which the job can be found again; servers give the metadata back. Without it
/// where there is no room for it.
pub fn with_reference(body: Json, reference: &str, most: usize) -> Json {
    let own = body.get("metadata").and_then(|metadata| Json::parse(&metadata.to_json())).unwrap_or_else(Json::object);
    let metadata = own.set(REFERENCE, Json::text(reference));
    if metadata.to_json().encode_utf16().count() > most { body } else { body.set("metadata", metadata) }
}

/// The reference in a job or a message.
pub fn reference(job: &Json) -> Option<String> {
    job.get("metadata")?.get_text(REFERENCE)
}

/// A job or a message without the reference, which is the client's own and nobody else's business.
pub fn without_reference(document: Json) -> Json {
    match document.get("metadata").filter(|metadata| metadata.get(REFERENCE).is_some()) {
        Some(metadata) => document.set("metadata", metadata.without(REFERENCE)),
        None => document,
    }
}

/// The query of a list request.
pub fn list_query(params: Option<&Json>) -> Result<String> {
    let mut query = String::new();
    let Some(params) = params else { return Ok(query) };
    if params.kind() != Kind::Object {
        return Err(Error::argument("params", "must be an object with limit and status", &shown(params)));
    }
    if let Some(limit) = params.get("limit") {
        match limit.as_number() {
            Some(count) if count >= 1.0 && count <= f64::from(u32::MAX) && count.fract() == 0.0 => {
                query = routes::query(&query, "limit", &limit.to_json());
            }
            _ => return Err(Error::argument("limit", "must be a whole number of at least 1", &shown(&limit))),
        }
    }
    if let Some(status) = params.get("status") {
        let known = JobStatus::read(status.as_text().as_deref());
        if known == JobStatus::Unknown {
            return Err(Error::argument("status", "must be pending, processing, completed, failed or timeout", &shown(&status)));
        }
        query = routes::query(&query, "status", known.as_str());
    }
    Ok(query)
}

/// A job that the server has created.
#[derive(Debug, Clone)]
pub struct Created {
    /// The job's id.
    pub job_id: String,
    /// How long the job lives, in milliseconds.
    pub lifetime_ms: f64,
    /// The answer.
    pub document: Json,
}

/// What `createJob` gives, of a job.
pub fn handle(job: &Json) -> Json {
    picked(job, &["jobId", "status", "createdAt", "expiresAt"])
}

/// Whether an answer speaks of a job at all.
pub fn is_job(document: &Json) -> bool {
    // One or two dots are a step in an address, however they are written.
    document.get_text("jobId").is_some_and(|id| !matches!(id.as_str(), "" | "." | ".."))
}

/// Reads the answer to `createJob`, which must be about a job.
pub fn read_created(document: Json) -> Created {
    let job_id = document.get_text("jobId").unwrap_or_default();
    let lifetime_ms = lifetime(&document);
    Created { job_id, lifetime_ms, document: with_status(document).1 }
}

/// A job as it was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Where it stands.
    pub status: JobStatus,
    /// How long the job lives, in milliseconds.
    pub lifetime_ms: f64,
    /// Whether there is an answer in it.
    pub has_result: bool,
    /// The reference in its metadata: the id of the payment that it was made with, where this package has made it.
    pub reference: Option<String>,
    /// The job.
    pub document: Json,
}

impl Seen {
    /// Whether nothing comes after it, and what belongs to it is there.
    pub fn is_settled(&self) -> bool {
        self.status.is_terminal() && (self.status != JobStatus::Completed || self.has_result)
    }
}

/// Reads one job.
pub fn read_job(document: Json) -> Seen {
    let lifetime_ms = lifetime(&document);
    let (status, mut document) = with_status(document);
    // Absent, not null: so the declared types hold.
    for key in ["result", "error", "metadata"] {
        if document.get(key).is_some_and(|value| value.kind() == Kind::Null) {
            document = document.without(key);
        }
    }
    let reference = reference(&document);
    document = without_reference(document);
    let content = document.get("result").and_then(|result| result.get("message")?.get("content"));
    let has_result = content.is_some_and(|content| content.kind() == Kind::Text);
    Seen { status, lifetime_ms, has_result, reference, document }
}

/// A list of jobs as it came; `None` when it is not one.
pub fn list(document: Json) -> Option<Json> {
    (document.get("jobs")?.kind() == Kind::Array).then_some(document)
}

/// Reads a list of jobs; `None` when it is not one. One job that cannot be read does not cost the others.
pub fn read_list(document: Json) -> Option<Json> {
    let document = list(document)?;
    let jobs = document.get("jobs")?;
    let mut jobs = jobs.elements();
    for job in &mut jobs {
        if is_job(job) {
            *job = read_job(job.clone()).document;
        }
    }
    Some(document.set("jobs", Json::array(jobs)))
}

/// Reads the health answer; `None` when it is not one.
pub fn read_health(document: Json) -> Option<Json> {
    document.get("statusCounts").filter(|counts| counts.kind() == Kind::Object)?;
    document.get_number("totalJobs")?;
    Some(document)
}

/// How long a job lives, in milliseconds.
pub fn lifetime(document: &Json) -> f64 {
    crate::waiting::schedule::lifetime_ms(document.get_number("createdAt"), document.get_number("expiresAt"))
}

/// An unknown status becomes `unknown`, with the server's word beside it.
fn with_status(document: Json) -> (JobStatus, Json) {
    let raw = document.get("status");
    let status = JobStatus::read(raw.as_ref().and_then(Json::as_text).as_deref());
    if status != JobStatus::Unknown {
        return (status, document);
    }
    let word = raw.map(|raw| raw.as_text().unwrap_or_else(|| raw.to_json())).unwrap_or_default();
    (status, document.set("status", Json::text(status.as_str())).set("rawStatus", Json::text(&word)))
}

/// The job's failure in the server's words, as they may be shown.
pub fn failure(document: &Json) -> Option<String> {
    document.get_text("error").filter(|text| !text.is_empty()).map(|text| shorten(&text, 1_000))
}
