//! The arguments of methods, read once when the call is made: what the caller changes later changes
//! nothing.

use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::prelude::*;

use super::abort::Signal;
use super::deferred::Mark;
use super::error::argument;
use super::headers::headers;
use super::members::{duration, function, is_well_formed, only, whole, whole_ms};
use super::request;
use crate::api::error::Result;
use crate::api::options::{
    AskOptions, CallOptions, CreateJobOptions, PaymentsOptions, RequestOptions, ResumeOptions, WaitOptions,
};
use crate::api::payments::PaymentState;
use crate::client::PaymentFilter;
use crate::json::{Json, Kind, picked};
use crate::time::WallTime;
use crate::waiting::run::WaitPlan;

/// Every method takes the members of all, so that an application can pass one object on.
const CALL: &[&[&str]] = &[RequestOptions::MEMBERS, CreateJobOptions::MEMBERS, WaitOptions::MEMBERS];

/// What `resume` takes.
const RESUME: &[&[&str]] = &[RequestOptions::MEMBERS, CreateJobOptions::MEMBERS, WaitOptions::MEMBERS, ResumeOptions::MEMBERS];

/// What a call was given beside its subject.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Thousands of calls that were given nothing share this.
    pub(super) given: Rc<Given>,
    pub(super) mark: Rc<Mark>,
}

/// The options of a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) options: CallOptions,
    pub(super) plan: WaitPlan,
    pub(super) signal: Option<Signal>,
    pub(super) on_update: Option<OnUpdate>,
}

thread_local! {
    static NOTHING: Rc<Given> = Rc::default();
}

impl Call {
    fn new(given: Rc<Given>) -> Self {
        Self { given, mark: Rc::default() }
    }

    fn without_options() -> Self {
        Self::new(NOTHING.with(Rc::clone))
    }

    /// No other call may depend on this one.
    pub(super) fn runs_only_while_read(&mut self) {
        Rc::make_mut(&mut self.given).options.runs_only_while_read = true;
    }
}

/// The application's `onUpdate`, with an object in which JavaScript remembers that it has thrown.
#[derive(Debug, Clone)]
pub(super) struct OnUpdate {
    pub(super) callback: Function,
    pub(super) state: Json,
}

/// Reads a method's last argument.
pub(super) fn call(given: &JsValue) -> Result<Call> {
    read(given, CALL)
}

/// Reads the last argument of `ask`.
pub(super) fn ask(given: &JsValue) -> Result<Call> {
    read(given, &[RequestOptions::MEMBERS, CreateJobOptions::MEMBERS, WaitOptions::MEMBERS, AskOptions::MEMBERS])
}

/// Reads the last argument of `resume`.
pub(super) fn resume(given: &JsValue) -> Result<Call> {
    let mut call = read(given, RESUME)?;
    let params = Json(given.clone()).get("params");
    Rc::make_mut(&mut call.given).options.params = params.map(|params| request::job(&params.0)).transpose()?;
    Ok(call)
}

/// Reads the last argument of `payments`.
pub(super) fn payments(given: &JsValue) -> Result<(Call, PaymentFilter)> {
    if given.is_undefined() {
        return Ok((Call::without_options(), PaymentFilter::default()));
    }
    let options = Json(given.clone());
    only("options", &options, &[RequestOptions::MEMBERS, PaymentsOptions::MEMBERS])?;
    let filter = PaymentFilter { since: time(&options, "since")?, until: time(&options, "until")?, state: state(&options)? };
    if let Some(since) = filter.since.filter(|since| since.as_ms() > js_sys::Date::now()) {
        return Err(argument("since", "must not be in the future", &since.as_ms().into()));
    }
    let of_call = picked(&options, RequestOptions::MEMBERS);
    Ok((call(&of_call.0)?, filter))
}

/// A date, an ISO date, or milliseconds since 1970.
fn time(options: &Json, field: &'static str) -> Result<Option<WallTime>> {
    let Some(given) = options.get(field) else { return Ok(None) };
    let of_date = || given.call("getTime", &JsValue::UNDEFINED, &JsValue::UNDEFINED)?.ok()?.as_f64();
    let ms = match given.as_text() {
        Some(text) => Some(js_sys::Date::parse(&text)),
        None => given.as_number().or_else(of_date),
    };
    let rule = "must be a date, an ISO date, or milliseconds since 1970";
    let ms = ms.filter(|ms| (0.0..8.64e15).contains(ms)).ok_or_else(|| argument(field, rule, &given.0))?;
    Ok(Some(WallTime::from_ms(ms)))
}

fn state(options: &Json) -> Result<Option<PaymentState>> {
    let Some(given) = options.get("state") else { return Ok(None) };
    let rule = "must be intended, proven, sent, accepted, refused or unknown";
    let state = given.as_text().and_then(|text| PaymentState::read(&text));
    state.map(Some).ok_or_else(|| argument("state", rule, &given.0))
}

fn read(given: &JsValue, known: &[&[&str]]) -> Result<Call> {
    if given.is_undefined() {
        return Ok(Call::without_options());
    }
    let options = Json(given.clone());
    only("options", &options, known)?;
    let given = Given {
        options: CallOptions {
            timeout: duration(&options, "timeoutMs")?,
            headers: headers(&options)?.list,
            idempotency_key: idempotency_key(&options)?,
            runs_only_while_read: false,
            params: None,
        },
        plan: WaitPlan { interval_ms: whole_ms(&options, "intervalMs")?, max_attempts: attempts(&options)? },
        signal: signal(&options)?,
        on_update: function(&options, "onUpdate")?.map(|callback| OnUpdate { callback, state: Json::object() }),
    };
    Ok(Call::new(Rc::new(given)))
}

/// Reads the arguments of a wait: an interval and a number of attempts, or an options object in
/// place of the interval, or all three.
pub(super) fn wait(interval_or_options: &JsValue, max_attempts: &JsValue, options: &JsValue) -> Result<Call> {
    if Json(interval_or_options.clone()).kind() == Kind::Object {
        for (rest, field) in [(max_attempts, "maxAttempts"), (options, "options")] {
            if !rest.is_undefined() {
                return Err(argument(field, "cannot follow an options object", rest));
            }
        }
        return call(interval_or_options);
    }
    let mut call = call(options)?;
    if !interval_or_options.is_undefined() {
        Rc::make_mut(&mut call.given).plan.interval_ms =
            whole_ms(&Json::object().set("interval", Json(interval_or_options.clone())), "interval")?;
    }
    if !max_attempts.is_undefined() {
        Rc::make_mut(&mut call.given).plan.max_attempts =
            attempts(&Json::object().set("maxAttempts", Json(max_attempts.clone())))?;
    }
    Ok(call)
}

/// Reads the id of a job or a session. One or two dots are a step in an address, encoded or not.
pub(super) fn id(field: &'static str, given: &JsValue) -> Result<String> {
    const RULE: &str = "must be a string of well-formed text that is not empty, \".\" or \"..\"";
    #[cfg(feature = "trap")]
    if *given == "trap now" {
        core::arch::wasm32::unreachable();
    }
    let is_id = |id: &String| !matches!(id.as_str(), "" | "." | "..") && is_well_formed(given);
    given.as_string().filter(is_id).ok_or_else(|| argument(field, RULE, given))
}

fn attempts(options: &Json) -> Result<Option<u32>> {
    whole(options, "maxAttempts", 1.0, f64::from(u32::MAX), "must be a whole number of at least 1")
}

/// By its shape: a signal of another realm or of a polyfill is as good.
fn signal(options: &Json) -> Result<Option<Signal>> {
    let Some(signal) = options.get("signal").filter(|signal| signal.kind() != Kind::Null) else { return Ok(None) };
    if signal.get("aborted").is_some_and(|aborted| aborted.kind() == Kind::Boolean) {
        return Ok(Some(Signal(signal)));
    }
    Err(argument("signal", "must be an AbortSignal", &signal.0))
}

fn idempotency_key(options: &Json) -> Result<String> {
    const FIELD: &str = "idempotencyKey";
    let Some(key) = options.get(FIELD) else { return Ok(String::new()) };
    let is_key = |text: &String| (1..=200).contains(&text.encode_utf16().count()) && is_well_formed(&key.0);
    let text = key.as_text().filter(is_key);
    text.ok_or_else(|| argument(FIELD, "must be a string of 1 to 200 characters of well-formed text", &key.0))
}
