//! What a final job is for the caller.

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, JobStatus, Seen};
use crate::json::Json;

/// A final job as the caller's result: its answer, or an error that carries the job.
pub(crate) fn outcome(job_id: &str, seen: Seen) -> Result<Json> {
    let failure = jobs::failure(&seen.document);
    let (code, message) = match seen.status {
        JobStatus::Completed if seen.has_result => return Ok(seen.document),
        JobStatus::Completed => (ErrorCode::InvalidResponse, "the job is completed but has no answer in it".to_owned()),
        JobStatus::Failed => {
            (ErrorCode::JobFailed, format!("the job failed: {}", failure.as_deref().unwrap_or("the server gave no reason")))
        }
        _ => {
            let why = failure.map(|words| format!(": {words}")).unwrap_or_default();
            (ErrorCode::JobTimeout, format!("the agent gave no answer in the job's time{why}"))
        }
    };
    let mut error = Error::new(code, message);
    error.job = Some(seen.document);
    Err(error.about_job(job_id))
}
