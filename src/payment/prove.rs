//! Getting a proof of payment out of a wallet: what it is asked, and what its answer means. Nothing here waits or sends.

use std::rc::Rc;

use crate::api::error::{Error, ErrorCode};
use crate::json::{Json, is_true, shown};
use crate::payment::wallet;
use crate::platform::Callback;
use crate::spending::policy::PaymentMethod;
use crate::text::fill;
use crate::x402::eip3009::Authorization;
use crate::x402::signature::normalised;
use crate::x402::{Offer, elizaos};

/// Said where certainly no money has moved.
pub const UNMOVED: &str = "; no money has moved";
/// Said where money may have moved.
pub const LOOK: &str = "; look in the wallet whether money has moved before you pay again";

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
    /// The question for this offer. `nonce` and `now_s` (seconds since 1970) go into a signature.
    pub fn new(offer: Rc<Offer>, means: PaymentMethod, payer: String, nonce: &str, now_s: u64) -> Self {
        let sign = || Authorization::new(&offer, payer.clone(), now_s, nonce.to_owned());
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
            let transaction = wallet::stray_hash(&thrown);
            // The wallets of eliza-jobs/wallets say so, and others can: on the wrong chain, say, they did not even begin.
            let says_so = thrown.get("noMoneyMoved").as_ref().is_some_and(is_true);
            let error = threw(thrown, if signs || says_so { UNMOVED } else { LOOK });
            let unmoved = says_so || ((signs || error.code == ErrorCode::WalletRejected) && transaction.is_none());
            NoProof { error, transaction, unmoved }
        })?;
        let read = match (&self.authorization, self.means) {
            (Some(authorization), _) => given
                .as_text()
                .ok_or_else(|| shown(&given))
                .and_then(|text| normalised(&text, &authorization.digest(&self.offer.token), &self.payer).map_err(str::to_owned))
                .map(|signature| authorization.proof(&self.offer, &signature))
                .and_then(
                    |header| {
                        if wallet::can_be_sent(&header.1) { Ok(header) } else { Err("one that no header can hold".to_owned()) }
                    },
                )
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

/// The error for what a wallet threw.
pub fn threw(thrown: Json, advice: &str) -> Box<Error> {
    let (code, message) = wallet::thrown(&thrown);
    let advice = if code == ErrorCode::WalletRejected { "" } else { advice };
    let mut error = Error::new(code, fill("%%", &[&message, advice]));
    error.cause = Some(thrown);
    error
}
