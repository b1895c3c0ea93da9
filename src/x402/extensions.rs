//! Extensions of x402 version 2: a 402 declares them, and the payment answers them.
//!
//! `payment-identifier` is the only one with a meaning here. With it, a server replies to the same
//! id with the same answer, so that a payment that is sent again is never charged again. Other
//! extensions go back as they came.

use crate::json::{Json, Kind, is_true};

/// The name of the extension by which a payment has an id.
const PAYMENT_IDENTIFIER: &str = "payment-identifier";

/// What a server says of the ids of payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentIdentifier {
    /// The server knows no such ids.
    Unknown,
    /// A payment may have an id.
    Optional,
    /// A payment without an id is refused.
    Required,
}

impl PaymentIdentifier {
    /// Reads what a 402 declares.
    pub fn read(required: &Json) -> Self {
        let extension = required.get("extensions").and_then(|extensions| extensions.get(PAYMENT_IDENTIFIER));
        let Some(extension) = extension.filter(|extension| extension.kind() == Kind::Object) else { return Self::Unknown };
        let is_required = extension.get("info").and_then(|info| info.get("required")).as_ref().is_some_and(is_true);
        if is_required { Self::Required } else { Self::Optional }
    }
}

/// The extensions as a payment sends them back: those of the 402, and in `payment-identifier` the
/// payment's id. An id has 16 to 128 letters, digits, `-` and `_`. It belongs to the attempt: a new
/// id for each try would defeat it.
pub fn answered(required: &Json, payment_id: Option<&str>) -> Option<Json> {
    let extensions = required.get("extensions")?;
    let Some(id) = payment_id.filter(|_| PaymentIdentifier::read(required) != PaymentIdentifier::Unknown) else {
        return Some(extensions);
    };
    // A copy: the 402 stays as it came.
    let extensions = Json::parse(&extensions.to_json())?;
    let identifier = extensions.get(PAYMENT_IDENTIFIER)?;
    let info = identifier.get("info").filter(|info| info.kind() == Kind::Object).unwrap_or_else(Json::object);
    Some(extensions.set(PAYMENT_IDENTIFIER, identifier.set("info", info.set("id", Json::text(id)))))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;

    const ID: &str = "33333333-3333-4333-8333-333333333333";

    fn declared(extension: Json) -> Json {
        json!({"extensions": {"payment-identifier": extension, "other": {"info": 1}}})
    }

    #[test]
    fn a_server_requires_an_id_only_where_it_says_true() {
        use PaymentIdentifier::{Optional, Required, Unknown};
        for (required, expected) in [
            (json!({}), Unknown),
            (json!({"extensions": null}), Unknown),
            (json!({"extensions": {"other": {}}}), Unknown),
            (declared(json!("yes")), Unknown),
            (declared(json!({})), Optional),
            (declared(json!({"info": {"required": false}})), Optional),
            (declared(json!({"info": {"required": "true"}})), Optional),
            (declared(json!({"info": {"required": true}})), Required),
        ] {
            assert_eq!(PaymentIdentifier::read(&required), expected, "{required}");
        }
    }

    #[test]
    fn extensions_go_back_as_they_came_with_the_id_where_the_server_knows_ids() {
        let required = declared(json!({"info": {"required": true}, "schema": {"type": "object"}}));
        assert_eq!(answered(&required, None).unwrap(), required["extensions"]);
        let with_id = answered(&required, Some(ID)).unwrap();
        let expected = json!({"info": {"required": true, "id": ID}, "schema": {"type": "object"}});
        assert_eq!((&with_id["payment-identifier"], &with_id["other"]), (&expected.0, &json!({"info": 1}).0));
        assert_eq!(required, declared(json!({"info": {"required": true}, "schema": {"type": "object"}})));
        let other = json!({"extensions": {"other": 1}});
        assert_eq!(answered(&other, Some(ID)).unwrap(), json!({"other": 1}));
        assert_eq!(answered(&json!({}), Some(ID)), None);
    }
}
