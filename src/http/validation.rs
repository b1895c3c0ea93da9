//! What the validators of web frameworks say of the fields of a request.

use crate::json::{Json, Kind};

/// Where the validators of web frameworks say what is wrong with which field of a request.
const DETAILS: [&str; 7] = ["message", "detail", "details", "errors", "issues", "fieldErrors", "validation"];
/// What is wrong with it.
const SAID: [&str; 4] = ["msg", "message", "detail", "defaultMessage"];
/// Which field it is.
const FIELD: [&str; 6] = ["path", "loc", "field", "property", "param", "instancePath"];
/// Members of their documents that are no fields of the request.
const GROUPS: [&str; 8] = ["body", "errors", "issues", "fieldErrors", "formErrors", "validation", "details", "keys"];
/// How deep, and how many of them are looked at.
const MAX_DEPTH: usize = 4;
const MAX_DETAILS: usize = 5;

/// What a validator says of the fields of a request: `prompt: Field required; …`. Each framework
/// has a form of its own: a list of objects that name the field and what is wrong with it, or an
/// object with a list of texts for each field.
pub(super) fn details(document: &Json) -> String {
    let mut found = Vec::new();
    let error = document.get("error").unwrap_or_else(Json::object);
    for key in DETAILS {
        for value in [document.get(key), error.get(key)].into_iter().flatten() {
            // A text there is the server's words already.
            if key != "message" || value.as_text().is_none() {
                collect(&value, "", MAX_DEPTH, &mut found);
            }
        }
    }
    // One that names the field beside its words, and one whose members are the fields.
    if let (true, Some(field)) = (found.is_empty(), field_of(document)) {
        found.push(field);
    } else if found.is_empty() {
        for name in document.names() {
            let texts = document.get(&name).map(|value| value.elements()).unwrap_or_default();
            if texts.iter().any(|text| text.as_text().is_some()) {
                texts.iter().for_each(|text| collect(text, &name, 0, &mut found));
            }
        }
    }
    found.truncate(MAX_DETAILS);
    found.join("; ")
}

fn collect(value: &Json, field: &str, depth: usize, found: &mut Vec<String>) {
    if let Some(words) = value.as_text().or_else(|| SAID.iter().find_map(|key| value.get_text(key))) {
        let named = field_of(value);
        let field = named.as_deref().unwrap_or(field);
        found.push(if field.is_empty() { words } else { format!("{field}: {words}") });
        return;
    }
    let Some(deeper) = depth.checked_sub(1) else { return };
    for element in value.elements().iter().take(MAX_DETAILS) {
        collect(element, field, deeper, found);
    }
    if value.kind() == Kind::Object {
        for name in value.names().iter().take(MAX_DETAILS) {
            let field = if GROUPS.contains(&name.as_str()) { field } else { name };
            value.get(name).iter().for_each(|member| collect(member, field, deeper, found));
        }
    }
}

/// The field that an error is about, where it names one: as a text, or as the last part of a path.
fn field_of(error: &Json) -> Option<String> {
    let named = |value: Json| {
        let last = value.elements().pop().unwrap_or(value);
        let name = last.as_text().or_else(|| last.get_text("key"))?;
        Some(name.trim_start_matches('/').to_owned()).filter(|name| !name.is_empty())
    };
    let missing = || error.get("params")?.get_text("missingProperty");
    FIELD.iter().find_map(|key| named(error.get(key)?)).or_else(missing)
}
