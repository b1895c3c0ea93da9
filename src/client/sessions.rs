//! The client's methods for sessions.

use crate::api::error::Result;
use crate::api::options::CallOptions;
use crate::client::Client;
use crate::json::Json;
use crate::platform::{Method, Platform};
use crate::sessions::Sessions;

impl<P: Platform + 'static> Client<P> {
    fn sessions(&self) -> Sessions<'_, P> {
        Sessions::new(&self.http)
    }

    /// Begins a session.
    pub fn create_session(&self, params: &Json, call: &CallOptions) -> impl Future<Output = Result<Json>> {
        self.sessions().create(params, call)
    }

    /// Reads the session.
    pub fn session(&self, session_id: &str, call: &CallOptions) -> impl Future<Output = Result<Json>> {
        self.sessions().state(Method::Get, session_id, "", call)
    }

    /// Restarts the session's time, whether or not the session renews itself.
    pub fn renew_session(&self, session_id: &str, call: &CallOptions) -> impl Future<Output = Result<Json>> {
        self.sessions().state(Method::Post, session_id, "/renew", call)
    }

    /// Says that the user is still there.
    pub fn heartbeat(&self, session_id: &str, call: &CallOptions) -> impl Future<Output = Result<Json>> {
        self.sessions().state(Method::Post, session_id, "/heartbeat", call)
    }

    /// Ends the session.
    pub fn delete_session(&self, session_id: &str, call: &CallOptions) -> impl Future<Output = Result<Json>> {
        self.sessions().delete(session_id, call)
    }

    /// The sessions of everyone who uses the server.
    pub fn list_sessions(&self, call: &CallOptions) -> impl Future<Output = Result<Json>> {
        self.sessions().list(call)
    }

    /// The state of the Sessions service.
    pub fn sessions_health(&self, call: &CallOptions) -> impl Future<Output = Result<Json>> {
        self.sessions().health(call)
    }

    /// A page of the session's messages, the newest first.
    pub fn messages(&self, session_id: &str, params: Option<&Json>, call: &CallOptions) -> impl Future<Output = Result<Json>> {
        self.sessions().messages(session_id, params, call)
    }

    /// Emits every message of the session. See [`Sessions::all_messages`].
    pub fn all_messages(
        &self,
        session_id: &str,
        params: Option<&Json>,
        first: Json,
        call: &CallOptions,
        emit: &dyn Fn(Json),
        drained: impl AsyncFn(),
    ) -> impl Future<Output = Result<()>> {
        self.sessions().all_messages(session_id, params, first, call, emit, drained)
    }

    /// Puts a message into the session.
    pub fn send_message(&self, session_id: &str, params: &Json, call: &CallOptions) -> impl Future<Output = Result<Json>> {
        self.sessions().send(session_id, params, call)
    }

    /// Puts a message into the session and waits for the agent's answer.
    pub fn send_message_and_wait(
        &self,
        session_id: &str,
        params: &Json,
        call: &CallOptions,
    ) -> impl Future<Output = Result<Json>> {
        self.sessions().send_and_wait(session_id, params, call)
    }

    /// Puts a message into the session and emits the agent's answer as it arrives.
    pub fn stream_message(
        &self,
        session_id: &str,
        params: &Json,
        call: &CallOptions,
        emit: &dyn Fn(Json),
    ) -> impl Future<Output = Result<()>> {
        self.sessions().stream(session_id, params, call, emit)
    }
}
