//! One call of a method as a promise.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::abort::{Listener, Signal};
use super::arguments::{Call, OnUpdate};
use super::connection::Connection;
use super::deferred::{Deferred, Mark};
use super::error::to_js;
use super::platform::{JsPlatform, is_in_workers};
use crate::api::error::Result;
use crate::client::{Client, Update};
use crate::json::{Json, copied};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = host, js_name = tell, catch)]
    fn tell_application(on_update: &Function, update: &JsValue, logger: &JsValue, state: &JsValue) -> Result<(), JsValue>;
}

/// What a method does, and the signal that ends it. Boxed: one future with a state for each method
/// would be half as large again.
pub(super) struct Work {
    pub(super) signal: Option<Signal>,
    pub(super) mark: Rc<Mark>,
    pub(super) future: Pin<Box<dyn Future<Output = Result<Json>>>>,
}

impl Call {
    /// The work of this call.
    pub(super) fn work<F>(mut self, work: impl FnOnce(Self) -> F) -> Work
    where
        F: Future<Output = Result<Json>> + 'static,
    {
        // There no other call may depend on this one.
        if is_in_workers() {
            self.runs_only_while_read();
        }
        let (signal, mark) = (self.given.signal.clone(), self.mark.clone());
        Work { signal, mark, future: Box::pin(work(self)) }
    }

    /// Calls the application's `onUpdate`. What that throws does not end the call.
    pub(super) fn tell(&self, client: &Client<JsPlatform>, update: Update) {
        if matches!(update, Update::Paying) {
            self.mark.pays();
        }
        let Some(OnUpdate { callback, state }) = &self.given.on_update else { return };
        let (kind, key, value) = match update {
            Update::Quote(quote) => ("quote", "quote", quote),
            Update::Payment(payment) => ("payment", "payment", payment),
            Update::Created(job) => ("created", "job", job),
            Update::Status(job) => ("status", "job", job),
            Update::Paying => return,
        };
        // A copy: what the application does with it must not reach the result of the call.
        let update = Json::object().set("type", Json::text(kind)).set(key, copied(&value));
        let _ = tell_application(callback, &update.0, &client.platform.logger.0, &state.0);
    }
}

/// The promise of a method. `start` reads the arguments now; what it returns begins when JavaScript
/// is next idle.
pub(super) fn promise(connection: &Connection, start: &mut dyn FnMut(Rc<Client<JsPlatform>>) -> Result<Work>) -> Promise {
    // First, so that a trap in `start` rejects it.
    let (deferred, promise) = Deferred::new();
    match connection.client().and_then(start) {
        Ok(Work { signal, mark, future }) => {
            mark.is_of(deferred);
            spawn_local(Running { deferred, future: Some(future), ending: signal.map(|signal| Box::new((signal, None))) });
        }
        Err(error) => deferred.settle(&Err(to_js(error))),
    }
    promise
}

/// Does the work, until its signal aborts, and settles the call's promise. Written by hand: ten
/// thousand calls may wait, and an `async` function would hold most of this twice.
struct Running {
    deferred: Deferred,
    /// `None` when it is done.
    future: Option<Pin<Box<dyn Future<Output = Result<Json>>>>>,
    /// The signal, and what listens to it once the work has begun.
    ending: Option<Box<(Signal, Option<Listener>)>>,
}

impl Running {
    fn step(&mut self, context: &mut Context<'_>) -> Poll<Result<JsValue, JsValue>> {
        if let Some((signal, listener)) = self.ending.as_deref_mut() {
            if let Some(reason) = signal.reason() {
                return Poll::Ready(Err(reason));
            }
            listener.get_or_insert_with(|| {
                let waker = context.waker().clone();
                signal.listen(move || waker.wake_by_ref())
            });
        }
        let Some(future) = &mut self.future else { return Poll::Pending };
        let polled = future.as_mut().poll(context);
        // The work itself may have called the application, which aborted.
        match self.ending.as_deref().and_then(|(signal, _)| signal.reason()) {
            Some(reason) => Poll::Ready(Err(reason)),
            None => polled.map(|result| result.map(|value| value.0).map_err(to_js)),
        }
    }
}

impl Future for Running {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.step(context).map(|result| {
            // First: what it has under way ends, which calls JavaScript.
            (self.future, self.ending) = (None, None);
            self.deferred.settle(&result);
        })
    }
}
