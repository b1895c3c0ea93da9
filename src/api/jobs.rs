//! The Jobs API: its types, the local validation, and how answers are read.
//!
//! The structs of [`types`] are the package's type declarations. Answers pass through as [`Json`],
//! checked, and corrected where servers differ. The host tests read recorded answers of real
//! servers into the structs, so the declarations say what servers send.

mod types;

pub use self::types::*;
use crate::api::error::{Error, Result};
use crate::api::routes;
use crate::encoding;
use crate::json::{Json, Kind, copied, picked, shown};
use crate::text::shorten;
use crate::time::{Millis, WallTime};

/// The longest content, in UTF-16 code units.
pub const MAX_CONTENT_UNITS: usize = 50_000;
/// The longest metadata, in UTF-16 code units of its JSON text (the server calls them bytes).
pub const MAX_METADATA_UNITS: usize = 10_000;
/// The least job time, in milliseconds.
pub const MIN_JOB_TIMEOUT_MS: f64 = 1_000.0;
/// The greatest job time, in milliseconds.
pub const MAX_JOB_TIMEOUT_MS: f64 = 300_000.0;
const JOB_TIMEOUT_RULE: &str = "of params must be a number of milliseconds from 1000 to 300000 (a call's own limit is an option)";
/// The job's time when the server does not say one: the API's default.
const DEFAULT_LIFETIME: Millis = Millis::new(30_000.0);
/// A longer lifetime of a job is not believed: one day.
const MAX_LIFETIME: Millis = Millis::new(86_400_000.0);

/// Whether this is a UUID of any version in any case, as the server checks it.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Validates a job request by the server's own rules, in the server's order. The result is the body
/// of the request, without fields that the API does not know.
///
/// A paywall runs before the server's validation, so a body that the server refuses still costs the
/// price. Nothing may be sent before this has passed. `metadata` must already be a plain JSON
/// document.
pub fn validate(params: &Json) -> Result<Json> {
    if params.kind() != Kind::Object {
        return Err(Error::argument("params", "must be an object with userId and content", &shown(params)));
    }
    let body = Json::object();
    let agent = params.get("agentId").filter(|agent| agent.as_text().as_deref() != Some(""));
    let body = match agent {
        None => body,
        Some(agent) => body.set("agentId", uuid("agentId", Some(agent))?),
    };
    let body = body.set("userId", uuid("userId", params.get("userId"))?);

    let body = body.set("content", content(params, MAX_CONTENT_UNITS)?);
    let body = match metadata(params, MAX_METADATA_UNITS)? {
        None => body,
        Some(metadata) => body.set("metadata", metadata),
    };

    let body = match params.get("timeoutMs") {
        None => body,
        Some(limit) => match limit.as_number() {
            Some(ms) if (MIN_JOB_TIMEOUT_MS..=MAX_JOB_TIMEOUT_MS).contains(&ms) => body.set("timeoutMs", limit),
            _ => {
                return Err(Error::argument("timeoutMs", JOB_TIMEOUT_RULE, &shown(&limit)));
            }
        },
    };
    Ok(body)
}

/// The request fingerprint: a hash of what a job asks, and of whom. Two calls with the same
/// idempotency key must have the same one. The metadata does not count, because it may tell one try
/// from another.
pub fn request_fingerprint(body: &Json) -> String {
    let asked = picked(body, &["agentId", "userId", "content"]).to_json();
    encoding::to_hex(&encoding::keccak256(asked.as_bytes()))
}

/// Validates the text of a message, of at most so many UTF-16 code units.
pub(crate) fn content(params: &Json, max_units: usize) -> Result<Json> {
    let refused = |given: &str| {
        let rule = if given == "\"\"" { "cannot be empty: it " } else { "" };
        let rule = format!("{rule}must be a string of 1 to {max_units} characters");
        Err(Error::argument("content", &rule, given))
    };
    let content = params.get("content");
    let text = content.as_ref().and_then(Json::as_text);
    let (Some(content), Some(text)) = (content, text) else { return refused(&given(params, "content")) };
    if text.is_empty() {
        return refused("\"\"");
    }
    let units = text.encode_utf16().count();
    if units > max_units {
        return refused(&format!("{units} characters"));
    }
    // The server accepts it, and its database fails on it after the job was paid for.
    if text.contains('\0') {
        return Err(Error::argument("content", "must be text without the character U+0000", "text with one"));
    }
    Ok(content)
}

/// Validates the metadata of a job or a message: an object of at most so many UTF-16 code units as
/// JSON.
pub(crate) fn metadata(params: &Json, max_units: usize) -> Result<Option<Json>> {
    match params.get("metadata") {
        Some(metadata) if metadata.kind() == Kind::Object => {
            let units = metadata.to_json().encode_utf16().count();
            if units > max_units {
                let rule = format!("must be at most {max_units} characters as JSON");
                return Err(Error::argument("metadata", &rule, &format!("{units} characters")));
            }
            Ok(Some(metadata))
        }
        Some(other) => Err(Error::argument("metadata", "must be a plain object", &shown(&other))),
        None => Ok(None),
    }
}

fn given(params: &Json, key: &str) -> String {
    params.get(key).as_ref().map_or_else(|| Kind::Undefined.name().to_owned(), shown)
}

/// The same error, where the content is what `ask` was given as its question.
pub(crate) fn about_question(mut error: Box<Error>) -> Box<Error> {
    const CONTENT: &str = "content";
    if error.field.as_deref() == Some(CONTENT) {
        error.field = Some("question".to_owned());
        error.message = error.message.replacen(CONTENT, "question", 1);
    }
    error
}

pub(crate) fn uuid(field: &'static str, value: Option<Json>) -> Result<Json> {
    match value {
        Some(value) if value.as_text().is_some_and(|text| is_uuid(&text)) => Ok(value),
        other => Err(Error::argument(
            field,
            "must be a UUID (8-4-4-4-12 hexadecimal digits)",
            &other.as_ref().map_or_else(|| Kind::Undefined.name().to_owned(), shown),
        )),
    }
}

/// The member of a job's metadata that holds the reference.
const REFERENCE: &str = "elizaJobsRef";

/// The body with a reference in its metadata, by which the job or the message can be found again:
/// servers send the metadata back. Unchanged when the metadata would exceed so many UTF-16 code
/// units.
pub fn with_reference(body: Json, reference: &str, max_units: usize) -> Json {
    let own = body.get("metadata").and_then(|metadata| Json::parse(&metadata.to_json())).unwrap_or_else(Json::object);
    let metadata = own.set(REFERENCE, Json::text(reference));
    if metadata.to_json().encode_utf16().count() > max_units { body } else { body.set("metadata", metadata) }
}

/// The reference in a job or a message.
pub fn reference(job: &Json) -> Option<String> {
    job.get("metadata")?.get_text(REFERENCE)
}

/// A job or a message without the reference, which only the client needs.
pub fn without_reference(document: Json) -> Json {
    match document.get("metadata").filter(|metadata| metadata.get(REFERENCE).is_some()) {
        Some(metadata) => document.set("metadata", metadata.without(REFERENCE)),
        None => document,
    }
}

/// The query of a list request.
pub fn list_query(params: Option<&Json>) -> Result<String> {
    let mut query = String::new();
    let Some(params) = params else { return Ok(query) };
    if params.kind() != Kind::Object {
        return Err(Error::argument("params", "must be an object with limit and status", &shown(params)));
    }
    if let Some(limit) = params.get("limit") {
        match limit.as_number() {
            Some(count) if count >= 1.0 && count <= f64::from(u32::MAX) && count.fract() == 0.0 => {
                query = routes::query(&query, "limit", &limit.to_json());
            }
            _ => return Err(Error::argument("limit", "must be a whole number of at least 1", &shown(&limit))),
        }
    }
    if let Some(status) = params.get("status") {
        let known = JobStatus::read(status.as_text().as_deref());
        if known == JobStatus::Unknown {
            return Err(Error::argument("status", "must be pending, processing, completed, failed or timeout", &shown(&status)));
        }
        query = routes::query(&query, "status", known.as_str());
    }
    Ok(query)
}

/// A job that the server has created.
#[derive(Debug, Clone)]
pub struct Created {
    /// The job's id.
    pub job_id: String,
    /// How long the job lives.
    pub lifetime: Millis,
    /// The server's answer.
    pub document: Json,
    /// Whether the job was there before the call began, so that its answer may be there too.
    pub was_there: bool,
}

impl Created {
    /// A job that was there before the call began.
    pub(crate) fn known(self) -> Self {
        Self { was_there: true, ..self }
    }
}

/// A job with what was paid for it. A copy: others may have the same document. What a server itself
/// calls a payment is left out.
pub fn with_payment(job: Json, payment: Option<Json>) -> Json {
    const PAYMENT: &str = "payment";
    match payment {
        Some(payment) => copied(&job).set(PAYMENT, payment),
        None if job.get(PAYMENT).is_some() => copied(&job).without(PAYMENT),
        None => job,
    }
}

/// The members of a job that `createJob` returns.
pub fn handle(job: &Json) -> Json {
    picked(job, &["jobId", "status", "createdAt", "expiresAt"])
}

/// Whether an answer is about a job at all.
pub fn is_job(document: &Json) -> bool {
    // One or two dots are a step in an address, however they are written.
    document.get_text("jobId").is_some_and(|id| !matches!(id.as_str(), "" | "." | ".."))
}

/// Whether an answer is about this job.
pub fn is_this_job(document: &Json, job_id: &str) -> bool {
    document.get_text("jobId").is_some_and(|id| id.eq_ignore_ascii_case(job_id))
}

/// Reads the answer to `createJob`, which must be about a job.
pub fn read_created(document: Json) -> Created {
    let job_id = document.get_text("jobId").unwrap_or_default();
    let lifetime = lifetime(&document);
    let status = status(&document);
    Created { job_id, lifetime, document: with_status(document, status), was_there: false }
}

/// A job as the server last described it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Where it stands.
    pub status: JobStatus,
    /// How long the job lives.
    pub lifetime: Millis,
    /// Whether it contains an answer.
    pub has_result: bool,
    /// The reference in its metadata: the id of the payment that it was created with, where this
    /// package created it.
    pub reference: Option<String>,
    /// The job, without the reference.
    pub document: Json,
}

impl Seen {
    /// When the job was created, on the server's clock.
    pub(crate) fn created_at(&self) -> Option<WallTime> {
        self.document.get_number("createdAt").map(WallTime::from_ms)
    }

    /// Whether the status is final, and a completed job contains its answer.
    pub fn is_settled(&self) -> bool {
        self.status.is_terminal() && (self.status != JobStatus::Completed || self.has_result)
    }
}

/// Reads one job.
pub fn read_job(document: Json) -> Seen {
    let lifetime = lifetime(&document);
    let status = status(&document);
    let mut document = with_status(document, status);
    // Absent, not null, as the declared types say.
    for key in ["result", "error", "metadata"] {
        if document.get(key).is_some_and(|value| value.kind() == Kind::Null) {
            document = document.without(key);
        }
    }
    let reference = reference(&document);
    document = without_reference(document);
    let content = document.get("result").and_then(|result| result.get("message")?.get("content"));
    let has_result = content.is_some_and(|content| content.kind() == Kind::Text);
    Seen { status, lifetime, has_result, reference, document }
}

/// A list of jobs, unchanged; `None` when the document is none.
pub fn list(document: Json) -> Option<Json> {
    (document.get("jobs")?.kind() == Kind::Array).then_some(document)
}

/// Reads a list of jobs; `None` when the document is none. Elements that are no jobs stay as they
/// are.
pub fn read_list(document: Json) -> Option<Json> {
    let mut jobs = list(document.clone())?.get("jobs")?.elements();
    for job in &mut jobs {
        if is_job(job) {
            *job = read_job(job.clone()).document;
        }
    }
    Some(document.set("jobs", Json::array(jobs)))
}

/// Reads the answer to `getJobsHealth`; `None` when the document is none.
pub fn read_health(document: Json) -> Option<Json> {
    document.get("statusCounts").filter(|counts| counts.kind() == Kind::Object)?;
    document.get_number("totalJobs")?;
    Some(document)
}

/// How long a job lives: the difference of the server's two times, so the server's clock may be
/// wrong.
pub fn lifetime(document: &Json) -> Millis {
    match (document.get_number("createdAt"), document.get_number("expiresAt")) {
        (Some(created), Some(expires)) if expires - created >= 0.0 => Millis::new(expires - created).min(MAX_LIFETIME),
        _ => DEFAULT_LIFETIME,
    }
}

/// Where a job stands.
fn status(document: &Json) -> JobStatus {
    JobStatus::read(document.get_text("status").as_deref())
}

/// The job with this status. An unknown one becomes `unknown`, with the server's word in
/// `rawStatus`.
fn with_status(document: Json, status: JobStatus) -> Json {
    if status != JobStatus::Unknown {
        return document;
    }
    let raw = document.get("status");
    let word = raw.map(|raw| raw.as_text().unwrap_or_else(|| raw.to_json())).unwrap_or_default();
    document.set("status", Json::text(status.as_str())).set("rawStatus", Json::text(&word))
}

/// The job with what it says of its failure as `clean` leaves it: a server's words may repeat a
/// secret of the request.
pub(crate) fn with_clean_failure(document: Json, clean: &dyn Fn(&str) -> String) -> Json {
    let Some(words) = failure(&document).map(|words| Json::text(&clean(&words))) else { return document };
    let error = document.get("error").filter(|error| error.kind() == Kind::Object);
    let error = error.map_or_else(|| words.clone(), |error| copied(&error).set("message", words.clone()));
    copied(&document).set("error", error)
}

/// Why the job failed, in the server's words: a text, or an object with a message.
pub fn failure(document: &Json) -> Option<String> {
    let error = document.get("error")?;
    let words = error.as_text().or_else(|| error.get_text("message"))?;
    Some(shorten(&words, 1_000)).filter(|words| !words.is_empty())
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn a_lifetime_is_a_difference_and_is_believed_only_when_it_is_sane() {
        let of = |created: Json, expires: Json| lifetime(&json!({"createdAt": created, "expiresAt": expires}));
        assert_eq!(of(json!(5), json!(30_005.5)), Millis::new(30_000.5));
        for (created, expires) in [(json!(null), json!(1)), (json!(1), json!("2")), (json!(2), json!(1))] {
            assert_eq!(of(created, expires), Millis::new(30_000.0));
        }
        assert_eq!(of(json!(0), json!(1e300)), Millis::new(86_400_000.0));
    }

    #[test]
    fn why_a_job_failed_is_a_text_or_the_message_of_an_object() {
        for (error, words) in [
            (json!("overloaded"), Some("overloaded")),
            (json!({"message": "overloaded", "code": 5}), Some("overloaded")),
            (json!(""), None),
            (json!({"code": 5}), None),
            (json!(null), None),
        ] {
            assert_eq!(failure(&json!({"error": error.0})).as_deref(), words);
        }
    }

    #[test]
    fn the_fingerprint_is_of_what_is_asked_and_not_of_the_metadata() {
        let body = json!({"userId": "u", "content": "c", "metadata": {"try": 1}, "timeoutMs": 5});
        let fingerprint = request_fingerprint(&body);
        assert_eq!(fingerprint, request_fingerprint(&json!({"userId": "u", "content": "c"})));
        for other in [json!({"userId": "u", "content": "d"}), json!({"agentId": "a", "userId": "u", "content": "c"})] {
            assert_ne!(fingerprint, request_fingerprint(&other));
        }
        // Stored records have it.
        assert_eq!(fingerprint, "0x21e7e6c58318fece148cfb53586d7473f53f61d4b9f470c8b306ca82ff80cda2");
    }
}
