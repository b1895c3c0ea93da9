//! A call with several results, as an async iterator.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::abort::{Listener, Signal};
use super::call::Work;
use super::deferred::{Deferred, Mark};
use super::error::to_js;
use crate::api::error::Result;
use crate::json::Json;

#[wasm_bindgen]
extern "C" {
    /// An async iterator over a feed (`pkg-template/iterator.ts`).
    pub type AsyncIterator;
    #[wasm_bindgen(js_namespace = host)]
    fn iterate(feed: Feed) -> AsyncIterator;
    /// The same iterator, which can be awaited for an array.
    #[wasm_bindgen(js_namespace = host)]
    pub(super) fn awaitable(iterator: AsyncIterator) -> AsyncIterator;
}

/// The results that the work has put in and the application has not taken yet.
#[derive(Default)]
pub(super) struct Queue(RefCell<VecDeque<Json>>);

impl Queue {
    pub(super) fn put(&self, value: Json) {
        self.0.borrow_mut().push_back(value);
    }

    fn take(&self) -> Option<Json> {
        self.0.borrow_mut().pop_front()
    }

    /// Waits until everything was taken.
    pub(super) async fn empty(&self) {
        // No waker: the same task is polled whenever the application calls `next()`.
        poll_fn(|_| if self.0.borrow().is_empty() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

type Running = Pin<Box<dyn Future<Output = Result<Json>>>>;

/// How far the work is.
enum State {
    Running(Running),
    /// In the middle of a step, which may call the application, which may stop the work.
    Busy,
    /// Its error comes when the queue is empty.
    Ended(Result<(), JsValue>),
    Over,
}

struct Inner {
    queue: Rc<Queue>,
    state: RefCell<State>,
    signal: RefCell<Option<Signal>>,
    mark: RefCell<Rc<Mark>>,
    /// From the first step until the end was taken: between two steps nothing else checks the
    /// signal.
    listener: RefCell<Option<Listener>>,
    waiting: RefCell<Option<Waker>>,
}

/// Work that puts results into a queue. It runs only while the application waits for the next one.
#[wasm_bindgen(skip_typescript)]
pub struct Feed(Rc<Inner>);

/// The async iterator of a method. `start` reads the arguments now; the work begins with the first
/// `next()`, which rejects when an argument was bad.
pub(super) fn feed(start: impl FnOnce(Rc<Queue>) -> Result<Work>) -> AsyncIterator {
    let inner = Rc::new(Inner {
        queue: Rc::default(),
        state: RefCell::new(State::Over),
        signal: RefCell::default(),
        mark: RefCell::default(),
        listener: RefCell::default(),
        waiting: RefCell::default(),
    });
    // First, so that a trap in `start` rejects it.
    let iterator = iterate(Feed(inner.clone()));
    let state = match start(inner.queue.clone()) {
        Ok(Work { signal, mark, future }) => {
            *inner.signal.borrow_mut() = signal;
            *inner.mark.borrow_mut() = mark;
            State::Running(future)
        }
        Err(error) => State::Ended(Err(to_js(error))),
    };
    *inner.state.borrow_mut() = state;
    iterator
}

#[wasm_bindgen]
impl Feed {
    /// An iterator's `next`. Not to be called again before its promise has settled.
    #[wasm_bindgen(skip_typescript)]
    pub fn next(&self) -> Promise {
        let inner = self.0.clone();
        let (deferred, promise) = Deferred::new();
        inner.mark.borrow().is_of(deferred);
        spawn_local(async move { deferred.settle(&poll_fn(|context| inner.poll(context)).await) });
        promise
    }

    /// Ends the work at once, and the iteration.
    #[wasm_bindgen(skip_typescript)]
    pub fn stop(&self) {
        self.0.end(State::Over);
        self.0.listener.take();
    }
}

impl Inner {
    fn poll(self: &Rc<Self>, context: &mut Context<'_>) -> Poll<Result<JsValue, JsValue>> {
        self.check_signal();
        if self.queue.0.borrow().is_empty() {
            self.step(context);
        }
        if let Some(value) = self.queue.take() {
            return Poll::Ready(Ok(entry(Some(value))));
        }
        match self.state.replace(State::Over) {
            State::Over => Poll::Ready(Ok(entry(None))),
            State::Ended(end) => {
                self.listener.take();
                Poll::Ready(end.map(|()| entry(None)))
            }
            running => {
                *self.state.borrow_mut() = running;
                *self.waiting.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// One step of the work, if it is not over.
    fn step(self: &Rc<Self>, context: &mut Context<'_>) {
        let before = self.state.replace(State::Busy);
        let after = match before {
            State::Running(mut work) => {
                self.listen();
                let polled = work.as_mut().poll(context);
                // Stopped meanwhile: the work is dropped here.
                if !matches!(*self.state.borrow(), State::Busy) {
                    return;
                }
                match polled {
                    Poll::Pending => State::Running(work),
                    Poll::Ready(end) => State::Ended(end.map(|_| ()).map_err(to_js)),
                }
            }
            other => other,
        };
        *self.state.borrow_mut() = after;
    }

    fn listen(self: &Rc<Self>) {
        let signal = self.signal.borrow().clone();
        let Some(signal) = signal else { return };
        let inner = Rc::downgrade(self);
        let wake = move || {
            if let Some(inner) = inner.upgrade() {
                inner.check_signal();
            }
        };
        self.listener.borrow_mut().get_or_insert_with(|| signal.listen(wake));
    }

    /// Ends the work if its signal has aborted: results in the queue are dropped, and the signal's
    /// reason comes.
    fn check_signal(&self) {
        let is_over = matches!(*self.state.borrow(), State::Over);
        let reason = self.signal.borrow().as_ref().and_then(Signal::reason);
        if let Some(reason) = reason
            && !is_over
        {
            self.end(State::Ended(Err(reason)));
        }
    }

    /// Drops the work, and wakes the pending `next()`.
    fn end(&self, state: State) {
        self.queue.0.take();
        // Not dropped while it is borrowed: dropping calls applications.
        let before = self.state.replace(state);
        drop(before);
        let waiting = self.waiting.take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

/// What `next()` resolves with.
fn entry(value: Option<Json>) -> JsValue {
    let done = Json::boolean(value.is_none());
    Json::object().set("done", done).set("value", value.unwrap_or(Json(JsValue::UNDEFINED))).0
}
