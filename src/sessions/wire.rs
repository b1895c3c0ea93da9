//! What is sent to the Sessions API, checked by its own rules; and its answers, whatever spelling the server has, in ours.

use crate::api::error::{Error, Result};
use crate::api::jobs;
use crate::api::routes;
use crate::json::{Json, Kind, is_true, shown};
use crate::text::fill;

/// The longest content of a message, in UTF-16 code units.
const MAX_CONTENT_UNITS: usize = 4_000;
/// The longest metadata, in UTF-16 code units of its JSON text.
pub(super) const MAX_METADATA_UNITS: usize = 10_240;
/// The most messages that a server gives in one page.
pub(super) const MAX_PAGE: f64 = 100.0;

/// Reads a date that a server has written, in milliseconds since 1970.
pub(super) type ParseDate<'a> = &'a dyn Fn(&str) -> Option<f64>;

/// Checks what `createSession` was given.
pub(super) fn session_request(params: &Json) -> Result<Json> {
    if params.kind() != Kind::Object {
        return Err(Error::argument("params", "must be an object with agentId and userId", &shown(params)));
    }
    let mut body = Json::object();
    for field in ["agentId", "userId"] {
        body = body.set(field, jobs::uuid(field, params.get(field))?);
    }
    if let Some(metadata) = jobs::metadata(params, MAX_METADATA_UNITS)? {
        body = body.set("metadata", metadata);
    }
    if let Some(config) = params.get("timeoutConfig") {
        body = body.set("timeoutConfig", timeout_config(&config)?);
    }
    Ok(body)
}

fn timeout_config(given: &Json) -> Result<Json> {
    const FIELD: &str = "timeoutConfig";
    if given.kind() != Kind::Object {
        return Err(Error::argument(FIELD, "must be an object", &shown(given)));
    }
    let mut config = Json::object();
    for (key, kind, rule) in [
        ("timeoutMinutes", Kind::Number, "has a % that must be a number of minutes above 0"),
        ("maxDurationMinutes", Kind::Number, "has a % that must be a number of minutes above 0"),
        ("warningThresholdMinutes", Kind::Number, "has a % that must be a number of minutes above 0"),
        ("autoRenew", Kind::Boolean, "has a % that must be true or false"),
    ] {
        if let Some(value) = given.get(key) {
            let is_positive = value.as_number().is_none_or(|number| number > 0.0 && number.is_finite());
            if value.kind() != kind || !is_positive {
                return Err(Error::argument(FIELD, &fill(rule, &[key]), &shown(&value)));
            }
            config = config.set(key, value);
        }
    }
    Ok(config)
}

/// Checks a message.
pub(super) fn message_request(params: &Json) -> Result<Json> {
    if params.kind() != Kind::Object {
        return Err(Error::argument("params", "must be an object with content", &shown(params)));
    }
    let mut body = Json::object().set("content", jobs::content(params, MAX_CONTENT_UNITS)?);
    if let Some(attachments) = params.get("attachments") {
        if attachments.kind() != Kind::Array {
            return Err(Error::argument("attachments", "must be a list", &shown(&attachments)));
        }
        body = body.set("attachments", attachments);
    }
    if let Some(metadata) = jobs::metadata(params, MAX_METADATA_UNITS)? {
        body = body.set("metadata", metadata);
    }
    Ok(body)
}

/// Which messages are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Page {
    /// How many at most.
    pub(super) limit: Option<f64>,
    /// Only those that were written before this instant.
    pub(super) before: Option<f64>,
    /// Only those that were written after this instant.
    pub(super) after: Option<f64>,
}

impl Page {
    /// Checks what `getMessages` was given.
    pub(super) fn read(params: Option<&Json>) -> Result<Self> {
        let Some(params) = params else { return Ok(Self::default()) };
        if params.kind() != Kind::Object {
            return Err(Error::argument("params", "must be an object with limit, before and after", &shown(params)));
        }
        let number = |field: &'static str, least: f64, most: f64, rule: &str| match params.get(field) {
            None => Ok(None),
            Some(value) => match value.as_number() {
                Some(number) if number >= least && number <= most && number.fract() == 0.0 => Ok(Some(number)),
                _ => Err(Error::argument(field, rule, &shown(&value))),
            },
        };
        let instant = "must be a Date, or a whole number of milliseconds since 1970";
        Ok(Self {
            limit: number("limit", 1.0, MAX_PAGE, "must be a whole number from 1 to 100")?,
            before: number("before", 0.0, 8.64e15, instant)?,
            after: number("after", 0.0, 8.64e15, instant)?,
        })
    }

    /// The query that asks for it.
    pub(super) fn query(&self) -> String {
        let mut query = String::new();
        for (key, value) in [("limit", self.limit), ("before", self.before), ("after", self.after)] {
            if let Some(value) = value {
                query = routes::query(&query, key, &Json::number(value).to_json());
            }
        }
        query
    }
}

/// The member as milliseconds since 1970, if it is an instant.
fn instant(document: &Json, key: &str, date: ParseDate<'_>) -> Option<f64> {
    let value = document.get(key)?;
    value.as_number().or_else(|| date(&value.as_text()?))
}

/// The document with these members as numbers.
fn with_instants(mut document: Json, keys: &[&str], date: ParseDate<'_>) -> Json {
    for key in keys {
        if let Some(at) = instant(&document, key, date) {
            document = document.set(key, Json::number(at));
        }
    }
    document
}

/// A session as the server knows it; `None` when it is none.
pub(super) fn session(document: Json, date: ParseDate<'_>) -> Option<Json> {
    document.get_text("sessionId").filter(|id| !id.is_empty())?;
    Some(with_instants(document, &["createdAt", "expiresAt", "lastActivity"], date))
}

/// A list of sessions; `None` when it is none.
pub(super) fn sessions(document: Json, date: ParseDate<'_>) -> Option<Json> {
    let list = document.get("sessions").filter(|list| list.kind() == Kind::Array)?;
    let mut list = list.elements();
    for one in &mut list {
        if let Some(session) = session(one.clone(), date) {
            *one = session;
        }
    }
    Some(document.set("sessions", Json::array(list)))
}

/// The health answer; `None` when it is none.
pub(super) fn health(document: Json, date: ParseDate<'_>) -> Option<Json> {
    document.get_number("activeSessions")?;
    Some(with_instants(document, &["timestamp"], date))
}

/// A message; `None` when it is none. Some servers write `created_at`, `author_id` and `source_type`.
pub(super) fn message(document: &Json, date: ParseDate<'_>) -> Option<Json> {
    let id = document.get_text("id").filter(|id| !id.is_empty())?;
    let is_agent = document
        .get("isAgent")
        .map_or_else(|| document.get_text("source_type").as_deref() == Some("agent_response"), |is| is_true(&is));
    let mut message = Json::object()
        .set("id", Json::text(&id))
        .set("content", document.get("content").unwrap_or_else(|| Json::text("")))
        .set("isAgent", Json::boolean(is_agent));
    if let Some(author) = document.get("authorId").or_else(|| document.get("author_id")) {
        message = message.set("authorId", author);
    }
    if let Some(at) = instant(document, "createdAt", date).or_else(|| instant(document, "created_at", date)) {
        message = message.set("createdAt", Json::number(at));
    }
    if let Some(metadata) = document.get("metadata").filter(|metadata| metadata.kind() == Kind::Object) {
        message = message.set("metadata", metadata);
    }
    Some(message)
}

/// A page of messages; `None` when it is none. The client's own references are still in them.
pub(super) fn messages(document: &Json, date: ParseDate<'_>) -> Option<Vec<Json>> {
    let list = document.get("messages").filter(|list| list.kind() == Kind::Array)?;
    let mut messages = Vec::new();
    for one in list.elements() {
        if let Some(message) = message(&one, date) {
            messages.push(message);
        }
    }
    Some(messages)
}

/// Whether the message is the agent's.
pub(super) fn is_agent(message: &Json) -> bool {
    message.get("isAgent").is_some_and(|is| is_true(&is))
}

/// The first answer to the message among those of its channel (the newest first), as the channel has it; `None` when the channel
/// does not say what answers what.
pub(super) fn paired(channel: &[Json], id: &str) -> Option<Option<Json>> {
    let mut paired = None;
    for message in channel {
        if let Some(root) = message.get_text("inReplyToRootMessageId") {
            let own = (root == id).then(|| message.clone());
            paired = Some(own.or(paired.flatten()));
        }
    }
    paired
}

/// How many of the user's messages before this one were unanswered when it was sent (the newest first); `None` when that cannot
/// be seen.
pub(super) fn unanswered(messages: &[Json], id: &str) -> Option<usize> {
    let mut open: usize = 0;
    for message in messages.iter().rev() {
        if message.get_text("id").as_deref() == Some(id) {
            return Some(open);
        }
        open = if is_agent(message) { open.saturating_sub(1) } else { open.saturating_add(1) };
    }
    None
}

/// What a server says to a message.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// The message as it is in the session.
    pub(super) message: Json,
    /// What the agent has answered, when the server waited for that.
    pub(super) answer: Option<Json>,
    /// Whether the server waited, and the agent did not answer.
    pub(super) is_silent: bool,
    /// How the session is.
    status: Option<Json>,
}

impl Sent {
    /// Reads the answer to a message; `None` when it is none. Before 1.7 it is the message itself, with the status in it.
    pub(super) fn read(document: &Json, date: ParseDate<'_>) -> Option<Self> {
        let message = message(&document.get("userMessage").unwrap_or_else(|| document.clone()), date)?;
        let given = document.get("agentResponse");
        let answer = given.clone().filter(|answer| answer.get_text("text").is_some());
        let status = document.get("sessionStatus").map(|status| with_instants(status, &["expiresAt"], date));
        Some(Self { message, is_silent: given.is_some() && answer.is_none(), answer, status })
    }

    /// A message that was found in the session after the reply was lost.
    pub(super) fn found(message: Json) -> Self {
        Self { message, answer: None, is_silent: false, status: None }
    }

    /// What the application gets.
    pub(super) fn document(self) -> Json {
        let mut document =
            Json::object().set("success", Json::boolean(true)).set("userMessage", jobs::without_reference(self.message));
        if let Some(answer) = self.answer {
            document = document.set("agentResponse", answer);
        }
        if let Some(status) = self.status {
            document = document.set("sessionStatus", status);
        }
        document
    }
}

/// An agent's message as its answer.
pub(super) fn answer(message: &Json) -> Json {
    let mut answer = Json::object().set("text", message.get("content").unwrap_or_else(|| Json::text("")));
    for key in ["thought", "actions"] {
        if let Some(value) = message.get("metadata").and_then(|metadata| metadata.get(key)) {
            answer = answer.set(key, value);
        }
    }
    answer
}
