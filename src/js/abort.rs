//! Signals that end a call at once.

use core::fmt;

use wasm_bindgen::prelude::*;

use crate::json::Json;

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    // A signal that others have made may throw.
    #[wasm_bindgen(catch)]
    fn listen(signal: &JsValue, wake: &JsValue, on: bool) -> Result<(), JsValue>;
    /// What a signal aborts with that has no reason of its own.
    #[wasm_bindgen(js_name = abortError)]
    fn abort_error() -> JsValue;
}

/// An `AbortSignal`, or what works like one.
#[derive(Debug, Clone)]
pub(super) struct Signal(pub(super) Json);

impl Signal {
    /// Why the signal has aborted, if it has. Those of old browsers and of polyfills do not say
    /// why.
    pub(super) fn reason(&self) -> Option<JsValue> {
        let reason = || self.0.get("reason").map_or_else(abort_error, |reason| reason.0);
        (self.0.get("aborted")?.0 == true).then(reason)
    }

    /// Calls `wake` when the signal aborts, until the listener is dropped.
    pub(super) fn listen(&self, wake: impl FnMut() + 'static) -> Listener {
        let wake = Closure::<dyn FnMut()>::new(wake);
        let _ = listen(&self.0.0, wake.as_ref(), true);
        Listener { signal: self.clone(), wake }
    }
}

/// A listener that removes itself.
pub(super) struct Listener {
    signal: Signal,
    wake: Closure<dyn FnMut()>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Listener")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = listen(&self.signal.0.0, self.wake.as_ref(), false);
    }
}
