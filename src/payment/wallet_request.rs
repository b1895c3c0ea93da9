//! One request to a wallet: what it is asked for, and what its answer means. Nothing here waits or
//! sends.

use std::rc::Rc;

use crate::api::error::{Error, ErrorCode};
use crate::http::message::can_be_sent;
use crate::json::{Json, shown};
use crate::payment::wallet;
use crate::payment::wallet_error::{LOOK_IN_WALLET, Thrown, thrown};
use crate::platform::Callback;
use crate::spending::offer_rules::PaymentMethod;
use crate::time::WallTime;
use crate::x402::extensions::payment_id;
use crate::x402::signature::normalised;
use crate::x402::typed_data::{Authorization, Clock};
use crate::x402::{Offer, elizaos};

/// What a wallet is asked for one payment.
#[derive(Debug, Clone)]
pub struct WalletRequest {
    offer: Rc<Offer>,
    payer: String,
    attempt_id: String,
    wanted: Wanted,
}

/// What a wallet is to give.
#[derive(Debug, Clone)]
enum Wanted {
    /// The hash of a transfer that it makes.
    Transfer,
    /// A signature under this.
    Signature(Authorization),
    /// Request headers: it takes over the payment.
    Headers,
}

/// A call of one of the wallet's functions.
#[derive(Debug)]
pub struct WalletCall {
    /// Which function is called.
    pub callback: Callback,
    /// What it gets: the offer, or typed data to sign.
    pub argument: Json,
}

/// A proof of payment.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The request headers that carry it.
    pub headers: Vec<(String, String)>,
    /// The transaction that moves the money, where it is known.
    pub transaction: Option<String>,
}

/// Why there is no proof.
#[derive(Debug)]
pub struct NoProof {
    /// The error.
    pub error: Box<Error>,
    /// Something that looks like a transaction.
    pub transaction: Option<String>,
    /// Whether certainly no money has moved.
    pub unmoved: bool,
}

/// What a wallet returned that proves nothing, in words for its error.
struct Unfit {
    /// What it must return.
    wanted: String,
    /// What it returned. Shows no text that could be a proof.
    given: String,
}

impl WalletRequest {
    /// The request for this offer. `nonce` and the time by this `clock` go into a signature.
    pub fn new(attempt_id: &str, offer: Rc<Offer>, method: PaymentMethod, payer: String, nonce: &str, clock: Clock) -> Self {
        let wanted = match method {
            PaymentMethod::Transfer => Wanted::Transfer,
            PaymentMethod::Sign => Wanted::Signature(Authorization::new(&offer, payer.clone(), clock, nonce.to_owned())),
            PaymentMethod::Pay => Wanted::Headers,
        };
        Self { offer, payer, attempt_id: attempt_id.to_owned(), wanted }
    }

    /// What the wallet signs; `None` where it does not sign.
    pub fn authorization(&self) -> Option<&Authorization> {
        match &self.wanted {
            Wanted::Signature(authorization) => Some(authorization),
            Wanted::Transfer | Wanted::Headers => None,
        }
    }

    fn method(&self) -> PaymentMethod {
        match self.wanted {
            Wanted::Transfer => PaymentMethod::Transfer,
            Wanted::Signature(_) => PaymentMethod::Sign,
            Wanted::Headers => PaymentMethod::Pay,
        }
    }

    /// How the wallet is called.
    pub fn call(&self) -> WalletCall {
        let (callback, argument) = match &self.wanted {
            Wanted::Transfer => (Callback::Transfer, self.offer.document()),
            Wanted::Signature(authorization) => (Callback::Sign, authorization.typed_data(&self.offer.token)),
            Wanted::Headers => (Callback::Pay, self.offer.document()),
        };
        WalletCall { callback, argument }
    }

    /// Whether an answer at `now` (on the server's clock) still leaves the server the time to
    /// settle it.
    pub fn is_fresh(&self, now: WallTime) -> bool {
        self.authorization().is_none_or(|authorization| authorization.is_fresh(now))
    }

    /// Until when a signature can be settled, on the server's clock; `None` where nothing is
    /// signed.
    pub fn valid_until(&self) -> Option<WallTime> {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        self.authorization().map(|authorization| WallTime::from_ms(authorization.valid_before as f64 * 1_000.0))
    }

    /// What the wallet's answer means: what it returned, or what it threw.
    pub fn read(&self, answer: Result<Json, Json>) -> Result<Proof, NoProof> {
        let given = answer.map_err(|thrown| self.refused(thrown))?;
        let read = match &self.wanted {
            Wanted::Signature(authorization) => self.signed(authorization, &given),
            Wanted::Headers => wallet::headers(&given)
                .map(|headers| Proof { headers, transaction: None })
                .map_err(|what| Unfit { wanted: "request headers such as x-payment".to_owned(), given: what.to_owned() }),
            Wanted::Transfer => wallet::transaction_hash(&given)
                .map(|hash| Proof { headers: elizaos::proof(&hash, &self.offer.token.network), transaction: Some(hash) })
                .map_err(|given| Unfit { wanted: "a transaction hash (0x and 64 hexadecimal digits)".to_owned(), given }),
        };
        read.map_err(|Unfit { wanted, given: what }| {
            let transaction = wallet::stray_hash(&given);
            let unmoved = self.authorization().is_some() && transaction.is_none();
            let advice = if unmoved { "; nothing was sent" } else { LOOK_IN_WALLET };
            let message = format!("the wallet must return {wanted}; it returned {what}{advice}");
            NoProof { error: Error::new(ErrorCode::WalletInvalidProof, message), transaction, unmoved }
        })
    }

    fn signed(&self, authorization: &Authorization, given: &Json) -> Result<Proof, Unfit> {
        let refused = |what: &str| Unfit { wanted: format!("a signature by {}", self.payer), given: what.to_owned() };
        let text = given.as_text().ok_or_else(|| refused(&shown(given)))?;
        let signature = normalised(&text).map_err(refused)?;
        let header = authorization.proof(&self.offer, &signature, &payment_id(&self.attempt_id));
        if !can_be_sent(&header.1) {
            return Err(refused("one that no header can hold"));
        }
        Ok(Proof { headers: vec![header], transaction: None })
    }

    /// What it means that the wallet threw this.
    fn refused(&self, error: Json) -> NoProof {
        let Thrown { transaction, unmoved, .. } = thrown(self.method(), &error);
        NoProof { error: threw(self.method(), error), transaction, unmoved }
    }
}

/// The error for what a wallet threw when it was asked to pay by this method.
pub(crate) fn threw(method: PaymentMethod, cause: Json) -> Box<Error> {
    let Thrown { code, message, .. } = thrown(method, &cause);
    let mut error = Error::new(code, message);
    error.cause = Some(cause);
    error
}
