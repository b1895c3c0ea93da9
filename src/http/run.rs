//! Requests and their answers: what may be sent again, what a redirect may do, what an answer must be.

use crate::api::error::{Error, Result};
use crate::api::jobs::{self, Created};
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::http::message::{job_id_in, no_answer, place, refusal, send_error, set_header};
use crate::http::rate_limit::RateLimit;
use crate::http::retry::RetryBudget;
use crate::http::retry::{backoff_ms, retry_after_ms};
use crate::json::Json;
use crate::payment::wallet;
use crate::platform::{Body, HttpRequest, HttpResponse, Method};
use crate::platform::{LogLevel, Platform};
use crate::text::{concat, decimal, fill, find, has, split};
use crate::time::Millis;
use crate::time::WallTime;
use core::cell::Cell;
use std::rc::Rc;

/// How often a redirect is followed.
const MAX_REDIRECTS: u32 = 5;

/// What every request needs.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The server's address, without a slash at the end.
    pub base_url: String,
    /// Sent with every request: names in lower case.
    pub headers: Vec<(String, String)>,
    /// The longest time for one request with its retries, in milliseconds.
    pub timeout_ms: f64,
    /// Further tries of a read.
    pub retries: u32,
}

/// Sends requests to one server.
#[derive(Debug)]
pub struct Http<P: Platform> {
    pub(crate) platform: Rc<P>,
    pub(crate) config: HttpConfig,
    pub(crate) rate_limit: Rc<RateLimit>,
    retry_budget: RetryBudget,
    /// Whether an odd content type was reported.
    reported_content_type: Cell<bool>,
}

impl<P: Platform> Http<P> {
    /// Requests to this server. `rate_limit` is shared by all clients of the server in this program.
    pub fn new(platform: Rc<P>, config: HttpConfig, rate_limit: Rc<RateLimit>) -> Self {
        Self { platform, config, rate_limit, retry_budget: RetryBudget::new(), reported_content_type: Cell::new(false) }
    }

    /// Waits for a slot of the server's rate limit; false when there is none before `stop`, in milliseconds on the monotonic
    /// clock. `last`: nobody polls this job afterwards, so that the slot may come from the reserve.
    pub(crate) async fn wait_for_slot(&self, stop: f64, last: bool) -> bool {
        loop {
            let now = self.platform.now().as_ms();
            let booking = self.rate_limit.book(now, last);
            let at = booking.at;
            if at > now {
                self.platform.sleep(Millis::new(at.min(stop) - now)).await;
            }
            let now = self.platform.now().as_ms();
            if now >= stop && at > stop {
                return false;
            }
            // Others may have used it up meanwhile.
            if self.rate_limit.free_at(now, last) <= now {
                booking.used();
                return true;
            }
        }
    }

    /// Does what may be done twice. Failures that may pass are tried again within the time limit.
    pub(crate) fn read<'a>(
        &'a self,
        method: Method,
        path: &str,
        call: &CallOptions,
        retries: u32,
        wanted: &'a str,
        parse: &'a dyn Fn(Json) -> Option<Json>,
    ) -> impl Future<Output = Result<Json>> + 'a {
        let request = self.request(method, path, call);
        let end = self.platform.now().as_ms() + call.timeout_ms.unwrap_or(self.config.timeout_ms);
        self.read_answers(request, end, retries, wanted, parse)
    }

    pub(crate) async fn read_answers(
        &self,
        mut request: HttpRequest,
        end: f64,
        retries: u32,
        wanted: &str,
        parse: &dyn Fn(Json) -> Option<Json>,
    ) -> Result<Json> {
        let mut tries = 0;
        loop {
            let answer = self.exchange(&mut request, end, None).await;
            let error = match answer.and_then(|response| read_answer(&request, &response, wanted, parse)) {
                Ok(value) => {
                    self.retry_budget.refill();
                    return Ok(value);
                }
                Err(error) => error,
            };
            if tries >= retries || !error.code.retryable() || !self.may_retry_after(&error, tries, end).await {
                return Err(error);
            }
            tries = tries.saturating_add(1);
        }
    }

    /// Sends a create. It is sent again only when it certainly did not reach the server, or the server itself says that it
    /// did nothing with it: with 429, and with 503 where that may be a proxy's word but does no harm, for a job that was not paid
    /// ends by itself. A request that carries a proof always carries the same one.
    /// `on_chunk` gets the pieces of an event stream as they come.
    pub(crate) async fn post(
        &self,
        request: &mut HttpRequest,
        limit: f64,
        on_chunk: Option<&dyn Fn(&str)>,
    ) -> Result<HttpResponse> {
        let end = self.platform.now().as_ms() + limit;
        let harmless = !carries_proof(request) && !has(&request.url, routes::SESSIONS);
        let mut tries = 0;
        loop {
            let error = match self.exchange(request, end, on_chunk).await {
                Ok(response) => {
                    self.retry_budget.refill();
                    return Ok(response);
                }
                Err(error) => error,
            };
            let did_nothing = error.not_sent || error.status == Some(429) || (error.status == Some(503) && harmless);
            if !did_nothing {
                return Err(error);
            }
            if tries >= self.config.retries || !self.may_retry_after(&error, tries, end).await {
                return Err(error);
            }
            tries = tries.saturating_add(1);
        }
    }

    /// Waits before another try; false when there is no time or no budget left for one.
    pub(crate) async fn may_retry_after(&self, error: &Error, tries: u32, end: f64) -> bool {
        let wait = backoff_ms(tries, self.platform.random()).max(error.retry_after_ms.unwrap_or(0.0));
        if self.platform.now().as_ms() + wait >= end || !self.retry_budget.take() {
            return false;
        }
        self.platform.sleep(Millis::new(wait)).await;
        true
    }

    /// One request and its answer before `end`: a success or a 402, everything else is an error. Redirects are followed on the same origin, and never with a proof.
    async fn exchange(&self, request: &mut HttpRequest, end: f64, on_chunk: Option<&dyn Fn(&str)>) -> Result<HttpResponse> {
        let mut redirects = 0;
        loop {
            let began = self.platform.now().as_ms();
            request.timeout_ms = (end - began).max(1.0);
            self.rate_limit.sent(began);
            let answer = self.platform.send(request, on_chunk).await.map_err(|failed| send_error(request, failed));
            let now = self.platform.now().as_ms();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people")]
            let took = decimal((now - began).max(0.0) as u64);
            let status =
                answer.as_ref().map_or_else(|error| error.code.as_str().to_owned(), |response| decimal(response.status.into()));
            self.platform.log(LogLevel::Debug, &fill("% % in % ms", &[&place(request), &status, &took]));
            let response = answer?;
            self.rate_limit.heard(&response, now);
            self.report_content_type(request, &response);
            let same_method = request.method == Method::Get || matches!(response.status, 307 | 308);
            if !matches!(response.status, 301 | 302 | 303 | 307 | 308)
                || !same_method
                || carries_proof(request)
                || redirects >= MAX_REDIRECTS
            {
                return if response.is_success() || response.status == 402 {
                    Ok(response)
                } else {
                    Err(self.refused(request, &response))
                };
            }
            let Some(target) = response.header("location").and_then(|location| same_origin(&self.config.base_url, location))
            else {
                return Err(self.refused(request, &response));
            };
            request.url = target;
            redirects = redirects.saturating_add(1);
        }
    }

    /// An answer that is JSON and says that it is something else is read, and reported once.
    fn report_content_type(&self, request: &HttpRequest, response: &HttpResponse) {
        let odd = response.header("content-type").is_some_and(|kind| !has(kind, "json"));
        if odd && matches!(response.body, Body::Json(_)) && !self.reported_content_type.replace(true) {
            let words = "the server's content-type is not that of JSON (%); the answer was read as JSON all the same";
            self.platform.log(LogLevel::Warn, &fill(words, &[&place(request)]));
        }
    }

    fn refused(&self, request: &HttpRequest, response: &HttpResponse) -> Box<Error> {
        let after = retry_after_ms(response, self.platform.wall_time().as_ms(), |text| {
            self.platform.parse_date(text).map(WallTime::as_ms)
        });
        match (response.status, after) {
            (429, _) => self.rate_limit.limited(after, self.platform.now().as_ms()),
            (503, Some(ms)) => self.rate_limit.rest(ms, self.platform.now().as_ms()),
            _ => {}
        }
        refusal(request, response, after)
    }

    pub(crate) fn request(&self, method: Method, path: &str, call: &CallOptions) -> HttpRequest {
        let mut headers = self.config.headers.clone();
        for (name, value) in &call.headers {
            set_header(&mut headers, name, value);
        }
        if method == Method::Post {
            set_header(&mut headers, "content-type", "application/json");
        }
        HttpRequest { method, url: concat(&[&self.config.base_url, path]), headers, body: None, timeout_ms: 0.0, answers: 1.0 }
    }
}

fn carries_proof(request: &HttpRequest) -> bool {
    request.headers.iter().any(|(name, _)| wallet::is_proof_header(name))
}

/// Where a redirect leads, when that is on the origin of `base_url`.
fn same_origin(base_url: &str, location: &str) -> Option<String> {
    let (_, rest) = split(base_url, "://")?;
    let origin = base_url.get(..base_url.len().checked_sub(rest.len())?.checked_add(find(rest, "/").unwrap_or(rest.len()))?)?;
    if location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\") {
        return Some(concat(&[origin, location]));
    }
    let path = location.strip_prefix(origin)?;
    path.starts_with('/').then(|| location.to_owned())
}

pub(crate) fn read_answer(
    request: &HttpRequest,
    response: &HttpResponse,
    wanted: &str,
    parse: &dyn Fn(Json) -> Option<Json>,
) -> Result<Json> {
    if !response.is_success() {
        return Err(refusal(request, response, None));
    }
    match &response.body {
        Body::Json(document) => parse(document.clone()),
        _ => None,
    }
    .ok_or_else(|| no_answer(request, response, wanted))
}

pub(crate) fn read_created(request: &HttpRequest, response: &HttpResponse) -> Result<Created> {
    match read_answer(request, response, "a job with a jobId", &|document| jobs::is_job(&document).then_some(document)) {
        Ok(document) => Ok(jobs::read_created(document)),
        Err(mut error) => {
            // The id of a cut-off answer is worth having: it may be the only trace of the job.
            if let Body::Text(text) = &response.body {
                error.job_id = job_id_in(text);
            }
            Err(error)
        }
    }
}
