//! Performs requests to one server: sends, follows redirects, retries, and keeps the rate limit.

use core::cell::{Cell, RefCell};
use core::pin::Pin;
use std::rc::Rc;

use crate::api::error::{Error, Result};
use crate::api::options::CallOptions;
use crate::http::freshness::Freshness;
use crate::http::message::HttpConfig;
use crate::http::outcome::{Outcome, outcome, read_answer, refusal, send_error};
use crate::http::rate_limit::{Booking, RateLimit, Slot};
use crate::http::retry::{Repeated, RetryBudget, backoff, may_be_sent_again, retry_after};
use crate::http::words::place;
use crate::json::Json;
use crate::platform::{Body, HttpRequest, HttpResponse, LogLevel, Method, Platform, within};
use crate::time::{Deadline, Millis};

/// The shortest time limit of a request that is sent at all.
const MIN_TIMEOUT: Millis = Millis::new(1.0);

/// A read that has been under way for so long when the page is active again is made again: its
/// connection may have been lost while the page, the machine or the network slept.
const STALE: Millis = Millis::new(1_000.0);

/// A function that receives the chunks of an event stream.
pub(crate) type OnChunk<'a> = Option<&'a dyn Fn(&str)>;

/// A function that begins a read. Boxed: each kind of read would have a copy of what repeats it.
type Read<'a, T> = dyn Fn() -> Pin<Box<dyn Future<Output = T> + 'a>> + 'a;

/// Sends requests to one server.
#[derive(Debug)]
pub struct Http<P: Platform> {
    pub(crate) platform: Rc<P>,
    pub(crate) config: HttpConfig,
    /// Shared by all clients of this server in the program.
    pub(crate) rate_limit: Rc<RefCell<RateLimit>>,
    retry_budget: RefCell<RetryBudget>,
    pub(crate) freshness: RefCell<Freshness>,
    /// Whether a wrong content type was reported.
    reported_content_type: Cell<bool>,
}

impl<P: Platform> Http<P> {
    /// Requests to this server.
    pub fn new(platform: Rc<P>, config: HttpConfig, rate_limit: Rc<RefCell<RateLimit>>) -> Self {
        let retry_budget = RefCell::default();
        let freshness = RefCell::default();
        Self { platform, config, rate_limit, retry_budget, freshness, reported_content_type: Cell::new(false) }
    }

    /// The time limit of a request, unless its call has one.
    pub(crate) fn timeout(&self) -> Millis {
        self.config.timeout
    }

    /// When a call with these options ends, if it begins now.
    pub(crate) fn deadline(&self, call: &CallOptions) -> Deadline {
        Deadline::after(self.platform.now(), Some(call.timeout.unwrap_or(self.timeout())))
    }

    /// A request to this server.
    pub(crate) fn request(&self, method: Method, path: &str, call: &CallOptions) -> HttpRequest {
        match method {
            Method::Get => {
                let path = self.freshness.borrow().path(path, self.platform.random());
                self.config.request(method, &path, call)
            }
            _ => self.config.request(method, path, call),
        }
    }

    /// How long polls still pause because the server asked for it.
    pub(crate) fn pause_left(&self) -> Millis {
        self.rate_limit.borrow().pause_left(self.platform.now())
    }

    /// How many polls may be sent at once; infinite when there is no limit.
    pub(crate) fn spare_slots(&self) -> f64 {
        self.rate_limit.borrow_mut().spare(self.platform.now())
    }

    /// Waits for a slot of the server's rate limit; false when none is free before the deadline.
    pub(crate) async fn take_slot(&self, deadline: Deadline, slot: Slot) -> bool {
        loop {
            let now = self.platform.now();
            let booking = self.rate_limit.borrow_mut().book(now, slot);
            let booked = BookedSlot { rate_limit: &self.rate_limit, booking: Some(booking) };
            let wait = booking.at.since(now).min(deadline.left(now));
            if wait.is_positive() {
                self.platform.sleep(wait).await;
            }
            let now = self.platform.now();
            if deadline.is_over(now) && Deadline::at(booking.at) > deadline {
                return false;
            }
            // Other requests may have used the slots up meanwhile.
            if self.rate_limit.borrow_mut().free_at(now, slot) <= now {
                booked.used();
                return true;
            }
        }
    }

    /// Reads, or makes a change that may be made twice. Failures that may pass are retried before
    /// the call's deadline. `parse` returns `None` for what is not `wanted`.
    pub(crate) fn read<'a>(
        &'a self,
        method: Method,
        path: &str,
        call: &CallOptions,
        retries: u32,
        wanted: &'a str,
        parse: &'a dyn Fn(Json) -> Option<Json>,
    ) -> impl Future<Output = Result<Json>> + 'a {
        self.read_request(self.request(method, path, call), self.deadline(call), retries, wanted, parse)
    }

    /// As [`read`](Self::read), with a request that was built before.
    pub(crate) async fn read_request(
        &self,
        mut request: HttpRequest,
        deadline: Deadline,
        retries: u32,
        wanted: &str,
        parse: &dyn Fn(Json) -> Option<Json>,
    ) -> Result<Json> {
        let mut retries = Retries::new(Repeated::Harmless, retries, deadline);
        loop {
            let response = self.exchange(&mut request, deadline, None).await;
            let answer = response.and_then(|response| read_answer(&request, &response, wanted, parse));
            let Some(error) = self.note_success(&answer) else { return answer };
            if !self.is_sent_again(&mut retries, error).await {
                return answer;
            }
        }
    }

    /// What `read` brings. It is made again when the page is active again and it has been under way
    /// for [`STALE`] by then.
    pub(crate) async fn again_when_active<T>(&self, read: &Read<'_, T>) -> T {
        loop {
            let stale_from = self.platform.now() + STALE;
            let mut current = read();
            loop {
                match within(current.as_mut(), self.platform.active_again()).await {
                    Some(value) => return value,
                    None if self.platform.now() >= stale_from => break,
                    None => {}
                }
            }
        }
    }

    /// Sends a POST that must not be done twice: a create, or a message. It is sent again only
    /// where [`may_be_sent_again`] says so. `on_chunk` receives the chunks of an event stream.
    pub(crate) async fn send(
        &self,
        request: &mut HttpRequest,
        deadline: Deadline,
        on_chunk: OnChunk<'_>,
    ) -> Result<HttpResponse> {
        let mut retries = Retries::new(Repeated::of_post(request), self.config.retries, deadline);
        loop {
            let response = self.exchange(request, deadline, on_chunk).await;
            let Some(error) = self.note_success(&response) else { return response };
            if !self.is_sent_again(&mut retries, error).await {
                return response;
            }
        }
    }

    /// Returns the error of a request that has failed. A success refills the budget for retries.
    fn note_success<'a, T>(&self, result: &'a Result<T>) -> Option<&'a Error> {
        match result {
            Ok(_) => {
                self.retry_budget.borrow_mut().refill();
                None
            }
            Err(error) => Some(error),
        }
    }

    /// Whether a request that has failed like this is sent again. Waits until then.
    async fn is_sent_again(&self, retries: &mut Retries, error: &Error) -> bool {
        let may_retry = retries.made < retries.most && may_be_sent_again(retries.repeated, error);
        if !may_retry || !self.wait_before_retry(error, retries.made, retries.deadline).await {
            return false;
        }
        retries.made = retries.made.saturating_add(1);
        true
    }

    /// Waits before another try; false when there is no time or no budget left for one.
    pub(crate) async fn wait_before_retry(&self, error: &Error, tries: u32, deadline: Deadline) -> bool {
        let wait = backoff(tries, self.platform.random()).max(error.retry_after.unwrap_or(Millis::ZERO));
        if wait >= deadline.left(self.platform.now()) || !self.retry_budget.borrow_mut().take() {
            return false;
        }
        self.platform.sleep(wait).await;
        true
    }

    /// One request and its response, redirects followed: a success or a 402. Everything else is an
    /// error.
    async fn exchange(&self, request: &mut HttpRequest, deadline: Deadline, on_chunk: OnChunk<'_>) -> Result<HttpResponse> {
        let mut redirects = 0;
        loop {
            let response = self.send_once(request, deadline, on_chunk).await?;
            match outcome(request, &response, &self.config.base_url, redirects) {
                Outcome::Answer => return Ok(response),
                Outcome::Redirect(url) => request.url = url,
                Outcome::Refused => return Err(self.refused(request, &response)),
            }
            redirects = redirects.saturating_add(1);
        }
    }

    /// One request and its response, logged and counted.
    async fn send_once(&self, request: &mut HttpRequest, deadline: Deadline, on_chunk: OnChunk<'_>) -> Result<HttpResponse> {
        let began = self.platform.now();
        request.timeout = deadline.left(began).max(MIN_TIMEOUT);
        self.rate_limit.borrow_mut().request_sent(began);
        let answer = self.platform.send(request, on_chunk).await.map_err(|failed| send_error(request, failed));
        let now = self.platform.now();
        if self.platform.logs_debug() {
            let status = match &answer {
                Ok(response) => response.status.to_string(),
                Err(error) => error.code.as_str().to_owned(),
            };
            let line = format!("{} {status} in {} ms", place(request), now.since(began).whole());
            self.platform.log(LogLevel::Debug, &line);
        }
        if answer.as_ref().is_err_and(|error| error.not_sent) {
            self.rate_limit.borrow_mut().request_not_sent();
        }
        let response = answer?;
        self.rate_limit.borrow_mut().response_arrived(&response, now);
        self.freshness.borrow_mut().response_arrived(request, &response, now);
        self.report_content_type(request, &response);
        Ok(response)
    }

    /// JSON with the content type of something else is read all the same, and reported once.
    fn report_content_type(&self, request: &HttpRequest, response: &HttpResponse) {
        let Some(kind) = response.header("content-type").filter(|_| matches!(response.body, Body::Json(_))) else { return };
        if !kind.contains("json") && !self.reported_content_type.replace(true) {
            let place = place(request);
            let line =
                format!("the server's content-type is not that of JSON ({place}); the answer was read as JSON all the same");
            self.platform.log(LogLevel::Warn, &line);
        }
    }

    /// The error for a response that is no success. Polls pause when the server asks for it.
    fn refused(&self, request: &HttpRequest, response: &HttpResponse) -> Box<Error> {
        let asked = retry_after(response, self.platform.wall_time(), |text| self.platform.parse_date(text));
        let now = self.platform.now();
        match (response.status, asked) {
            (429, _) => self.rate_limit.borrow_mut().limit_reached(asked, now),
            (503, Some(duration)) => self.rate_limit.borrow_mut().pause(duration, now),
            _ => {}
        }
        refusal(request, response, asked)
    }
}

/// The retries of one request.
#[derive(Debug)]
struct Retries {
    /// What sending the request twice would do.
    repeated: Repeated,
    /// How many there were so far.
    made: u32,
    /// How many there may be.
    most: u32,
    /// When the last one must have ended.
    deadline: Deadline,
}

impl Retries {
    fn new(repeated: Repeated, most: u32, deadline: Deadline) -> Self {
        Self { repeated, made: 0, most, deadline }
    }
}

/// A slot that is taken back when it is dropped unused.
struct BookedSlot<'a> {
    rate_limit: &'a RefCell<RateLimit>,
    booking: Option<Booking>,
}

impl BookedSlot<'_> {
    /// The poll is sent now.
    fn used(mut self) {
        self.booking = None;
    }
}

impl Drop for BookedSlot<'_> {
    fn drop(&mut self) {
        if let Some(booking) = self.booking {
            self.rate_limit.borrow_mut().cancel(booking);
        }
    }
}
