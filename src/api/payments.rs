//! A payment as the client keeps it. What applications see of it is in [`types`].

mod types;

pub use self::types::*;
use crate::encoding::is_hex;
use crate::json::{Json, copied, is_true};
use crate::time::WallTime;

/// How a payment moves its money, and so from when on it may have moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PaidBy {
    /// By a transfer, or in whatever way a wallet pays that takes the payment over: from when the
    /// wallet is asked.
    Transfer,
    /// By what the wallet signs and the server settles: from when the proof is sent.
    Signature {
        /// Until when it can be settled. `None` before that is known, once there is a job, and in
        /// records of version 0.1.0.
        valid_until: Option<WallTime>,
    },
}

/// What is certain of a payment's money, whatever its state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Certainty {
    /// Nothing: the state decides.
    #[default]
    None,
    /// It has moved: the chain itself says so.
    Moved,
    /// It has not moved and never will: the payment has ended.
    Unmoved,
}

/// Who has named a payment's transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NamedBy {
    /// The wallet that has sent it, or the server's facilitator.
    #[default]
    Wallet,
    /// The application, which has found it and given it to `resume`. It may belong to another
    /// payment: it counts only when its receipt shows the transfer itself.
    Application,
}

/// How the client has learned of the job that was paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobSource {
    /// The server has answered the proof with it.
    Reply,
    /// A search has found it: no answer of the server says that the payment was settled.
    Search,
}

/// The job that was paid for.
#[derive(Debug, Clone)]
pub struct AttemptJob {
    /// What `createJob` returns of it; it has a `jobId`.
    pub handle: Json,
    /// How the client has learned of it.
    pub source: JobSource,
}

/// One payment for one job, as the client keeps it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The attempt's own id. It is in the job's metadata too, so that the job can be found again.
    pub id: String,
    /// How far it has come.
    pub state: PaymentState,
    /// What is paid, and to whom; `None` in a record that does not say.
    pub price: Option<Price>,
    /// How it moves its money.
    pub paid_by: PaidBy,
    /// What is certain of the money.
    pub certainty: Certainty,
    /// The hash of the transaction that moves the money.
    pub transaction: Option<String>,
    /// Who has named that transaction. Once the application has named one, it stays so.
    pub named_by: NamedBy,
    /// The request headers that prove the payment; none before the wallet has returned them.
    pub proof: Vec<(String, String)>,
    /// What the server's facilitator says of the settlement.
    pub receipt: Option<Json>,
    /// The base address of the server that is paid.
    pub server: String,
    /// The body of the request.
    pub request: String,
    /// The body as it was before `resume` corrected it: there may be a job of that one. Empty when
    /// it never did.
    pub first_request: String,
    /// The job, once there is one.
    pub job: Option<AttemptJob>,
    /// When this began, or when the job was there.
    pub created_at: WallTime,
    /// When this began.
    pub begun_at: WallTime,
    /// The scope of the budget that it counts for; empty for the one of all that share the store.
    pub scope: String,
    /// The caller's idempotency key; empty for none.
    pub idempotency_key: String,
    /// The request fingerprint; empty when the payment has no key.
    pub fingerprint: String,
    /// Whether the job's end has been seen. Only what has a key is kept so long.
    pub answered: bool,
}

impl Attempt {
    /// The attempt as the application sees it: a [`PaymentAttempt`] without the proof, so that it
    /// may be printed.
    pub fn document(&self) -> Json {
        let mut document = self
            .price
            .as_ref()
            .map_or_else(Json::object, Price::document)
            .set("attemptId", Json::text(&self.id))
            .set("state", Json::text(self.state.as_str()));
        if let Some(hash) = &self.transaction {
            document = document.set("transaction", Json::text(hash));
        }
        if let Some(id) = self.job.as_ref().and_then(|job| job.handle.get("jobId")) {
            document = document.set("jobId", id);
        }
        if self.certainty == Certainty::Moved {
            document = document.set("onChain", Json::boolean(true));
        }
        match &self.receipt {
            // A copy: what an application does with it must not change what is written down.
            Some(receipt) => document.set("receipt", copied(receipt)),
            None => document,
        }
    }

    /// The attempt with its proof.
    pub fn with_proof(&self) -> Json {
        if self.proof.is_empty() {
            return self.document();
        }
        let proof = self.proof.iter().fold(Json::object(), |proof, (name, value)| proof.set(name, Json::text(value)));
        self.document().set("proof", proof)
    }

    /// The job that was paid for, once it is known.
    pub fn job_id(&self) -> Option<String> {
        self.job.as_ref()?.handle.get_text("jobId")
    }

    /// Whether the wallet signs, so that nothing moves before the proof is sent.
    pub fn is_signed(&self) -> bool {
        matches!(self.paid_by, PaidBy::Signature { .. })
    }

    /// Until when what the wallet signs can be settled; `None` where nothing is signed, and where
    /// that is not known.
    pub fn valid_until(&self) -> Option<WallTime> {
        match self.paid_by {
            PaidBy::Signature { valid_until } => valid_until,
            PaidBy::Transfer => None,
        }
    }

    /// What is signed can be settled until this time. Changes nothing where nothing is signed.
    pub fn set_valid_until(&mut self, until: Option<WallTime>) {
        if let PaidBy::Signature { valid_until } = &mut self.paid_by {
            *valid_until = until;
        }
    }

    /// The attempt as it is listed: a [`PendingPayment`], with what was asked for and when.
    pub fn listed(&self) -> Json {
        let asked = Json::parse(&self.request).unwrap_or_else(Json::object);
        let text = |key: &str| asked.get_text(key);
        let document = self
            .document()
            .set("createdAt", Json::number(self.created_at.as_ms()))
            .set("content", Json::text(&text("content").unwrap_or_default()))
            .set("userId", Json::text(&text("userId").unwrap_or_default()));
        match text("agentId") {
            Some(agent) => document.set("agentId", Json::text(&agent)),
            None => document,
        }
    }

    /// Why the facilitator has not settled it.
    pub fn reason(&self) -> Option<String> {
        self.receipt.as_ref()?.get_text("errorReason")
    }

    /// Whether the facilitator says that the money has moved.
    pub fn is_settled(&self) -> bool {
        self.receipt.as_ref().and_then(|receipt| receipt.get("success")).is_some_and(|success| is_true(&success))
    }

    /// Takes over what the facilitator says of the settlement: the header's document. `clean` makes
    /// a server's words fit to be shown.
    pub fn settle(&mut self, said: &Json, clean: &dyn Fn(&str) -> String) {
        let Some(settlement) = SettlementResponse::read(said, clean) else { return };
        // What is settled stays so: of the same proof, sent again, a server says that it was used.
        if !settlement.success && self.is_settled() {
            return;
        }
        let hash = settlement.transaction.clone().filter(|hash| is_hex(hash, 64));
        self.transaction = self.transaction.take().or(hash);
        self.receipt = Some(settlement.document());
    }
}
