//! The API's routes.

/// Where the agents are listed.
pub const AGENTS: &str = "/api/agents";
/// Where jobs are created and listed.
pub const JOBS: &str = "/api/messaging/jobs";
/// The state of the Jobs service.
pub const HEALTH: &str = "/api/messaging/jobs/health";
/// Where sessions are created and listed.
pub const SESSIONS: &str = "/api/messaging/sessions";
/// The state of the Sessions service.
pub const SESSIONS_HEALTH: &str = "/api/messaging/sessions/health";

/// One job.
pub fn job(job_id: &str) -> String {
    format!("{JOBS}/{}", segment(job_id))
}

/// The messages of a channel, whose id is a UUID.
pub fn channel(channel_id: &str) -> String {
    format!("/api/messaging/channels/{channel_id}/messages")
}

/// A part of one session, such as `/messages`; the session itself when `part` is empty.
pub fn session(session_id: &str, part: &str) -> String {
    format!("{SESSIONS}/{}{part}", segment(session_id))
}

/// The query with one more member.
pub fn query(query: &str, key: &str, value: &str) -> String {
    let separator = if query.is_empty() { '?' } else { '&' };
    format!("{query}{separator}{key}={value}")
}

/// An id as one segment of a path, percent-encoded, so that no id can reach another route.
pub fn segment(id: &str) -> String {
    let mut path = String::new();
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            // Dots too. That alone does not keep ".." in its place, because URLs read "%2E%2E" the
            // same way: the validation refuses such ids.
            path.push('%');
            path.push_str(&const_hex::encode_upper([byte]));
        }
    }
    path
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_inside_their_route() {
        assert_eq!(job("a-b_c~1"), "/api/messaging/jobs/a-b_c~1");
        assert_eq!(job("../sessions"), "/api/messaging/jobs/%2E%2E%2Fsessions");
        assert_eq!(job("é?#%"), "/api/messaging/jobs/%C3%A9%3F%23%25");
        assert_eq!(session("../jobs", "/renew"), "/api/messaging/sessions/%2E%2E%2Fjobs/renew");
    }
}
