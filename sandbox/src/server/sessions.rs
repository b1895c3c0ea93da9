//! The Sessions API: messages, and the answers to them.

use super::{Asked, Outcome, SOCKET_MS, Server, body, not_found};
use crate::channels::{AGENT, Message};
use crate::json::{Value, document};
use crate::message::{Answer, Effect, Reply, Request};
use crate::sessions::{Mode, Sent};
use crate::time::Ms;

impl Server {
    pub(super) fn session(
        &mut self,
        id: u32,
        request: &Request,
        method: &str,
        lower: &[&str],
        parts: &[String],
        now: Ms,
    ) -> Outcome {
        let time = self.time(now);
        let session = parts.get(1).map(String::as_str).unwrap_or_default();
        let body = body(request);
        let body = body.as_ref();
        let answer = match (method, lower) {
            ("GET", ["sessions"]) => Ok(self.sessions.list(time)),
            ("GET", ["sessions", "health"]) => Ok(self.sessions.health(time)),
            ("POST", ["sessions"]) => {
                let ids = [self.random.uuid(), self.random.uuid()];
                self.sessions.create(body, self.options.has_agent, ids, time).map(|(reply, channel)| {
                    self.channels.add(channel);
                    reply
                })
            }
            ("GET", ["sessions", _]) => self.sessions.get(session, time),
            ("DELETE", ["sessions", _]) => self.sessions.delete(session, time),
            ("POST", ["sessions", _, "renew"]) => self.sessions.renew(session, time),
            ("POST", ["sessions", _, "heartbeat"]) => self.sessions.heartbeat(session, time),
            ("PATCH", ["sessions", _, "timeout"]) => self.sessions.set_timeout(session, body, time),
            ("GET", ["sessions", _, "messages"]) => self.sessions.read(session, request, time).map(|(channel, page)| {
                page.of(self.channels.get(&channel).map(|channel| channel.messages.as_slice()).unwrap_or_default())
            }),
            ("POST", ["sessions", _, "messages"]) => return self.message(id, request, session, body, now),
            _ => Ok(not_found()),
        };
        Outcome::Reply(answer.unwrap_or_else(|refused| *refused))
    }

    pub(super) fn message(&mut self, id: u32, request: &Request, session: &str, body: Option<&Value>, now: Ms) -> Outcome {
        let time = self.time(now);
        let message_id = self.random.uuid();
        let (sent, message) = match self.sessions.send(session, body, &message_id, time) {
            Ok(taken) => taken,
            Err(refused) => return Outcome::Reply(*refused),
        };
        let context = document!({"sessionId": session, "agentId": AGENT, "userId": message.author, "metadata": message.metadata});
        let (mode, channel_id, content) = (sent.mode, sent.channel_id.clone(), message.content.clone());
        self.channels.say(&channel_id, message);
        let reply = document!({"success": true, "userMessage": sent.user_message, "sessionStatus": sent.status});
        let begins = format!("event: user_message\ndata: {}\n\n", sent.user_message);
        let asked = Asked::Message { request: id, logged: self.current, sent: Box::new(sent) };
        self.ask(&content, context, channel_id, message_id, asked, now);
        match mode {
            Mode::Later => return Outcome::Reply(Reply::json(201, &reply)),
            Mode::Sync => self.queue.add(now + SOCKET_MS, Effect::Break { id, code: "ECONNRESET" }),
            Mode::Stream => {
                let stream =
                    Reply::text(200, &begins).with("content-type", "text/event-stream").with("cache-control", "no-cache");
                let stream = self.finish(stream, request, now);
                self.respond(id, stream, false, now + self.options.latency_ms);
                self.queue.add(now + SOCKET_MS, Effect::Break { id, code: "ECONNRESET" });
            }
        }
        Outcome::Later
    }

    /// Answers a request that has waited for the agent.
    pub(super) fn conclude(&mut self, id: u32, sent: &Sent, answer: &Answer, message: Option<&Message>, now: Ms) {
        let response_id = self.random.uuid();
        let content = message.map(|message| {
            document!({
                "thought": crate::channels::THOUGHT,
                "actions": vec!["REPLY"],
                "providers": Vec::<Value>::new(),
                "text": message.content,
                "simple": true,
                "responseId": response_id,
                "inReplyTo": message.answers,
            })
        });
        let at = now + self.options.latency_ms;
        self.queue.forget_break(id);
        match sent.mode {
            Mode::Later => {}
            Mode::Sync => {
                let reply = in_full(sent, answer, content);
                let request = self.logged().map(|logged| logged.request.clone());
                let reply = request.map_or(reply.clone(), |request| self.finish(reply, &request, now));
                self.respond(id, reply, true, at);
            }
            Mode::Stream => {
                for text in in_events(&response_id, answer, message, content.as_ref()) {
                    self.queue.add(at, Effect::Piece { id, text });
                }
                self.queue.add(at, Effect::End { id });
            }
        }
    }
}

/// The answer to a message, in the mode `sync`.
fn in_full(sent: &Sent, answer: &Answer, content: Option<Value>) -> Reply {
    if answer.error.is_some() {
        return Reply::refusal(500, "Failed to process message in sync mode");
    }
    let mut body = document!({"success": true, "userMessage": sent.user_message});
    if let Some(content) = content {
        body.set("agentResponse", content);
    }
    body.set("sessionStatus", sent.status.clone());
    Reply::json(201, &body)
}

/// The answer to a message as events, in the mode `stream`.
fn in_events(response_id: &str, answer: &Answer, message: Option<&Message>, content: Option<&Value>) -> Vec<String> {
    let event = |name: &str, data: &Value| format!("event: {name}\ndata: {data}\n\n");
    if let Some(error) = &answer.error {
        return vec![event("error", &document!({"error": error}))];
    }
    let (Some(message), Some(content)) = (message, content) else { return vec![] };
    let whole = [message.content.clone()];
    let chunks = if answer.pieces.is_empty() { &whole[..] } else { &answer.pieces };
    let chunk =
        |(index, chunk): (usize, &String)| event("chunk", &document!({"messageId": response_id, "chunk": chunk, "index": index}));
    chunks.iter().enumerate().map(chunk).chain([event("done", content)]).collect()
}
