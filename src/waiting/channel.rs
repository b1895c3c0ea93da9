//! Where an answer is when the job does not have it.
//!
//! elizaOS 1.7.2 never marks a job as completed, though the agent has answered: the answer is in
//! the channel that the server has made for the job. Nothing tells such a server from others before
//! the first answer. A wait reads the channel of a job that has been quiet for a while; once an
//! answer was found there, every poll does.
//!
//! Two requests find an answer: the list of channels, and the messages of the job's one. What they
//! say is read here.

use crate::api::jobs::{self, Seen};
use crate::api::routes;
use crate::json::{Json, picked};
use crate::time::{Millis, WallTime};

/// The channels of jobs, which belong to the server itself.
pub(crate) const CHANNELS: &str = "/api/messaging/message-servers/00000000-0000-0000-0000-000000000000/channels";

/// Where a server's answers are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Answers {
    /// None was seen yet.
    #[default]
    Unknown,
    /// In the jobs.
    InJobs,
    /// In the channels alone.
    InChannels,
}

/// The ids of channels by their names, of which each names a job: one list of channels serves all
/// jobs that are in it.
pub(crate) fn by_name(channels: &[Json]) -> Json {
    let mut ids = Json::object();
    // The first of a name counts.
    for channel in channels.iter().rev() {
        if let (Some(name), Some(id)) = (channel.get_text("name"), channel.get_text("id"))
            && name.starts_with("job-")
        {
            ids = ids.set(&name, Json::text(&id));
        }
    }
    ids
}

/// The route of the messages in a job's channel; `None` when the job has none.
pub(crate) fn messages_route(job_id: &str, channels: &Json) -> Option<String> {
    let channel = channels.get_text(&format!("job-{job_id}"))?;
    jobs::is_uuid(&channel).then(|| routes::channel(&channel))
}

/// The answer among a channel's messages, as the `result` of the job that was created at
/// `created_at` on the server's clock. `parse_date` reads a date.
pub(crate) fn result(
    messages: &[Json],
    created_at: Option<WallTime>,
    parse_date: &dyn Fn(&str) -> Option<WallTime>,
) -> Option<Json> {
    // The newest come first. An agent may say more than one thing, and the job would have taken the
    // first.
    let answer = messages.iter().rev().find(|message| is_answer(message))?;
    let date = || parse_date(&answer.get_text("createdAt")?);
    let answered_at = answer.get_number("created_at").map(WallTime::from_ms).or_else(date)?;
    let message = picked(answer, &["id", "content", "authorId", "metadata"]).set("createdAt", Json::number(answered_at.as_ms()));
    let took = answered_at.since(created_at.unwrap_or(answered_at)).max(Millis::ZERO);
    Some(Json::object().set("message", message).set("processingTimeMs", Json::number(took.get())))
}

fn is_answer(message: &Json) -> bool {
    let says = message.get_text("content").is_some_and(|content| !content.starts_with("Executing action:"));
    says && message.get_text("sourceType").as_deref() == Some("agent_response")
}

/// The job, completed with the result that its channel had.
pub(crate) fn answered(seen: Seen, result: Json) -> Seen {
    let completed = seen.document.without("error").set("status", Json::text("completed")).set("result", result);
    Seen { reference: seen.reference, ..jobs::read_job(completed) }
}
