//! The seam: what the core needs from the world.

use core::task::Poll;

use crate::http::{HttpRequest, HttpResponse, SendError};
use crate::json::Json;
use crate::spend::Abilities;

/// The world. The package implements it over a JavaScript runtime, the tests over a script and a virtual clock.
///
/// Dropping a future cancels what it stands for: the request is aborted, the timer cleared.
pub trait Runtime {
    /// The JSON documents of this runtime.
    type Json: Json;
    /// What holds a lock until it is dropped.
    type Lock;

    /// Sends a request and reads its whole answer, both within `request.timeout_ms`. Redirects are never followed. Where `hear` is given
    /// and the answer is an event stream, its text goes there as it comes, and the body is empty.
    fn send(
        &self,
        request: &HttpRequest,
        hear: Option<&dyn Fn(&str)>,
    ) -> impl Future<Output = Result<HttpResponse<Self::Json>, SendError<Self::Json>>>;

    /// Waits so many milliseconds.
    fn sleep(&self, ms: f64) -> impl Future<Output = ()>;

    /// Waits so many milliseconds, or until the page is back: shown again, on the network again, taken out of a cache.
    fn nap(&self, ms: f64) -> impl Future<Output = ()> {
        self.sleep(ms)
    }

    /// Tells the application's logger. The words hold no secret.
    fn log(&self, _level: Level, _words: &str) {}

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

    /// 32 random bytes that nobody can guess.
    fn nonce(&self) -> [u8; 32];

    /// What the wallet can do; nothing when there is none.
    fn abilities(&self) -> Abilities;

    /// Whether there is something to be asked.
    fn can_ask(&self, whom: Ask) -> bool;

    /// Asks the store of payments. Gives what it gave, or what it threw.
    fn store(&self, call: StoreCall, key: &str, value: &str) -> impl Future<Output = Result<Self::Json, Self::Json>>;

    /// Waits until nobody else, in this program, in another tab, or wherever the store can tell, holds the lock of this name. The error is
    /// what the store threw.
    fn lock(&self, name: &str) -> impl Future<Output = Result<Self::Lock, Self::Json>>;

    /// Does this to its end, whatever becomes of the call that began it.
    fn spawn(&self, work: impl Future<Output = ()> + 'static);

    /// Asks the application or its wallet. Gives what they gave, or what they threw.
    fn ask(&self, whom: Ask, given: Self::Json) -> impl Future<Output = Result<Self::Json, Self::Json>>;
}

/// What a line for the logger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What happens.
    Debug,
    /// What somebody should look at.
    Warn,
}

/// What the store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreCall {
    /// The text under a key; anything else when there is none.
    Get,
    /// To keep a text under a key.
    Set,
    /// To forget a key.
    Delete,
    /// The list of keys.
    Keys,
}

/// Whom the core asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The application: whether this quote may be paid. `true` is a yes.
    Confirm,
    /// The wallet: its address.
    Address,
    /// The wallet: to make the transfer of this quote. Its transaction hash.
    Transfer,
    /// The wallet: to sign this typed data. The signature.
    Sign,
    /// The wallet: to take the payment of this quote over. The request headers, as a list of names (in lower case) and values.
    Pay,
}

/// What comes first: the work, or the end of the limit (`None`). Whichever is left is dropped.
pub async fn within<T>(work: impl Future<Output = T>, limit: impl Future<Output = ()>) -> Option<T> {
    let mut work = core::pin::pin!(work);
    let mut limit = core::pin::pin!(limit);
    core::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => limit.as_mut().poll(context).map(|()| None),
    })
    .await
}
