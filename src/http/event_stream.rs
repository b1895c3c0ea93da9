//! The text of a `text/event-stream`, as it comes in pieces, as events.

use crate::text::split;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What kind of event; empty when the server does not say.
    pub name: String,
    /// Its data.
    pub data: String,
}

/// Puts the pieces together.
#[derive(Debug, Default)]
pub struct EventParser {
    rest: String,
    name: String,
    data: Option<String>,
    /// The last letter was a carriage return.
    after_return: bool,
}

impl EventParser {
    /// Takes one more piece, and gives the events that are complete with it.
    pub fn push(&mut self, piece: &str) -> Vec<Event> {
        let mut events = Vec::new();
        for letter in piece.chars() {
            // A line ends with one of the two, or with both.
            let is_second = letter == '\n' && self.after_return;
            self.after_return = letter == '\r';
            if !matches!(letter, '\r' | '\n') {
                self.rest.push(letter);
            } else if !is_second {
                let line = core::mem::take(&mut self.rest);
                events.extend(self.line(&line));
            }
        }
        events
    }

    /// An empty line ends an event; what has no data is none.
    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = core::mem::take(&mut self.name);
            return self.data.take().map(|data| Event { name, data });
        }
        let (field, value) = split(line, ":").unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("event", _) => self.name = value.to_owned(),
            ("data", Some(data)) => {
                data.push('\n');
                data.push_str(value);
            }
            ("data", none) => *none = Some(value.to_owned()),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_the_same_however_the_text_is_cut() {
        let text = ": a comment\r\nevent: chunk\r\ndata: {\"a\":1}\r\n\r\nevent:done\ndata:one\ndata: two: three\nid: 5\n\ndata\n\n\n\nevent: x\n\n";
        let expected = [event("chunk", "{\"a\":1}"), event("done", "one\ntwo: three"), event("", "")];
        for size in 1..=text.len() {
            let mut parser = EventParser::default();
            let pieces: Vec<String> = text.chars().collect::<Vec<_>>().chunks(size).map(|piece| piece.iter().collect()).collect();
            let events: Vec<Event> = pieces.iter().flat_map(|piece| parser.push(piece)).collect();
            assert_eq!(events, expected, "in pieces of {size}");
            // Returns alone end lines too.
            let mut parser = EventParser::default();
            let returns = text.replace("\r\n", "\n").replace('\n', "\r");
            let pieces: Vec<String> =
                returns.chars().collect::<Vec<_>>().chunks(size).map(|piece| piece.iter().collect()).collect();
            let events: Vec<Event> = pieces.iter().flat_map(|piece| parser.push(piece)).collect();
            assert_eq!(events, expected, "returns, in pieces of {size}");
        }
    }

    #[test]
    fn what_is_not_ended_is_no_event() {
        let mut parser = EventParser::default();
        assert_eq!(parser.push("event: done\ndata: half"), []);
        assert_eq!(parser.push("\n"), []);
        assert_eq!(parser.push("\n"), [event("done", "half")]);
    }
}
