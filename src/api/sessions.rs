//! The Sessions API: its types, the local validation, and how answers are read.
//!
//! As in [`jobs`], the structs are the package's type declarations. Servers write times as
//! ISO texts or as numbers, and some write `created_at` for `createdAt`. Answers are read into
//! one form: numbers, under one name.

use serde::{Deserialize, Serialize};
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::api::error::{Error, Result};
use crate::api::jobs;
use crate::api::metadata::Metadata;
use crate::api::routes;
use crate::json::{Json, Kind, is_true, shown};
use crate::time::WallTime;

/// The longest content of a message, in UTF-16 code units.
pub const MAX_CONTENT_UNITS: usize = 4_000;
/// The longest metadata, in UTF-16 code units of its JSON text.
pub const MAX_METADATA_UNITS: usize = 10_240;
/// The most messages that a server returns in one page.
pub const MAX_PAGE: f64 = 100.0;

/// What `createSession` sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CreateSessionRequest {
    /// The agent to talk with.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub agent_id: String,
    /// The user who talks.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub user_id: String,
    /// Data of the application that belongs to the session. The server returns it with the session.
    /// At most 10,240 characters as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub metadata: Option<Metadata>,
    /// How long the session lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_config: Option<SessionTimeoutConfig>,
}

impl CreateSessionRequest {
    /// What is read.
    pub const MEMBERS: &[&str] = &["agentId", "userId", "metadata", "timeoutConfig"];
}

/// How long a session lives. The server has defaults for absent members, and limits the others to
/// its bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct SessionTimeoutConfig {
    /// Minutes without a message after which it expires. @default 30 (the server's)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_minutes: Option<f64>,
    /// Whether each message restarts these minutes. @default true (the server's)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_renew: Option<bool>,
    /// Minutes after which it expires in any case. @default 720 (the server's)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration_minutes: Option<f64>,
    /// How many minutes before its end it counts as near its expiration. @default 5 (the server's)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning_threshold_minutes: Option<f64>,
}

/// A conversation between a user and an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The session's id. A secret: every caller that has it can read the session and write into it.
    pub session_id: String,
    /// The channel that holds the messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub channel_id: Option<String>,
    /// The agent.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub agent_id: String,
    /// The user.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub user_id: String,
    /// When it was created, in milliseconds of the server's clock.
    pub created_at: f64,
    /// When it expires, in milliseconds of the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<f64>,
    /// The time of the last activity, in milliseconds of the server's clock. `createSession` does
    /// not return it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<f64>,
    /// The metadata that `createSession` was called with.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub metadata: Metadata,
    /// How long it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_config: Option<SessionTimeoutConfig>,
    /// How often it was renewed. `createSession` does not return it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_count: Option<f64>,
    /// The time that is left, in milliseconds. `createSession` does not return it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_remaining: Option<f64>,
    /// Whether little time is left. `createSession` does not return it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_near_expiration: Option<bool>,
}

/// A message to an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct SendMessageRequest {
    /// The text: 1 to 4,000 UTF-16 code units.
    pub content: String,
    /// Files that belong to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<MessageAttachment>>,
    /// Data of the application that belongs to the message. The server returns it with the message.
    /// At most 10,240 characters as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub metadata: Option<Metadata>,
    /// `http`: the server waits for the agent, 30 seconds at most. `websocket`: it takes the
    /// message and lets the agent answer when it
    /// can, so that an answer that takes longer is among the session's messages on every server.
    /// @default "websocket" in `sendMessage`, "http" in `sendMessageAndWait`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "\"http\" | \"websocket\""))]
    pub transport: Option<String>,
}

impl SendMessageRequest {
    /// What is read.
    pub const MEMBERS: &[&str] = &["content", "attachments", "metadata", "transport"];
}

/// Which messages `getMessages` returns.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug)]
pub struct GetMessagesParams {
    /// How many in one page, 1 to 100. @default 50 (the server's)
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub limit: Option<f64>,
    /// Only those written before this time: a `Date`, or milliseconds since 1970, such as a page's `cursors.before`.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "number | Date"))]
    pub before: Option<Json>,
    /// Only those written after this time: a `Date`, or milliseconds since 1970, such as a page's `cursors.after`.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "number | Date"))]
    pub after: Option<Json>,
}

impl GetMessagesParams {
    /// What is read.
    pub const MEMBERS: &[&str] = &["limit", "before", "after"];
}

/// A file that belongs to a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageAttachment {
    /// What it is.
    #[serde(rename = "type")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "\"image\" | \"file\" | \"audio\" | \"video\" | \"document\""))]
    pub kind: String,
    /// Where it is.
    pub url: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<f64>,
    /// Its MIME type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// A message in a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct SessionMessage {
    /// The message's id.
    pub id: String,
    /// Its text.
    pub content: String,
    /// Who wrote it.
    pub author_id: String,
    /// Whether that was the agent.
    pub is_agent: bool,
    /// When it was written, in milliseconds of the server's clock.
    pub created_at: f64,
    /// The metadata of the message; in an agent's message its `thought` and `actions` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub metadata: Option<Metadata>,
}

/// An agent's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
pub struct AgentResponse {
    /// The answer's text.
    pub text: String,
    /// What the agent thought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thought: Option<String>,
    /// What the agent did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<String>>,
}

/// The state of a session after a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// When it expires, in milliseconds of the server's clock.
    pub expires_at: f64,
    /// How often it was renewed.
    pub renewal_count: f64,
    /// Whether this message renewed it.
    pub was_renewed: bool,
    /// Whether it is near its expiration.
    pub is_near_expiration: bool,
}

/// What `sendMessage` and `sendMessageAndWait` return.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MessageResponse {
    /// Always true: everything else rejects with an error.
    pub success: bool,
    /// The message as it is in the session.
    pub user_message: SessionMessage,
    /// The agent's answer. `sendMessageAndWait` always returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_response: Option<AgentResponse>,
    /// The state of the session. Absent where the server's reply was lost and the message was found
    /// in the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_status: Option<SessionStatus>,
}

/// A message with the agent's answer.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct AnsweredMessage {
    /// The message.
    #[serde(flatten)]
    pub message: MessageResponse,
    /// The answer.
    pub agent_response: AgentResponse,
}

/// What `streamMessage` returns, one after the other.
///
/// - `user_message`: the message is in the session.
/// - `chunk`: a piece of the answer.
/// - `done`: the whole answer.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum MessageUpdate {
    /// The message.
    UserMessage {
        /// The message as it is in the session.
        message: SessionMessage,
    },
    /// A piece of the answer.
    Chunk {
        /// Its text.
        chunk: String,
        /// Which piece it is, from 0.
        index: f64,
        /// The answer's id.
        #[tsify(optional)]
        message_id: Option<String>,
    },
    /// The whole answer.
    Done {
        /// The answer.
        response: AgentResponse,
    },
}

/// A page of messages, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct GetMessagesResponse {
    /// The messages.
    pub messages: Vec<SessionMessage>,
    /// Whether there may be more.
    pub has_more: bool,
    /// Where the neighbouring pages begin. Absent when there is no message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursors: Option<MessageCursors>,
}

/// Where the neighbouring pages begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
pub struct MessageCursors {
    /// For the page of older messages.
    pub before: f64,
    /// For the page of newer messages.
    pub after: f64,
}

/// What `deleteSession` returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
pub struct DeleteSessionResponse {
    /// Always true: everything else rejects with an error.
    pub success: bool,
    /// The server's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// All sessions that have not expired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
pub struct ListSessionsResponse {
    /// The sessions of everyone who uses the server.
    pub sessions: Vec<Session>,
    /// How many there are.
    pub total: f64,
    /// Not every server has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<SessionStats>,
}

/// How many sessions the server holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct SessionStats {
    /// All.
    pub total_sessions: f64,
    /// Those that have not expired.
    pub active_sessions: f64,
    /// The others, which the server will delete.
    pub expired_sessions: f64,
}

/// The state of the Sessions service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct SessionsHealthResponse {
    /// `healthy`, when the server reports that it is healthy.
    pub status: String,
    /// How many sessions have not expired.
    pub active_sessions: f64,
    /// The server's time, in milliseconds of its clock.
    pub timestamp: f64,
    /// How many will expire soon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiring_soon: Option<f64>,
    /// How many are broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_sessions: Option<f64>,
    /// How long the server has been running, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime: Option<f64>,
}

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

/// Which messages of a session are wanted. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Page {
    /// How many at most; `None` is the server's default.
    pub limit: Option<f64>,
    /// Only messages that were written before this time.
    pub before: Option<f64>,
    /// Only messages that were written after this time.
    pub after: Option<f64>,
}

impl Page {
    /// As many messages as a server returns at once.
    pub const LARGEST: Page = Page { limit: Some(MAX_PAGE), before: None, after: None };

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
            before: number("before", 0.0, 8.64e15, time)?,
            after: number("after", 0.0, 8.64e15, time)?,
        })
    }

    /// The route of this page of the session's messages.
    pub fn route(&self, session_id: &str) -> String {
        let mut query = String::new();
        for (key, value) in [("limit", self.limit), ("before", self.before), ("after", self.after)] {
            if let Some(value) = value {
                query = routes::query(&query, key, &Json::number(value).to_json());
            }
        }
        routes::session(session_id, "/messages") + &query
    }
}

/// The member as milliseconds since 1970, if it is a time.
fn time(document: &Json, key: &str, date: ParseDate<'_>) -> Option<f64> {
    let value = document.get(key)?;
    value.as_number().or_else(|| date(&value.as_text()?).map(WallTime::as_ms))
}

/// The document with these members as numbers.
fn with_times(mut document: Json, keys: &[&str], date: ParseDate<'_>) -> Json {
    for key in keys {
        if let Some(at) = time(&document, key, date) {
            document = document.set(key, Json::number(at));
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
        message = message.set("createdAt", Json::number(at));
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
    let messages = read_messages(&document, date)?.into_iter().map(jobs::without_reference).collect();
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
