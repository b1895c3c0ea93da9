//! Where an answer is when the job does not have it.
//!
//! On some servers (1.7.2 for one) a job never hears of its answer and times out, though the agent has answered: the answer is in the
//! channel that the server has made for the job.

use crate::client::{CallOptions, Client};
use crate::http::Method;
use crate::json::{Json, Kind, picked};
use crate::protocol::{self, JobStatus, Seen};
use crate::runtime::Runtime;
use crate::text::fill;

/// The server's own message server, which holds the channels of jobs.
const CHANNELS: &str = "/api/messaging/message-servers/00000000-0000-0000-0000-000000000000/channels";

impl<R: Runtime + 'static> Client<R> {
    /// A job that has timed out, with its answer if there is one in its channel. `stop` is an instant.
    pub(crate) async fn with_late_answer(
        &self,
        job_id: &str,
        seen: Seen<R::Json>,
        stop: f64,
        call: &CallOptions,
    ) -> Seen<R::Json> {
        if seen.status != JobStatus::Timeout {
            return seen;
        }
        match self.answer_in_channel(job_id, &seen.document, stop, call).await {
            Some(result) => {
                let completed = seen.document.without("error").set("status", R::Json::text("completed")).set("result", result);
                Seen { reference: seen.reference, ..protocol::read_job(completed) }
            }
            None => seen,
        }
    }

    async fn answer_in_channel(&self, job_id: &str, job: &R::Json, stop: f64, call: &CallOptions) -> Option<R::Json> {
        let name = fill("job-%", &[job_id]);
        let channels = self.list_of("channels", CHANNELS, stop, call).await?;
        let channel = channels.iter().find(|channel| channel.get_text("name").as_ref() == Some(&name))?.get_text("id")?;
        let path = fill("/api/messaging/channels/%/messages", &[&protocol::is_uuid(&channel).then_some(channel)?]);
        let messages = self.list_of("messages", &path, stop, call).await?;
        // The newest first; an agent may say more than one thing, and the job would have taken the first.
        let is_answer = |message: &&R::Json| message.get_text("sourceType").as_deref() == Some("agent_response");
        let answer = messages.iter().rev().find(is_answer)?;
        answer.get_text("content")?;
        let created_at = answer.get_number("created_at").or_else(|| self.runtime.parse_date(&answer.get_text("createdAt")?))?;
        let message = picked(answer, &["id", "content", "authorId", "metadata"]).set("createdAt", R::Json::number(created_at));
        let took = created_at - job.get_number("createdAt").unwrap_or(created_at);
        Some(R::Json::object().set("message", message).set("processingTimeMs", R::Json::number(took.max(0.0))))
    }

    /// The list `key` in `data`, if it can be had in time.
    async fn list_of(&self, key: &str, path: &str, stop: f64, call: &CallOptions) -> Option<Vec<R::Json>> {
        if !self.turn(stop, true).await {
            return None;
        }
        let left = (stop - self.runtime.now_ms()).min(self.config.timeout_ms);
        if left <= 0.0 {
            return None;
        }
        let call = CallOptions { timeout_ms: Some(left), headers: call.headers.clone(), ..CallOptions::default() };
        let parse = |document: R::Json| document.get("data")?.get(key).filter(|list| list.kind() == Kind::Array);
        Some(self.read(Method::Get, path, &call, 1, key, &parse).await.ok()?.elements())
    }
}
