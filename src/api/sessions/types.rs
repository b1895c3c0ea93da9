//! The types of the Sessions API, as the package declares them (`derive(Tsify)`).

use serde::{Deserialize, Serialize};
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::api::metadata::Metadata;
use crate::json::Json;

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
    /// Only those written before this time: a `Date`, or milliseconds since 1970, such as a page's
    /// `cursors.before`.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "number | Date"))]
    pub before: Option<Json>,
    /// Only those written after this time: a `Date`, or milliseconds since 1970, such as a page's
    /// `cursors.after`.
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
