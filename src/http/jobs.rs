//! The requests of the Jobs API that several rooms send.

use super::run::Http;
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, Seen};
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::platform::{Method, Platform};

impl<P: Platform> Http<P> {
    /// Reads one job.
    pub(crate) async fn get_job(&self, job_id: &str, call: &CallOptions, retries: u32) -> Result<Seen> {
        if job_id.is_empty() {
            return Err(Error::argument("jobId", "must be a string that is not empty", "\"\""));
        }
        let wanted = "a job with a jobId";
        let parse = |document| jobs::is_job(&document).then_some(document);
        match self.read(Method::Get, &routes::job(job_id), call, retries, wanted, &parse).await {
            Ok(document) => Ok(jobs::read_job(document)),
            Err(mut error) => {
                if error.code == ErrorCode::NotFound {
                    error.code = ErrorCode::JobNotFound;
                }
                Err(error.about_job(job_id))
            }
        }
    }
}
