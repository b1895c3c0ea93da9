//! Sessions: conversations that expire. As `@elizaos/server` 1.7.0 has them.

use crate::channels::{AGENT, Channel, Message};
use crate::json::{Value, document};
use crate::message::{Reply, Request};
use crate::text::{is_uuid, leading_integer, length};
use crate::time::{Ms, iso};

const MINUTE: Ms = 60_000.0;
const MAX_CONTENT: usize = 4_000;
const MAX_METADATA: usize = 10_240;
const MIN_TIMEOUT: u32 = 5;
const MAX_TIMEOUT: u32 = 1_440;
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 100;
const CLEANUP_MS: Ms = 300_000.0;

/// How a session ends, in minutes.
#[derive(Debug, Clone, PartialEq)]
struct Timeouts {
    timeout: f64,
    renews: bool,
    max_duration: f64,
    warning: f64,
}

impl Timeouts {
    /// The server's defaults with what a request asks for.
    fn read(given: Option<&Value>) -> Self {
        let minutes = |key: &str| given.and_then(|given| given.get(key)).map(Value::to_number);
        let (least, most) = (f64::from(MIN_TIMEOUT), f64::from(MAX_TIMEOUT));
        let timeout = minutes("timeoutMinutes").map_or(30.0, |given| given.map_or(30.0, |given| given.clamp(least, most)));
        let max = |given: f64| given.min(most * 2.0).max(timeout);
        Self {
            timeout,
            renews: given.and_then(|given| given.get("autoRenew")).is_none_or(|given| given != &Value::Bool(false)),
            max_duration: minutes("maxDurationMinutes").map_or(720.0, |given| given.map_or(720.0, max)),
            warning: minutes("warningThresholdMinutes").map_or(5.0, |given| given.map_or(5.0, |given| given.max(1.0))),
        }
    }

    fn document(&self) -> Value {
        document!({
            "timeoutMinutes": self.timeout,
            "autoRenew": self.renews,
            "maxDurationMinutes": self.max_duration,
            "warningThresholdMinutes": self.warning,
        })
    }
}

/// A session.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Where its messages are.
    pub channel_id: String,
    /// Whose it is.
    pub user_id: String,
    metadata: Value,
    created_at: Ms,
    last_activity: Ms,
    expires_at: Ms,
    timeouts: Timeouts,
    renewals: u32,
    is_warned: bool,
}

impl Session {
    fn expiry(&self, now: Ms) -> Ms {
        let base = if self.timeouts.renews { self.last_activity } else { self.created_at };
        let (timeout, most) = (self.timeouts.timeout * MINUTE, self.timeouts.max_duration * MINUTE);
        if now - self.created_at + timeout > most { self.created_at + most } else { base + timeout }
    }

    fn renew(&mut self, now: Ms) -> bool {
        if !self.timeouts.renews || now - self.created_at >= self.timeouts.max_duration * MINUTE {
            return false;
        }
        self.last_activity = now;
        self.renewals = self.renewals.saturating_add(1);
        self.expires_at = self.expiry(now);
        self.is_warned = false;
        true
    }

    fn is_near(&self, now: Ms) -> bool {
        let left = self.expires_at - now;
        left > 0.0 && left <= self.timeouts.warning * MINUTE
    }

    fn document(&self, now: Ms) -> Value {
        document!({
            "sessionId": self.id,
            "channelId": self.channel_id,
            "agentId": AGENT,
            "userId": self.user_id,
            "createdAt": iso(self.created_at),
            "lastActivity": iso(self.last_activity),
            "metadata": self.metadata,
            "expiresAt": iso(self.expires_at),
            "timeoutConfig": self.timeouts.document(),
            "renewalCount": self.renewals,
            "timeRemaining": (self.expires_at - now).floor().max(0.0),
            "isNearExpiration": self.is_near(now),
        })
    }
}

/// How the agent's answer is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In the answer to the request.
    Sync,
    /// In the answer to the request, piece by piece.
    Stream,
    /// Among the messages.
    Later,
}

/// A message that was taken.
#[derive(Debug)]
pub struct Sent {
    /// How the answer is to come.
    pub mode: Mode,
    /// Where.
    pub channel_id: String,
    /// The message, as the API shows it.
    pub user_message: Value,
    /// The session, as the API shows it.
    pub status: Value,
}

/// An error of the Sessions API.
fn failure(status: u16, code: &str, message: &str, details: Option<Value>, now: Ms) -> Reply {
    let mut error = document!({"code": code, "message": message, "timestamp": iso(now)});
    if let Some(details) = details {
        error.set("details", details);
    }
    Reply::json(status, &document!({"error": error}))
}

fn invalid(message: &str, details: Value, now: Ms) -> Reply {
    failure(400, "VALIDATION_ERROR", message, Some(details), now)
}

fn invalid_content(reason: &str, now: Ms) -> Reply {
    invalid(&format!("Invalid content: {reason}"), document!({"reason": reason}), now)
}

fn check_metadata(metadata: Option<&Value>, now: Ms) -> Result<Value, Box<Reply>> {
    let Some(metadata) = metadata.filter(|metadata| is_truthy(metadata)) else { return Ok(document!({})) };
    if metadata.has_members() && length(&metadata.to_string()) > MAX_METADATA {
        let reason = format!("Metadata exceeds maximum size of {MAX_METADATA} bytes");
        let details = document!({"reason": reason, "providedMetadata": metadata});
        return Err(Box::new(invalid(&format!("Invalid metadata: {reason}"), details, now)));
    }
    Ok(metadata.clone())
}

/// All sessions.
#[derive(Debug)]
pub struct Sessions {
    all: Vec<Session>,
    started: Ms,
    next_cleanup: Ms,
}

type Answer<T> = Result<T, Box<Reply>>;

impl Sessions {
    /// No sessions, at the start of the server.
    pub fn new(now: Ms) -> Self {
        Self { all: vec![], started: now, next_cleanup: now + CLEANUP_MS }
    }

    /// Does what the server does every five minutes.
    pub fn pass(&mut self, now: Ms) {
        if self.next_cleanup > now {
            return;
        }
        let last = self.next_cleanup + ((now - self.next_cleanup) / CLEANUP_MS).floor() * CLEANUP_MS;
        self.next_cleanup = last + CLEANUP_MS;
        self.all.retain(|session| session.expires_at > last);
        for session in &mut self.all {
            session.is_warned |= session.is_near(last);
        }
    }

    /// `POST /sessions`. `ids`: of the session and of its channel.
    pub fn create(&mut self, body: Option<&Value>, has_agent: bool, ids: [String; 2], now: Ms) -> Answer<(Reply, Channel)> {
        let text = |key: &str| body.and_then(|body| body.get(key)).and_then(Value::as_str);
        let (Some(agent_id), Some(user_id)) = (text("agentId"), text("userId")) else {
            let details = document!({"missingFields": vec!["agentId", "userId"]});
            return Err(Box::new(invalid("Missing required fields: agentId, userId", details, now)));
        };
        for (field, id) in [("agentId", agent_id), ("userId", user_id)] {
            if !is_uuid(id) {
                let details = document!({"providedValue": id, "expectedFormat": "UUID v4"});
                return Err(Box::new(invalid(&format!("Invalid UUID format for field '{field}'"), details, now)));
            }
        }
        if !has_agent || agent_id != AGENT {
            let message = format!("Agent with ID '{agent_id}' not found");
            return Err(Box::new(failure(404, "AGENT_NOT_FOUND", &message, None, now)));
        }
        let metadata = check_metadata(body.and_then(|body| body.get("metadata")), now)?;
        let timeouts = Timeouts::read(body.and_then(|body| body.get("timeoutConfig")));
        let [id, channel_id] = ids;
        let mut session = Session {
            user_id: user_id.to_owned(),
            metadata,
            created_at: now,
            last_activity: now,
            expires_at: now,
            renewals: 0,
            is_warned: false,
            timeouts,
            id,
            channel_id,
        };
        session.expires_at = session.expiry(now);
        let mut document = session.document(now);
        if let Some(members) = document.as_object_mut() {
            members.remove(&["lastActivity", "renewalCount", "timeRemaining", "isNearExpiration"]);
        }
        let mut about = document!({"sessionId": session.id, "agentId": AGENT, "userId": user_id, "timeoutConfig": session.timeouts.document()});
        merge(&mut about, &session.metadata);
        let name = format!("session-{}", session.id);
        let channel = Channel { id: session.channel_id.clone(), name, metadata: about, created_at: now, messages: vec![] };
        self.all.push(session);
        Ok((Reply::json(201, &document), channel))
    }

    /// Whether a session is there, and not over. One that is over is forgotten.
    fn find(&mut self, id: &str, now: Ms) -> Answer<&mut Session> {
        let Some(place) = self.all.iter().position(|session| session.id == id) else {
            return Err(Box::new(failure(404, "SESSION_NOT_FOUND", &format!("Session with ID '{id}' not found"), None, now)));
        };
        let expired = self.all.get(place).map(|session| session.expires_at).filter(|expiry| *expiry <= now);
        if let Some(expiry) = expired {
            self.all.remove(place);
            let message = format!("Session '{id}' expired at {}", iso(expiry));
            return Err(Box::new(failure(410, "SESSION_EXPIRED", &message, None, now)));
        }
        self.all.get_mut(place).ok_or_else(|| Box::new(Reply::empty(404)))
    }

    /// `GET /sessions/:id`
    pub fn get(&mut self, id: &str, now: Ms) -> Answer<Reply> {
        Ok(Reply::json(200, &self.find(id, now)?.document(now)))
    }

    /// `DELETE /sessions/:id`. It may be over.
    pub fn delete(&mut self, id: &str, now: Ms) -> Answer<Reply> {
        let Some(place) = self.all.iter().position(|session| session.id == id) else {
            return Err(Box::new(failure(404, "SESSION_NOT_FOUND", &format!("Session with ID '{id}' not found"), None, now)));
        };
        self.all.remove(place);
        Ok(Reply::json(200, &document!({"success": true, "message": format!("Session {id} deleted successfully")})))
    }

    /// `GET /sessions`
    pub fn list(&self, now: Ms) -> Reply {
        let mut active = vec![];
        for session in self.all.iter().filter(|session| session.expires_at > now) {
            active.push(session.document(now));
        }
        let expired = self.all.len().saturating_sub(active.len());
        let stats = document!({"totalSessions": self.all.len(), "activeSessions": active.len(), "expiredSessions": expired});
        Reply::json(200, &document!({"sessions": active, "total": active.len(), "stats": stats}))
    }

    /// `GET /sessions/health`
    pub fn health(&self, now: Ms) -> Reply {
        let active = self.all.iter().filter(|session| session.expires_at > now);
        let soon = active.clone().filter(|session| session.is_near(now) && !session.is_warned).count();
        let body = document!({
            "status": "healthy",
            "activeSessions": active.count(),
            "timestamp": iso(now),
            "expiringSoon": soon,
            "uptime": (now - self.started).max(0.0) / 1000.0,
        });
        Reply::json(200, &body)
    }

    /// `POST /sessions/:id/renew`
    pub fn renew(&mut self, id: &str, now: Ms) -> Answer<Reply> {
        let session = self.find(id, now)?;
        let renews = std::mem::replace(&mut session.timeouts.renews, true);
        let is_renewed = session.renew(now);
        session.timeouts.renews = renews;
        if is_renewed {
            return Ok(Reply::json(200, &session.document(now)));
        }
        let message = format!("Cannot renew session '{id}': Maximum duration reached");
        let details = document!({
            "maxDuration": session.timeouts.max_duration,
            "createdAt": iso(session.created_at),
            "timeSinceCreation": (now - session.created_at).floor(),
        });
        Err(Box::new(failure(400, "SESSION_RENEWAL_FAILED", &message, Some(details), now)))
    }

    /// `POST /sessions/:id/heartbeat`
    pub fn heartbeat(&mut self, id: &str, now: Ms) -> Answer<Reply> {
        let session = self.find(id, now)?;
        session.last_activity = now;
        session.renew(now);
        Ok(Reply::json(200, &session.document(now)))
    }

    /// `PATCH /sessions/:id/timeout`
    pub fn set_timeout(&mut self, id: &str, body: Option<&Value>, now: Ms) -> Answer<Reply> {
        let session = self.find(id, now)?;
        let refused = |reason: &str| {
            let details = document!({"reason": reason, "providedConfig": body});
            Err(Box::new(invalid(&format!("Invalid timeout configuration: {reason}"), details, now)))
        };
        let Some(given) = body.filter(|body| is_timeouts(body)) else { return refused("Invalid timeout configuration format") };
        let minutes = given.get("timeoutMinutes").and_then(Value::to_number);
        if minutes.is_some_and(|minutes| !(MIN_TIMEOUT.into()..=MAX_TIMEOUT.into()).contains(&minutes)) {
            return refused(&format!("Timeout must be between {MIN_TIMEOUT} and {MAX_TIMEOUT} minutes"));
        }
        session.timeouts = Timeouts::read(Some(given));
        session.expires_at = session.expiry(now);
        Ok(Reply::json(200, &session.document(now)))
    }

    /// `POST /sessions/:id/messages`: what the server does before the agent is asked.
    pub fn send(&mut self, id: &str, body: Option<&Value>, message_id: &str, now: Ms) -> Answer<(Sent, Message)> {
        let Some(body) = body.filter(|body| body.as_object().is_some()) else {
            return Err(Box::new(failure(500, "INTERNAL_SERVER_ERROR", "An unexpected error occurred", None, now)));
        };
        let mode = read_mode(body.get("mode"), now)?;
        let Some(content) = body.get("content").and_then(Value::as_str) else {
            return Err(Box::new(invalid_content("Invalid message request format", now)));
        };
        let session = self.find(id, now)?;
        if content.is_empty() {
            return Err(Box::new(invalid_content("Content cannot be empty", now)));
        }
        if length(content) > MAX_CONTENT {
            let reason = format!("Content exceeds maximum length of {MAX_CONTENT} characters");
            return Err(Box::new(invalid_content(&reason, now)));
        }
        let own = check_metadata(body.get("metadata"), now)?;
        let was_renewed = session.renew(now);
        if !session.timeouts.renews {
            session.last_activity = now;
        }
        session.is_warned |= session.is_near(now);
        let mut metadata = document!({
            "sessionId": id,
            "agentId": AGENT,
            "userId": session.user_id,
            "timeoutConfig": session.timeouts.document(),
        });
        merge(&mut metadata, &session.metadata);
        merge(&mut metadata, &own);
        let user_message = document!({"id": message_id, "content": content, "authorId": session.user_id, "createdAt": iso(now), "metadata": metadata});
        let status = document!({
            "expiresAt": iso(session.expires_at),
            "renewalCount": session.renewals,
            "wasRenewed": was_renewed,
            "isNearExpiration": session.is_near(now) && !session.is_warned,
        });
        let (author, id) = (session.user_id.clone(), message_id.to_owned());
        let message = Message { id, author, content: content.to_owned(), at: now, metadata, answers: None, source: "user" };
        Ok((Sent { mode, channel_id: session.channel_id.clone(), user_message, status }, message))
    }

    /// `GET /sessions/:id/messages`: the session's channel and which of its messages, the newest
    /// first.
    pub fn read(&mut self, id: &str, request: &Request, now: Ms) -> Answer<(String, Page)> {
        let channel = self.find(id, now)?.channel_id.clone();
        let limit = request.query("limit").filter(|text| !text.is_empty()).map(|text| leading_integer(&text));
        let most = i64::try_from(MAX_LIMIT).unwrap_or(i64::MAX);
        let limit = match limit {
            Some(Some(number)) => usize::try_from(number.clamp(1, most)).unwrap_or(DEFAULT_LIMIT),
            _ => DEFAULT_LIMIT,
        };
        let time = |parameter: &str| match request.query(parameter).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => match leading_integer(&text) {
                #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53")]
                Some(at) => Ok(Some(at as Ms)),
                None => {
                    let reason = "Must be a valid timestamp";
                    let details = document!({"parameter": parameter, "value": text, "reason": reason});
                    Err(Box::new(invalid(&format!("Invalid pagination parameter '{parameter}': {reason}"), details, now)))
                }
            },
        };
        Ok((channel, Page { limit, before: time("before")?, after: time("after")? }))
    }
}

/// Which messages a request asks for.
#[derive(Debug)]
pub struct Page {
    limit: usize,
    before: Option<Ms>,
    after: Option<Ms>,
}

impl Page {
    /// The answer, of a channel's messages.
    pub fn of(&self, messages: &[Message]) -> Reply {
        let (before, after) = (self.before, self.after);
        // Times pass through dates of whole milliseconds.
        let is_in = |at: Ms| before.is_none_or(|before| at.floor() < before) && after.is_none_or(|after| at.floor() > after);
        let mut found: Vec<&Message> = messages.iter().rev().filter(|message| is_in(message.at)).collect();
        if before.is_none() && after.is_some() {
            // The oldest of them: the page after the last one.
            found.drain(..found.len().saturating_sub(self.limit));
        }
        found.truncate(self.limit);
        let show = |message: &&Message| {
            document!({
                "id": message.id,
                "content": message.content,
                "authorId": message.author,
                "isAgent": message.answers.is_some(),
                "createdAt": iso(message.at),
                "metadata": message.full_metadata(),
            })
        };
        let shown: Vec<Value> = found.iter().map(show).collect();
        let mut body = document!({"messages": shown, "hasMore": found.len() == self.limit});
        if let (Some(newest), Some(oldest)) = (found.first(), found.last()) {
            body.set("cursors", document!({"before": oldest.at.floor(), "after": newest.at.floor()}));
        }
        Reply::json(200, &body)
    }
}

fn read_mode(given: Option<&Value>, now: Ms) -> Answer<Mode> {
    // JavaScript's `||`: nothing, null, "", 0 and false are the default.
    match given {
        None | Some(Value::Null | Value::Bool(false)) => Ok(Mode::Later),
        Some(Value::String(text)) => match text.as_str() {
            "" | "websocket" => Ok(Mode::Later),
            "sync" => Ok(Mode::Sync),
            "stream" => Ok(Mode::Stream),
            other => Err(unknown_mode(other, now)),
        },
        Some(Value::Number(0.0)) => Ok(Mode::Later),
        Some(other) => Err(unknown_mode(&other.to_string(), now)),
    }
}

fn unknown_mode(given: &str, now: Ms) -> Box<Reply> {
    Box::new(invalid_content(&format!("Invalid mode \"{given}\". Must be one of: sync, stream, websocket"), now))
}

/// What JavaScript takes for true.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => *number != 0.0,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

fn is_timeouts(given: &Value) -> bool {
    let minutes = ["timeoutMinutes", "maxDurationMinutes", "warningThresholdMinutes"];
    let is_minutes = |key: &str| given.get(key).is_none_or(|value| value.as_f64().is_some() || value.as_str().is_some());
    given.has_members()
        && minutes.iter().all(|key| is_minutes(key))
        && given.get("autoRenew").is_none_or(|value| matches!(value, Value::Bool(_)))
}

/// Adds the members of one object to another.
fn merge(into: &mut Value, from: &Value) {
    if let (Some(members), Some(from)) = (into.as_object_mut(), from.as_object()) {
        members.merge(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    const USER: &str = "22222222-2222-4222-8222-222222222222";

    fn body(reply: &Reply) -> Value {
        Value::parse(&reply.body).unwrap()
    }

    fn open(sessions: &mut Sessions, config: Value) -> Value {
        let request = json!({"agentId": AGENT, "userId": USER, "timeoutConfig": config});
        body(&sessions.create(Some(&request), true, ["s".into(), "c".into()], 0.0).unwrap().0)
    }

    #[test]
    fn timeouts_are_clamped_as_on_the_server() {
        let read = |config: Value| Timeouts::read(Some(&config));
        let of = |config: Value| (read(config.clone()).timeout, read(config).max_duration);
        assert_eq!(of(json!({})), (30.0, 720.0));
        assert_eq!(of(json!({"timeoutMinutes": "7"})), (7.0, 720.0));
        assert_eq!(of(json!({"timeoutMinutes": 1, "maxDurationMinutes": 2})), (5.0, 5.0));
        assert_eq!(of(json!({"timeoutMinutes": "x", "maxDurationMinutes": 9999})), (30.0, 2880.0));
    }

    #[test]
    fn a_session_is_renewed_by_messages_until_its_longest_time() {
        let mut sessions = Sessions::new(0.0);
        open(&mut sessions, json!({"timeoutMinutes": 5, "maxDurationMinutes": 6}));
        let said = json!({"content": "hi"});
        let (sent, _) = sessions.send("s", Some(&said), "m", 4.0 * MINUTE).unwrap();
        assert_eq!(sent.status["expiresAt"], iso(6.0 * MINUTE));
        assert_eq!(sent.mode, Mode::Later);
        let over = sessions.send("s", Some(&said), "m", 6.0 * MINUTE).unwrap_err();
        assert_eq!((over.status, &body(&over)["error"]["code"]), (410, &json!("SESSION_EXPIRED")));
        assert_eq!(sessions.get("s", 6.0 * MINUTE).unwrap_err().status, 404, "it is forgotten then");
    }

    #[test]
    fn bad_messages_are_refused_in_the_servers_words() {
        let mut sessions = Sessions::new(0.0);
        open(&mut sessions, json!({}));
        let long = "x".repeat(4_001);
        let cases = [
            (json!({"content": ""}), "Invalid content: Content cannot be empty"),
            (json!({"content": 5}), "Invalid content: Invalid message request format"),
            (json!({"content": long}), "Invalid content: Content exceeds maximum length of 4000 characters"),
            (
                json!({"content": "a", "mode": "bogus"}),
                "Invalid content: Invalid mode \"bogus\". Must be one of: sync, stream, websocket",
            ),
            (
                json!({"content": "a", "metadata": {"k": "x".repeat(10_241)}}),
                "Invalid metadata: Metadata exceeds maximum size of 10240 bytes",
            ),
        ];
        for (request, words) in cases {
            let refused = sessions.send("s", Some(&request), "m", 0.0).unwrap_err();
            assert_eq!((refused.status, &body(&refused)["error"]["message"]), (400, &json!(words)));
        }
    }

    #[test]
    fn messages_are_read_page_by_page() {
        let message = |at: u32| Message {
            at: at.into(),
            answers: None,
            author: USER.into(),
            content: at.to_string(),
            id: at.to_string(),
            metadata: json!({}),
            source: "user",
        };
        let all: Vec<Message> = (1..=5).map(message).collect();
        let ids = |limit, before, after| {
            let page = body(&Page { limit, before, after }.of(&all));
            let text = page["messages"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect::<String>();
            (text, page["hasMore"] == true)
        };
        assert_eq!(ids(2, None, None), ("54".into(), true));
        assert_eq!(ids(2, Some(4.0), None), ("32".into(), true));
        assert_eq!(ids(2, None, Some(2.0)), ("43".into(), true));
        assert_eq!(ids(9, Some(5.0), Some(2.0)), ("43".into(), false));
    }
}
