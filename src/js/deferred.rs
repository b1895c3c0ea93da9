//! What settles the promise of a call, and what JavaScript knows of the call meanwhile.

use core::cell::Cell;

use js_sys::Promise;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    // What JavaScript knows of calls that have not settled (`pkg-template/calls.ts`): they reject
    // when this instance of the module traps.
    fn begin() -> u32;
    /// The promise of the call that has begun last.
    fn begun() -> Promise;
    /// The call is about a payment from now on.
    fn pays(call: u32);
    fn resolve(call: u32, value: &JsValue);
    fn reject(call: u32, error: &JsValue);
}

/// What settles a call's promise, by its number in JavaScript.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deferred(u32);

impl Deferred {
    /// A call begins: its promise, and what settles that.
    pub(super) fn new() -> (Self, Promise) {
        (Self(begin()), begun())
    }

    pub(super) fn settle(self, result: &Result<JsValue, JsValue>) {
        match result {
            Ok(value) => resolve(self.0, value),
            Err(error) => reject(self.0, error),
        }
    }
}

/// What JavaScript is told of a call, so that it knows that when this module has trapped.
#[derive(Debug, Default)]
pub(super) struct Mark {
    deferred: Cell<Option<Deferred>>,
    pays: Cell<bool>,
}

impl Mark {
    /// This settles what is marked: the call, or one step of it.
    pub(super) fn is_of(&self, deferred: Deferred) {
        self.deferred.set(Some(deferred));
        if self.pays.get() {
            self.pays();
        }
    }

    /// The call is about a payment from now on.
    pub(super) fn pays(&self) {
        self.pays.set(true);
        if let Some(Deferred(call)) = self.deferred.get() {
            pays(call);
        }
    }
}
