//! Requests and their answers: what may be sent again, what a redirect may do, what an answer must be.

use crate::client::{CallOptions, Client};
use crate::error::{Error, Result};
use crate::http::{Body, HttpRequest, HttpResponse, Method, job_id_in, no_answer, path, place, refusal, send_error, set_header};
use crate::json::Json;
use crate::protocol::{self, Created};
use crate::retry::{backoff_ms, retry_after_ms};
use crate::runtime::{Level, Runtime};
use crate::text::{concat, decimal, fill, find, has, split};
use crate::wallet;

/// How often a redirect is followed.
const MAX_REDIRECTS: u32 = 5;

impl<R: Runtime + 'static> Client<R> {
    /// Does what may be done twice. Failures that may pass are tried again within the time limit.
    pub(crate) fn read<'a>(
        &'a self,
        method: Method,
        path: &str,
        call: &CallOptions,
        retries: u32,
        wanted: &'a str,
        parse: &'a dyn Fn(R::Json) -> Option<R::Json>,
    ) -> impl Future<Output = Result<R::Json, R::Json>> + 'a {
        let request = self.request(method, path, call);
        let end = self.runtime.now_ms() + call.timeout_ms.unwrap_or(self.config.timeout_ms);
        self.read_answers(request, end, retries, wanted, parse)
    }

    pub(crate) async fn read_answers(
        &self,
        mut request: HttpRequest,
        end: f64,
        retries: u32,
        wanted: &str,
        parse: &dyn Fn(R::Json) -> Option<R::Json>,
    ) -> Result<R::Json, R::Json> {
        let mut tries = 0;
        loop {
            let answer = self.exchange(&mut request, end, None).await;
            let error = match answer.and_then(|response| read_answer(&request, &response, wanted, parse)) {
                Ok(value) => {
                    self.retries.refill();
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
    /// `hear` gets the pieces of an event stream as they come.
    pub(crate) async fn post(
        &self,
        request: &mut HttpRequest,
        limit: f64,
        hear: Option<&dyn Fn(&str)>,
    ) -> Result<HttpResponse<R::Json>, R::Json> {
        let end = self.runtime.now_ms() + limit;
        let harmless = !carries_proof(request) && !has(&request.url, path::SESSIONS);
        let mut tries = 0;
        loop {
            let error = match self.exchange(request, end, hear).await {
                Ok(response) => {
                    self.retries.refill();
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
    pub(crate) async fn may_retry_after(&self, error: &Error<R::Json>, tries: u32, end: f64) -> bool {
        let wait = backoff_ms(tries, self.runtime.random()).max(error.retry_after_ms.unwrap_or(0.0));
        if self.runtime.now_ms() + wait >= end || !self.retries.take() {
            return false;
        }
        self.runtime.sleep(wait).await;
        true
    }

    /// One request and its answer before `end`: a success or a 402, everything else is an error. Redirects are followed on the same origin, and never with a proof.
    async fn exchange(
        &self,
        request: &mut HttpRequest,
        end: f64,
        hear: Option<&dyn Fn(&str)>,
    ) -> Result<HttpResponse<R::Json>, R::Json> {
        let mut redirects = 0;
        loop {
            let began = self.runtime.now_ms();
            request.timeout_ms = (end - began).max(1.0);
            self.allowance.sent(began);
            let answer = self.runtime.send(request, hear).await.map_err(|failed| send_error(request, failed));
            let now = self.runtime.now_ms();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people")]
            let took = decimal((now - began).max(0.0) as u64);
            let status =
                answer.as_ref().map_or_else(|error| error.code.as_str().to_owned(), |response| decimal(response.status.into()));
            self.runtime.log(Level::Debug, &fill("% % in % ms", &[&place(request), &status, &took]));
            let response = answer?;
            self.allowance.heard(&response, now);
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
    fn report_content_type(&self, request: &HttpRequest, response: &HttpResponse<R::Json>) {
        let odd = response.header("content-type").is_some_and(|kind| !has(kind, "json"));
        if odd && matches!(response.body, Body::Json(_)) && !self.reported.replace(true) {
            let words = "the server's content-type is not that of JSON (%); the answer was read as JSON all the same";
            self.runtime.log(Level::Warn, &fill(words, &[&place(request)]));
        }
    }

    fn refused(&self, request: &HttpRequest, response: &HttpResponse<R::Json>) -> Box<Error<R::Json>> {
        let after = retry_after_ms(response, self.runtime.wall_ms(), |text| self.runtime.parse_date(text));
        match (response.status, after) {
            (429, _) => self.allowance.limited(after, self.runtime.now_ms()),
            (503, Some(ms)) => self.allowance.rest(ms, self.runtime.now_ms()),
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

pub(crate) fn read_answer<J: Json>(
    request: &HttpRequest,
    response: &HttpResponse<J>,
    wanted: &str,
    parse: &dyn Fn(J) -> Option<J>,
) -> Result<J, J> {
    if !response.is_success() {
        return Err(refusal(request, response, None));
    }
    match &response.body {
        Body::Json(document) => parse(document.clone()),
        _ => None,
    }
    .ok_or_else(|| no_answer(request, response, wanted))
}

pub(crate) fn read_created<J: Json>(request: &HttpRequest, response: &HttpResponse<J>) -> Result<Created<J>, J> {
    match read_answer(request, response, "a job with a jobId", &|document| protocol::is_job(&document).then_some(document)) {
        Ok(document) => Ok(protocol::read_created(document)),
        Err(mut error) => {
            // The id of a cut-off answer is worth having: it may be the only trace of the job.
            if let Body::Text(text) = &response.body {
                error.job_id = job_id_in(text);
            }
            Err(error)
        }
    }
}
