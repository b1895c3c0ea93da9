//! Numbers as JavaScript writes and reads them.

#[cfg(not(target_arch = "wasm32"))]
pub(super) use host::{number_of, text_of};
#[cfg(target_arch = "wasm32")]
pub(super) use javascript::{number_of, text_of};

#[cfg(target_arch = "wasm32")]
mod javascript {
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = String)]
        fn string(number: f64) -> String;
        #[wasm_bindgen(js_name = Number)]
        fn number(text: &str) -> f64;
    }

    /// A finite number as JSON has it.
    pub(in super::super) fn text_of(value: f64) -> String {
        string(value)
    }

    /// `Number(text)`
    pub(in super::super) fn number_of(text: &str) -> f64 {
        number(text)
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    /// A finite number as JSON has it.
    pub(in super::super) fn text_of(number: f64) -> String {
        number.to_string()
    }

    /// `Number(text)`, but for the notations that only JavaScript has.
    pub(in super::super) fn number_of(text: &str) -> f64 {
        match text.trim() {
            "" => 0.0,
            text => text.parse().unwrap_or(f64::NAN),
        }
    }
}
