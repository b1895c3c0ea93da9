//! What passes between the server and whoever performs its steps.

use crate::json::{Value, document};
use crate::time::Ms;

/// A request as it has come in.
#[derive(Debug, Clone)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Empty when there is none.
    pub body: String,
    /// Why the body is no JSON, in the words of JavaScript; absent when it is JSON.
    pub json_error: Option<String>,
}

impl Request {
    /// Reads what `pkg-template/sandbox.ts` says of a request.
    pub fn read(given: &Value) -> Self {
        let text = |key: &str| given.get(key).and_then(Value::as_str).map(str::to_owned);
        let header = |pair: &Value| {
            let [name, value] = pair.as_array()? else { return None };
            Some((name.as_str()?.to_owned(), value.as_str()?.to_owned()))
        };
        Self {
            method: text("method").unwrap_or_default(),
            url: text("url").unwrap_or_default(),
            headers: given.get("headers").and_then(Value::as_array).unwrap_or_default().iter().filter_map(header).collect(),
            body: text("body").unwrap_or_default(),
            json_error: text("jsonError"),
        }
    }

    /// A header's value by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The path as it was sent, without the query.
    pub fn path(&self) -> &str {
        let after = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let path = after.find('/').and_then(|at| after.get(at..)).unwrap_or("/");
        path.split(['?', '#']).next().unwrap_or("/")
    }

    /// The scheme and the host.
    pub fn origin(&self) -> &str {
        let start = self.url.find("://").map_or(0, |at| at.saturating_add(3));
        let end = self.url.get(start..).and_then(|rest| rest.find('/')).map_or(self.url.len(), |at| start.saturating_add(at));
        self.url.get(..end).unwrap_or(&self.url)
    }

    /// A value of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.url.split_once('?')?.1.split('#').next()?;
        let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(key, _)| *key == name).and_then(|(_, value)| decoded(&value.replace('+', " ")))
    }
}

/// Text without percent signs; `None` when they stand for no text.
pub fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// An answer as the server has made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body's text.
    pub body: String,
}

impl Reply {
    /// A JSON document.
    pub fn json(status: u16, body: &Value) -> Self {
        let kind = ("content-type", "application/json; charset=utf-8".to_owned());
        Self { status, headers: vec![kind], body: body.to_string() }
    }

    /// Plain text.
    pub fn text(status: u16, body: &str) -> Self {
        let kind = ("content-type", "text/plain; charset=utf-8".to_owned());
        Self { status, headers: vec![kind], body: body.to_owned() }
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: vec![], body: String::new() }
    }

    /// `{success:false, error}`: how the Jobs API says what is wrong.
    pub fn refusal(status: u16, error: &str) -> Self {
        Self::json(status, &document!({"success": false, "error": error}))
    }

    /// The same with one more header, or with another value of it.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }
}

/// Something to do for whoever runs the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Answer a request. `ends`: the body is complete.
    Respond {
        /// Which request.
        id: u32,
        /// The HTTP status.
        status: u16,
        /// Names in lower case.
        headers: Vec<(&'static str, String)>,
        /// The body, or its beginning.
        body: String,
        /// Whether nothing follows.
        ends: bool,
    },
    /// More of a body.
    Piece {
        /// Which request.
        id: u32,
        /// The text.
        text: String,
    },
    /// A body is complete.
    End {
        /// Which request.
        id: u32,
    },
    /// The connection is gone, before the answer or in the middle of it.
    Break {
        /// Which request.
        id: u32,
        /// Node's code for it.
        code: &'static str,
    },
    /// Ask the agent.
    Ask {
        /// Which question.
        id: u32,
        /// What the user said.
        content: String,
        /// What is known about it.
        context: Value,
    },
    /// A call of the wallet, or a sleep, is over.
    Settle {
        /// Which call.
        id: u32,
        /// What it resolves with.
        value: Option<String>,
        /// What it rejects with.
        error: Option<String>,
    },
}

impl Effect {
    /// As `pkg-template/sandbox.ts` takes it.
    pub fn document(&self) -> Value {
        match self {
            Self::Respond { id, status, headers, body, ends } => {
                let headers: Vec<_> = headers.iter().map(|(name, value)| vec![*name, value.as_str()]).collect();
                let status = u32::from(*status);
                document!({"type": "respond", "id": id, "status": status, "headers": headers, "body": body, "ends": ends})
            }
            Self::Piece { id, text } => document!({"type": "piece", "id": id, "text": text}),
            Self::End { id } => document!({"type": "end", "id": id}),
            Self::Break { id, code } => document!({"type": "break", "id": id, "code": code}),
            Self::Ask { id, content, context } => document!({"type": "ask", "id": id, "content": content, "context": context}),
            Self::Settle { id, value, error } => document!({"type": "settle", "id": id, "value": value, "error": error}),
        }
    }
}

/// What the agent says to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The text; absent when the agent chooses not to answer.
    pub text: Option<String>,
    /// The text in the pieces in which it was said. Empty for one piece.
    pub pieces: Vec<String>,
    /// Why the model failed.
    pub error: Option<String>,
}

impl Answer {
    /// Reads what `pkg-template/sandbox.ts` says of an answer.
    pub fn read(given: &Value) -> Self {
        let text = |key: &str| given.get(key).and_then(Value::as_str).map(str::to_owned);
        let pieces = given.get("pieces").and_then(Value::as_array).unwrap_or_default();
        Self {
            text: text("text"),
            pieces: pieces.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            error: text("error"),
        }
    }
}

/// What is to be done, and when.
#[derive(Debug, Default)]
pub struct Queue {
    due: Vec<(Ms, Effect)>,
}

impl Queue {
    /// Of two that are due at the same time, the one that was added first comes first.
    pub fn add(&mut self, at: Ms, effect: Effect) {
        let place = self.due.partition_point(|(due, _)| *due <= at);
        self.due.insert(place, (at, effect));
    }

    /// All that is due by now, in its order.
    pub fn take(&mut self, now: Ms) -> Vec<Effect> {
        let count = self.due.partition_point(|(due, _)| *due <= now);
        self.due.drain(..count).map(|(_, effect)| effect).collect()
    }

    /// A request is answered: its connection does not break any more.
    pub fn forget_break(&mut self, request: u32) {
        self.due.retain(|(_, effect)| !matches!(effect, Effect::Break { id, .. } if *id == request));
    }

    /// When something is due next.
    pub fn next(&self) -> Option<Ms> {
        self.due.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(url: &str) -> Request {
        Request { method: "GET".into(), url: url.into(), headers: vec![], body: String::new(), json_error: None }
    }

    #[test]
    fn addresses_are_taken_apart() {
        let request = get("http://127.0.0.1:3000/api/x%2Fy?limit=5&status=a+b%20c#z");
        assert_eq!((request.path(), request.origin()), ("/api/x%2Fy", "http://127.0.0.1:3000"));
        assert_eq!((request.query("limit"), request.query("status")), (Some("5".into()), Some("a b c".into())));
        assert_eq!(request.query("nothing"), None);
        assert_eq!(get("https://sandbox.test").path(), "/");
        assert_eq!((decoded("%C3%A9"), decoded("%"), decoded("%zz"), decoded("%ff")), (Some("é".into()), None, None, None));
    }

    #[test]
    fn effects_come_in_the_order_of_their_times() {
        let mut queue = Queue::default();
        for (at, id) in [(2.0, 1), (1.0, 2), (2.0, 3), (9.0, 4)] {
            queue.add(at, Effect::End { id });
        }
        assert_eq!(queue.next(), Some(1.0));
        assert_eq!(queue.take(2.0), [2, 1, 3].map(|id| Effect::End { id }));
        assert_eq!(queue.next(), Some(9.0));
    }
}
