//! One message and its answer, as decisions without I/O.
//!
//! ```text
//!  send ──> reply with the answer ──────────────────────────────> the answer
//!   │ └───> reply without it ──────────┐
//!   └─────> lost ──> find it ──> found │
//!                       │              │
//!                       └─> missing, unknown ──────────────────> an error that says which
//!                                      │
//!           ┌──────────────────────────┘
//!           v       sleep, slot                 nothing new, or answers to other messages
//!         Idle ──────────────────> Polling ──────────────────────────────────────────> Idle
//!           │ deadline                │ new messages of the agent
//!           v                         v
//!     AnswerTimeout            ReadingSession ──> ReadingChannel ─ says which ─> the answer
//!                                     │ hidden          │ does not say
//!                                     └─────────────────┴> ReadingEarlier ─ by order ─> the answer
//! ```
//!
//! The channel behind the session says which message answers which. Where it does not, answers come
//! in the order of their messages: those to earlier messages are left out.

use super::error::{about, with_message};
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs;
use crate::api::routes;
use crate::api::sessions::{MAX_METADATA_UNITS, Page, ParseDate, Sent, answer, is_agent, validate_message};
use crate::http::outcome::{is_reply_lost, no_answer, refusal};
use crate::http::retry::POLL_LIMIT;
use crate::json::Json;
use crate::platform::{Body, HttpRequest, HttpResponse};
use crate::time::{Deadline, Instant, Millis, WallTime};

/// The part of a message's time that is kept for finding it in the session when the server does not
/// reply: a fifth, but no more than [`MAX_RESERVE`].
const RESERVE: f64 = 1.0 / 5.0;
const MAX_RESERVE: Millis = Millis::new(2_000.0);
/// The delay before the first poll.
const FIRST_DELAY: Millis = Millis::new(400.0);
/// The delay before the others at the beginning; it grows with the age of the message.
const DELAY: Millis = Millis::new(850.0);
const MAX_DELAY: Millis = Millis::new(4_000.0);

/// The delay before the next poll for an answer.
fn delay(age: Millis, polls: u32) -> Millis {
    if polls == 0 { FIRST_DELAY } else { (DELAY + age.times(1.0 / 40.0)).min(MAX_DELAY) }
}

/// A message on its way to a session.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) session_id: String,
    /// The body of the request, without the transport.
    pub(super) body: Json,
    /// When the call began.
    pub(super) started: Instant,
    /// The longest time for the message and its answer.
    pub(super) limit: Millis,
    /// What is in its metadata, so that it can be found.
    reference: String,
}

impl Outgoing {
    /// Validates the message. `reference` is a random id.
    pub(super) fn new(session_id: &str, params: &Json, reference: String, started: Instant, limit: Millis) -> Result<Self> {
        let body = jobs::with_reference(validate_message(params)?, &reference, MAX_METADATA_UNITS);
        Ok(Self { session_id: session_id.to_owned(), body, started, limit, reference })
    }

    /// When the call ends.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::after(self.started, Some(self.limit))
    }

    /// When the request must have ended, so that there is time to find the message.
    pub(super) fn request_deadline(&self) -> Deadline {
        Deadline::after(self.started, Some(self.limit - self.limit.times(RESERVE).min(MAX_RESERVE)))
    }

    /// This message among those of the session.
    pub(super) fn find_in(&self, messages: Vec<Json>) -> Option<Json> {
        messages.into_iter().find(|message| jobs::reference(message).as_ref() == Some(&self.reference))
    }

    /// Whether the message can be told from others: a reference needs room in the metadata.
    fn is_recognizable(&self) -> bool {
        jobs::reference(&self.body).is_some()
    }
}

/// What the reply to a message means.
#[derive(Debug)]
pub(super) enum Reply {
    /// The message is in the session.
    Sent(Box<Sent>),
    /// It is unknown whether the message arrived.
    Lost(Box<Error>),
    /// The message is in the session, and the agent failed on it.
    AgentFailed(Box<Error>),
    /// The message is not in the session.
    Refused(Box<Error>),
}

impl Reply {
    /// Reads the reply to a message.
    pub(super) fn read(session_id: &str, request: &HttpRequest, response: Result<HttpResponse>, date: ParseDate<'_>) -> Self {
        let sent = response.and_then(|response| match &response.body {
            _ if response.status == 402 => Err(refusal(request, &response, None)),
            Body::Json(document) => {
                Sent::read(document, date).ok_or_else(|| no_answer(request, &response, "a message with an id"))
            }
            _ => Err(no_answer(request, &response, "a message with an id")),
        });
        match sent.map_err(|error| about(error, session_id)) {
            Ok(sent) => Self::Sent(Box::new(sent)),
            Err(error) if error.code == ErrorCode::AgentFailed => Self::AgentFailed(error),
            Err(error) if is_reply_lost(&error) => Self::Lost(error),
            Err(error) => Self::Refused(error),
        }
    }
}

/// What is known after a lost reply, when the message was looked for in the session: the message,
/// or an error that says whether the message may be sent again.
pub(super) fn after_lost_reply(outgoing: &Outgoing, mut lost: Box<Error>, found: Result<Option<Json>>) -> Result<Sent> {
    // A server that was too slow, for the client or for a gateway, may store the message later.
    let may_arrive = lost.code == ErrorCode::RequestTimeout || matches!(lost.status, Some(502 | 504..));
    match found {
        Ok(Some(message)) => return Ok(Sent::found(message)),
        Ok(None) if outgoing.is_recognizable() && !may_arrive => {
            lost.message = format!("{}; the session does not have the message, so it may be sent again", lost.message);
        }
        _ => {
            lost.message = format!(
                "the message may be in the session, or come to be in it ({}); look with getMessages before you send it again",
                lost.message
            );
            lost.code = ErrorCode::MessageOutcomeUnknown;
        }
    }
    Err(lost)
}

/// What a wait for an answer does next.
#[derive(Debug)]
pub(super) enum Step {
    /// Sleep for this long, less when the page becomes active. Then take a slot of the rate limit.
    Sleep(Millis),
    /// Read this route.
    Read(String, Wanted),
    /// The time is over.
    Over(Box<Error>),
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A page of the session's messages, as an array.
    Messages,
    /// The session.
    Session,
    /// The messages of the channel behind it, as the server has them.
    Channel,
}

#[derive(Debug)]
enum State {
    /// Nothing is read before the next poll is due.
    Idle,
    Polling,
    /// With the agent's messages after ours, the oldest first. So do the other two.
    ReadingSession(Vec<Json>),
    ReadingChannel(Vec<Json>),
    ReadingEarlier(Vec<Json>),
}

/// The wait for the answer to a message that is in the session.
#[derive(Debug)]
pub(super) struct AnswerWait {
    session_id: String,
    message: Json,
    started: Instant,
    deadline: Deadline,
    polls: u32,
    /// How long a read may take: twice as long after each that took too long.
    pub(super) read_limit: Millis,
    /// How many of the agent's messages after ours are known to be no answer to it.
    others: usize,
    /// The route of the messages of the channel behind the session.
    channel: Option<String>,
    state: State,
}

impl AnswerWait {
    /// Waits until the deadline.
    pub(super) fn new(outgoing: &Outgoing, message: Json, deadline: Deadline) -> Self {
        let (session_id, started) = (outgoing.session_id.clone(), outgoing.started);
        let (polls, others, channel, read_limit) = (0, 0, None, POLL_LIMIT);
        Self { session_id, message, started, deadline, polls, read_limit, others, channel, state: State::Idle }
    }

    /// When the wait ends.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// The next step.
    pub(super) fn next(&self, now: Instant) -> Step {
        let read = |page: Page| Step::Read(page.route(&self.session_id), Wanted::Messages);
        let at = self.message.get_number("createdAt").map(WallTime::from_ms);
        match &self.state {
            State::Idle if self.deadline.is_over(now) => Step::Over(self.timed_out()),
            State::Idle => Step::Sleep(delay(now.since(self.started), self.polls).min(self.deadline.left(now))),
            // Both pages contain our own message.
            State::Polling => read(Page { after: at.map(|at| at - Page::TICK), ..Page::LARGEST }),
            State::ReadingEarlier(_) => read(Page { before: at.map(|at| at + Page::TICK), ..Page::LARGEST }),
            State::ReadingSession(_) => Step::Read(routes::session(&self.session_id, ""), Wanted::Session),
            State::ReadingChannel(_) => Step::Read(self.channel.clone().unwrap_or_default(), Wanted::Channel),
        }
    }

    /// A slot of the rate limit was taken: the poll is due.
    pub(super) fn slot_taken(&mut self) {
        self.polls = self.polls.saturating_add(1);
        self.state = State::Polling;
    }

    /// Takes what was read. The result is the end of the wait: the answer, or an error.
    pub(super) fn received(&mut self, document: Result<Json>) -> Option<Result<Json>> {
        if document.as_ref().is_err_and(|error| error.code == ErrorCode::RequestTimeout) {
            self.read_limit = self.read_limit.times(2.0);
        }
        match (core::mem::replace(&mut self.state, State::Idle), document) {
            (State::Idle, _) => None,
            (State::Polling, Ok(messages)) => {
                let theirs: Vec<_> = messages.elements().into_iter().rev().filter(is_agent).collect();
                if theirs.len() > self.others {
                    let is_known = self.channel.is_some();
                    self.state = if is_known { State::ReadingChannel(theirs) } else { State::ReadingSession(theirs) };
                }
                None
            }
            (State::ReadingSession(theirs), Ok(session)) => {
                self.channel = channel_route(&session);
                let is_known = self.channel.is_some();
                self.state = if is_known { State::ReadingChannel(theirs) } else { State::ReadingEarlier(theirs) };
                None
            }
            (State::ReadingChannel(theirs), Ok(document)) => {
                let channel = document.get("data").and_then(|data| data.get("messages")).map(|list| list.elements());
                let Some(own) = paired(&channel.unwrap_or_default(), &self.id()) else {
                    self.state = State::ReadingEarlier(theirs);
                    return None;
                };
                self.others = theirs.len();
                own.map(|message| Ok(answer(&message)))
            }
            (State::ReadingEarlier(theirs), Ok(earlier)) => {
                self.others = theirs.len();
                let own = unanswered_before(&earlier.elements(), &self.id()).and_then(|open| theirs.get(open));
                own.map(|message| Ok(answer(message)))
            }
            // The next poll is the retry.
            (_, Err(error)) if error.code.retryable() => None,
            // A server that does not show the channel.
            (State::ReadingSession(theirs) | State::ReadingChannel(theirs), Err(_)) => {
                self.state = State::ReadingEarlier(theirs);
                None
            }
            // The session was there.
            (_, Err(error)) if error.may_be_a_gateways() => None,
            (_, Err(error)) => Some(Err(self.with_message(error))),
        }
    }

    fn id(&self) -> String {
        self.message.get_text("id").unwrap_or_default()
    }

    /// The error with the message in it.
    fn with_message(&self, error: Box<Error>) -> Box<Error> {
        with_message(error, &self.session_id, Some(self.message.clone()))
    }

    fn timed_out(&self) -> Box<Error> {
        let waited = self.deadline.left(self.started).whole();
        let doubt = if self.others > 0 { " (what the agent said meanwhile answers, or may answer, other messages)" } else { "" };
        let words = format!(
            "no answer after {waited} ms{doubt}; the message is in the session, and so is an answer that comes later \
             (getMessages), unless the server gave up on it"
        );
        self.with_message(Error::new(ErrorCode::AnswerTimeout, words))
    }
}

/// The error for a reply that says that the agent did not answer.
pub(super) fn silent(session_id: &str, message: Json) -> Box<Error> {
    let words = "the agent has seen the message and chose not to answer";
    with_message(Error::new(ErrorCode::NoAnswer, words), session_id, Some(message))
}

/// The route of the messages of the channel behind the session.
fn channel_route(session: &Json) -> Option<String> {
    let id = session.get_text("channelId").filter(|id| jobs::is_uuid(id))?;
    Some(routes::channel(&id) + "?limit=100")
}

/// The first answer to the message among those of its channel (the newest first); `None` when the
/// channel does not say which message answers which.
fn paired(channel: &[Json], id: &str) -> Option<Option<Json>> {
    let mut says = false;
    let mut first = None;
    for message in channel {
        if let Some(root) = message.get_text("inReplyToRootMessageId") {
            says = true;
            // What the agent does on the way is a message too, and no answer.
            let is_answer = message.get_text("sourceType").is_none_or(|by| by == "agent_response");
            if root == id && is_answer {
                first = Some(message.clone());
            }
        }
    }
    says.then_some(first)
}

/// How many of the user's messages before this one were unanswered when it was sent (the newest
/// first); `None` when the message is not among them.
fn unanswered_before(messages: &[Json], id: &str) -> Option<usize> {
    let mut open: usize = 0;
    for message in messages.iter().rev() {
        if message.get_text("id").as_deref() == Some(id) {
            return Some(open);
        }
        open = if is_agent(message) { open.saturating_sub(1) } else { open.saturating_add(1) };
    }
    None
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;
    use crate::platform::Method;

    const CHANNEL: &str = "55555555-5555-4555-8555-555555555555";

    fn at(ms: f64) -> Instant {
        Instant::from_ms(ms)
    }
    fn outgoing() -> Outgoing {
        Outgoing::new("s", &json!({"content": "hello"}), "ref".into(), at(0.0), Millis::new(60_000.0)).unwrap()
    }
    fn wait() -> AnswerWait {
        let outgoing = outgoing();
        AnswerWait::new(&outgoing, json!({"id": "mine", "createdAt": 1_000}), outgoing.deadline())
    }
    fn by_agent(id: &str) -> Json {
        json!({"id": id, "content": id, "isAgent": true, "createdAt": 2_000})
    }
    fn channel(replies: &[(&str, &str)]) -> Json {
        let messages: Vec<_> =
            replies.iter().map(|(content, to)| json!({"content": content, "inReplyToRootMessageId": to})).collect();
        json!({"data": {"messages": messages}})
    }
    fn error(code: ErrorCode) -> Result<Json> {
        Err(Error::new(code, "down"))
    }
    /// What is read next.
    fn route(wait: &AnswerWait) -> String {
        match wait.next(at(5_000.0)) {
            Step::Read(route, _) => route.replace("/api/messaging/", ""),
            step => format!("{step:?}"),
        }
    }
    fn is_idle(wait: &AnswerWait) -> bool {
        matches!(wait.next(at(5_000.0)), Step::Sleep(_))
    }
    /// A wait whose poll has found these messages of the agent, the newest first.
    fn polled(messages: &[Json]) -> AnswerWait {
        let mut wait = wait();
        wait.slot_taken();
        assert_eq!(route(&wait), "sessions/s/messages?limit=100&after=999");
        assert!(wait.received(Ok(Json::array(messages.to_vec()))).is_none());
        wait
    }
    fn text(end: Option<Result<Json>>) -> String {
        end.unwrap().unwrap().get_text("text").unwrap()
    }

    #[test]
    fn polls_are_quick_at_first_and_never_outlive_the_deadline() {
        assert_eq!(delay(Millis::ZERO, 0), Millis::new(400.0));
        assert_eq!(delay(Millis::new(4_000.0), 1), Millis::new(950.0));
        assert_eq!(delay(Millis::new(1e9), 9), Millis::new(4_000.0));
        let sleep = |now| match wait().next(at(now)) {
            Step::Sleep(duration) => duration.get(),
            step => panic!("{step:?}"),
        };
        assert_eq!((sleep(0.0), sleep(59_900.0)), (400.0, 100.0));
        let Step::Over(error) = wait().next(at(60_000.0)) else { panic!("it goes on") };
        assert_eq!((error.code, error.user_message.is_some()), (ErrorCode::AnswerTimeout, true));
        assert!(error.message.starts_with("no answer after 60000 ms; the message is in the session"), "{}", error.message);
    }

    #[test]
    fn nothing_new_from_the_agent_means_another_poll() {
        assert!(is_idle(&polled(&[])));
        assert!(is_idle(&polled(&[json!({"id": "x", "isAgent": false})])));
        // What was found to answer others is nothing new the next time.
        let mut wait = polled(&[by_agent("a")]);
        wait.received(Ok(json!({"channelId": CHANNEL})));
        assert!(wait.received(Ok(channel(&[("a", "another")]))).is_none());
        wait.slot_taken();
        wait.received(Ok(json!([by_agent("a").0])));
        assert!(is_idle(&wait));
        // Then the channel is known.
        wait.slot_taken();
        wait.received(Ok(json!([by_agent("b").0, by_agent("a").0])));
        assert_eq!(route(&wait), format!("channels/{CHANNEL}/messages?limit=100"));
    }

    #[test]
    fn the_channel_says_which_message_is_the_answer() {
        let mut wait = polled(&[by_agent("a")]);
        assert_eq!(route(&wait), "sessions/s");
        assert!(wait.received(Ok(json!({"channelId": CHANNEL}))).is_none());
        assert_eq!(route(&wait), format!("channels/{CHANNEL}/messages?limit=100"));
        assert_eq!(text(wait.received(Ok(channel(&[("second", "mine"), ("first", "mine"), ("x", "other")])))), "first");
    }

    #[test]
    fn where_the_channel_says_nothing_the_order_decides() {
        let silent = || Ok(json!({"data": {"messages": [{"content": "a"}]}}));
        let mine = || json!({"id": "mine"}).0;
        let earlier = || json!({"id": "early"}).0;
        for (messages, answer) in [
            (json!([mine()]), Some("a")),
            (json!([mine(), earlier()]), Some("b")),
            (json!([mine(), by_agent("x").0, earlier()]), Some("a")),
            (json!([mine(), earlier(), earlier()]), None),
            // Our message is not on the page, so that nothing is known.
            (json!([earlier()]), None),
        ] {
            let mut wait = polled(&[by_agent("b"), by_agent("a")]);
            wait.received(Ok(json!({"channelId": CHANNEL})));
            wait.received(silent());
            assert_eq!(route(&wait), "sessions/s/messages?limit=100&before=1001");
            let end = wait.received(Ok(messages));
            assert_eq!(end.map(|end| end.unwrap()["text"].as_str().unwrap().to_owned()).as_deref(), answer);
        }
    }

    #[test]
    fn a_failure_that_may_pass_means_another_poll_and_a_hidden_channel_means_the_order() {
        let mut session = polled(&[by_agent("a")]);
        assert!(session.received(error(ErrorCode::ServerError)).is_none());
        assert!(is_idle(&session));
        for hidden in [Ok(json!({"channelId": "../jobs"})), Ok(json!({})), error(ErrorCode::NotFound)] {
            let mut wait = polled(&[by_agent("a")]);
            assert!(wait.received(hidden).is_none());
            assert!(route(&wait).contains("before=1001"), "{}", route(&wait));
        }
        let mut channel = polled(&[by_agent("a")]);
        channel.received(Ok(json!({"channelId": CHANNEL})));
        channel.received(error(ErrorCode::Forbidden));
        assert!(route(&channel).contains("before=1001"));
        for code in [ErrorCode::UnexpectedHtml, ErrorCode::RedirectRefused] {
            let mut portal = wait();
            portal.slot_taken();
            assert!(portal.received(error(code)).is_none());
            assert!(is_idle(&portal));
        }
        assert!(channel.received(error(ErrorCode::ConnectionReset)).is_none());
        assert!(is_idle(&channel));
        let mut gone = wait();
        gone.slot_taken();
        let end = gone.received(error(ErrorCode::SessionExpired)).unwrap().unwrap_err();
        assert_eq!(
            (end.code, end.session_id.as_deref(), end.user_message.is_some()),
            (ErrorCode::SessionExpired, Some("s"), true)
        );
    }

    #[test]
    fn what_the_agent_does_on_the_way_is_no_answer() {
        let mut wait = polled(&[by_agent("a")]);
        wait.received(Ok(json!({"channelId": CHANNEL})));
        let message = |content: &str, by: &str| json!({"content": content, "sourceType": by, "inReplyToRootMessageId": "mine"}).0;
        let action = message("looks it up", "agent_action");
        let channel = json!({"data": {"messages": [message("here", "agent_response"), action.clone()]}});
        assert_eq!(text(wait.received(Ok(channel))), "here");
        let mut wait = polled(&[by_agent("a")]);
        wait.received(Ok(json!({"channelId": CHANNEL})));
        assert!(wait.received(Ok(json!({"data": {"messages": [action]}}))).is_none());
        assert!(is_idle(&wait), "the answer comes later");
    }

    #[test]
    fn a_read_that_takes_too_long_costs_ten_seconds_and_the_next_one_may_take_twice_as_long() {
        let mut wait = wait();
        for limit in [10_000.0, 20_000.0, 40_000.0] {
            assert_eq!(wait.read_limit, Millis::new(limit));
            wait.slot_taken();
            assert!(wait.received(error(ErrorCode::RequestTimeout)).is_none());
        }
    }

    #[test]
    fn a_lost_reply_leads_to_the_message_or_says_whether_it_may_be_sent_again() {
        let lost = || Error::new(ErrorCode::ConnectionReset, "reset");
        let found = after_lost_reply(&outgoing(), lost(), Ok(Some(json!({"id": "mine"})))).unwrap();
        assert_eq!(found.message, json!({"id": "mine"}));
        let missing = after_lost_reply(&outgoing(), lost(), Ok(None)).unwrap_err();
        assert!(missing.code == ErrorCode::ConnectionReset && missing.message.ends_with("so it may be sent again"));
        let slow = Error::new(ErrorCode::RequestTimeout, "slow");
        let unseen = error(ErrorCode::ServerError).map(|_| None);
        for (error, found) in [(slow, Ok(None)), (lost(), unseen)] {
            let error = after_lost_reply(&outgoing(), error, found).unwrap_err();
            assert_eq!(error.code, ErrorCode::MessageOutcomeUnknown, "{}", error.message);
        }
    }

    #[test]
    fn a_reply_is_read_as_what_it_means() {
        let config = crate::http::message::HttpConfig {
            base_url: "https://h".into(),
            headers: vec![],
            timeout: Millis::new(1.0),
            retries: 0,
        };
        let request = config.request(Method::Post, "/x", &Default::default());
        let read = |status, body| {
            let response = HttpResponse { status, headers: vec![], body };
            Reply::read("s", &request, Ok(response), &|_| None)
        };
        assert!(matches!(read(201, Body::Json(json!({"id": "m"}))), Reply::Sent(_)));
        for body in [Body::Empty, Body::Text("{".into()), Body::Json(json!({}))] {
            assert!(matches!(read(201, body), Reply::Lost(_)));
        }
        assert!(matches!(read(402, Body::Empty), Reply::Refused(_)));
        let failed = |code, status, words: &str| {
            let mut error = Error::new(code, words);
            (error.status, error.server_message) = (status, Some(words.to_owned()));
            Reply::read("s", &request, Err(error), &|_| None)
        };
        let words = "Failed to process message";
        assert!(matches!(failed(ErrorCode::ServerError, Some(500), words), Reply::AgentFailed(_)));
        assert!(matches!(failed(ErrorCode::ServerError, Some(502), ""), Reply::Lost(_)));
        assert!(matches!(failed(ErrorCode::RateLimited, Some(429), ""), Reply::Refused(_)));
    }
}
