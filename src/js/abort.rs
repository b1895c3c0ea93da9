//! Ending a call at once when its caller says so.

use core::cell::RefCell;
use core::pin::pin;
use core::task::{Poll, Waker};
use std::rc::Rc;

use wasm_bindgen::prelude::*;

use super::document::Document;
use crate::json::Json;

#[wasm_bindgen(module = "/pkg-template/abort.js")]
extern "C" {
    // A signal of others' making may throw.
    #[wasm_bindgen(catch)]
    fn listen(signal: &JsValue, wake: &JsValue, on: bool) -> Result<(), JsValue>;
}

/// Runs `work` until it is done or the signal aborts; then the work is dropped, which cancels what it waits for, and the
/// signal's own reason comes out. The listener is gone in either case.
pub(super) async fn until_aborted<T>(
    signal: Option<Document>,
    work: impl Future<Output = Result<T, JsValue>>,
) -> Result<T, JsValue> {
    let Some(signal) = signal else { return work.await };
    if let Some(reason) = reason(&signal) {
        return Err(reason);
    }
    let waker = Rc::new(RefCell::new(None::<Waker>));
    let inner = waker.clone();
    let listener = Listener::new(signal, move || {
        let waker = inner.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    let mut work = pin!(work);
    core::future::poll_fn(|context| {
        if let Some(reason) = reason(&listener.signal) {
            return Poll::Ready(Err(reason));
        }
        *waker.borrow_mut() = Some(context.waker().clone());
        work.as_mut().poll(context)
    })
    .await
}

/// Why the signal has aborted, if it has.
pub(super) fn reason(signal: &Document) -> Option<JsValue> {
    let reason = || signal.get("reason").map(|reason| reason.0).unwrap_or_default();
    (signal.get("aborted")?.0 == true).then(reason)
}

/// An abort listener that takes itself away.
pub(super) struct Listener {
    signal: Document,
    wake: Closure<dyn FnMut()>,
}

impl Listener {
    pub(super) fn new(signal: Document, wake: impl FnMut() + 'static) -> Self {
        let wake = Closure::<dyn FnMut()>::new(wake);
        let _ = listen(&signal.0, wake.as_ref(), true);
        Self { signal, wake }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = listen(&self.signal.0, self.wake.as_ref(), false);
    }
}
