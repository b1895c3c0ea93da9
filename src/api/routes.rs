//! The API's routes.

use crate::text::fill;

/// Where jobs are created and listed.
pub const JOBS: &str = "/api/messaging/jobs";
/// How the service is.
pub const HEALTH: &str = "/api/messaging/jobs/health";

/// Where sessions are created and listed.
pub const SESSIONS: &str = "/api/messaging/sessions";

/// One job.
pub fn job(job_id: &str) -> String {
    fill("%/%", &[JOBS, &segment(job_id)])
}

/// The messages of a channel, whose id is a UUID.
pub fn channel(channel_id: &str) -> String {
    fill("/api/messaging/channels/%/messages", &[channel_id])
}

/// Something of one session; nothing for the session itself.
pub fn session(session_id: &str, part: &str) -> String {
    fill("%/%%", &[SESSIONS, &segment(session_id), part])
}

/// A query with one more member.
pub fn query(query: &str, key: &str, value: &str) -> String {
    fill("%%%=%", &[query, if query.is_empty() { "?" } else { "&" }, key, value])
}

/// An id in a path, encoded, so that no id can reach another route.
fn segment(id: &str) -> String {
    let mut path = String::new();
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            // A dot too. (That does not keep an id of ".." in its place, for URLs take "%2E%2E" for the same; no id may be that.)
            path.push('%');
            for half in [byte >> 4, byte & 15] {
                path.push(char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    path
}
