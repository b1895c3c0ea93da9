//! What can go wrong, with a stable code for each.

#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::api::payments::Attempt;
use crate::json::Json;
use crate::text::redact;
use crate::time::Millis;

/// The class of an error, as applications see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// `ArgumentError`: an argument or option that can never work. Nothing was sent.
    Argument,
    /// `ApiError`: the server refused the request or sent something unreadable.
    Api,
    /// `JobError`: the job ended without an answer, or no longer exists.
    Job,
    /// `PaymentError`: the price or the wallet's answer was refused, or a payment's outcome is
    /// unknown.
    Payment,
    /// `ConnectionError`: no response arrived.
    Connection,
    /// `SessionError`: a message in a session got no answer.
    Session,
    /// `ElizaJobsError` itself: the package's own module failed.
    Internal,
}

impl ErrorClass {
    /// The class as it is exported.
    pub fn name(self) -> &'static str {
        match self {
            ErrorClass::Argument => "ArgumentError",
            ErrorClass::Api => "ApiError",
            ErrorClass::Job => "JobError",
            ErrorClass::Payment => "PaymentError",
            ErrorClass::Connection => "ConnectionError",
            ErrorClass::Session => "SessionError",
            ErrorClass::Internal => "ElizaJobsError",
        }
    }
}

macro_rules! codes {
    ($($(#[$about:meta])* $class:ident, $codes:ident { $($(#[$doc:meta])* $name:ident = $text:literal, $retryable:literal;)* })*) => {
        /// A stable name for each thing that can go wrong.
        #[cfg_attr(target_arch = "wasm32", derive(Tsify))]
        #[cfg_attr(target_arch = "wasm32", serde(rename_all = "snake_case"))]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorCode { $($($(#[$doc])* $name,)*)* }

        impl ErrorCode {
            /// Every code, for tests and documentation.
            pub const ALL: &[ErrorCode] = &[$($(ErrorCode::$name,)*)*];
            /// The code as applications see it.
            pub fn as_str(self) -> &'static str { match self { $($(ErrorCode::$name => $text,)*)* } }
            /// The class of the error that carries this code.
            pub fn class(self) -> ErrorClass { match self { $($(ErrorCode::$name => ErrorClass::$class,)*)* } }
            /// Whether the same call may succeed later without any change, and repeating it cannot
            /// cost money.
            pub fn retryable(self) -> bool { match self { $($(ErrorCode::$name => $retryable,)*)* } }
        }

        $(
            $(#[$about])*
            #[cfg(target_arch = "wasm32")]
            #[derive(Debug, Tsify)]
            #[serde(rename_all = "snake_case")]
            pub enum $codes { $($(#[$doc])* $name,)* }
        )*
    };
}

codes! {
    /// The codes of an `ArgumentError`.
    Argument, ArgumentErrorCode {
        /// An argument or option can never work.
        InvalidArgument = "invalid_argument", false;
        /// The client was released with `free()`.
        ClientDisposed = "client_disposed", false;
    }
    /// The codes of a `ConnectionError`.
    Connection, ConnectionErrorCode {
        /// The server was certainly or probably not reached.
        ConnectionFailed = "connection_failed", true;
        /// The connection broke before the answer was complete.
        ConnectionReset = "connection_reset", true;
        /// The time limit ran out before the answer was complete.
        RequestTimeout = "request_timeout", true;
    }
    /// The codes of an `ApiError`.
    Api, ApiErrorCode {
        /// HTTP 400.
        BadRequest = "bad_request", false;
        /// HTTP 401.
        Unauthorized = "unauthorized", false;
        /// HTTP 403.
        Forbidden = "forbidden", false;
        /// HTTP 404 for anything but a job.
        NotFound = "not_found", false;
        /// HTTP 404 for a job that was never seen.
        JobNotFound = "job_not_found", false;
        /// HTTP 404 for a session: it never existed, was deleted, or the server was restarted.
        SessionNotFound = "session_not_found", false;
        /// HTTP 410: the session has expired.
        SessionExpired = "session_expired", false;
        /// HTTP 429.
        RateLimited = "rate_limited", true;
        /// HTTP 5xx.
        ServerError = "server_error", true;
        /// Any other HTTP status that is no success.
        RequestRefused = "request_refused", false;
        /// A success status with a body that is no answer, or an answer about something else.
        InvalidResponse = "invalid_response", true;
        /// A success status with a web page in place of an answer.
        UnexpectedHtml = "unexpected_html", false;
        /// The body is larger than `maxResponseBytes`, or the headers are larger than the runtime
        /// reads.
        ResponseTooLarge = "response_too_large", false;
        /// The server redirects to where the request must not go.
        RedirectRefused = "redirect_refused", false;
    }
    /// The codes of a `JobError`.
    Job, JobErrorCode {
        /// The agent reported a failure.
        JobFailed = "job_failed", false;
        /// The agent did not answer within the job's time.
        JobTimeout = "job_timeout", false;
        /// A job that existed no longer does.
        JobGone = "job_gone", false;
        /// The caller's wait is over, the job is not.
        WaitTimeout = "wait_timeout", true;
    }
    /// The codes of a `SessionError`.
    Session, SessionErrorCode {
        /// The agent failed on the message, which is in the session.
        AgentFailed = "agent_failed", false;
        /// The agent saw the message and chose not to answer.
        NoAnswer = "no_answer", false;
        /// No answer came in time; the message is in the session, and the answer may still come.
        AnswerTimeout = "answer_timeout", false;
        /// The message was sent, and it is unknown whether it arrived.
        MessageOutcomeUnknown = "message_outcome_unknown", false;
    }
    /// The codes of a `PaymentError`.
    Payment, PaymentErrorCode {
        /// The server asks for a payment and there is no wallet.
        PaymentRequired = "payment_required", false;
        /// The 402 names nothing that could be paid.
        PaymentRequirementsInvalid = "payment_requirements_invalid", false;
        /// The price is above the caller's limit.
        PaymentOverLimit = "payment_over_limit", false;
        /// The 402 offers only networks that the caller does not allow.
        PaymentNetworkNotAllowed = "payment_network_not_allowed", false;
        /// The 402 wants somebody paid whom the caller does not allow, or the payer itself.
        PaymentRecipientNotAllowed = "payment_recipient_not_allowed", false;
        /// The 402 is about another address than the request's.
        PaymentResourceMismatch = "payment_resource_mismatch", false;
        /// The proof of payment would go over a connection that others can read.
        PaymentInsecureConnection = "payment_insecure_connection", false;
        /// The application's `confirm` did not return `true`.
        PaymentDeclined = "payment_declined", false;
        /// A 402 on a request that is never paid.
        PaymentNotSupportedHere = "payment_not_supported_here", false;
        /// The server refused the proof of a payment.
        PaymentRefused = "payment_refused", false;
        /// The server took the proof of a payment, but not the request:
        /// `resume(attempt, { params })` sends the same proof with another request.
        PaymentRequestRefused = "payment_request_refused", false;
        /// The payment is no longer open: it was finished or forgotten elsewhere, or nothing was
        /// paid.
        PaymentNotOpen = "payment_not_open", false;
        /// The proof was sent, and its outcome is unknown.
        PaymentOutcomeUnknown = "payment_outcome_unknown", false;
        /// The payment store failed, or a record in it cannot be read. This call paid nothing.
        StoreFailed = "store_failed", false;
        /// The wallet can serve none of the offers.
        WalletCannotPay = "wallet_cannot_pay", false;
        /// The user rejected the request in the wallet. No money has moved.
        WalletRejected = "wallet_rejected", false;
        /// The wallet failed. Money may have moved.
        WalletFailed = "wallet_failed", false;
        /// What the wallet returned is no proof. Money may have moved.
        WalletInvalidProof = "wallet_invalid_proof", false;
        /// The wallet did not answer in time. Money may have moved.
        WalletTimeout = "wallet_timeout", false;
    }
    /// The codes of an `ElizaJobsError` that is of no other class.
    Internal, InternalErrorCode {
        /// The package's WebAssembly module failed. Later calls run on a fresh instance of it.
        WasmPanic = "wasm_panic", false;
        /// The package's WebAssembly module cannot be loaded in this runtime.
        InitFailed = "init_failed", false;
    }
}

/// An error of the core.
#[derive(Debug, Clone)]
pub struct Error {
    /// What went wrong.
    pub code: ErrorCode,
    /// For people: what happened, and what to do. Holds no secret and no proof of payment.
    pub message: String,
    /// The name of the argument or option at fault.
    pub field: Option<String>,
    /// The HTTP status of the server's response.
    pub status: Option<u16>,
    /// The server's own words, without what could be a secret.
    pub server_message: Option<String>,
    /// The server's own code for the error.
    pub server_code: Option<String>,
    /// How long the server asks the client to wait.
    pub retry_after: Option<Millis>,
    /// The job this is about.
    pub job_id: Option<String>,
    /// The job as it was last seen.
    pub job: Option<Json>,
    /// The reference in its metadata.
    pub reference: Option<String>,
    /// The session this is about.
    pub session_id: Option<String>,
    /// The message that was sent, as it is in the session.
    pub user_message: Option<Json>,
    /// The payment this is about.
    pub payment: Option<Box<Attempt>>,
    /// What the platform or the wallet threw.
    pub cause: Option<Json>,
    /// What the facilitator says of the payment that the refused request brought.
    pub receipt: Option<Json>,
    /// Whether the request certainly did not reach the server.
    pub not_sent: bool,
    /// Whether the call, made again, could pay again when `payment` is there.
    pub repeats_payment: bool,
    /// Whether this is about a payment of before that could not be read.
    pub is_about_unread_payment: bool,
}

/// Boxed, so that results stay small.
pub type Result<T, E = Box<Error>> = core::result::Result<T, E>;

impl Error {
    /// Whether the server will say the same to the same request: a refusal, and not 408, 425 or
    /// 429, which ask for another try.
    pub fn is_last_word(&self) -> bool {
        matches!(self.status, Some(400..=407 | 409..=424 | 426..=428 | 430..=499))
    }

    /// Whether this may come from a proxy, a login or a network's portal on the way: where the
    /// server was there before, it may pass.
    pub(crate) fn may_be_a_gateways(&self) -> bool {
        matches!(self.code, ErrorCode::UnexpectedHtml | ErrorCode::RedirectRefused)
    }

    /// An error with nothing but a code and a message. Whatever could be a proof of payment is
    /// removed from the message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            code,
            message: redact(&message.into()),
            field: None,
            status: None,
            server_message: None,
            server_code: None,
            retry_after: None,
            job_id: None,
            job: None,
            reference: None,
            session_id: None,
            user_message: None,
            payment: None,
            cause: None,
            receipt: None,
            not_sent: false,
            repeats_payment: true,
            is_about_unread_payment: false,
        })
    }

    /// A bad argument: `field rule; given …`.
    pub fn argument(field: &'static str, rule: &str, given: &str) -> Box<Self> {
        let mut error = Self::new(ErrorCode::InvalidArgument, format!("{field} {rule}; given: {given}"));
        error.field = Some(field.to_owned());
        error
    }

    /// Whether the same call may succeed later without any change, at no further cost.
    pub fn is_retryable(&self) -> bool {
        self.code.retryable() && (self.payment.is_none() || !self.repeats_payment)
    }

    /// The same error, about this job.
    #[must_use]
    pub fn about_job(mut self: Box<Self>, job_id: &str) -> Box<Self> {
        self.job_id = Some(job_id.to_owned());
        self
    }
}
