//! Messages and their answers. No message is lost: when a reply is, the session is looked into, and every error says whether the message is
//! in it. Nothing is sent twice.
//!
//! Servers from 1.7 on wait for the agent when they are asked to, and stream its answer (`mode` in 1.7.0, `transport` since); they cut
//! connections that were silent for 30 seconds. Older ones only take the message. Wherever no answer comes in the reply, it is looked for
//! among the session's messages, and told from the answers to other messages.

use core::cell::RefCell;
use core::task::Poll;

use super::wire::{self, MAX_METADATA_UNITS, Page, Sent};
use super::{WHOLE_PAGE, about};
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs;
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::client::Client;
use crate::http::event_stream::EventParser;
use crate::http::message::{fit, no_answer, refusal};
use crate::json::{Json, Kind, shown};
use crate::platform::{Body, Method};
use crate::platform::{Platform, within};
use crate::text::{decimal, fill, has};
use crate::time::Millis;
use crate::waiting::schedule::PollSchedule;

/// How long an answer is waited for when the caller does not say, in milliseconds.
const ANSWER_MS: f64 = 60_000.0;
/// How long a stream may take when the caller does not say, in milliseconds.
const STREAM_MS: f64 = 300_000.0;
/// How much of the time is kept for a look into the session, should the server stay silent: a fifth, at most so many milliseconds.
const RESERVE_MS: f64 = 2_000.0;

/// How a message is to be answered: the value of `transport`, and of `mode` for servers that know only that.
type Transport = (&'static str, &'static str);
const WAIT: Transport = ("http", "sync");
const STREAM: Transport = ("sse", "stream");
const LEAVE: Transport = ("websocket", "websocket");

/// A message on its way.
struct Outgoing<'a, Json> {
    session_id: &'a str,
    body: Json,
    /// What is in its metadata, so that it can be found.
    reference: String,
    start: f64,
    end: f64,
}

/// What a stream has said so far.
struct Heard {
    parser: EventParser,
    message: Option<Json>,
    /// How it ended: the server's words when the agent failed.
    end: Option<Result<(), String>>,
}

impl<P: Platform + 'static> Client<P> {
    /// Puts a message into the session, and does not wait for an answer unless the caller names the transport that does.
    pub async fn send_message(&self, session_id: &str, params: &Json, call: &CallOptions) -> Result<Json> {
        let outgoing = self.outgoing(session_id, params, call.timeout_ms.unwrap_or(self.http.config.timeout_ms))?;
        let transport = transport(params)?.filter(|transport| *transport == WAIT);
        Ok(self.deliver_message(&outgoing, transport, call).await?.document())
    }

    /// Puts a message into the session and waits for the agent's answer.
    pub async fn send_message_and_wait(&self, session_id: &str, params: &Json, call: &CallOptions) -> Result<Json> {
        let outgoing = self.outgoing(session_id, params, call.timeout_ms.unwrap_or(ANSWER_MS))?;
        let transport = transport(params)?.unwrap_or(WAIT);
        let sent = self.deliver_message(&outgoing, Some(transport), call).await?;
        Ok(self.answered(&outgoing, sent, call, outgoing.end).await?.document())
    }

    /// Puts a message into the session and tells of the agent's answer as it comes: `user_message`, `chunk` (any number), `done`.
    pub async fn stream_message(&self, session_id: &str, params: &Json, call: &CallOptions, tell: &dyn Fn(Json)) -> Result<()> {
        let outgoing = self.outgoing(session_id, params, call.timeout_ms.unwrap_or(STREAM_MS))?;
        let heard = RefCell::new(Heard { parser: EventParser::default(), message: None, end: None });
        let on_chunk = |piece: &str| {
            let events = heard.borrow_mut().parser.push(piece);
            for event in events {
                let mut heard = heard.borrow_mut();
                // What comes after the end is not of this message.
                if heard.end.is_some() {
                    break;
                }
                let data = Json::parse(&event.data);
                if event.name == "error" {
                    heard.end = Some(Err(words(data, &event.data)));
                    break;
                }
                let Some(data) = data.filter(|data| data.kind() == Kind::Object) else { continue };
                match event.name.as_str() {
                    "user_message" => {
                        heard.message = wire::message(&data, &self.date());
                        if let Some(message) = &heard.message {
                            tell(update("user_message", "message", jobs::without_reference(message.clone())));
                        }
                    }
                    "chunk" => tell(data.set("type", Json::text("chunk"))),
                    "done" => {
                        tell(update("done", "response", data));
                        heard.end = Some(Ok(()));
                    }
                    _ => {}
                }
            }
        };
        // When it says that it is done, nobody waits for the connection to end.
        let over = core::future::poll_fn(|_| if heard.borrow().end.is_some() { Poll::Ready(()) } else { Poll::Pending });
        let mut request = self.http.request(Method::Post, &routes::session(session_id, "/messages"), call);
        request.body = Some(with_transport(&outgoing.body, STREAM).to_json());
        let limit = outgoing.end - reserve(outgoing.end - outgoing.start) - self.platform.now().as_ms();
        let answer = within(self.http.post(&mut request, limit, Some(&on_chunk)), over).await;
        let is_stream = |kind: Option<&str>| kind.is_some_and(|kind| has(kind, "text/event-stream"));
        let broken = "the stream broke off before it said anything";
        let mut lost = about(Error::new(ErrorCode::ConnectionReset, broken), session_id);
        let sent = match answer {
            Some(Ok(response)) if response.is_success() && is_stream(response.header("content-type")) => {
                // From a runtime that gives it as a whole.
                if let Body::Text(text) = &response.body {
                    on_chunk(text);
                }
                None
            }
            Some(Ok(response)) if response.is_success() => match &response.body {
                Body::Json(document) => Sent::read(document, &self.date()),
                _ => None,
            },
            Some(Ok(response)) => return Err(about(refusal(&request, &response, None), session_id)),
            Some(Err(error)) => {
                let error = about(error, session_id);
                if heard.borrow().message.is_none() && !is_lost(&error) {
                    return Err(error);
                }
                lost = error;
                None
            }
            None => None,
        };
        let Heard { message, end, .. } = heard.into_inner();
        match end {
            Some(Ok(())) => return Ok(()),
            Some(Err(words)) => {
                let words = fit(&request, &words, 1000);
                let mut error = Error::new(ErrorCode::AgentFailed, fill("the agent failed on the message: %", &[&words]));
                error.server_message = Some(words);
                return Err(with_message(error, session_id, message));
            }
            None => {}
        }
        // The stream broke off, or the server has none.
        let told = message.is_some();
        let sent = match sent.or_else(|| message.map(Sent::found)) {
            Some(sent) => sent,
            None => self.recovered(&outgoing, lost, call).await?,
        };
        if !told {
            tell(update("user_message", "message", jobs::without_reference(sent.message.clone())));
        }
        let end = outgoing.end.min(self.platform.now().as_ms() + ANSWER_MS);
        if let Some(answer) = self.answered(&outgoing, sent, call, end).await?.answer {
            tell(update("done", "response", answer));
        }
        Ok(())
    }

    fn outgoing<'a>(&self, session_id: &'a str, params: &Json, limit: f64) -> Result<Outgoing<'a, Json>> {
        let reference = self.platform.uuid();
        let body = jobs::with_reference(wire::message_request(params)?, &reference, MAX_METADATA_UNITS);
        let start = self.platform.now().as_ms();
        Ok(Outgoing { session_id, body, reference, start, end: start + limit })
    }

    /// Sends a message, and looks into the session when the reply is lost.
    async fn deliver_message(
        &self,
        outgoing: &Outgoing<'_, Json>,
        transport: Option<Transport>,
        call: &CallOptions,
    ) -> Result<Sent> {
        let mut request = self.http.request(Method::Post, &routes::session(outgoing.session_id, "/messages"), call);
        let body = transport.map_or_else(|| outgoing.body.clone(), |transport| with_transport(&outgoing.body, transport));
        request.body = Some(body.to_json());
        let limit = outgoing.end - reserve(outgoing.end - outgoing.start) - self.platform.now().as_ms();
        let answer = self.http.post(&mut request, limit, None).await.and_then(|response| {
            if response.status == 402 {
                return Err(refusal(&request, &response, None));
            }
            let sent = match &response.body {
                Body::Json(document) => Sent::read(document, &self.date()),
                _ => None,
            };
            sent.ok_or_else(|| no_answer(&request, &response, "a message with an id"))
        });
        match answer.map_err(|error| about(error, outgoing.session_id)) {
            Err(error) if error.code == ErrorCode::AgentFailed => {
                let message = self.find_message(outgoing, call).await.ok().flatten();
                Err(with_message(error, outgoing.session_id, message))
            }
            Err(error) if is_lost(&error) => self.recovered(outgoing, error, call).await,
            answer => answer,
        }
    }

    /// After a lost reply: the message, when the session has it; else the error, and whether the message may be sent again.
    async fn recovered(&self, outgoing: &Outgoing<'_, Json>, mut error: Box<Error>, call: &CallOptions) -> Result<Sent> {
        // A server that was too slow, for the client or for a gateway, may come to store it after the look; and what had no room for a
        // reference is not recognized.
        let may_come = error.code == ErrorCode::RequestTimeout || matches!(error.status, Some(502 | 504..));
        let is_marked = jobs::reference(&outgoing.body).is_some();
        match self.find_message(outgoing, call).await {
            Ok(Some(message)) => return Ok(Sent::found(message)),
            Ok(None) if is_marked && !may_come => {
                error.message = fill("%; the session does not have the message, so it may be sent again", &[&error.message]);
            }
            _ => {
                let said =
                    "the message may be in the session, or come to be in it (%); look with getMessages before you send it again";
                error.message = fill(said, &[&error.message]);
                error.code = ErrorCode::MessageOutcomeUnknown;
            }
        }
        Err(error)
    }

    /// The message as it is in the session; `None` when it is not there.
    async fn find_message(&self, outgoing: &Outgoing<'_, Json>, call: &CallOptions) -> Result<Option<Json>> {
        let messages = self.look_into(outgoing, WHOLE_PAGE, call, 1).await?;
        Ok(messages.iter().find(|message| jobs::reference(message).as_ref() == Some(&outgoing.reference)).cloned())
    }

    fn for_a_look(&self, outgoing: &Outgoing<'_, Json>, call: &CallOptions) -> CallOptions {
        let left = outgoing.end - self.platform.now().as_ms();
        CallOptions { timeout_ms: Some(left.min(self.http.config.timeout_ms).max(1.0)), ..call.clone() }
    }

    /// Reads messages within what is left of the time.
    async fn look_into(&self, outgoing: &Outgoing<'_, Json>, page: Page, call: &CallOptions, retries: u32) -> Result<Vec<Json>> {
        let call = self.for_a_look(outgoing, call);
        let parse = |document: Json| wire::messages(&document, &self.date()).map(Json::array);
        Ok(self.read_page(outgoing.session_id, &page, &call, retries, &parse).await?.elements())
    }

    /// Waits for the answer when it is not there yet. `end` is an instant.
    async fn answered(&self, outgoing: &Outgoing<'_, Json>, mut sent: Sent, call: &CallOptions, end: f64) -> Result<Sent> {
        let failed = |error, sent: Sent| Err(with_message(error, outgoing.session_id, Some(sent.message)));
        if sent.answer.is_some() {
            return Ok(sent);
        }
        if sent.is_silent {
            let said = "the agent has seen the message and chose not to answer";
            return failed(Error::new(ErrorCode::NoAnswer, said), sent);
        }
        let after = sent.message.get_number("createdAt").map(|at| at - 1.0);
        let mut looks: u32 = 0;
        let mut channel = None;
        // How many of the agent's messages after this one are known to be no answer to it.
        let mut others = 0;
        loop {
            let now = self.platform.now().as_ms();
            let age = now - outgoing.start;
            if now >= end {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people")]
                let waited = decimal(age.max(0.0) as u64);
                let said = "no answer after % ms%; the message is in the session, and so is an answer that comes later (getMessages), unless the server gave up on it";
                let doubt =
                    if others > 0 { " (what the agent said meanwhile answers, or may answer, other messages)" } else { "" };
                return failed(Error::new(ErrorCode::AnswerTimeout, fill(said, &[&waited, doubt])), sent);
            }
            self.platform.sleep_until_active(Millis::new(PollSchedule::Growing.gap_ms(age, looks).min(end - now))).await;
            if !self.http.wait_for_slot(end, false).await {
                continue;
            }
            looks = looks.saturating_add(1);
            let page = Page { after, ..WHOLE_PAGE };
            let looked = match self.look_into(outgoing, page, call, 0).await {
                Ok(messages) => {
                    let theirs: Vec<_> = messages.into_iter().rev().filter(wire::is_agent).collect();
                    if theirs.len() <= others {
                        continue;
                    }
                    let own = self.own_answer(outgoing, &sent.message, &theirs, &mut channel, call).await;
                    others = if own.is_ok() { theirs.len() } else { others };
                    own
                }
                Err(error) => Err(error),
            };
            match looked {
                Ok(None) => {}
                Ok(answer) => {
                    sent.answer = answer;
                    return Ok(sent);
                }
                Err(error) if error.code.retryable() => {}
                Err(error) => return failed(error, sent),
            }
        }
    }

    /// The answer to `message` among what the agent has said after it (`theirs`, the oldest first). The channel behind the session says
    /// what answers what. Where it does not, answers come in the order of their messages: those to earlier ones are left out.
    async fn own_answer(
        &self,
        outgoing: &Outgoing<'_, Json>,
        message: &Json,
        theirs: &[Json],
        channel: &mut Option<String>,
        call: &CallOptions,
    ) -> Result<Option<Json>> {
        let id = message.get_text("id").unwrap_or_default();
        let said = match self.in_channel(outgoing, channel, call).await {
            Err(error) if error.code.retryable() => return Err(error),
            said => said.unwrap_or_default(),
        };
        if let Some(own) = wire::paired(&said, &id) {
            return Ok(own.as_ref().map(wire::answer));
        }
        let before = message.get_number("createdAt").map(|at| at + 1.0);
        let earlier = self.look_into(outgoing, Page { before, ..WHOLE_PAGE }, call, 0).await?;
        let open = wire::unanswered(&earlier, &id);
        Ok(open.and_then(|open| theirs.get(open)).map(wire::answer))
    }

    /// The messages of the channel behind the session, the newest first; none from a server that does not show them.
    async fn in_channel(
        &self,
        outgoing: &Outgoing<'_, Json>,
        channel: &mut Option<String>,
        call: &CallOptions,
    ) -> Result<Vec<Json>> {
        let call = self.for_a_look(outgoing, call);
        if channel.is_none() {
            let path = routes::session(outgoing.session_id, "");
            let session = self.http.read(Method::Get, &path, &call, 0, "a session", &Some).await?;
            let id = jobs::uuid("channelId", session.get("channelId"))?.as_text().unwrap_or_default();
            *channel = Some(routes::channel(&id) + "?limit=100");
        }
        let path = channel.as_deref().unwrap_or_default();
        let document = self.http.read(Method::Get, path, &call, 0, "a list of messages", &Some).await?;
        Ok(document.get("data").and_then(|data| data.get("messages")).map(|list| list.elements()).unwrap_or_default())
    }
}

/// The transport that the caller names.
fn transport(params: &Json) -> Result<Option<Transport>> {
    let Some(given) = params.get("transport") else { return Ok(None) };
    let known = given.as_text().and_then(|name| [WAIT, LEAVE].into_iter().find(|(transport, _)| *transport == name));
    let rule = "must be http (the server waits for the agent) or websocket (it does not); streamMessage streams";
    known.map(Some).ok_or_else(|| Error::argument("transport", rule, &shown(&given)))
}

fn with_transport(body: &Json, (transport, mode): Transport) -> Json {
    let copy = Json::parse(&body.to_json()).unwrap_or_else(Json::object);
    copy.set("transport", Json::text(transport)).set("mode", Json::text(mode))
}

fn reserve(limit_ms: f64) -> f64 {
    (limit_ms / 5.0).min(RESERVE_MS)
}

fn update(kind: &str, key: &str, value: Json) -> Json {
    Json::object().set("type", Json::text(kind)).set(key, value)
}

/// Whether it is not known what the server did with the message.
pub(super) fn is_lost(error: &Error) -> bool {
    match error.code {
        ErrorCode::ConnectionFailed => !error.not_sent,
        ErrorCode::ConnectionReset
        | ErrorCode::RequestTimeout
        | ErrorCode::InvalidResponse
        | ErrorCode::UnexpectedHtml
        | ErrorCode::ResponseTooLarge
        | ErrorCode::ServerError => true,
        _ => false,
    }
}

fn with_message(mut error: Box<Error>, session_id: &str, message: Option<Json>) -> Box<Error> {
    error.session_id = Some(session_id.to_owned());
    error.user_message = message.map(jobs::without_reference);
    error
}

/// The server's words in an event, whatever shape they have.
fn words(data: Option<Json>, text: &str) -> String {
    let said = |document: &Json| document.as_text().or_else(|| document.get_text("message"));
    let found = data.and_then(|data| data.get("error").as_ref().and_then(said).or_else(|| said(&data)));
    found.unwrap_or_else(|| text.to_owned())
}
