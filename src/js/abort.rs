//! Ending a call at once when its caller says so.

use wasm_bindgen::prelude::*;

use crate::json::Json;

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    // A signal of others' making may throw.
    #[wasm_bindgen(catch)]
    fn listen(signal: &JsValue, wake: &JsValue, on: bool) -> Result<(), JsValue>;
}

/// Why the signal has aborted, if it has.
pub(super) fn reason(signal: &Json) -> Option<JsValue> {
    let reason = || signal.get("reason").map(|reason| reason.0).unwrap_or_default();
    (signal.get("aborted")?.0 == true).then(reason)
}

/// An abort listener that takes itself away.
pub(super) struct Listener {
    signal: Json,
    wake: Closure<dyn FnMut()>,
}

impl Listener {
    pub(super) fn new(signal: Json, wake: impl FnMut() + 'static) -> Self {
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
