//! What an error means for a session.

use crate::api::error::{Error, ErrorCode};
use crate::api::jobs;
use crate::json::Json;

/// The error as one about this session.
pub(super) fn about(mut error: Box<Error>, session_id: &str) -> Box<Error> {
    let says = |part: &str| error.server_message.as_ref().is_some_and(|words| words.contains(part));
    // A server without the route repeats the path, which contains "session" too.
    let names_session = error.server_code.as_deref() == Some("SESSION_NOT_FOUND") || (says("ession") && !says("/sessions"));
    if error.code == ErrorCode::NotFound && names_session {
        error.code = ErrorCode::SessionNotFound;
    } else if error.status == Some(410) {
        error.code = ErrorCode::SessionExpired;
    } else if error.status == Some(500) && says("Failed to process message") {
        error.code = ErrorCode::AgentFailed;
        error.message = agent_failed(&error.message);
    }
    error.session_id = Some(session_id.to_owned());
    error
}

/// The words for an agent that failed.
pub(super) fn agent_failed(words: &str) -> String {
    format!("the agent failed on the message: {words}")
}

/// The error with the message as it is in the session.
pub(super) fn with_message(mut error: Box<Error>, session_id: &str, message: Option<Json>) -> Box<Error> {
    error.session_id = Some(session_id.to_owned());
    error.user_message = message.map(jobs::without_reference);
    error
}

/// The error of a deletion whose reply was lost: the caller must not take it for one that may
/// simply be repeated, because the second deletion would find no session.
pub(super) fn unknown_deletion(mut error: Box<Error>) -> Box<Error> {
    error.message = format!("it is not known whether the session has ended ({}); look with getSession", error.message);
    error.code = ErrorCode::MessageOutcomeUnknown;
    error
}
