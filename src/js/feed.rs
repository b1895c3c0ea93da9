//! What comes one after the other, as JavaScript's async iterators want it.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use super::call::{Work, ended};
use super::document::Document;
use crate::json::Json;

/// What was put and not yet taken.
#[derive(Default)]
pub(super) struct Queue(RefCell<VecDeque<Document>>);

impl Queue {
    pub(super) fn put(&self, value: Document) {
        self.0.borrow_mut().push_back(value);
    }

    fn take(&self) -> Option<Document> {
        self.0.borrow_mut().pop_front()
    }

    /// Waits until everything was taken.
    pub(super) async fn empty(&self) {
        poll_fn(|_| if self.0.borrow().is_empty() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

type Ending = Pin<Box<dyn Future<Output = core::result::Result<JsValue, JsValue>>>>;

/// How far the work is.
enum State {
    Running(Ending),
    /// What it has thrown comes when the queue is empty.
    Failed(JsValue),
    Over,
}

struct Inner {
    queue: Rc<Queue>,
    state: RefCell<State>,
    waiting: RefCell<Option<Waker>>,
}

/// Work that puts values into a queue. It goes on only while somebody waits for the next one, and ends when it is stopped.
#[wasm_bindgen(skip_typescript)]
pub struct Feed(Rc<Inner>);

impl Feed {
    pub(super) fn new(queue: Rc<Queue>, work: Work) -> Self {
        let state = RefCell::new(State::Running(Box::pin(ended(work))));
        Feed(Rc::new(Inner { queue, state, waiting: RefCell::default() }))
    }
}

#[wasm_bindgen]
impl Feed {
    /// What an iterator's `next` gives. Not to be called again before it has settled.
    #[wasm_bindgen(skip_typescript)]
    pub fn next(&self) -> Promise {
        let inner = self.0.clone();
        future_to_promise(poll_fn(move |context| inner.poll(context)))
    }

    /// Ends the work at once, and whoever waits.
    #[wasm_bindgen(skip_typescript)]
    pub fn stop(&self) {
        let before = self.0.state.replace(State::Over);
        drop(before);
        let waiting = self.0.waiting.take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl Inner {
    fn poll(&self, context: &mut Context<'_>) -> Poll<core::result::Result<JsValue, JsValue>> {
        if let Some(value) = self.queue.take() {
            return Poll::Ready(Ok(entry(Some(value))));
        }
        match self.state.replace(State::Over) {
            State::Over => Poll::Ready(Ok(entry(None))),
            State::Failed(error) => Poll::Ready(Err(error)),
            State::Running(mut work) => match (work.as_mut().poll(context), self.queue.take()) {
                (Poll::Pending, next) => {
                    *self.state.borrow_mut() = State::Running(work);
                    *self.waiting.borrow_mut() = Some(context.waker().clone());
                    next.map_or(Poll::Pending, |next| Poll::Ready(Ok(entry(Some(next)))))
                }
                (Poll::Ready(ended), None) => Poll::Ready(ended.map(|_| entry(None))),
                (Poll::Ready(ended), Some(next)) => {
                    if let Err(error) = ended {
                        *self.state.borrow_mut() = State::Failed(error);
                    }
                    Poll::Ready(Ok(entry(Some(next))))
                }
            },
        }
    }
}

fn entry(value: Option<Document>) -> JsValue {
    let done = Document::boolean(value.is_none());
    Document::object().set("done", done).set("value", value.unwrap_or(Document(JsValue::UNDEFINED))).0
}
