//! The seam: what the core needs from the world.

use crate::http::{HttpRequest, HttpResponse, SendError};
use crate::json::Json;
use crate::x402::Quote;

/// The world. The package implements it over a JavaScript runtime, the tests over a script and a virtual clock.
///
/// Dropping a future cancels what it stands for: the request is aborted, the timer cleared.
pub trait Runtime {
    /// The JSON documents of this runtime.
    type Json: Json;

    /// Sends a request and reads its whole answer, both within `request.timeout_ms`. Redirects are never followed.
    fn send(&self, request: &HttpRequest) -> impl Future<Output = Result<HttpResponse<Self::Json>, SendError<Self::Json>>>;

    /// Waits so many milliseconds.
    fn sleep(&self, ms: f64) -> impl Future<Output = ()>;

    /// A clock that only goes forward, in milliseconds.
    fn now_ms(&self) -> f64;

    /// The clock on the wall, in milliseconds since 1970.
    fn wall_ms(&self) -> f64;

    /// A number from 0 to 1.
    fn random(&self) -> f64;

    /// A random id.
    fn uuid(&self) -> String;

    /// An HTTP date, in milliseconds since 1970.
    fn parse_date(&self, text: &str) -> Option<f64>;

    /// Whether there is a wallet.
    fn has_wallet(&self) -> bool;

    /// Asks the wallet to make the transfer. Gives what the wallet gave, or what it threw.
    fn transfer(&self, quote: &Quote) -> impl Future<Output = Result<Self::Json, Self::Json>>;
}
