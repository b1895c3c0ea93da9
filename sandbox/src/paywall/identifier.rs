//! The extension `payment-identifier` of x402, version 2: a payment has an id, and whoever sends
//! the same id again gets the same answer, for which nothing moves again.
//!
//! The reference library declares the extension and checks ids; what a server does with them is its
//! own. Here it is as the specification says it: the same id with another request is a conflict.

use super::from_base64;
use crate::json::{Value, document};
use crate::message::{Reply, Request};
use crate::options::IdRule;

/// The extension's name.
const NAME: &str = "payment-identifier";
/// How long an id may be.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=128;

/// The payments with an id, and what they were answered.
#[derive(Debug)]
pub(super) struct Identified {
    rule: IdRule,
    answered: Vec<Answered>,
}

#[derive(Debug)]
struct Answered {
    id: String,
    /// The request's body: another one is another request.
    body: String,
    reply: Reply,
}

impl Identified {
    pub(super) const fn new(rule: IdRule) -> Self {
        Self { rule, answered: vec![] }
    }

    /// Forgets what was answered.
    pub(super) fn clear(&mut self) {
        self.answered.clear();
    }

    /// What a 402 says of the extension; nothing where the server does not know it.
    pub(super) fn declaration(&self) -> Option<Value> {
        let schema = document!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": document!({
                "required": document!({"type": "boolean"}),
                "id": document!({
                    "type": "string",
                    "minLength": 16_u32,
                    "maxLength": 128_u32,
                    "pattern": "^[a-zA-Z0-9_-]+$",
                }),
            }),
            "required": vec!["required"],
        });
        let info = document!({"required": self.rule == IdRule::Required});
        (self.rule != IdRule::None).then(|| document!({"payment-identifier": document!({"info": info, "schema": schema})}))
    }

    /// What is answered to a payment whose id was answered before.
    pub(super) fn earlier(&self, request: &Request, payment: &Value) -> Option<Reply> {
        let id = id(payment).filter(|id| self.rule != IdRule::None && is_id(id))?;
        let earlier = self.answered.iter().find(|answered| answered.id == id)?;
        if earlier.body == request.body {
            return Some(earlier.reply.clone());
        }
        let error = "this payment identifier was used with another request";
        Some(Reply::json(409, &document!({"error": error})))
    }

    /// What is wrong with a payment's id, in the words of the reference library.
    pub(super) fn refusal(&self, payment: &Value) -> Option<Reply> {
        let error = match id(payment) {
            _ if self.rule != IdRule::Required => return None,
            Some(id) if is_id(id) => return None,
            Some(_) => {
                "Invalid payment ID format. ID must be 16-128 characters and contain only alphanumeric characters, hyphens, and underscores."
            }
            None => "Server requires a payment identifier but none was provided",
        };
        Some(Reply::json(400, &document!({"error": error})))
    }

    /// Keeps what a paid request was answered, for whoever sends its id again.
    pub(super) fn keep(&mut self, request: &Request, reply: &Reply) {
        let payment = request.header("payment-signature").and_then(from_base64);
        let Some(id) = payment.as_ref().and_then(id).filter(|id| self.rule != IdRule::None && is_id(id)) else { return };
        self.answered.push(Answered { id: id.to_owned(), body: request.body.clone(), reply: reply.clone() });
    }
}

/// The id in a payment. An empty one counts as none.
fn id(payment: &Value) -> Option<&str> {
    payment.get("extensions")?.get(NAME)?.get("info")?.get("id")?.as_str().filter(|id| !id.is_empty())
}

fn is_id(text: &str) -> bool {
    LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;
    use crate::paywall::to_base64;

    const ID: &str = "pay_0123456789abcdef";

    fn payment(id: &str) -> Value {
        json!({"extensions": {NAME: {"info": {"required": true, "id": id}}}})
    }

    fn request(id: &str, body: &str) -> Request {
        Request {
            method: "POST".to_owned(),
            url: "https://sandbox.test/api/messaging/jobs".to_owned(),
            headers: vec![("payment-signature".to_owned(), to_base64(&payment(id)))],
            body: body.to_owned(),
            json_error: None,
        }
    }

    #[test]
    fn the_same_id_gets_the_same_answer_and_is_a_conflict_with_another_request() {
        let mut known = Identified::new(IdRule::Optional);
        let reply = Reply::text(201, "a job");
        assert_eq!(known.earlier(&request(ID, "a"), &payment(ID)), None);
        known.keep(&request(ID, "a"), &reply);
        assert_eq!(known.earlier(&request(ID, "a"), &payment(ID)), Some(reply));
        assert_eq!(known.earlier(&request(ID, "b"), &payment(ID)).unwrap().status, 409);
        assert_eq!(known.earlier(&request("pay_another_1234567", "a"), &payment("pay_another_1234567")), None);
        known.clear();
        assert_eq!(known.earlier(&request(ID, "a"), &payment(ID)), None);
    }

    #[test]
    fn a_server_that_wants_an_id_refuses_a_payment_without_a_good_one() {
        let required = Identified::new(IdRule::Required);
        assert_eq!(required.refusal(&payment(ID)), None);
        for (bad, words) in
            [(payment("short"), "Invalid payment ID"), (payment(""), "none was provided"), (json!({}), "none was provided")]
        {
            let refused = required.refusal(&bad).unwrap();
            assert_eq!(refused.status, 400);
            assert!(refused.body.contains(words), "{}", refused.body);
            assert_eq!(Identified::new(IdRule::Optional).refusal(&bad), None);
        }
    }

    #[test]
    fn a_server_without_ids_declares_nothing_and_keeps_nothing() {
        let mut none = Identified::new(IdRule::None);
        none.keep(&request(ID, "a"), &Reply::empty(201));
        assert_eq!(
            (none.declaration(), none.earlier(&request(ID, "a"), &payment(ID)), none.refusal(&json!({}))),
            (None, None, None)
        );
    }
}
