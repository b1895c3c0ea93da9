//! Which page of a session's messages comes next, when all of them are read.
//!
//! Servers return the newest messages first, and pages by time. With `after` alone they search only
//! among their newest messages, so such a walk starts at the newest page as well, and its messages
//! are kept until its end.

use crate::api::sessions::Page;
use crate::json::{Json, is_true};
use crate::time::WallTime;

/// After so many pages in a row without a new message, a server has no more.
const MAX_REPEATS: u32 = 3;

/// What comes of a page.
#[derive(Debug)]
pub(super) struct Received {
    /// The messages to pass on now.
    pub(super) messages: Vec<Json>,
    /// The page to read next, if any.
    pub(super) next: Option<Page>,
}

/// A walk through all pages.
#[derive(Debug)]
pub(super) struct MessageWalk {
    page: Page,
    /// Only messages after this time, the oldest first.
    since: Option<WallTime>,
    /// The messages of a walk with `since`, the newest first.
    kept: Vec<Json>,
    /// The ids on the page before.
    known: Vec<String>,
    /// How many pages in a row brought no new message.
    repeats: u32,
}

impl MessageWalk {
    /// A walk that begins with this page.
    pub(super) fn new(page: Page) -> Self {
        let since = page.after.filter(|_| page.before.is_none());
        let page = if since.is_some() { Page::LARGEST } else { page };
        Self { page, since, kept: Vec::new(), known: Vec::new(), repeats: 0 }
    }

    /// The page to begin with, where that is not the caller's own.
    pub(super) fn own_first_page(&self) -> Option<Page> {
        self.since.map(|_| self.page)
    }

    /// Takes a page.
    pub(super) fn received(&mut self, page: &Json) -> Received {
        let mut fresh = Vec::new();
        let mut ids = Vec::new();
        let mut edge = None;
        for message in page.get("messages").map(|list| list.elements()).unwrap_or_default() {
            edge = message.get_number("createdAt").map(WallTime::from_ms);
            if self.since.is_some_and(|since| edge.is_some_and(|at| at <= since)) {
                // All that follow are older.
                edge = None;
                break;
            }
            let id = message.get_text("id").unwrap_or_default();
            if id.is_empty() || !self.known.contains(&id) {
                fresh.push(message);
            }
            ids.push(id);
        }
        self.repeats = if fresh.is_empty() { self.repeats.saturating_add(1) } else { 0 };
        self.known = ids;
        let has_more = page.get("hasMore").as_ref().is_some_and(is_true);
        let next = edge.filter(|_| has_more && self.repeats < MAX_REPEATS).map(|edge| self.page_before(edge));
        if self.since.is_some() {
            self.kept.append(&mut fresh);
        }
        Received { messages: fresh, next }
    }

    /// The page before this time. Messages of the same millisecond may stand on both sides of a
    /// page's edge. So that millisecond is asked for again, then with a larger page, and is skipped
    /// when neither brings anything new.
    fn page_before(&self, edge: WallTime) -> Page {
        let before = Some(if self.repeats < 2 { edge + Page::TICK } else { edge });
        let limit = if self.repeats == 1 { Page::LARGEST.limit } else { self.page.limit };
        Page { limit, before, ..self.page }
    }

    /// The messages that were kept, the oldest first.
    pub(super) fn kept(self) -> impl Iterator<Item = Json> {
        self.kept.into_iter().rev()
    }
}
