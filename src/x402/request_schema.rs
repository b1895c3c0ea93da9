//! What an offer says of the request that it is for: the method, the form of the body, and what
//! must be in it. Version 1 says so in the entry (`outputSchema.input`), version 2 in the extension
//! `bazaar`.
//!
//! Only what certainly cannot be fulfilled stands in the way of a payment. What is odd or not known
//! does not: many servers declare less, or otherwise, than they check.

use super::offer::Offer;
use crate::json::{Json, Kind, is_true};
use crate::text::shorten;

/// The fields of a job that are texts.
const TEXTS: [&str; 4] = ["content", "prompt", "userId", "agentId"];
/// The fields that a job has only where the application gives them.
const GIVEN: [&str; 3] = ["agentId", "metadata", "timeoutMs"];
/// The types of JSON Schema that no text is of.
const OTHER_TYPES: [&str; 6] = ["number", "integer", "boolean", "array", "object", "null"];
/// The methods that are not the one by which jobs are created.
const OTHER_METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// The forms of a body that are not JSON.
const OTHER_FORMS: [&str; 4] = ["form-data", "multipart-form-data", "text", "binary"];
/// The headers that the client, the runtime or what stands before the server adds, beside those of
/// the payment.
const OTHERS_ADD: [&str; 12] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "referer",
    "user-agent",
    "x-api-key",
];
/// The longest name that a reason shows, in characters.
const MAX_NAME: usize = 60;
/// What to do where it is the request itself that the server does not want.
const CANNOT: &str =
    "which this client cannot fulfil: it is for another request than the Jobs API has, so ask whoever runs the server";

/// The request that is to be paid for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Where it goes.
    pub url: &'a str,
    /// Its headers without the proof: names in lower case.
    pub headers: &'a [(String, String)],
    /// Its body.
    pub body: &'a Json,
    /// Whether it stands for any job, so that the application may still give fields that are not
    /// in the body.
    pub is_sample: bool,
}

impl Offer {
    /// Whether the question must be in the body as `prompt` too. The error says what the offer
    /// requires that the request can never have.
    pub fn wants_prompt(&self, asked: Asked<'_>) -> Result<bool, String> {
        let input = self.entry.get("outputSchema").and_then(|schema| schema.get("input"));
        let bazaar = self.required.get("extensions").and_then(|extensions| extensions.get("bazaar"));
        let part = |name: &str| bazaar.as_ref().and_then(|bazaar| bazaar.get(name));
        let example = part("info").and_then(|info| info.get("input"));
        let schema = part("schema").and_then(|schema| schema.get("properties")?.get("input")?.get("properties"));
        for (place, said) in [("outputSchema.input", &input), ("extensions.bazaar.info.input", &example)] {
            said.as_ref().map_or(Ok(()), |said| check_form(place, said))?;
        }
        let mut wants_prompt = false;
        for (place, said) in [("outputSchema.input", &input), ("extensions.bazaar.schema", &schema)] {
            let Some(said) = said else { continue };
            for (key, part) in PARTS {
                let Some(declared) = said.get(key).filter(|declared| declared.kind() == Kind::Object) else { continue };
                let fields = Fields::read(&declared);
                wants_prompt |= part == Part::Body && fields.requires("prompt");
                let unfulfilled = |Unfulfilled { what, advice }| format!("it {what} ({place}.{key}), {advice}");
                fields.check(part, asked).map_err(unfulfilled)?;
            }
        }
        Ok(wants_prompt)
    }
}

/// A part of a request that has fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Body,
    Query,
    Headers,
}

/// Under which names their fields are declared.
const PARTS: [(&str, Part); 5] = [
    ("bodyFields", Part::Body),
    ("body", Part::Body),
    ("queryParams", Part::Query),
    ("headerFields", Part::Headers),
    ("headers", Part::Headers),
];

/// What a part of the request cannot have.
struct Unfulfilled {
    what: String,
    /// What to do about it.
    advice: &'static str,
}

/// The method and the form of the body.
fn check_form(place: &str, said: &Json) -> Result<(), String> {
    let other = |key: &str, others: &[&str]| {
        said.get_text(key).filter(|text| others.iter().any(|other| text.eq_ignore_ascii_case(other)))
    };
    if let Some(method) = other("method", &OTHER_METHODS) {
        return Err(format!("it is for the method {method} ({place}.method), {CANNOT}"));
    }
    match other("bodyType", &OTHER_FORMS) {
        Some(form) => Err(format!("it requires the body as {form}, not as JSON ({place}.bodyType), {CANNOT}")),
        None => Ok(()),
    }
}

/// The fields of a part of the request, as an offer declares them.
struct Fields {
    /// Their definitions by name.
    all: Json,
    required: Vec<String>,
}

impl Fields {
    /// Reads a JSON Schema of an object, or the definitions by name, as version 1 has them. A field
    /// is required where the schema's list has it, or its own definition says so.
    fn read(declared: &Json) -> Self {
        let list = declared.get("required").filter(|list| list.kind() == Kind::Array);
        let is_schema = list.is_some() || declared.get_text("type").as_deref() == Some("object");
        let all = if is_schema { declared.get("properties") } else { Some(declared.clone()) };
        let all = all.filter(|all| all.kind() == Kind::Object).unwrap_or_else(Json::object);
        let says_so = |name: &str| all.get(name).and_then(|field| field.get("required")).is_some_and(|it| is_true(&it));
        let mut required = Vec::new();
        for name in list.map(|list| list.elements()).unwrap_or_default() {
            if let Some(name) = name.as_text() {
                required.push(name);
            }
        }
        for name in all.names() {
            if says_so(&name) {
                required.push(name);
            }
        }
        Self { all, required }
    }

    fn requires(&self, name: &str) -> bool {
        self.required.iter().any(|required| required == name)
    }

    fn check(&self, part: Part, asked: Asked<'_>) -> Result<(), Unfulfilled> {
        match part {
            Part::Body => self.check_body(asked),
            Part::Query => self.check_query(),
            Part::Headers => self.check_headers(asked),
        }
    }

    fn check_body(&self, asked: Asked<'_>) -> Result<(), Unfulfilled> {
        let is_there = |name: &str| name == "prompt" || asked.body.get(name).is_some();
        for name in self.required.iter().filter(|name| !is_there(name)) {
            let may_be_given = GIVEN.contains(&name.as_str());
            if may_be_given && asked.is_sample {
                continue;
            }
            let what = format!("requires {} in the request's body", shorten(name, MAX_NAME));
            let advice = if may_be_given { "which was not given: add it to the job's params" } else { CANNOT };
            return Err(Unfulfilled { what, advice });
        }
        let is_sent = |name: &str| self.requires(name) || asked.body.get(name).is_some();
        match TEXTS.into_iter().find(|name| is_sent(name) && !self.may_be_text(name)) {
            Some(name) => {
                let what = format!("requires {name} to be something else than a string");
                Err(Unfulfilled { what, advice: CANNOT })
            }
            None => Ok(()),
        }
    }

    /// Jobs are created without a query.
    fn check_query(&self) -> Result<(), Unfulfilled> {
        let Some(name) = self.required.first() else { return Ok(()) };
        let what = format!("requires the query parameter {}", shorten(name, MAX_NAME));
        Err(Unfulfilled { what, advice: CANNOT })
    }

    fn check_headers(&self, asked: Asked<'_>) -> Result<(), Unfulfilled> {
        let is_there = |name: &str| {
            let name = name.to_ascii_lowercase();
            OTHERS_ADD.contains(&name.as_str())
                || name.starts_with("x-payment")
                || name.starts_with("payment-")
                || asked.headers.iter().any(|(known, _)| *known == name)
        };
        let Some(name) = self.required.iter().find(|name| !is_there(name)) else { return Ok(()) };
        let what = format!("requires the header {}", shorten(name, MAX_NAME));
        Err(Unfulfilled { what, advice: "which was not given: add it to the option headers" })
    }

    /// Whether the field's declared type, or one of them, may be that of a text.
    fn may_be_text(&self, name: &str) -> bool {
        let Some(declared) = self.all.get(name).and_then(|field| field.get("type")) else { return true };
        let types = if declared.kind() == Kind::Array { declared.elements() } else { vec![declared] };
        types.is_empty() || !types.iter().all(|kind| kind.as_text().is_some_and(|kind| OTHER_TYPES.contains(&kind.as_str())))
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;
    use crate::platform::{Body, HttpResponse};
    use crate::x402::{read, tokens};

    /// What an offer of version 1 with this `outputSchema.input` says of a request.
    fn v1(input: &Json, body: &Json, is_sample: bool) -> Result<bool, String> {
        let mut document =
            serde_json::from_str::<Json>(include_str!("../../tests/fixtures/x402-v1-base.json")).unwrap()["body"].clone();
        document["accepts"][0]["outputSchema"] = json!({"input": input.0}).0;
        judged(document.into(), body, is_sample)
    }
    /// What an offer of version 2 with this extension says of a request.
    fn v2(bazaar: &Json, body: &Json) -> Result<bool, String> {
        let asset = &tokens::usdc()[0].asset;
        let document = json!({"x402Version": 2, "extensions": {"bazaar": bazaar.0}, "accepts": [{"scheme": "exact",
            "network": "eip155:8453", "amount": "20000", "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
            "maxTimeoutSeconds": 60, "asset": asset, "extra": {"name": "USD Coin", "version": "2"}}]});
        judged(document, body, false)
    }
    fn judged(document: Json, body: &Json, is_sample: bool) -> Result<bool, String> {
        let response = HttpResponse { status: 402, headers: vec![], body: Body::Json(document) };
        let offer = read(&response, &tokens::usdc()).unwrap().offers.remove(0);
        let headers = [("x-tenant".to_owned(), "t".to_owned())];
        offer.wants_prompt(Asked { url: "https://h/jobs", headers: &headers, body, is_sample })
    }
    fn job() -> Json {
        json!({"userId": "u", "content": "c", "metadata": {"reference": "r"}})
    }

    #[test]
    fn what_certainly_cannot_be_fulfilled_is_named_wherever_it_is_said() {
        let required = json!({"type": "string", "required": true}).0;
        let schema = json!({"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]}).0;
        for (input, said) in [
            (
                json!({"bodyFields": {"question": required}}),
                "requires question in the request's body (outputSchema.input.bodyFields)",
            ),
            (json!({"body": {"question": required}}), "requires question in the request's body (outputSchema.input.body)"),
            (json!({"bodyFields": schema}), "requires question in"),
            (json!({"body": schema}), "requires question in"),
            (json!({"body": {"required": ["question"]}}), "requires question in"),
            (json!({"body": {"type": "object", "properties": {"question": required}}}), "requires question in"),
            (
                json!({"bodyFields": {"agentId": required}}),
                "requires agentId in the request's body (outputSchema.input.bodyFields), which was not given: add it to the job's params",
            ),
            (json!({"queryParams": {"lang": required}}), "requires the query parameter lang (outputSchema.input.queryParams)"),
            (json!({"queryParams": {"type": "object", "required": ["lang"]}}), "requires the query parameter lang"),
            (
                json!({"headerFields": {"X-Other": required}}),
                "requires the header X-Other (outputSchema.input.headerFields), which was not given: add it to the option headers",
            ),
            (json!({"headers": {"required": ["X-Other"]}}), "requires the header X-Other"),
            (
                json!({"bodyType": "multipart-form-data"}),
                "requires the body as multipart-form-data, not as JSON (outputSchema.input.bodyType)",
            ),
            (json!({"bodyType": "form-data"}), "requires the body as form-data"),
            (json!({"bodyType": "text"}), "requires the body as text"),
            (json!({"bodyType": "Binary"}), "requires the body as Binary"),
            (json!({"method": "GET"}), "is for the method GET (outputSchema.input.method)"),
            (json!({"method": "put"}), "is for the method put"),
            (
                json!({"bodyFields": {"prompt": {"type": "number", "required": true}}}),
                "requires prompt to be something else than a string",
            ),
            (json!({"bodyFields": {"content": {"type": "object"}}}), "requires content to be something else"),
            (
                json!({"body": {"type": "object", "properties": {"userId": {"type": ["integer", "null"]}}}}),
                "requires userId to be",
            ),
        ] {
            let why = v1(&input, &job(), false).unwrap_err();
            assert!(why.contains(said), "{input}: {why}");
        }
        let said_in = |body: &Json| json!({"schema": {"type": "object", "properties": {"input": {"type": "object", "properties": body.0}}}});
        for (bazaar, said) in [
            (said_in(&json!({"body": schema})), "requires question in the request's body (extensions.bazaar.schema.body)"),
            (said_in(&json!({"queryParams": schema})), "requires the query parameter question"),
            (said_in(&json!({"headers": schema})), "requires the header question"),
            (json!({"info": {"input": {"method": "GET"}}}), "is for the method GET (extensions.bazaar.info.input.method)"),
            (json!({"info": {"input": {"bodyType": "text"}}}), "requires the body as text"),
        ] {
            let why = v2(&bazaar, &job()).unwrap_err();
            assert!(why.contains(said), "{bazaar}: {why}");
        }
    }

    #[test]
    fn what_is_there_odd_or_not_known_stands_in_no_payments_way() {
        let required = json!({"type": "string", "required": true}).0;
        let typed = |kind: Json| json!({"bodyFields": {"content": {"type": kind.0, "required": true}}});
        for input in [
            json!(null),
            json!([]),
            json!("POST"),
            json!({"type": "http", "method": "POST", "bodyType": "json", "discoverable": true}),
            json!({"method": "post", "bodyType": "JSON"}),
            json!({"method": "*", "bodyType": "application/json"}),
            json!({"method": 5, "bodyType": null, "bodyFields": null, "queryParams": [], "headers": "x", "body": 5}),
            json!({"bodyFields": {"userId": required, "content": required, "metadata": required}}),
            json!({"bodyFields": {"question": {"type": "string"}, "x": 5, "y": {"required": "true"}, "z": {"required": ["a"]}}}),
            json!({"bodyFields": ["question"], "body": {"question": "What?", "required": "question"}}),
            json!({"body": {"type": "object", "properties": 5, "required": [5, null]}}),
            json!({"queryParams": {"lang": "string", "type": "string"}}),
            json!({"headerFields": {"X-TENANT": required, "Content-Type": required, "X-PAYMENT": required, "Authorization": required, "Origin": required}}),
            json!({"headers": {"required": ["PAYMENT-SIGNATURE", "X-API-Key", "Accept"]}}),
            json!({"pathParams": {"id": required}}),
            typed(json!("string")),
            typed(json!("uuid")),
            typed(json!(["string", "null"])),
            typed(json!(["number", "text"])),
            typed(json!([])),
            typed(json!(5)),
            json!({"bodyFields": {"agentId": {"type": "number"}, "timeoutMs": {"type": "string"}}}),
        ] {
            assert_eq!(v1(&input, &job(), false), Ok(false), "{input}");
        }
        for bazaar in [
            json!(null),
            json!({"info": 5, "schema": []}),
            json!({"info": {"input": {"type": "http", "method": "POST", "body": {"question": {"required": true}}}}}),
            json!({"schema": {"properties": {"input": {"properties": {"method": {"enum": ["POST"]}}, "required": ["body"]}}}}),
        ] {
            assert_eq!(v2(&bazaar, &job()), Ok(false), "{bazaar}");
        }
    }

    #[test]
    fn the_question_is_wanted_as_prompt_where_the_body_must_have_it() {
        let required = json!({"required": true}).0;
        for input in [json!({"bodyFields": {"prompt": required}}), json!({"body": {"type": "object", "required": ["prompt"]}})] {
            assert_eq!(v1(&input, &job(), false), Ok(true), "{input}");
        }
        assert_eq!(v1(&json!({"bodyFields": {"prompt": {"type": "string"}}}), &job(), false), Ok(false));
    }

    #[test]
    fn what_the_application_may_still_give_is_not_missing_in_a_sample() {
        let sample = json!({"userId": "", "content": ""});
        for name in GIVEN {
            let input = json!({"body": {"type": "object", "required": [name]}});
            assert_eq!(v1(&input, &sample, true), Ok(false), "{name}");
            assert!(v1(&input, &sample, false).is_err(), "{name}");
        }
        let number = json!({"bodyFields": {"agentId": {"type": "number", "required": true}}});
        assert!(v1(&number, &sample, true).unwrap_err().contains("agentId to be something else"));
        assert!(v1(&json!({"bodyFields": {"question": {"required": true}}}), &sample, true).is_err());
    }
}
