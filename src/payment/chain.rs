//! Asks the chain, through the wallet, what became of a payment. What its answers mean is in
//! [`onchain`](crate::x402::onchain).

use super::payments::Payments;
use crate::api::payments::{Attempt, Dialect};
use crate::json::Json;
use crate::platform::{Callback, Platform, within};
use crate::time::Millis;
use crate::x402::onchain::{ChainWord, Signed, Transfer, receipt_request};

/// The longest time for a question to the chain.
const CHAIN: Millis = Millis::from_secs(10.0);

impl<P: Platform + 'static> Payments<P> {
    /// Whether the wallet can ask the chain what became of this payment.
    pub(super) fn can_ask_chain(&self, attempt: &Attempt) -> bool {
        ChainQuestion::about(attempt).is_some_and(|question| self.platform.has_callback(question.callback))
    }

    /// What the chain says of this payment. A wallet that fails, or takes long, says nothing.
    pub(super) async fn ask_chain(&self, attempt: &Attempt) -> ChainWord {
        let Some(question) = ChainQuestion::about(attempt) else { return ChainWord::Unknown };
        let ChainQuestion { callback, argument, signed } = question;
        let answer = within(self.platform.call(callback, argument), self.platform.sleep(CHAIN)).await;
        match (answer, signed, &attempt.price) {
            (Some(Ok(answer)), Some(signed), _) => signed.read_answer(&answer),
            (Some(Ok(answer)), None, Some(price)) => {
                let hash = attempt.transaction.as_deref().unwrap_or_default();
                Transfer::of(price).read_receipt(&answer, hash, attempt.named_by)
            }
            _ => ChainWord::Unknown,
        }
    }
}

/// What the wallet is asked about the chain: whether what was signed was used, or what became of a
/// transfer.
struct ChainQuestion {
    callback: Callback,
    argument: Json,
    /// The signed authorization that it is about; `None` for a transfer.
    signed: Option<Signed>,
}

impl ChainQuestion {
    fn about(attempt: &Attempt) -> Option<Self> {
        let price = attempt.price.as_ref().filter(|price| price.chain_id > 0)?;
        if let Some(signed) = attempt.proof.iter().find_map(|(_, value)| Signed::read(value)) {
            let argument = signed.call(price.chain_id, &price.asset);
            return Some(Self { callback: Callback::Call, argument, signed: Some(signed) });
        }
        let hash = attempt.transaction.as_ref().filter(|_| price.dialect == Dialect::Elizaos)?;
        let argument = receipt_request(price.chain_id, hash);
        Some(Self { callback: Callback::Receipt, argument, signed: None })
    }
}
