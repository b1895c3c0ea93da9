//! The job requests that several rooms send.

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, Created, Seen};
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::http::outcome::read_answer;
use crate::http::run::Http;
use crate::platform::{HttpRequest, HttpResponse, Method, Platform};

impl<P: Platform> Http<P> {
    /// Reads one job.
    pub(crate) async fn get_job(&self, job_id: &str, call: &CallOptions, retries: u32) -> Result<Seen> {
        if job_id.is_empty() {
            return Err(Error::argument("jobId", "must be a string that is not empty", "\"\""));
        }
        // An answer about another job is none: a cache or a proxy has mixed the two up.
        let parse = |document| jobs::is_this_job(&document, job_id).then_some(document);
        let wanted = "the job with this jobId";
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

/// Reads the response to a create.
pub(crate) fn read_created(request: &HttpRequest, response: &HttpResponse) -> Result<Created> {
    let parse = |document| jobs::is_job(&document).then_some(document);
    read_answer(request, response, "a job with a jobId", &parse).map(jobs::read_created)
}
