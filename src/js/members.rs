//! The members of options: each is read by one rule, and the error names the member, the rule and
//! what was given.

use js_sys::Function;
use wasm_bindgen::prelude::*;

use super::error::argument;
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::CreateJobRequest;
use crate::api::options::{BudgetOptions, CreateJobOptions, JobsClientOptions, RequestOptions, SpendOptions};
use crate::json::{Json, Kind, shown};
use crate::time::Millis;

/// The longest time that timers can hold, in milliseconds.
const MAX_MS: f64 = 2_147_483_647.0;
const MS_RULE: &str = "must be a number of milliseconds from 1 to 2147483647";

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    /// The first member that nobody knows, with words about it (`UnknownMember` of
    /// `pkg-template/members.ts`), or `undefined`.
    #[wasm_bindgen(js_name = unknownMember, catch)]
    fn unknown_member(given: &JsValue, field: &str, known: &str) -> Result<JsValue, JsValue>;
}

/// Checks that this is an object without unknown members: a misspelt limit must not be an absent
/// limit. A member that is `undefined` is absent.
pub(super) fn only(field: &'static str, given: &Json, known: &[&[&str]]) -> Result<()> {
    let known: Vec<&str> = known.iter().copied().flatten().copied().collect();
    let known = known.join(", ");
    let refused = |given: &str| Error::argument(field, &format!("must be an object that knows {known}"), given);
    if given.kind() != Kind::Object {
        return Err(refused(&shown(given)));
    }
    let unknown = Json(unknown_member(&given.0, field, &known).map_err(|_| refused("one that throws"))?);
    let said = |key| unknown.get_text(key).unwrap_or_default();
    if unknown.kind() == Kind::Undefined {
        return Ok(());
    }
    let own_name = said("ownName");
    let place = PLACES.iter().find(|(members, _)| members.contains(&own_name.as_str()));
    let hint = place.map_or_else(|| said("hint"), |(_, place)| ["; it belongs into ", place].concat());
    let mut error = Error::new(ErrorCode::InvalidArgument, [said("words"), hint].concat());
    error.field = Some(said("name"));
    Err(error)
}

/// Where members belong that were found elsewhere. The first place that knows a name is the one
/// that is said.
const PLACES: [(&[&str], &str); 6] = [
    (SpendOptions::MEMBERS, "the client's `spend`"),
    (BudgetOptions::MEMBERS, "the client's `spend.budget`"),
    (RequestOptions::MEMBERS, CALL),
    (CreateJobOptions::MEMBERS, CALL),
    (CreateJobRequest::MEMBERS, "the params of createJob"),
    (JobsClientOptions::MEMBERS, "the options of new JobsClient"),
];
const CALL: &str = "the options of a call";

/// A duration, which the application gives in milliseconds.
pub(super) fn duration(options: &Json, field: &'static str) -> Result<Option<Millis>> {
    Ok(ms(options, field)?.map(Millis::new))
}

fn ms(options: &Json, field: &'static str) -> Result<Option<f64>> {
    number(options, field, 1.0, MAX_MS, MS_RULE)
}

/// A duration in whole milliseconds.
pub(super) fn whole_ms(options: &Json, field: &'static str) -> Result<Option<u32>> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    ms(options, field).map(|ms| ms.map(|ms| ms as u32))
}

/// A number in this range.
pub(super) fn number(options: &Json, field: &'static str, least: f64, most: f64, rule: &str) -> Result<Option<f64>> {
    match options.get(field) {
        None => Ok(None),
        Some(value) => match value.as_number() {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(argument(field, rule, &value.0)),
        },
    }
}

/// A whole number in this range.
pub(super) fn whole(options: &Json, field: &'static str, least: f64, most: f64, rule: &str) -> Result<Option<u32>> {
    let number = number(options, field, least, most, rule)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    match number {
        Some(number) if number.fract() != 0.0 => Err(argument(field, rule, &number.into())),
        number => Ok(number.map(|number| number as u32)),
    }
}

/// A function.
pub(super) fn function(options: &Json, field: &'static str) -> Result<Option<Function>> {
    match options.get(field) {
        None => Ok(None),
        Some(value) => value.0.dyn_into().map(Some).map_err(|value| argument(field, "must be a function", &value)),
    }
}

/// Whether Rust's strings can hold this string: they have no half of a surrogate pair.
pub(super) fn is_well_formed(value: &JsValue) -> bool {
    // In place of half a pair they get U+FFFD, which may also have been there.
    value.as_string().is_none_or(|text| !text.contains('\u{fffd}') || *value == text)
}
