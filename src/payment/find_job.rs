//! Finds the job that was paid for on the server, after a lost reply.

use super::payments::Payments;
use crate::api::jobs::{self, Created};
use crate::api::options::CallOptions;
use crate::api::payments::Attempt;
use crate::api::routes;
use crate::json::Json;
use crate::platform::{Method, Platform};
use crate::time::{Deadline, Millis};

/// The longest time for a search for the job.
const FIND: Millis = Millis::from_secs(10.0);
/// How many jobs a server lists when the request names no limit.
const USUAL_LIST: usize = 50;

impl<P: Platform + 'static> Payments<P> {
    /// Searches for the job that was paid for: under the id that a cut-off answer still had, else
    /// in the server's list, by the reference in its metadata.
    pub(super) async fn find_job(
        &self,
        attempt: &Attempt,
        hint: Option<&str>,
        call: &CallOptions,
        end: Deadline,
    ) -> Option<Created> {
        let limited_call = || {
            let limit = FIND.min(self.http.timeout()).min(end.left(self.platform.now()));
            let headers = call.headers.clone();
            limit.is_positive().then(|| CallOptions { timeout: Some(limit), headers, ..CallOptions::default() })
        };
        let call = limited_call()?;
        if let Some(id) = hint
            && let Ok(seen) = self.http.get_job(id, &call, 1).await
        {
            return Some(jobs::read_created(jobs::handle(&seen.document)));
        }
        // The newest ones first; then all of them, where the server has more.
        for (query, answers) in [("", 1.0), ("?limit=10000", 10_000.0)] {
            let call = limited_call()?;
            let mut request = self.http.request(Method::Get, &format!("{}{query}", routes::JOBS), &call);
            request.answers = answers;
            let list = self.http.read_request(request, self.http.deadline(&call), 1, "a list of jobs", &jobs::list);
            let jobs = list.await.ok()?.get("jobs")?.elements();
            let is_all = jobs.len() < USUAL_LIST;
            if let Some(job) = own_job(attempt, jobs) {
                return jobs::is_job(&job).then(|| jobs::read_created(jobs::handle(&job)));
            }
            if is_all {
                return None;
            }
        }
        None
    }
}

/// The job of this payment in a list, the newest first. Lists show references to everybody: of the
/// jobs that have it, and that are not another user's or about something else, the oldest is the
/// one that others may have copied it from.
fn own_job(attempt: &Attempt, jobs: Vec<Json>) -> Option<Json> {
    let asked = Json::parse(&attempt.request).unwrap_or_else(Json::object);
    let agrees = |job: &Json, key: &str, asked_key: &str| match (job.get_text(key), asked.get_text(asked_key)) {
        (Some(shown), Some(asked)) => shown == asked || (key == "userId" && shown.eq_ignore_ascii_case(&asked)),
        _ => true,
    };
    let is_own = |job: &Json| {
        jobs::reference(job).as_deref() == Some(&attempt.id)
            && agrees(job, "userId", "userId")
            && agrees(job, "prompt", "content")
    };
    jobs.into_iter().rfind(is_own)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;
    use crate::payment::record;

    fn listed(id: &str, user: &str, prompt: &str) -> Json {
        json!({"jobId": id, "userId": user, "prompt": prompt, "metadata": {"elizaJobsRef": "attempt-1"}})
    }

    fn found(jobs: Vec<Json>) -> Option<String> {
        let request = r#"{"userId":"me","content":"Why?"}"#;
        let attempt = json!({"attemptId": "attempt-1", "state": "sent", "request": request});
        own_job(&record::read(&attempt).unwrap(), jobs)?.get_text("jobId")
    }

    #[test]
    fn of_the_jobs_with_the_payments_reference_its_own_is_the_oldest_that_agrees() {
        let own = listed("own", "ME", "Why?");
        let copied = listed("copied", "me", "Why?");
        assert_eq!(found(vec![copied, own.clone()]).as_deref(), Some("own"), "the newest come first");
        assert_eq!(found(vec![own.clone(), listed("theirs", "you", "Why?")]).as_deref(), Some("own"));
        assert_eq!(found(vec![own, listed("other", "me", "How?")]).as_deref(), Some("own"));
        assert_eq!(found(vec![listed("theirs", "you", "Why?"), json!({"jobId": "none"})]), None);
        // A server that leaves members out says nothing against it.
        let bare = json!({"jobId": "bare", "metadata": {"elizaJobsRef": "attempt-1"}});
        assert_eq!(found(vec![bare]).as_deref(), Some("bare"));
    }
}
