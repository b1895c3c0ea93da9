//! One call of a method as a promise.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;
use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::abort::Signal;
use super::arguments::{Call, OnUpdate};
use super::connection::Connection;
use super::error::to_js;
use super::platform::{JsPlatform, is_in_workers};
use crate::api::error::Result;
use crate::client::{Client, Update};
use crate::json::{Json, copied};

#[wasm_bindgen]
extern "C" {
    /// A promise with what settles it. It rejects when this instance of the module traps
    /// (`pkg-template/instance.ts`).
    pub(super) type Deferred;
    #[wasm_bindgen(js_namespace = host)]
    pub(super) fn deferred() -> Deferred;
    #[wasm_bindgen(method, getter)]
    pub(super) fn promise(this: &Deferred) -> Promise;
    #[wasm_bindgen(method)]
    fn resolve(this: &Deferred, value: &JsValue);
    #[wasm_bindgen(method)]
    fn reject(this: &Deferred, error: &JsValue);
    /// `mark.paying` is set when the call is about a payment.
    #[wasm_bindgen(method)]
    pub(super) fn about(this: &Deferred, mark: &JsValue);

    #[wasm_bindgen(js_namespace = host, js_name = tell, catch)]
    fn tell_application(on_update: &Function, update: &JsValue, logger: &JsValue, state: &JsValue) -> Result<(), JsValue>;
}

impl Deferred {
    pub(super) fn settle(&self, result: &Result<JsValue, JsValue>) {
        match result {
            Ok(value) => self.resolve(value),
            Err(error) => self.reject(error),
        }
    }
}

/// What a method does, and the signal that ends it. Boxed: one future with a state for each method
/// would be half as large again.
pub(super) struct Work {
    pub(super) signal: Option<Signal>,
    /// What JavaScript knows of the call when this module traps.
    pub(super) mark: Json,
    pub(super) future: Pin<Box<dyn Future<Output = Result<Json>>>>,
}

impl Call {
    /// The work of this call.
    pub(super) fn work<F>(mut self, work: impl FnOnce(Self) -> F) -> Work
    where
        F: Future<Output = Result<Json>> + 'static,
    {
        // There no other call may depend on this one.
        self.options.runs_only_while_read |= is_in_workers();
        let (signal, mark) = (self.signal.clone(), Json::object());
        self.mark = Some(mark.clone());
        Work { signal, mark, future: Box::pin(work(self)) }
    }

    /// Calls the application's `onUpdate`. What that throws does not end the call.
    pub(super) fn tell(&self, client: &Client<JsPlatform>, update: Update) {
        if let (Update::Paying, Some(mark)) = (&update, &self.mark) {
            mark.clone().set("paying", Json::boolean(true));
        }
        let Some(OnUpdate { callback, state }) = &self.on_update else { return };
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
    let deferred = deferred();
    let promise = deferred.promise();
    match connection.client().and_then(start) {
        Ok(work) => {
            deferred.about(&work.mark.0);
            spawn_local(async move { deferred.settle(&run(work).await) });
        }
        Err(error) => deferred.settle(&Err(to_js(error))),
    }
    promise
}

/// Does the work, until its signal aborts.
async fn run(Work { signal, mut future, .. }: Work) -> Result<JsValue, JsValue> {
    let Some(signal) = signal else { return future.await.map(|value| value.0).map_err(to_js) };
    let mut listener = None;
    poll_fn(|context| {
        if let Some(reason) = signal.reason() {
            return Poll::Ready(Err(reason));
        }
        listener.get_or_insert_with(|| {
            let waker = context.waker().clone();
            signal.listen(move || waker.wake_by_ref())
        });
        let polled = future.as_mut().poll(context);
        // The work itself may have called the application, which aborted.
        match signal.reason() {
            Some(reason) => Poll::Ready(Err(reason)),
            None => polled.map(|result| result.map(|value| value.0).map_err(to_js)),
        }
    })
    .await
}
