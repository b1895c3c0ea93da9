//! What every answer has, and how it gets to the client.

use super::{Delivery, Server, canonical};
use crate::message::{Effect, Reply, Request};
use crate::time::{Ms, http_date};

/// In how many pieces an answer drips.
const DRIPS: u32 = 10;

impl Server {
    /// What every answer has: who may read it, what is left of the rate limit, its length and its
    /// time.
    pub(super) fn finish(&self, mut reply: Reply, request: &Request, now: Ms) -> Reply {
        let path = canonical(request.path());
        let is_counted = path.starts_with("/api/") && !matches!(reply.status, 204 | 401 | 402);
        if is_counted && !is_broken_body(&reply) {
            reply = self.limit.stamp(reply, now);
        }
        reply = reply
            .with("vary", "Origin")
            .with("access-control-allow-credentials", "true")
            .with("x-content-type-options", "nosniff");
        if let Some(origin) = request.header("origin") {
            reply = reply.with("access-control-allow-origin", origin);
            if let Some(wall) = &self.wall {
                reply = reply.with("access-control-expose-headers", wall.response_headers());
            }
        }
        let is_read = request.method == "GET" && reply.status == 200;
        // Clients take a date that stands still for a cache's.
        if !(self.options.is_virtual && is_read) {
            let ms = self.time(now).max(0.0);
            if ms < 2.5e14 {
                reply = reply.with("date", http_date(ms));
            }
        }
        if !reply.headers.iter().any(|(_, value)| value == "text/event-stream") && reply.status != 204 {
            let length = reply.body.len().to_string();
            reply = reply.with("content-length", length);
        }
        if request.method == "HEAD" {
            reply.body.clear();
        }
        reply
    }

    pub(super) fn deliver(&mut self, id: u32, reply: Reply, delivery: Delivery, now: Ms) {
        let at = now + self.options.latency_ms;
        match delivery {
            Delivery::Whole => self.respond(id, reply, true, at),
            Delivery::Lost => self.queue.add(at, Effect::Break { id, code: "ECONNRESET" }),
            Delivery::Cut => {
                // In the middle of the job's id.
                let half = reply.body.chars().take(24).collect();
                self.respond(id, Reply { body: half, ..reply }, false, at);
                self.queue.add(at, Effect::Break { id, code: "ECONNRESET" });
            }
            Delivery::Slow => {
                let letters: Vec<char> = reply.body.chars().collect();
                let size = letters.len().div_ceil(DRIPS as usize).max(1);
                self.respond(id, Reply { body: String::new(), ..reply }, false, at);
                for (drip, piece) in (1..=DRIPS).zip(letters.chunks(size)) {
                    let when = at + self.options.slow_ms * f64::from(drip) / f64::from(DRIPS);
                    self.queue.add(when, Effect::Piece { id, text: piece.iter().collect() });
                }
                self.queue.add(at + self.options.slow_ms, Effect::End { id });
            }
        }
    }

    pub(super) fn respond(&mut self, id: u32, reply: Reply, ends: bool, at: Ms) {
        if let Some(logged) = self.logged() {
            logged.status = Some(reply.status);
        }
        let Reply { status, headers, body } = reply;
        self.queue.add(at, Effect::Respond { id, status, headers, body, ends });
    }
}

/// Whether this is the answer to a body that could not be read: it comes before the rate limit.
fn is_broken_body(reply: &Reply) -> bool {
    reply.status == 500 && reply.body.contains("\"code\":500")
}
