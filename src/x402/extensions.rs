//! Extensions of x402 version 2: a 402 declares them, and the payment answers them.
//!
//! `payment-identifier` is the only one with a meaning here. With it, a server replies to the same
//! id with the same answer, so that a payment that is sent again is never charged again. Other
//! extensions go back as they came.

use crate::json::{Json, Kind, copied};

/// The name of the extension by which a payment has an id.
const PAYMENT_IDENTIFIER: &str = "payment-identifier";

/// The id of an attempt's payment: the same for each try, in this program and in later ones,
/// because a new id for each try would defeat it. 16 to 128 letters, digits, `-` and `_`.
pub fn payment_id(attempt_id: &str) -> String {
    format!("pay_{attempt_id}")
}

/// The extensions as a payment sends them back: those of the 402, and in `payment-identifier`,
/// where the server declares it, the payment's id.
pub fn answered(required: &Json, payment_id: &str) -> Option<Json> {
    let extensions = required.get("extensions")?;
    let Some(identifier) = extensions.get(PAYMENT_IDENTIFIER).filter(|extension| extension.kind() == Kind::Object) else {
        return Some(extensions);
    };
    // Copies: the 402 stays as it came.
    let (extensions, identifier) = (copied(&extensions), copied(&identifier));
    let info = identifier.get("info").filter(|info| info.kind() == Kind::Object).unwrap_or_else(Json::object);
    Some(extensions.set(PAYMENT_IDENTIFIER, identifier.set("info", info.set("id", Json::text(payment_id)))))
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
    fn an_attempt_has_one_id_which_servers_take() {
        let id = payment_id(ID);
        assert_eq!(id, payment_id(ID));
        assert_ne!(id, payment_id(&ID.replace('3', "4")));
        assert!((16..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }

    #[test]
    fn extensions_go_back_as_they_came_with_the_id_where_the_server_knows_ids() {
        let required = declared(json!({"info": {"required": true}, "schema": {"type": "object"}}));
        let with_id = answered(&required, ID).unwrap();
        let expected = json!({"info": {"required": true, "id": ID}, "schema": {"type": "object"}});
        assert_eq!((&with_id["payment-identifier"], &with_id["other"]), (&expected.0, &json!({"info": 1}).0));
        assert_eq!(required, declared(json!({"info": {"required": true}, "schema": {"type": "object"}})));
        for other in [json!({"other": 1}), json!({"payment-identifier": "yes"}), json!(5), json!(null)] {
            assert_eq!(answered(&json!({"extensions": other.0}), ID), Some(other));
        }
        for empty in [json!({}), json!({"info": null}), json!({"info": 5})] {
            assert_eq!(answered(&declared(empty), ID).unwrap()["payment-identifier"]["info"], json!({"id": ID}));
        }
        assert_eq!(answered(&json!({}), ID), None);
    }
}
