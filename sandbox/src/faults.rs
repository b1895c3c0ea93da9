//! The menu of faults, and which of them are to strike.

use serde::Serialize;
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

/// What can go wrong. Each strikes once for each time that it was asked for, at the next
/// opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "kebab-case")]
pub enum FaultName {
    /// A job is created (and paid); the connection breaks before the answer.
    LoseReply,
    /// A job is created (and paid); the answer breaks off in the middle.
    CutBody,
    /// A job is created and paid; the answer is a 500.
    #[serde(rename = "pay-then-500")]
    PayThen500,
    /// The settlement takes longer than the server waits: it answers 402, and the money moves
    /// later.
    SettleLate,
    /// The settlement fails: the server answers 402 although it has created the job, and no money
    /// moves.
    SettleFails,
    /// A job is created and paid; the answer is the same 402 as before.
    #[serde(rename = "402-again")]
    AgainPaymentRequired,
    /// The next 402 asks for a hundred times the price, and for 5 USDC at least.
    AskMore,
    /// The next 402 names a recipient that nobody knows.
    WrongRecipient,
    /// The wallet takes its time.
    SlowWallet,
    /// The next request for jobs meets a server that restarts: all jobs are gone, and connections
    /// are refused for a while.
    ServerRestarts,
    /// The server's clock is five minutes ahead, until the fault is turned off.
    ClockSkew,
    /// The next request is answered with 429 and `Retry-After`.
    RateLimit,
    /// The next job that is asked for is gone.
    JobGone,
    /// A job is created (and paid); the answer is an HTML page with the status 200.
    Html,
    /// A job is created (and paid); the answer drips.
    SlowBody,
}

use FaultName as F;

/// All of them.
pub const FAULTS: [(FaultName, &str); 15] = [
    (F::LoseReply, "lose-reply"),
    (F::CutBody, "cut-body"),
    (F::PayThen500, "pay-then-500"),
    (F::SettleLate, "settle-late"),
    (F::SettleFails, "settle-fails"),
    (F::AgainPaymentRequired, "402-again"),
    (F::AskMore, "ask-more"),
    (F::WrongRecipient, "wrong-recipient"),
    (F::SlowWallet, "slow-wallet"),
    (F::ServerRestarts, "server-restarts"),
    (F::ClockSkew, "clock-skew"),
    (F::RateLimit, "rate-limit"),
    (F::JobGone, "job-gone"),
    (F::Html, "html"),
    (F::SlowBody, "slow-body"),
];

impl FaultName {
    /// The fault of this name.
    pub fn parse(text: &str) -> Option<Self> {
        FAULTS.iter().find(|(_, name)| *name == text).map(|(fault, _)| *fault)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        FAULTS.iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }

    /// Whether it needs a paywall to strike.
    pub fn is_about_money(self) -> bool {
        use FaultName::{AgainPaymentRequired, AskMore, PayThen500, SettleFails, SettleLate, SlowWallet, WrongRecipient};
        matches!(self, PayThen500 | SettleLate | SettleFails | AgainPaymentRequired | AskMore | WrongRecipient | SlowWallet)
    }
}

/// How often each fault is still to strike.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    armed: Vec<(FaultName, f64)>,
    /// The last that has struck, until it is asked for.
    struck: Option<FaultName>,
}

impl Faults {
    /// These faults, each as often as it is in the list.
    pub fn new(names: &[FaultName]) -> Self {
        let mut faults = Self::default();
        for name in names {
            let times = faults.left(*name);
            faults.set(*name, times + 1.0);
        }
        faults
    }

    /// From now on, `name` strikes so many times: infinitely often, or not at all.
    pub fn set(&mut self, name: FaultName, times: f64) {
        self.armed.retain(|(known, _)| *known != name);
        self.armed.push((name, times));
    }

    fn left(&self, name: FaultName) -> f64 {
        self.armed.iter().find(|(known, _)| *known == name).map_or(0.0, |(_, times)| *times)
    }

    /// Whether a lasting fault is on.
    pub fn is_on(&self, name: FaultName) -> bool {
        self.left(name) >= 1.0
    }

    /// Whether it strikes now: once less is left then.
    pub fn strikes(&mut self, name: FaultName) -> bool {
        let left = self.left(name);
        if left < 1.0 {
            return false;
        }
        self.set(name, left - 1.0);
        self.struck = Some(name);
        true
    }

    /// Which fault has struck since this was asked last; the last one of several.
    pub fn struck(&mut self) -> Option<FaultName> {
        self.struck.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_it_was_asked_for() {
        let mut faults = Faults::new(&[F::Html, F::LoseReply, F::Html]);
        assert_eq!(
            [F::Html, F::Html, F::Html, F::LoseReply, F::CutBody].map(|name| faults.strikes(name)),
            [true, true, false, true, false]
        );
        faults.set(F::Html, f64::INFINITY);
        assert!((0..9).all(|_| faults.strikes(F::Html)));
        faults.set(F::Html, 0.0);
        assert!(!faults.strikes(F::Html));
    }

    #[test]
    fn every_fault_has_the_name_that_the_types_give_it() {
        for (fault, name) in FAULTS {
            assert_eq!(serde_json::to_value(fault).unwrap(), name);
            assert_eq!(FaultName::parse(name), Some(fault));
        }
    }
}
