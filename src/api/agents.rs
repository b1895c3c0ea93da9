//! The agents of a server.

use serde::{Deserialize, Serialize};
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::json::{Json, Kind};

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Its id, which jobs and sessions name it by.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub id: String,
    /// Its name.
    pub name: String,
    /// The name of its character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub character_name: Option<String>,
    /// What it says about itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// Whether it runs: `active` or `inactive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Reads the list of agents, in the server's order, without elements that have no id; `None` when
/// the document is none.
pub fn read_list(document: &Json) -> Option<Json> {
    let list = document.get("agents").filter(|list| list.kind() == Kind::Array)?;
    Some(Json::array(list.elements().into_iter().filter(|agent| agent.get_text("id").is_some())))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn agents_of_real_servers_are_read_and_what_has_no_id_is_left_out() {
        // As 1.6.5, 1.7.0 and 1.7.2 send them, in their `data`.
        let sent = json!({"id": "11111111-1111-4111-8111-111111111111", "name": "Test agent", "characterName": "Test agent",
            "bio": "answers by rule", "status": "active"});
        let list = |agents: Json| read_list(&json!({"agents": agents}));
        assert_eq!(list(json!([sent, {}, null, 5])).unwrap(), json!([sent]));
        let agent: Agent = serde_json::from_value(sent.0.clone()).unwrap();
        assert_eq!(serde_json::to_value(&agent).unwrap(), sent.0);
        assert_eq!(list(json!([])).unwrap(), json!([]));
        for odd in [json!({}), json!([]), json!(null), json!({"agents": {}})] {
            assert!(read_list(&odd).is_none(), "{odd}");
        }
    }
}
