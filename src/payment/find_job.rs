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
/// As many jobs as a server holds.
const ALL_JOBS: u32 = 10_000;

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
        if let Some(id) = hint
            && let Ok(seen) = self.http.get_job(id, &self.search_call(call, end)?, 1).await
        {
            return Some(jobs::read_created(jobs::handle(&seen.document)));
        }
        // The newest ones first; then all of them, where the server has more.
        for limit in [None, Some(ALL_JOBS)] {
            let call = self.search_call(call, end)?;
            let query = limit.map(|limit| format!("?limit={limit}")).unwrap_or_default();
            let mut request = self.http.request(Method::Get, &format!("{}{query}", routes::JOBS), &call);
            request.answers = limit.map_or(1.0, f64::from);
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

    /// The options of one request of the search; `None` when no time is left for it.
    fn search_call(&self, call: &CallOptions, end: Deadline) -> Option<CallOptions> {
        let limit = FIND.min(self.http.timeout()).min(end.left(self.platform.now()));
        let headers = call.headers.clone();
        limit.is_positive().then(|| CallOptions { timeout: Some(limit), headers, ..CallOptions::default() })
    }
}

/// The job of this payment in a list, the newest first. Lists show references to everybody: of the
/// jobs that have it, and that are not another user's or about something else, the oldest is the
/// one that others may have copied it from.
fn own_job(attempt: &Attempt, jobs: Vec<Json>) -> Option<Json> {
    // The job may be of the request as it was before it was corrected.
    let requests = [&attempt.request, &attempt.first_request].map(|request| Json::parse(request));
    let is_own = |job: &Json| {
        let of = |request: &Json| is_of(job, request);
        jobs::reference(job).as_deref() == Some(&attempt.id)
            && (requests.iter().flatten().any(of) || requests.iter().all(Option::is_none))
    };
    jobs.into_iter().rfind(is_own)
}

/// Whether nothing in a job says that it is another user's, or about something else, than this
/// request.
fn is_of(job: &Json, request: &Json) -> bool {
    let agrees = |key: &str, asked_key: &str, is_same: &dyn Fn(&str, &str) -> bool| {
        let both = job.get_text(key).zip(request.get_text(asked_key));
        both.is_none_or(|(shown, asked)| is_same(&shown, &asked))
    };
    agrees("userId", "userId", &|shown, asked| shown.eq_ignore_ascii_case(asked)) && agrees("prompt", "content", &is_same_text)
}

/// Whether a server shows this text. Servers trim texts, write line breaks in another way, and cut
/// long ones off in lists.
fn is_same_text(shown: &str, asked: &str) -> bool {
    let cut = shown.strip_suffix('…').or_else(|| shown.strip_suffix("..."));
    let mut letters = asked.chars().filter(|letter| !letter.is_whitespace());
    let mut shown = cut.unwrap_or(shown).chars().filter(|letter| !letter.is_whitespace());
    shown.all(|letter| letters.next() == Some(letter)) && (cut.is_some() || letters.next().is_none())
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
    fn the_job_of_a_request_that_was_corrected_meanwhile_is_found_as_well() {
        let attempt = |request: &str| {
            let first = r#"{"userId":"me","content":"Why?"}"#;
            record::read(&json!({"attemptId": "attempt-1", "state": "sent", "request": request, "firstRequest": first})).unwrap()
        };
        for (shown, is_found) in [("Why?", true), ("Why not?", true), ("How?", false)] {
            let attempt = attempt(r#"{"userId":"me","content":"Why not?"}"#);
            assert_eq!(own_job(&attempt, vec![listed("own", "me", shown)]).is_some(), is_found, "{shown}");
        }
    }

    #[test]
    fn of_the_jobs_with_the_payments_reference_its_own_is_the_oldest_that_agrees() {
        let own = listed("own", "ME", "Why?");
        let copied = listed("copied", "me", "Why?");
        assert_eq!(found(vec![copied, own.clone()]).as_deref(), Some("own"), "the newest come first");
        assert_eq!(found(vec![own.clone(), listed("theirs", "you", "Why?")]).as_deref(), Some("own"));
        assert_eq!(found(vec![own, listed("other", "me", "How?")]).as_deref(), Some("own"));
        assert_eq!(found(vec![listed("theirs", "you", "Why?"), json!({"jobId": "none"})]), None);
        for shown in ["  Why?\r\n", "W h\ny?", "Wh…", "Why?..."] {
            assert_eq!(found(vec![listed("own", "me", shown)]).as_deref(), Some("own"), "{shown}");
        }
        for shown in ["Wh", "Why? Because.", "Who…", "why?"] {
            assert_eq!(found(vec![listed("other", "me", shown)]), None, "{shown}");
        }
        // A server that leaves members out says nothing against it.
        let bare = json!({"jobId": "bare", "metadata": {"elizaJobsRef": "attempt-1"}});
        assert_eq!(found(vec![bare]).as_deref(), Some("bare"));
    }
}
