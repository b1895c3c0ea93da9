//! The server's rate limit, as express-rate-limit keeps it: so many requests in a window, which
//! begins with the first.

use crate::json::document;
use crate::message::Reply;
use crate::time::Ms;

const WINDOW_MS: Ms = 900_000.0;
/// How long the fault `rate-limit` asks clients to wait, in seconds.
const FAULT_S: &str = "1";

/// The requests of the present window.
#[derive(Debug)]
pub struct RateLimit {
    limit: u32,
    count: u32,
    ends: Ms,
}

impl RateLimit {
    /// So many requests in fifteen minutes; 0 for any number.
    pub fn new(limit: u32) -> Self {
        Self { limit, count: 0, ends: 0.0 }
    }

    /// Counts a request. `Some`: it is one too many.
    pub fn count(&mut self, now: Ms) -> Option<Reply> {
        if self.ends <= now {
            (self.count, self.ends) = (0, now + WINDOW_MS);
        }
        self.count = self.count.saturating_add(1);
        (self.limit > 0 && self.count > self.limit).then(|| self.refusal(now))
    }

    /// The refusal of a request that is one too many.
    fn refusal(&self, now: Ms) -> Reply {
        Self::too_many().with("retry-after", Self::seconds(self.ends - now))
    }

    fn too_many() -> Reply {
        let error = document!({"code": "RATE_LIMIT_EXCEEDED", "message": "Too many requests. Please try again later."});
        Reply::json(429, &document!({"success": false, "error": error}))
    }

    /// The refusal of a server whose limit is used up for a second.
    pub fn fault(&self) -> Reply {
        let reply = Self::too_many().with("retry-after", FAULT_S);
        reply.with("ratelimit-remaining", "0").with("ratelimit-reset", FAULT_S)
    }

    fn seconds(ms: Ms) -> String {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        ((ms / 1000.0).ceil() as u64).to_string()
    }

    /// Says in an answer how much is left.
    pub fn stamp(&self, mut reply: Reply, now: Ms) -> Reply {
        if self.limit == 0 {
            return reply;
        }
        let left = [
            ("ratelimit-policy", format!("{};w=900", self.limit)),
            ("ratelimit-limit", self.limit.to_string()),
            ("ratelimit-remaining", self.limit.saturating_sub(self.count).to_string()),
            ("ratelimit-reset", Self::seconds(self.ends - now)),
        ];
        for (name, value) in left {
            if !reply.headers.iter().any(|(known, _)| *known == name) {
                reply.headers.push((name, value));
            }
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(reply: &Reply, name: &str) -> Option<String> {
        reply.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn one_request_too_many_is_refused_until_the_window_ends() {
        let mut limit = RateLimit::new(2);
        assert_eq!((limit.count(0.0), limit.count(1.0)), (None, None));
        let refused = limit.count(10_500.0).unwrap();
        assert_eq!((refused.status, header(&refused, "retry-after")), (429, Some("890".into())));
        let stamped = limit.stamp(refused, 10_500.0);
        assert_eq!(header(&stamped, "ratelimit-remaining"), Some("0".into()));
        assert_eq!(limit.count(900_000.0), None);
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let mut limit = RateLimit::new(0);
        assert!((0..5_000).all(|_| limit.count(0.0).is_none()));
        assert!(limit.stamp(Reply::empty(200), 0.0).headers.is_empty());
    }
}
