//! Ending a call at once when its caller says so.

use core::cell::RefCell;
use core::pin::pin;
use core::task::{Poll, Waker};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

/// Runs `work` until it is done or the signal aborts; then the work is dropped, which cancels what it waits for, and the
/// signal's own reason comes out. The listener is gone in either case.
pub(super) async fn until_aborted<T>(
    signal: Option<AbortSignal>,
    work: impl Future<Output = Result<T, JsValue>>,
) -> Result<T, JsValue> {
    let Some(signal) = signal else { return work.await };
    if signal.aborted() {
        return Err(signal.reason());
    }
    let listener = Listener::new(signal);
    let mut work = pin!(work);
    core::future::poll_fn(|context| {
        if listener.signal.aborted() {
            return Poll::Ready(Err(listener.signal.reason()));
        }
        *listener.waker.borrow_mut() = Some(context.waker().clone());
        work.as_mut().poll(context)
    })
    .await
}

/// An abort listener that takes itself away.
struct Listener {
    signal: AbortSignal,
    waker: Rc<RefCell<Option<Waker>>>,
    wake: Closure<dyn FnMut()>,
}

impl Listener {
    fn new(signal: AbortSignal) -> Self {
        let waker = Rc::new(RefCell::new(None::<Waker>));
        let inner = waker.clone();
        let wake = Closure::<dyn FnMut()>::new(move || {
            let waker = inner.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let _ = signal.add_event_listener_with_callback("abort", wake.as_ref().unchecked_ref());
        Self { signal, waker, wake }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.signal.remove_event_listener_with_callback("abort", self.wake.as_ref().unchecked_ref());
    }
}
