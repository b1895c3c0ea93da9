//! The Sessions API: its types, the local validation, and how answers are read.
//!
//! As in [`jobs`], the structs of [`types`] are the package's type declarations. Servers write
//! times as ISO texts or as numbers, and some write `created_at` for `createdAt`. Answers are read
//! into one form: numbers, under one name.

mod types;

pub use self::types::*;
use crate::api::error::{Error, Result};
use crate::api::jobs;
use crate::api::routes;
use crate::json::{Json, Kind, is_true, shown};
use crate::time::{Millis, WallTime};

/// The longest content of a message, in UTF-16 code units.
pub const MAX_CONTENT_UNITS: usize = 4_000;
/// The longest metadata, in UTF-16 code units of its JSON text.
pub const MAX_METADATA_UNITS: usize = 10_240;
/// The most messages that a server returns in one page.
pub const MAX_PAGE: f64 = 100.0;
/// The latest time of a `Date`, in milliseconds since 1970.
const MAX_DATE: f64 = 8.64e15;

/// Reads a date that a server has written.
pub type ParseDate<'a> = &'a dyn Fn(&str) -> Option<WallTime>;

/// Validates the argument of `createSession`. The result is the body of the request.
pub fn validate_session(params: &Json) -> Result<Json> {
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
        ("timeoutMinutes", Kind::Number, "a number of minutes above 0"),
        ("maxDurationMinutes", Kind::Number, "a number of minutes above 0"),
        ("warningThresholdMinutes", Kind::Number, "a number of minutes above 0"),
        ("autoRenew", Kind::Boolean, "true or false"),
    ] {
        if let Some(value) = given.get(key) {
            let is_positive = value.as_number().is_none_or(|number| number > 0.0 && number.is_finite());
            if value.kind() != kind || !is_positive {
                return Err(Error::argument(FIELD, &format!("has a {key} that must be {rule}"), &shown(&value)));
            }
            config = config.set(key, value);
        }
    }
    Ok(config)
}

/// Validates a message. The result is the body of the request, without the transport.
pub fn validate_message(params: &Json) -> Result<Json> {
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

/// How the server is to answer a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// The server waits for the agent and puts its answer into the reply.
    Http,
    /// The server streams the answer.
    EventStream,
    /// The server takes the message and replies at once.
    WebSocket,
}

impl Transport {
    /// The transport that the caller of `sendMessage` or `sendMessageAndWait` names.
    pub fn read(params: &Json) -> Result<Option<Self>> {
        let Some(given) = params.get("transport") else { return Ok(None) };
        match given.as_text().as_deref() {
            Some("http") => Ok(Some(Self::Http)),
            Some("websocket") => Ok(Some(Self::WebSocket)),
            _ => {
                let rule = "must be http (the server waits for the agent) or websocket (it does not); streamMessage streams";
                Err(Error::argument("transport", rule, &shown(&given)))
            }
        }
    }

    /// A copy of the message's body with this transport: `transport`, and `mode` for 1.7.0, which
    /// knows only that.
    pub fn set_in(self, body: &Json) -> Json {
        let (transport, mode) = match self {
            Self::Http => ("http", "sync"),
            Self::EventStream => ("sse", "stream"),
            Self::WebSocket => ("websocket", "websocket"),
        };
        let copy = Json::parse(&body.to_json()).unwrap_or_else(Json::object);
        copy.set("transport", Json::text(transport)).set("mode", Json::text(mode))
    }
}

/// Which messages of a session are wanted. Times are on the server's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Page {
    /// How many at most; `None` is the server's default.
    pub limit: Option<f64>,
    /// Only messages that were written before this time.
    pub before: Option<WallTime>,
    /// Only messages that were written after this time.
    pub after: Option<WallTime>,
}

impl Page {
    /// As many messages as a server returns at once.
    pub const LARGEST: Page = Page { limit: Some(MAX_PAGE), before: None, after: None };
    /// The smallest distance of two times: servers page by whole milliseconds.
    pub const TICK: Millis = Millis::new(1.0);

    /// Validates the argument of `getMessages`.
    pub fn read(params: Option<&Json>) -> Result<Self> {
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
        let time = "must be a Date, or a whole number of milliseconds since 1970";
        Ok(Self {
            limit: number("limit", 1.0, MAX_PAGE, "must be a whole number from 1 to 100")?,
            before: number("before", 0.0, MAX_DATE, time)?.map(WallTime::from_ms),
            after: number("after", 0.0, MAX_DATE, time)?.map(WallTime::from_ms),
        })
    }

    /// The route of this page of the session's messages.
    pub fn route(&self, session_id: &str) -> String {
        let mut query = String::new();
        let (before, after) = (self.before.map(WallTime::as_ms), self.after.map(WallTime::as_ms));
        for (key, value) in [("limit", self.limit), ("before", before), ("after", after)] {
            if let Some(value) = value {
                query = routes::query(&query, key, &Json::number(value).to_json());
            }
        }
        routes::session(session_id, "/messages") + &query
    }
}

/// The member, if it is a time: a number of milliseconds since 1970, or a date.
fn time(document: &Json, key: &str, date: ParseDate<'_>) -> Option<WallTime> {
    let value = document.get(key)?;
    value.as_number().map(WallTime::from_ms).or_else(|| date(&value.as_text()?))
}

/// The document with these members as numbers.
fn with_times(mut document: Json, keys: &[&str], date: ParseDate<'_>) -> Json {
    for key in keys {
        if let Some(at) = time(&document, key, date) {
            document = document.set(key, Json::number(at.as_ms()));
        }
    }
    document
}

/// Reads a session; `None` when the document is none.
pub fn read_session(document: Json, date: ParseDate<'_>) -> Option<Json> {
    document.get_text("sessionId").filter(|id| !id.is_empty())?;
    Some(with_times(document, &["createdAt", "expiresAt", "lastActivity"], date))
}

/// Reads a list of sessions; `None` when the document is none.
pub fn read_sessions(document: Json, date: ParseDate<'_>) -> Option<Json> {
    let list = document.get("sessions").filter(|list| list.kind() == Kind::Array)?;
    let mut sessions = list.elements();
    for session in &mut sessions {
        if let Some(read) = read_session(session.clone(), date) {
            *session = read;
        }
    }
    Some(document.set("sessions", Json::array(sessions)))
}

/// Reads the answer to `getSessionsHealth`; `None` when the document is none.
pub fn read_sessions_health(document: Json, date: ParseDate<'_>) -> Option<Json> {
    document.get_number("activeSessions")?;
    Some(with_times(document, &["timestamp"], date))
}

/// Reads the answer to `deleteSession`; `None` when it does not say that the session was deleted.
pub fn read_deleted(document: Json) -> Option<Json> {
    document.get("success").as_ref().is_some_and(is_true).then_some(document)
}

/// Reads a message; `None` when the document is none. Some servers write `created_at`, `author_id`
/// and `source_type`.
pub fn read_message(document: &Json, date: ParseDate<'_>) -> Option<Json> {
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
    if let Some(at) = time(document, "createdAt", date).or_else(|| time(document, "created_at", date)) {
        message = message.set("createdAt", Json::number(at.as_ms()));
    }
    if let Some(metadata) = document.get("metadata").filter(|metadata| metadata.kind() == Kind::Object) {
        message = message.set("metadata", metadata);
    }
    Some(message)
}

/// Reads a page of messages; `None` when the document is none. The client's own references are
/// still in their metadata.
pub fn read_messages(document: &Json, date: ParseDate<'_>) -> Option<Vec<Json>> {
    let list = document.get("messages").filter(|list| list.kind() == Kind::Array)?;
    Some(list.elements().iter().filter_map(|message| read_message(message, date)).collect())
}

/// Reads a page of messages as the application gets it; `None` when the document is none.
pub fn read_page(document: Json, date: ParseDate<'_>) -> Option<Json> {
    let messages = read_messages(&document, date)?.into_iter().map(jobs::without_reference);
    Some(document.set("messages", Json::array(messages)))
}

/// Whether the agent wrote the message.
pub fn is_agent(message: &Json) -> bool {
    message.get("isAgent").is_some_and(|is| is_true(&is))
}

/// The agent's message as its answer.
pub fn answer(message: &Json) -> Json {
    let mut answer = Json::object().set("text", message.get("content").unwrap_or_else(|| Json::text("")));
    for key in ["thought", "actions"] {
        if let Some(value) = message.get("metadata").and_then(|metadata| metadata.get(key)) {
            answer = answer.set(key, value);
        }
    }
    answer
}

/// A message that is in the session, and what the server's reply says about its answer.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The message as it is in the session.
    pub message: Json,
    /// What the agent answered, where the server waited for that.
    pub answer: Option<Json>,
    /// Whether the server waited for the agent and the agent did not answer.
    pub is_silent: bool,
    /// The state of the session.
    status: Option<Json>,
}

impl Sent {
    /// Reads the reply to a message; `None` when the document is none. Before 1.7 the reply is the
    /// message itself, with the session's state in it.
    pub fn read(document: &Json, date: ParseDate<'_>) -> Option<Self> {
        let message = read_message(&document.get("userMessage").unwrap_or_else(|| document.clone()), date)?;
        let response = document.get("agentResponse");
        let answer = response.clone().filter(|answer| answer.get_text("text").is_some());
        let status = document.get("sessionStatus").map(|status| with_times(status, &["expiresAt"], date));
        Some(Self { message, is_silent: response.is_some() && answer.is_none(), answer, status })
    }

    /// A message that was found in the session after the reply was lost.
    pub fn found(message: Json) -> Self {
        Self { message, answer: None, is_silent: false, status: None }
    }

    /// The message as the application gets it.
    pub fn document(self) -> Json {
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
