//! Sessions: conversations with an agent that last. Creating and looking after them, and reading their messages; how a message is
//! sent and its answer waited for is in [`answer`](self).

mod answer;

mod wire;

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs;
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::client::Client;
use crate::http::run::read_answer;
use crate::json::{Json, is_true};
use crate::platform::Method;
use crate::platform::Platform;
use crate::text::{fill, has};
use crate::time::WallTime;
use wire::{MAX_PAGE, Page};

impl<P: Platform + 'static> Client<P> {
    /// Begins a session.
    pub async fn create_session(&self, params: &Json, call: &CallOptions) -> Result<Json> {
        let body = wire::session_request(params)?;
        let mut request = self.http.request(Method::Post, routes::SESSIONS, call);
        request.body = Some(body.to_json());
        let response = self.http.post(&mut request, call.timeout_ms.unwrap_or(self.http.config.timeout_ms), None).await?;
        read_answer(&request, &response, "a session with a sessionId", &|document| wire::session(document, &self.date()))
    }

    /// The session as it is now.
    pub async fn session(&self, session_id: &str, call: &CallOptions) -> Result<Json> {
        self.session_state(Method::Get, session_id, "", call).await
    }

    /// Gives the session its whole time again, whether or not it renews itself.
    pub async fn renew_session(&self, session_id: &str, call: &CallOptions) -> Result<Json> {
        self.session_state(Method::Post, session_id, "/renew", call).await
    }

    /// Says that the user is still there.
    pub async fn heartbeat(&self, session_id: &str, call: &CallOptions) -> Result<Json> {
        self.session_state(Method::Post, session_id, "/heartbeat", call).await
    }

    /// What gives the session's state. All of these may be done twice.
    async fn session_state(&self, method: Method, session_id: &str, part: &str, call: &CallOptions) -> Result<Json> {
        let path = routes::session(session_id, part);
        let parse = |document| wire::session(document, &self.date());
        let state = self.http.read(method, &path, call, self.http.config.retries, "a session with a sessionId", &parse).await;
        state.map_err(|error| about(error, session_id))
    }

    /// Ends the session.
    pub async fn delete_session(&self, session_id: &str, call: &CallOptions) -> Result<Json> {
        let path = routes::session(session_id, "");
        // Not twice: the second time there is no session, and nobody could tell that from a wrong id.
        let deleted = self.http.read(Method::Delete, &path, call, 0, "success", &|document| {
            document.get("success").as_ref().is_some_and(is_true).then_some(document)
        });
        deleted.await.map_err(|error| {
            let mut error = about(error, session_id);
            // Nor is the caller told that the same call may succeed.
            if answer::is_lost(&error) {
                let said = "it is not known whether the session has ended (%); look with getSession";
                error.message = fill(said, &[&error.message]);
                error.code = ErrorCode::MessageOutcomeUnknown;
            }
            error
        })
    }

    /// The sessions of everyone who uses the server.
    pub async fn list_sessions(&self, call: &CallOptions) -> Result<Json> {
        let parse = |document| wire::sessions(document, &self.date());
        self.http.read(Method::Get, routes::SESSIONS, call, self.http.config.retries, "a list of sessions", &parse).await
    }

    /// How the Sessions service is.
    pub async fn sessions_health(&self, call: &CallOptions) -> Result<Json> {
        let parse = |document| wire::health(document, &self.date());
        self.http
            .read(Method::Get, &routes::session("health", ""), call, self.http.config.retries, "activeSessions", &parse)
            .await
    }

    /// A page of the session's messages, the newest first.
    pub async fn messages(&self, session_id: &str, params: Option<&Json>, call: &CallOptions) -> Result<Json> {
        let page = Page::read(params)?;
        self.messages_on(session_id, &page, call).await
    }

    async fn messages_on(&self, session_id: &str, page: &Page, call: &CallOptions) -> Result<Json> {
        let parse = |document: Json| {
            let mut messages = wire::messages(&document, &self.date())?;
            for message in &mut messages {
                *message = jobs::without_reference(message.clone());
            }
            Some(document.set("messages", Json::array(messages)))
        };
        self.read_page(session_id, page, call, self.http.config.retries, &parse).await
    }

    async fn read_page(
        &self,
        session_id: &str,
        page: &Page,
        call: &CallOptions,
        retries: u32,
        parse: &dyn Fn(Json) -> Option<Json>,
    ) -> Result<Json> {
        let path = routes::session(session_id, "/messages") + &page.query();
        let read = self.http.read(Method::Get, &path, call, retries, "a list of messages", parse);
        read.await.map_err(|error| about(error, session_id))
    }

    /// Tells of every message, from the page `first` on: the newest first, or with `after` alone the oldest first. `told` is awaited
    /// after each page, so that nothing is read that nobody wants.
    pub async fn all_messages(
        &self,
        session_id: &str,
        params: Option<&Json>,
        first: Json,
        call: &CallOptions,
        tell: &dyn Fn(Json),
        told: impl AsyncFn(),
    ) -> Result<()> {
        let mut wanted = Page::read(params)?;
        let mut page = first;
        // With `after` alone servers look for it among their newest messages only: the way is walked from its other end.
        let since = wanted.after.filter(|_| wanted.before.is_none());
        if since.is_some() {
            wanted = Page { limit: Some(wire::MAX_PAGE), ..Page::default() };
            page = self.messages_on(session_id, &wanted, call).await?;
        }
        let mut kept = Vec::new();
        let mut known: Vec<String> = Vec::new();
        let mut stuck = 0u32;
        loop {
            let messages = page.get("messages").map(|list| list.elements()).unwrap_or_default();
            let mut edge = None;
            let mut ids = Vec::new();
            let mut fresh = false;
            for message in messages {
                edge = message.get_number("createdAt");
                if since.is_some_and(|since| edge.is_some_and(|at| at <= since)) {
                    edge = None;
                    break;
                }
                let id = message.get_text("id").unwrap_or_default();
                if id.is_empty() || !known.contains(&id) {
                    fresh = true;
                    if since.is_some() { kept.push(message) } else { tell(message) }
                }
                ids.push(id);
            }
            if since.is_none() {
                told().await;
            }
            let has_more = page.get("hasMore").as_ref().is_some_and(is_true);
            // Messages of the same millisecond may stand on both sides of the edge: it is asked for again, when that brings nothing with a
            // larger page, and then it is gone over. A server that brings nothing new then has no more.
            stuck = if fresh { 0 } else { stuck.saturating_add(1) };
            let Some(edge) = edge.filter(|_| has_more && stuck < 3) else { break };
            wanted.before = Some(edge + if stuck < 2 { 1.0 } else { 0.0 });
            let limit = if stuck == 1 { Some(wire::MAX_PAGE) } else { wanted.limit };
            known = ids;
            page = self.messages_on(session_id, &Page { limit, ..wanted }, call).await?;
        }
        for message in kept.into_iter().rev() {
            tell(message);
        }
        told().await;
        Ok(())
    }

    fn date(&self) -> impl Fn(&str) -> Option<f64> {
        |text: &str| self.platform.parse_date(text).map(WallTime::as_ms)
    }
}

/// The error as one about this session.
fn about(mut error: Box<Error>, session_id: &str) -> Box<Error> {
    let said = |part: &str| error.server_message.as_ref().is_some_and(|words| has(words, part));
    // A server without the route repeats the path, which has the word in it.
    let is_named = error.server_code.as_deref() == Some("SESSION_NOT_FOUND") || (said("ession") && !said("/sessions"));
    if error.code == ErrorCode::NotFound && is_named {
        error.code = ErrorCode::SessionNotFound;
    } else if error.status == Some(410) {
        error.code = ErrorCode::SessionExpired;
    } else if error.status == Some(500) && said("Failed to process message") {
        error.code = ErrorCode::AgentFailed;
        error.message = fill("the agent failed on the message: %", &[&error.message]);
    }
    error.session_id = Some(session_id.to_owned());
    error
}

/// The most that a look into the session reads.
const WHOLE_PAGE: Page = Page { limit: Some(MAX_PAGE), before: None, after: None };
