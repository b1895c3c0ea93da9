//! The text of a `text/event-stream`, as it arrives in chunks, as events.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The kind of event; empty when the server does not say.
    pub name: String,
    /// Its data.
    pub data: String,
}

/// Assembles events from chunks of text.
#[derive(Debug, Default)]
pub struct EventParser {
    /// The line that has not ended yet.
    line: String,
    /// The event's name so far.
    name: String,
    /// The event's data so far.
    data: Option<String>,
    /// Whether the last character was a carriage return.
    after_return: bool,
    /// Whether the first line has ended.
    has_begun: bool,
}

impl EventParser {
    /// Takes one more chunk, and returns the events that are complete with it.
    pub fn push(&mut self, chunk: &str) -> Vec<Event> {
        let mut events = Vec::new();
        for letter in chunk.chars() {
            // A line ends with a carriage return, with a line feed, or with both.
            let is_second = letter == '\n' && self.after_return;
            self.after_return = letter == '\r';
            if !matches!(letter, '\r' | '\n') {
                self.line.push(letter);
            } else if !is_second {
                let line = core::mem::take(&mut self.line);
                let is_first = !core::mem::replace(&mut self.has_begun, true);
                let line = if is_first { line.strip_prefix('\u{feff}').unwrap_or(&line) } else { &line };
                events.extend(self.end_line(line));
            }
        }
        events
    }

    /// An empty line ends an event; an event without data is none.
    fn end_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = core::mem::take(&mut self.name);
            return self.data.take().map(|data| Event { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("event", _) => value.clone_into(&mut self.name),
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
    fn a_byte_order_mark_at_the_beginning_is_no_part_of_the_first_field() {
        let mut parser = EventParser::default();
        assert_eq!(parser.push("\u{feff}data: a\n\n\u{feff}data: b\n\n"), [event("", "a")]);
    }

    #[test]
    fn an_event_that_did_not_end_is_none() {
        let mut parser = EventParser::default();
        assert_eq!(parser.push("event: done\ndata: half"), []);
        assert_eq!(parser.push("\n"), []);
        assert_eq!(parser.push("\n"), [event("done", "half")]);
    }
}
