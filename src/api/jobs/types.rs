//! The types of the Jobs API, as the package declares them (`derive(Tsify)`).

use serde::{Deserialize, Serialize};
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::api::metadata::Metadata;
use crate::api::payments::PaymentAttempt;

/// Where a job stands.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(target_arch = "wasm32", serde(rename_all = "lowercase"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// Waits to be processed.
    Pending,
    /// The agent works on it.
    Processing,
    /// Answered: `result` is there.
    Completed,
    /// The agent reported a failure: `error` is there.
    Failed,
    /// No answer within the job's time.
    Timeout,
    /// The server said something else, which is in `rawStatus`. Not final.
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

    /// Whether the status is final.
    pub fn is_terminal(self) -> bool {
        matches!(self, JobStatus::Completed | JobStatus::Failed | JobStatus::Timeout)
    }

    /// The status that a server means; [`JobStatus::Unknown`] for any other word.
    pub(super) fn read(text: Option<&str>) -> Self {
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
    /// The user who sends the message.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub user_id: String,
    /// The message: 1 to 50,000 UTF-16 code units.
    pub content: String,
    /// Data of the application that belongs to the job. The server returns it with the job. At most
    /// 10,000 characters as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub metadata: Option<Metadata>,
    /// How long the agent may take and the answer is kept, in milliseconds: 1,000 to 300,000.
    /// @default 30000 (the server's)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<f64>,
}

impl CreateJobRequest {
    /// What is read.
    pub const MEMBERS: &[&str] = &["agentId", "userId", "content", "timeoutMs", "metadata"];
}

/// What `createJob` returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CreateJobResponse {
    /// The job's id.
    pub job_id: String,
    /// The status of the job.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "JobStatus"))]
    pub status: String,
    /// When the job was created, in milliseconds of the server's clock.
    pub created_at: f64,
    /// When the job expires, in milliseconds of the server's clock. May have a fraction.
    pub expires_at: f64,
    /// What was paid; absent when the server asked for nothing. Not part of the server's answer.
    #[serde(default, deserialize_with = "absent", skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentAttempt>,
}

/// Reads nothing: no server sends the member.
fn absent<'a, T, D: serde::Deserializer<'a>>(deserializer: D) -> Result<Option<T>, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| None)
}

/// A job as the server describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct JobDetailsResponse {
    /// The job's id.
    pub job_id: String,
    /// The status of the job.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "JobStatus"))]
    pub status: String,
    /// The server's word for the status when it is not a known one. `status` is `unknown` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_status: Option<String>,
    /// The agent that was asked.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub agent_id: String,
    /// The user who sent the message.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub user_id: String,
    /// The message.
    pub prompt: String,
    /// When the job was created, in milliseconds of the server's clock.
    pub created_at: f64,
    /// When the job expires, in milliseconds of the server's clock. May have a fraction.
    pub expires_at: f64,
    /// The answer, when the job is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<JobResult>,
    /// Why the job failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The metadata that `createJob` was called with.
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
    /// What was paid for it; absent when the server asked for nothing, or when neither this client
    /// nor its store knows. Not part of the server's answer.
    #[tsify(optional)]
    pub payment: Option<PaymentAttempt>,
}

/// What happens while a job is created and waited for.
///
/// - `quote`: the price was read and keeps the rules; `confirm` and the wallet are about to be
///   asked.
/// - `payment`: a payment has come further. The wallet has returned the proof, which is about to be
///   sent; or the server has accepted it.
/// - `created`: there is a job.
/// - `status`: the job was seen for the first time, or in another status.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JobUpdate {
    /// The price.
    Quote {
        /// What the server asks for.
        quote: crate::api::payments::Quote,
    },
    /// A payment.
    Payment {
        /// The attempt, without its proof.
        payment: crate::api::payments::PaymentAttempt,
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
    /// What the agent added: its thought, its actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub metadata: Option<Metadata>,
}

/// Which jobs `listJobs` returns.
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

/// How many jobs have which status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct JobStatusCounts {
    /// Jobs that wait to be processed.
    pub pending: f64,
    /// Jobs that an agent works on.
    pub processing: f64,
    /// Jobs with an answer.
    pub completed: f64,
    /// Jobs that failed.
    pub failed: f64,
    /// Jobs without an answer within their time.
    pub timeout: f64,
}

/// Statistics of the server's jobs.
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

/// The state of the Jobs service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct JobsHealthResponse {
    /// Whether the service reports that it is healthy.
    pub healthy: bool,
    /// The server's time, in milliseconds of its clock.
    pub timestamp: f64,
    /// How many jobs the server holds.
    pub total_jobs: f64,
    /// How many jobs have which status.
    pub status_counts: JobStatusCounts,
    /// Not every server has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<JobMetrics>,
    /// How many jobs the server holds at most.
    pub max_jobs: f64,
}

/// Eight, four, four, four and twelve hexadecimal digits.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[tsify(type = "string", rename = "UUID")]
pub struct Uuid(pub String);
