//! What an event stream says about one message, and what its end means.

use super::error::{about, agent_failed, with_message};
use super::exchange::Outgoing;
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs;
use crate::api::sessions::{ParseDate, Sent, read_message};
use crate::http::event_stream::{Event, EventParser};
use crate::http::message::is_event_stream;
use crate::http::outcome::{is_reply_lost, refusal};
use crate::http::words::fit;
use crate::json::{Json, Kind};
use crate::platform::{Body, HttpRequest, HttpResponse};

/// What a stream has said so far.
#[derive(Debug, Default)]
pub(super) struct StreamReader {
    parser: EventParser,
    /// The message as it is in the session, once the server has said so.
    message: Option<Json>,
    /// How it ended: with the whole answer, or with the server's words when the agent failed.
    end: Option<Result<(), String>>,
}

/// What is known when the stream is over.
#[derive(Debug)]
pub(super) enum Streamed {
    /// The whole answer has arrived.
    Answered,
    /// The message is in the session, and its answer may still be missing. `is_reported`: the
    /// application has got the message already.
    Sent { sent: Box<Sent>, is_reported: bool },
    /// It is unknown whether the message arrived.
    Lost(Box<Error>),
    /// The server refused the message, or the agent failed on it.
    Failed(Box<Error>),
}

impl StreamReader {
    /// Takes a chunk of the stream. Returns the updates for the application: `user_message`,
    /// `chunk` (any number of them), `done`.
    pub(super) fn push(&mut self, chunk: &str, date: ParseDate<'_>) -> Vec<Json> {
        let mut updates = Vec::new();
        for event in self.parser.push(chunk) {
            // What follows the end is not about this message.
            if self.has_ended() {
                break;
            }
            updates.extend(self.event(&event, date));
        }
        updates
    }

    /// Whether the server has said that the stream is complete. Nobody has to wait for the
    /// connection to close.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    fn event(&mut self, event: &Event, date: ParseDate<'_>) -> Option<Json> {
        let data = Json::parse(&event.data);
        if event.name == "error" {
            self.end = Some(Err(error_words(data, &event.data)));
            return None;
        }
        let data = data.filter(|data| data.kind() == Kind::Object)?;
        match event.name.as_str() {
            "user_message" => {
                self.message = read_message(&data, date);
                self.message.clone().map(user_message)
            }
            "chunk" => Some(data.set("type", Json::text("chunk"))),
            "done" => {
                self.end = Some(Ok(()));
                Some(done(data))
            }
            _ => None,
        }
    }

    /// What the end of the request means. `response` is `None` when the stream was complete before
    /// the connection closed.
    pub(super) fn finish(
        self,
        outgoing: &Outgoing,
        request: &HttpRequest,
        response: Option<Result<HttpResponse>>,
        date: ParseDate<'_>,
    ) -> Streamed {
        let session_id = &outgoing.session_id;
        let is_reported = self.message.is_some();
        let mut reply = None;
        let mut lost = None;
        match response {
            Some(Ok(response)) if response.status == 402 => {
                return Streamed::Failed(about(refusal(request, &response, None), session_id));
            }
            Some(Ok(response)) if is_stream(&response) => {}
            // A server without streams answers as it answers every message.
            Some(Ok(HttpResponse { body: Body::Json(document), .. })) => reply = Sent::read(&document, date),
            Some(Err(error)) => lost = Some(about(error, session_id)),
            Some(Ok(_)) | None => {}
        }
        if let Some(error) = lost.take_if(|error| !is_reported && !is_reply_lost(error)) {
            return Streamed::Failed(error);
        }
        match self.end {
            Some(Ok(())) => return Streamed::Answered,
            Some(Err(words)) => {
                let words = fit(request, &words, 1_000);
                let mut error = Error::new(ErrorCode::AgentFailed, agent_failed(&words));
                error.server_message = Some(words);
                return Streamed::Failed(with_message(error, session_id, self.message));
            }
            None => {}
        }
        // The stream broke off, or the server has none.
        match reply.or_else(|| self.message.map(Sent::found)) {
            Some(sent) => Streamed::Sent { sent: Box::new(sent), is_reported },
            None => Streamed::Lost(lost.unwrap_or_else(|| {
                let words = "the stream broke off before it said anything";
                about(Error::new(ErrorCode::ConnectionReset, words), session_id)
            })),
        }
    }
}

/// Whether the response is an event stream.
pub(super) fn is_stream(response: &HttpResponse) -> bool {
    response.header("content-type").is_some_and(is_event_stream)
}

/// The update with the message as it is in the session.
pub(super) fn user_message(message: Json) -> Json {
    update("user_message", "message", jobs::without_reference(message))
}

/// The update with the whole answer.
pub(super) fn done(answer: Json) -> Json {
    update("done", "response", answer)
}

fn update(kind: &str, key: &str, value: Json) -> Json {
    Json::object().set("type", Json::text(kind)).set(key, value)
}

/// The server's words in an event, whatever shape they have.
fn error_words(data: Option<Json>, text: &str) -> String {
    let said = |document: &Json| document.as_text().or_else(|| document.get_text("message"));
    let found = data.and_then(|data| data.get("error").as_ref().and_then(said).or_else(|| said(&data)));
    found.unwrap_or_else(|| text.to_owned())
}
