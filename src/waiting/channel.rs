//! Where an answer is when the job does not have it.
//!
//! On some servers (1.7.2 for one) a job never hears of its answer and times out, though the agent has answered: the answer is in the
//! channel that the server has made for the job. Nothing tells such a server from another before that: a wait on a server that is not
//! known looks there when a job has been quiet for a while, and from the first answer that is found there on every look does.

use crate::api::jobs::{self, JobStatus, Seen};
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::client::Client;
use crate::json::{Json, Kind, picked};
use crate::platform::Method;
use crate::platform::Platform;
use crate::text::fill;
use crate::time::WallTime;

/// The server's own message server, which holds the channels of jobs.
const CHANNELS: &str = "/api/messaging/message-servers/00000000-0000-0000-0000-000000000000/channels";

/// When an unfinished job's channel is looked into for the first time, on a server that is not known, in milliseconds after the wait's
/// beginning; and how much later each further time.
pub(crate) const FIRST_MS: f64 = 5_000.0;
pub(crate) const LATER: f64 = 3.0;

/// Where a server's answers are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Nobody has seen one.
    #[default]
    Unknown,
    /// In the jobs.
    InJobs,
    /// In the channels alone.
    InChannels,
}

impl<P: Platform + 'static> Client<P> {
    /// A job that has timed out, or that is not finished where `early`, with its answer if there is one in its channel. `stop` is an
    /// instant.
    pub(crate) async fn with_late_answer(&self, job_id: &str, seen: Seen, stop: f64, call: &CallOptions, early: bool) -> Seen {
        if seen.is_settled() && seen.status == JobStatus::Completed {
            self.answers.set(Answers::InJobs);
        }
        if seen.status.is_terminal() && seen.status != JobStatus::Timeout || !seen.status.is_terminal() && !early {
            return seen;
        }
        // After its end nobody asks for the job any more; before it another look comes.
        let is_last = seen.status.is_terminal();
        match self.answer_in_channel(job_id, &seen.document, stop, call, is_last).await {
            Some(result) => {
                self.answers.set(Answers::InChannels);
                let completed = seen.document.without("error").set("status", Json::text("completed")).set("result", result);
                Seen { reference: seen.reference, ..jobs::read_job(completed) }
            }
            None => seen,
        }
    }

    async fn answer_in_channel(&self, job_id: &str, job: &Json, stop: f64, call: &CallOptions, is_last: bool) -> Option<Json> {
        let name = fill("job-%", &[job_id]);
        let Some(channels) = self.list_of("channels", CHANNELS, stop, call, is_last).await else {
            // There is nothing to be looked for.
            self.answers.set(Answers::InJobs);
            return None;
        };
        let channel = channels.iter().find(|channel| channel.get_text("name").as_ref() == Some(&name))?.get_text("id")?;
        let path = routes::channel(&jobs::is_uuid(&channel).then_some(channel)?);
        let messages = self.list_of("messages", &path, stop, call, is_last).await?;
        // The newest first; an agent may say more than one thing, and the job would have taken the first.
        let is_answer = |message: &&Json| {
            let says = message.get_text("content").is_some_and(|content| !content.starts_with("Executing action:"));
            says && message.get_text("sourceType").as_deref() == Some("agent_response")
        };
        let answer = messages.iter().rev().find(is_answer)?;
        let created_at = answer
            .get_number("created_at")
            .or_else(|| self.platform.parse_date(&answer.get_text("createdAt")?).map(WallTime::as_ms))?;
        let message = picked(answer, &["id", "content", "authorId", "metadata"]).set("createdAt", Json::number(created_at));
        let took = created_at - job.get_number("createdAt").unwrap_or(created_at);
        Some(Json::object().set("message", message).set("processingTimeMs", Json::number(took.max(0.0))))
    }

    /// The list `key` in `data`, if it can be had in time.
    async fn list_of(&self, key: &str, path: &str, stop: f64, call: &CallOptions, is_last: bool) -> Option<Vec<Json>> {
        if !self.http.wait_for_slot(stop, is_last).await {
            return None;
        }
        let left = (stop - self.platform.now().as_ms()).min(self.http.config.timeout_ms);
        if left <= 0.0 {
            return None;
        }
        let call = CallOptions { timeout_ms: Some(left), headers: call.headers.clone(), ..CallOptions::default() };
        let parse = |document: Json| document.get("data")?.get(key).filter(|list| list.kind() == Kind::Array);
        Some(self.http.read(Method::Get, path, &call, u32::from(is_last), key, &parse).await.ok()?.elements())
    }
}
