//! Performs the calls of the Sessions API.

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::Poll;

use super::error::{about, unknown_deletion, with_message};
use super::exchange::{AnswerWait, Outgoing, Reply, Step, Wanted, after_lost_reply, silent};
use super::stream::{StreamReader, Streamed, done, is_stream, user_message};
use super::walk::{MessageWalk, Received};
use crate::api::error::{Error, Result};
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::api::sessions::{self, Page, Sent, Transport};
use crate::http::outcome::{is_reply_lost, read_answer};
use crate::http::rate_limit::Slot;
use crate::http::run::Http;
use crate::json::Json;
use crate::platform::{Body, HttpRequest, Method, Platform, within};
use crate::time::{Deadline, Millis, WallTime};

/// How long an answer is waited for, unless the call has a limit.
const ANSWER_LIMIT: Millis = Millis::new(60_000.0);
/// How long a stream may take, unless the call has a limit.
const STREAM_LIMIT: Millis = Millis::new(300_000.0);
/// The shortest time for a read.
const MIN_READ: Millis = Millis::new(1.0);

/// The Sessions API of one server.
#[derive(Debug)]
pub struct Sessions<'a, P: Platform> {
    http: &'a Http<P>,
}

impl<'a, P: Platform> Sessions<'a, P> {
    /// The sessions of this server.
    pub fn new(http: &'a Http<P>) -> Self {
        Self { http }
    }

    /// Begins a session.
    pub async fn create(self, params: &Json, call: &CallOptions) -> Result<Json> {
        let body = sessions::validate_session(params)?;
        let mut request = self.http.request(Method::Post, routes::SESSIONS, call);
        request.body = Some(body.to_json());
        let response = self.http.send(&mut request, self.http.deadline(call), None).await?;
        let parse = |document| sessions::read_session(document, &self.date());
        read_answer(&request, &response, "a session with a sessionId", &parse)
    }

    /// Reads a session, or changes its time: `part` is the end of the route. All of these may be
    /// done twice.
    pub async fn state(self, method: Method, session_id: &str, part: &str, call: &CallOptions) -> Result<Json> {
        let request = self.request(session_id, method, part, call);
        let parse = |document| sessions::read_session(document, &self.date());
        let retries = self.http.config.retries;
        let state = self.http.read_request(request, self.http.deadline(call), retries, "a session with a sessionId", &parse);
        state.await.map_err(|error| about(error, session_id))
    }

    /// Ends the session.
    pub async fn delete(self, session_id: &str, call: &CallOptions) -> Result<Json> {
        let request = self.request(session_id, Method::Delete, "", call);
        // Never twice: the second time there is no session, and that looks like a wrong id.
        let deleted = self.http.read_request(request, self.http.deadline(call), 0, "success", &sessions::read_deleted);
        deleted.await.map_err(|error| {
            let error = about(error, session_id);
            if is_reply_lost(&error) { unknown_deletion(error) } else { error }
        })
    }

    /// The sessions of everyone who uses the server.
    pub async fn list(self, call: &CallOptions) -> Result<Json> {
        let parse = |document| sessions::read_sessions(document, &self.date());
        let retries = self.http.config.retries;
        self.http.read(Method::Get, routes::SESSIONS, call, retries, "a list of sessions", &parse).await
    }

    /// The state of the Sessions service.
    pub async fn health(self, call: &CallOptions) -> Result<Json> {
        let parse = |document| sessions::read_sessions_health(document, &self.date());
        let retries = self.http.config.retries;
        self.http.read(Method::Get, routes::SESSIONS_HEALTH, call, retries, "activeSessions", &parse).await
    }

    /// A page of the session's messages, the newest first.
    pub async fn messages(self, session_id: &str, params: Option<&Json>, call: &CallOptions) -> Result<Json> {
        let page = Page::read(params)?;
        self.page(session_id, &page, call).await
    }

    /// Emits every message, from the page `first` on: the newest first, or with `after` alone the
    /// oldest first. `drained` is awaited after each page, so that nothing is read that nobody
    /// wants.
    pub async fn all_messages(
        self,
        session_id: &str,
        params: Option<&Json>,
        first: Json,
        call: &CallOptions,
        emit: &dyn Fn(Json),
        drained: impl AsyncFn(),
    ) -> Result<()> {
        let mut walk = MessageWalk::new(Page::read(params)?);
        let mut page = match walk.own_first_page() {
            Some(first) => self.page(session_id, &first, call).await?,
            None => first,
        };
        loop {
            let Received { messages, next } = walk.received(&page);
            messages.into_iter().for_each(emit);
            drained().await;
            let Some(next) = next else { break };
            page = self.page(session_id, &next, call).await?;
        }
        walk.kept().for_each(emit);
        drained().await;
        Ok(())
    }

    /// Puts a message into the session. Waits for the answer only where the caller names the
    /// transport that does.
    pub async fn send(self, session_id: &str, params: &Json, call: &CallOptions) -> Result<Json> {
        let outgoing = self.outgoing(session_id, params, call, self.http.timeout())?;
        let transport = Transport::read(params)?.filter(|transport| *transport == Transport::Http);
        Ok(self.deliver(&outgoing, transport, call).await?.document())
    }

    /// Puts a message into the session and waits for the agent's answer.
    pub async fn send_and_wait(self, session_id: &str, params: &Json, call: &CallOptions) -> Result<Json> {
        let outgoing = self.outgoing(session_id, params, call, ANSWER_LIMIT)?;
        let transport = Transport::read(params)?.unwrap_or(Transport::Http);
        let sent = self.deliver(&outgoing, Some(transport), call).await?;
        Ok(self.answered(&outgoing, sent, call, outgoing.deadline()).await?.document())
    }

    /// Puts a message into the session and emits the agent's answer as it arrives: `user_message`,
    /// `chunk` (any number of them), `done`.
    pub async fn stream(self, session_id: &str, params: &Json, call: &CallOptions, emit: &dyn Fn(Json)) -> Result<()> {
        let outgoing = self.outgoing(session_id, params, call, STREAM_LIMIT)?;
        let (sent, is_reported) = match self.streamed(&outgoing, call, emit).await {
            Streamed::Answered => return Ok(()),
            Streamed::Failed(error) => return Err(error),
            Streamed::Sent { sent, is_reported } => (*sent, is_reported),
            Streamed::Lost(error) => (self.recover(&outgoing, error, call).await?, false),
        };
        if !is_reported {
            emit(user_message(sent.message.clone()));
        }
        let deadline = outgoing.deadline().min(Deadline::after(self.http.platform.now(), Some(ANSWER_LIMIT)));
        if let Some(answer) = self.answered(&outgoing, sent, call, deadline).await?.answer {
            emit(done(answer));
        }
        Ok(())
    }

    /// Sends a message, and reads the stream of its answer to the end.
    async fn streamed(&self, outgoing: &Outgoing, call: &CallOptions, emit: &dyn Fn(Json)) -> Streamed {
        let reader = RefCell::new(StreamReader::default());
        let on_chunk = |chunk: &str| {
            let updates = reader.borrow_mut().push(chunk, &self.date());
            updates.into_iter().for_each(emit);
        };
        // No waker: the same task is polled whenever a chunk arrives.
        let ended = poll_fn(|_| if reader.borrow().has_ended() { Poll::Ready(()) } else { Poll::Pending });
        let mut request = self.message_request(outgoing, Some(Transport::EventStream), call);
        let response = within(self.http.send(&mut request, outgoing.request_deadline(), Some(&on_chunk)), ended).await;
        // Some runtimes deliver the stream as a whole.
        if let Some(Ok(response)) = &response
            && let (true, Body::Text(text)) = (is_stream(response), &response.body)
        {
            on_chunk(text);
        }
        reader.into_inner().finish(outgoing, &request, response, &self.date())
    }

    fn outgoing(&self, session_id: &str, params: &Json, call: &CallOptions, limit: Millis) -> Result<Outgoing> {
        let platform = &self.http.platform;
        Outgoing::new(session_id, params, platform.uuid(), platform.now(), call.timeout.unwrap_or(limit))
    }

    /// A request about one session. `part` is the end of the route.
    fn request(&self, session_id: &str, method: Method, part: &str, call: &CallOptions) -> HttpRequest {
        self.request_to(session_id, method, &routes::session(session_id, part), call)
    }

    /// A request on behalf of one session. Whoever knows the session's id can read the session, so
    /// no text for people contains it.
    fn request_to(&self, session_id: &str, method: Method, route: &str, call: &CallOptions) -> HttpRequest {
        let mut request = self.http.request(method, route, call);
        request.secrets = vec![session_id.to_owned(), routes::segment(session_id)];
        request
    }

    fn message_request(&self, outgoing: &Outgoing, transport: Option<Transport>, call: &CallOptions) -> HttpRequest {
        let mut request = self.request(&outgoing.session_id, Method::Post, "/messages", call);
        let body = transport.map_or_else(|| outgoing.body.to_json(), |transport| transport.set_in(&outgoing.body).to_json());
        request.body = Some(body);
        request
    }

    /// Sends a message, and looks for it in the session when the reply is lost.
    async fn deliver(&self, outgoing: &Outgoing, transport: Option<Transport>, call: &CallOptions) -> Result<Sent> {
        let mut request = self.message_request(outgoing, transport, call);
        let response = self.http.send(&mut request, outgoing.request_deadline(), None).await;
        match Reply::read(&outgoing.session_id, &request, response, &self.date()) {
            Reply::Sent(sent) => Ok(*sent),
            Reply::Refused(error) => Err(error),
            Reply::Lost(error) => self.recover(outgoing, error, call).await,
            Reply::AgentFailed(error) => {
                let message = self.find(outgoing, call).await.ok().flatten();
                Err(with_message(error, &outgoing.session_id, message))
            }
        }
    }

    /// After a lost reply: the message, when the session has it.
    async fn recover(&self, outgoing: &Outgoing, lost: Box<Error>, call: &CallOptions) -> Result<Sent> {
        let found = self.find(outgoing, call).await;
        after_lost_reply(outgoing, lost, found)
    }

    /// The message as it is in the session; `None` when it is not there.
    async fn find(&self, outgoing: &Outgoing, call: &CallOptions) -> Result<Option<Json>> {
        let route = Page::LARGEST.route(&outgoing.session_id);
        let messages = self.read(outgoing, &route, Wanted::Messages, Millis::FOREVER, call, 1).await?;
        Ok(outgoing.find_in(messages.elements()))
    }

    /// Waits for the answer when it has not arrived yet.
    async fn answered(&self, outgoing: &Outgoing, mut sent: Sent, call: &CallOptions, deadline: Deadline) -> Result<Sent> {
        if sent.answer.is_some() {
            return Ok(sent);
        }
        if sent.is_silent {
            return Err(silent(&outgoing.session_id, sent.message));
        }
        let mut wait = AnswerWait::new(outgoing, sent.message.clone(), deadline);
        loop {
            match wait.next(self.http.platform.now()) {
                Step::Sleep(duration) => {
                    self.http.platform.sleep_until_active(duration).await;
                    if self.http.take_slot(wait.deadline(), Slot::Ordinary).await {
                        wait.slot_taken();
                    }
                }
                Step::Read(route, wanted) => {
                    let limit = wait.read_limit;
                    let read = || self.read(outgoing, &route, wanted, limit, call, 0);
                    let document = self.http.again_when_active(&|| Box::pin(read())).await;
                    if let Some(end) = wait.received(document) {
                        sent.answer = Some(end?);
                        return Ok(sent);
                    }
                }
                Step::Over(error) => return Err(error),
            }
        }
    }

    /// Reads what a wait wants, within `limit` and what is left of the message's time.
    async fn read(
        &self,
        outgoing: &Outgoing,
        route: &str,
        wanted: Wanted,
        limit: Millis,
        call: &CallOptions,
        retries: u32,
    ) -> Result<Json> {
        let request = self.request_to(&outgoing.session_id, Method::Get, route, call);
        let now = self.http.platform.now();
        let limit = outgoing.deadline().left(now).min(self.http.timeout()).min(limit).max(MIN_READ);
        let messages = |document: Json| sessions::read_messages(&document, &self.date()).map(Json::array);
        let (parse, words): (&dyn Fn(Json) -> Option<Json>, _) = match wanted {
            Wanted::Messages => (&messages, "a list of messages"),
            Wanted::Session => (&Some, "a session"),
            Wanted::Channel => (&Some, "a list of messages"),
        };
        let document = self.http.read_request(request, Deadline::after(now, Some(limit)), retries, words, parse).await;
        // The channel is another resource than the session.
        document.map_err(|error| if wanted == Wanted::Messages { about(error, &outgoing.session_id) } else { error })
    }

    async fn page(&self, session_id: &str, page: &Page, call: &CallOptions) -> Result<Json> {
        let request = self.request_to(session_id, Method::Get, &page.route(session_id), call);
        let parse = |document| sessions::read_page(document, &self.date());
        let retries = self.http.config.retries;
        let page = self.http.read_request(request, self.http.deadline(call), retries, "a list of messages", &parse);
        page.await.map_err(|error| about(error, session_id))
    }

    fn date(&self) -> impl Fn(&str) -> Option<WallTime> {
        |text: &str| self.http.platform.parse_date(text)
    }
}
