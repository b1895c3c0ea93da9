//! The seam between this crate and the runtime it is in: one trait, and the values that cross it.
//!
//! The package implements [`Platform`] over a JavaScript runtime (`js/platform.rs`), the tests
//! implement it over a script and a virtual clock.

use core::task::Poll;

use crate::json::{Json, read_header};
use crate::time::{Instant, Millis, WallTime};

/// What the crate needs from its runtime.
///
/// Dropping a future cancels what it stands for: the request is aborted, the timer cleared.
pub trait Platform {
    /// Holds a lock until it is dropped.
    type Lock;

    /// Sends a request and reads the whole response, both within `request.timeout`. Redirects are
    /// never followed. With `on_chunk`, the text of an event stream goes there as it arrives, and
    /// the body is empty.
    fn send(
        &self,
        request: &HttpRequest,
        on_chunk: Option<&dyn Fn(&str)>,
    ) -> impl Future<Output = Result<HttpResponse, SendError>>;

    /// Waits so long.
    fn sleep(&self, duration: Millis) -> impl Future<Output = ()>;

    /// Waits until the page is active again: visible, online, or taken out of the back/forward
    /// cache. Where there is no page, that never comes.
    fn active_again(&self) -> impl Future<Output = ()> {
        core::future::pending()
    }

    /// Waits so long, or until the page is active again. Returns whether it is.
    fn sleep_until_active(&self, duration: Millis) -> impl Future<Output = bool> {
        async move { within(self.active_again(), self.sleep(duration)).await.is_some() }
    }

    /// Whether lines of [`LogLevel::Debug`] reach anyone; else none need be made.
    fn logs_debug(&self) -> bool {
        true
    }

    /// Writes a line to the application's logger. The words hold no secret.
    fn log(&self, _level: LogLevel, _words: &str) {}

    /// The monotonic clock.
    fn now(&self) -> Instant;

    /// The wall clock.
    fn wall_time(&self) -> WallTime;

    /// A number from 0 to 1.
    fn random(&self) -> f64;

    /// A random id.
    fn uuid(&self) -> String;

    /// The time that an HTTP date or an ISO date names.
    fn parse_date(&self, text: &str) -> Option<WallTime>;

    /// 32 random bytes that nobody can guess.
    fn nonce(&self) -> [u8; 32];

    /// What the wallet can do; nothing without a wallet.
    fn wallet_capabilities(&self) -> WalletCapabilities;

    /// The wallet's address, where it is known without calling the wallet.
    fn wallet_address(&self) -> Option<String> {
        None
    }

    /// Whether the application has given this callback.
    fn has_callback(&self, callback: Callback) -> bool;

    /// Calls one of the application's callbacks. The result is what it returned, or what it threw.
    fn call(&self, callback: Callback, argument: Json) -> impl Future<Output = Result<Json, Json>>;

    /// Asks the wallet to pay for this attempt. `on_sent` receives the transaction that a wallet
    /// has sent, if it says that before it answers. A runtime that outlives this module hands on
    /// what comes when the module is gone.
    fn ask_wallet(
        &self,
        attempt_id: &str,
        callback: Callback,
        argument: Json,
        on_sent: &dyn Fn(Json),
    ) -> impl Future<Output = Result<Json, Json>> {
        let _ = (attempt_id, on_sent);
        self.call(callback, argument)
    }

    /// Performs one operation of the payment store. The result is what the store returned, or what
    /// it threw.
    fn store(&self, operation: StoreOperation, key: &str, value: &str) -> impl Future<Output = Result<Json, Json>>;

    /// Waits until no other call holds the lock of this name: in this program, in another tab, or
    /// wherever the store can tell. The error is what the store threw.
    fn lock(&self, name: &str) -> impl Future<Output = Result<Self::Lock, Json>>;

    /// Whether this lock is still held: a program that was suspended may have lost it.
    fn holds(&self, _lock: &Self::Lock) -> bool {
        true
    }

    /// Runs a task to its end, whatever happens to the call that started it.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);
}

/// How important a line for the logger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What happens.
    Debug,
    /// What somebody should check.
    Warn,
}

/// An operation of the payment store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOperation {
    /// Reads the text of a key; the result is no text when there is none.
    Get,
    /// Writes the text of a key.
    Set,
    /// Writes the text of a key that has none. The result is `true` when this call wrote it,
    /// `false` when there was one. Stores that cannot do both at once read first: the lock of the
    /// key is held.
    Add,
    /// Deletes a key.
    Delete,
    /// Lists all keys.
    Keys,
}

/// A function that the application gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callback {
    /// `confirm`: whether this quote may be paid. Only `true` is a yes.
    Confirm,
    /// `wallet.address`.
    Address,
    /// `wallet.sendTransfer`: makes the transfer of this quote. Returns its transaction hash.
    Transfer,
    /// `wallet.signTypedData`: signs this typed data. Returns the signature.
    Sign,
    /// `wallet.call`: calls a contract of the chain without a transaction. Returns what the
    /// contract returns, in hexadecimal.
    Call,
    /// `wallet.receipt`: returns a transaction's receipt; nothing while there is none.
    Receipt,
    /// `wallet.pay`: takes the payment of this quote over. Returns the request headers, as a list
    /// of names (in lower case) and values.
    Pay,
}

/// What a wallet can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WalletCapabilities {
    /// It can make a token transfer and return its hash.
    pub transfer: bool,
    /// It can sign typed data (EIP-712), and has an address.
    pub sign: bool,
    /// It can take over a whole payment.
    pub pay: bool,
}

impl WalletCapabilities {
    /// Whether it can do nothing of that: there is no wallet.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// The only methods that the API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads; may be repeated.
    Get,
    /// Creates; must not be repeated blindly.
    Post,
    /// Takes away.
    Delete,
}

impl Method {
    /// The method as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The JSON text to send.
    pub body: Option<String>,
    /// The longest time for the request with its whole response.
    pub timeout: Millis,
    /// How many single responses this one replaces: a list of many jobs may be that much larger.
    pub answers: f64,
    /// Parts of the address that no text for people may contain: a session's id.
    pub secrets: Vec<String>,
}

/// The response headers that are read; the runtime need not carry others over.
pub const RESPONSE_HEADERS: [&str; 14] = [
    "age",
    "content-type",
    "retry-after",
    "date",
    "location",
    "payment-required",
    "payment-response",
    "x-payment-amount",
    "x-payment-currency",
    "x-payment-networks",
    "x-payment-response",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
];

/// What came in the body.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// A JSON document.
    Json(Json),
    /// Anything else: the first few thousand characters of it.
    Text(String),
}

/// One response.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Those of [`RESPONSE_HEADERS`] that were there.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
}

impl HttpResponse {
    /// The value of one of [`RESPONSE_HEADERS`].
    pub fn header(&self, name: &str) -> Option<&str> {
        debug_assert!(RESPONSE_HEADERS.contains(&name), "the runtime does not carry {name} over");
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// What the facilitator says of the payment that the request brought.
    pub(crate) fn receipt(&self) -> Option<Json> {
        self.header("payment-response").or_else(|| self.header("x-payment-response")).and_then(read_header)
    }

    /// Whether the server says that all is well.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why no response came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendFailure {
    /// Refused, or the name is unknown: the server was certainly not reached.
    Unreached,
    /// The connection broke.
    Reset,
    /// The time limit ran out.
    Timeout,
    /// The body is larger than allowed.
    TooLarge,
    /// The response's headers are larger than the runtime reads.
    HeadersTooLarge,
    /// The answer is a redirect whose target cannot be seen.
    HiddenRedirect,
    /// What the given `fetch` returned is no response.
    NoResponse,
    /// Something else, with what the platform said: the server may have been reached.
    Failed,
}

/// How far a request had come when it failed, where the platform says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The platform does not say.
    Unknown,
    /// There was no connection yet: the name was looked up, or the server was called.
    Connecting,
    /// There was a connection: the server may have the request.
    Connected,
}

impl SendFailure {
    /// What the platform's words mean: an error code of the operating system or of Node's HTTP
    /// client where there is one, else a message.
    pub fn from_words(words: &str, progress: Progress) -> Self {
        // Node and Bun name codes; Deno writes the system's words.
        let any = |known: &[&str]| known.iter().any(|word| words.contains(word));
        let is_code = |known: &[&str]| known.contains(&words);
        if progress == Progress::Connected {
            SendFailure::Reset
        } else if progress == Progress::Connecting {
            SendFailure::Unreached
        } else if any(&["UND_ERR_HEADERS_OVERFLOW", "HPE_HEADER_OVERFLOW"]) {
            SendFailure::HeadersTooLarge
        } else if is_code(&["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ConnectionRefused", "UND_ERR_CONNECT_TIMEOUT"])
            || any(&["connect ECONNREFUSED", "Connection refused", "dns error"])
        {
            // Not EHOSTUNREACH and ENETUNREACH: a connection that was there can end with them too.
            SendFailure::Unreached
        } else if any(&["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "ConnectionClosed", "ConnectionReset", "Connection reset"]) {
            SendFailure::Reset
        } else {
            SendFailure::Failed
        }
    }
}

/// A request that got no response.
#[derive(Debug, Clone)]
pub struct SendError {
    /// Why.
    pub failure: SendFailure,
    /// The platform's own words: `ECONNREFUSED`, `fetch failed`.
    pub words: String,
    /// What the platform threw.
    pub cause: Option<Json>,
    /// What had been read of the answer's body when it broke off.
    pub partial: String,
}

/// The result of `work`, or `None` when `limit` ends first. The one that is left is dropped.
pub async fn within<T>(work: impl Future<Output = T>, limit: impl Future<Output = ()>) -> Option<T> {
    let mut work = core::pin::pin!(work);
    let mut limit = core::pin::pin!(limit);
    core::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => limit.as_mut().poll(context).map(|()| None),
    })
    .await
}
