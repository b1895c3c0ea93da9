//! Work under way: what it gives one after the other, as JavaScript's async iterators want it, or its one result; and its end by a signal.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use super::abort::{Listener, reason};
use super::call::Work;
use super::error::to_js;
use crate::api::error::Result;
use crate::json::Json;

/// What was put and not yet taken.
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
        poll_fn(|_| if self.0.borrow().is_empty() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

type Running = Pin<Box<dyn Future<Output = Result<Json>>>>;

/// How far the work is.
enum State {
    Running(Running),
    /// It is in the middle of a step, in which applications may be called: they may stop it.
    Busy,
    /// What has come of it comes when the queue is empty.
    Ended(Result<JsValue, JsValue>),
    Over,
}

struct Inner {
    /// Whether what comes of it is wanted, not what it puts into the queue.
    is_call: bool,
    queue: Rc<Queue>,
    state: RefCell<State>,
    signal: Option<Json>,
    /// From the first step until the end is told: between two of the steps nobody else looks at the signal.
    listener: RefCell<Option<Listener>>,
    waiting: RefCell<Option<Waker>>,
}

/// Work that puts values into a queue. It goes on only while somebody waits for the next one, and ends when it is stopped.
#[wasm_bindgen(skip_typescript)]
pub struct Feed(Rc<Inner>);

impl Feed {
    pub(super) fn new(is_call: bool, queue: Rc<Queue>, (signal, work): Work) -> Self {
        let state = RefCell::new(State::Running(work));
        Feed(Rc::new(Inner { is_call, queue, state, signal, listener: RefCell::default(), waiting: RefCell::default() }))
    }
}

#[wasm_bindgen]
impl Feed {
    /// What an iterator's `next` gives, or the promise of a call. The work starts when JavaScript is next idle. Not to be called again before it has settled.
    #[wasm_bindgen(skip_typescript)]
    pub fn next(&self) -> Promise {
        let inner = self.0.clone();
        future_to_promise(poll_fn(move |context| inner.poll(context)))
    }

    /// Ends the work at once, and whoever waits.
    #[wasm_bindgen(skip_typescript)]
    pub fn stop(&self) {
        self.0.end(State::Over);
        self.0.listener.take();
    }
}

impl Inner {
    fn poll(self: &Rc<Self>, context: &mut Context<'_>) -> Poll<Result<JsValue, JsValue>> {
        self.look();
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
                Poll::Ready(end.map(|value| if self.is_call { value } else { entry(None) }))
            }
            running => {
                *self.state.borrow_mut() = running;
                *self.waiting.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// One step of the work, if there is any.
    fn step(self: &Rc<Self>, context: &mut Context<'_>) {
        let before = self.state.replace(State::Busy);
        let after = match before {
            State::Running(mut work) => {
                self.listen();
                let polled = work.as_mut().poll(context);
                // Otherwise it was ended meanwhile, and is dropped here.
                if !matches!(*self.state.borrow(), State::Busy) {
                    return;
                }
                match polled {
                    Poll::Pending => State::Running(work),
                    Poll::Ready(end) => State::Ended(end.map(|document| document.0).map_err(to_js)),
                }
            }
            other => other,
        };
        *self.state.borrow_mut() = after;
    }

    fn listen(self: &Rc<Self>) {
        let Some(signal) = &self.signal else { return };
        let inner = Rc::downgrade(self);
        let look = move || {
            if let Some(inner) = inner.upgrade() {
                inner.look();
            }
        };
        self.listener.borrow_mut().get_or_insert_with(|| Listener::new(signal.clone(), look));
    }

    /// Ends the work if its signal has aborted: what is in the queue does not come any more, only the signal's reason.
    fn look(&self) {
        let is_over = matches!(*self.state.borrow(), State::Over);
        if let Some(reason) = self.signal.as_ref().and_then(reason)
            && !is_over
        {
            self.end(State::Ended(Err(reason)));
        }
    }

    /// Drops the work, and wakes whoever waits.
    fn end(&self, state: State) {
        self.queue.0.take();
        // Not dropped while it is borrowed: that calls applications.
        let before = self.state.replace(state);
        drop(before);
        let waiting = self.waiting.take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

fn entry(value: Option<Json>) -> JsValue {
    let done = Json::boolean(value.is_none());
    Json::object().set("done", done).set("value", value.unwrap_or(Json(JsValue::UNDEFINED))).0
}
