//! Getting a proof of payment out of a wallet: what it is asked, and what its answer means. Nothing here waits or sends.

use std::rc::Rc;

use crate::api::error::{Error, ErrorCode};
use crate::json::{Json, shown};
use crate::payment::wallet;
use crate::platform::Callback;
use crate::spending::policy::PaymentMethod;
use crate::text::fill;
use crate::time::WallTime;
use crate::x402::signature::normalised;
use crate::x402::typed_data::Authorization;
use crate::x402::{Offer, elizaos};

pub use crate::payment::wallet::{LOOK_IN_WALLET as LOOK, UNMOVED};

/// What a wallet is asked for one payment.
#[derive(Debug, Clone)]
pub struct Question {
    offer: Rc<Offer>,
    means: PaymentMethod,
    payer: String,
    /// What it signs, where it signs.
    pub authorization: Option<Authorization>,
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

impl Question {
    /// The question for this offer. `nonce` and `now` go into a signature.
    pub fn new(offer: Rc<Offer>, means: PaymentMethod, payer: String, nonce: &str, now: WallTime) -> Self {
        let sign = || Authorization::new(&offer, payer.clone(), now, nonce.to_owned());
        let authorization = (means == PaymentMethod::Sign).then(sign);
        Self { offer, means, payer, authorization }
    }

    /// Whom to ask, and what to show.
    pub fn asks(&self) -> (Callback, Json) {
        match (&self.authorization, self.means) {
            (Some(authorization), _) => (Callback::Sign, authorization.typed_data(&self.offer.token)),
            (None, PaymentMethod::Pay) => (Callback::Pay, self.offer.document()),
            (None, _) => (Callback::Transfer, self.offer.document()),
        }
    }

    /// What the answer means: what the wallet gave, or what it threw.
    pub fn read(&self, answer: Result<Json, Json>) -> Result<Proof, NoProof> {
        let signs = self.authorization.is_some();
        let given = answer.map_err(|thrown| {
            let wallet::Thrown { transaction, unmoved, .. } = wallet::thrown(self.means, &thrown);
            NoProof { error: threw(self.means, thrown), transaction, unmoved }
        })?;
        let read =
            match (&self.authorization, self.means) {
                (Some(authorization), _) => given
                    .as_text()
                    .ok_or_else(|| shown(&given))
                    .and_then(|text| normalised(&text).map_err(str::to_owned))
                    .map(|signature| authorization.proof(&self.offer, &signature))
                    .and_then(|header| {
                        if wallet::can_be_sent(&header.1) { Ok(header) } else { Err("one that no header can hold".to_owned()) }
                    })
                    .map(|header| Proof { headers: vec![header], transaction: None })
                    .map_err(|what| (fill("a signature by %", &[&self.payer]), what)),
                (None, PaymentMethod::Pay) => wallet::headers(&given)
                    .map(|headers| Proof { headers, transaction: None })
                    .map_err(|what| ("request headers such as x-payment".to_owned(), what.to_owned())),
                (None, _) => wallet::transaction_hash(&given)
                    .map(|hash| Proof { headers: elizaos::proof(&hash, &self.offer.token.network), transaction: Some(hash) })
                    .map_err(|what| ("a transaction hash (0x and 64 hexadecimal digits)".to_owned(), what)),
            };
        read.map_err(|(wanted, what)| {
            let transaction = wallet::stray_hash(&given);
            let unmoved = signs && transaction.is_none();
            let advice = if unmoved { "; nothing was sent" } else { LOOK };
            let message = fill("the wallet must give %; it gave %%", &[&wanted, &what, advice]);
            NoProof { error: Error::new(ErrorCode::WalletInvalidProof, message), transaction, unmoved }
        })
    }
}

/// The error for what a wallet threw when it was asked to pay so.
pub fn threw(means: PaymentMethod, thrown: Json) -> Box<Error> {
    let wallet::Thrown { code, message, .. } = wallet::thrown(means, &thrown);
    let mut error = Error::new(code, message);
    error.cause = Some(thrown);
    error
}
