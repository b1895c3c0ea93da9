//! What an exported class holds: the core's client, until the application releases it.

use core::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;

use super::client_options::{self, ClientOptions};
use super::error::to_js;
use super::platform::JsPlatform;
use crate::api::error::{Error, ErrorCode, Result};
use crate::client::{Client, Config};
use crate::http::rate_limit::RateLimit;
use crate::json::Json;
use crate::spending::ledger::SpendLedger;
use crate::spending::policy::Limit;
use crate::x402::amount;

/// A client that can be released while its calls go on.
#[derive(Debug)]
pub(super) struct Connection(RefCell<Option<Rc<Client<JsPlatform>>>>);

impl Connection {
    /// Reads the options; sends nothing. `kept` outlives this instance of the module
    /// (`pkg-template/clients.ts`). Its `options` are replaced by the copy that was read, and its
    /// `spent` has what was spent, by symbol, in atomic units.
    pub(super) fn open(kept: JsValue) -> Result<Self, JsValue> {
        let kept = Json(kept);
        let given = kept.get("options").map(|options| options.0).unwrap_or_default();
        let ClientOptions { config, mut platform, copy } = client_options::read(&given).map_err(to_js)?;
        platform.kept = kept.clone();
        let ledger = ledger(&config, kept.get("spent").unwrap_or_else(Json::object));
        kept.set("options", copy);
        let rate_limit = rate_limit(&config.base_url);
        let client = Client::sharing(rate_limit, platform, config, ledger);
        Ok(Self(RefCell::new(Some(Rc::new(client)))))
    }

    /// The client of a call.
    pub(super) fn client(&self) -> Result<Rc<Client<JsPlatform>>> {
        const RELEASED: &str = "the client was released with free(); make another one";
        self.0.borrow().clone().ok_or_else(|| Error::new(ErrorCode::ClientDisposed, RELEASED))
    }

    /// Releases the client. Calls that are under way keep it until they end.
    pub(super) fn close(&self) {
        let client = self.0.take();
        drop(client);
    }
}

/// What was spent: kept on JavaScript's side too, because this side does not outlive a trap.
fn ledger(config: &Config, spent: Json) -> Rc<SpendLedger> {
    let (mut symbols, mut sums) = (Vec::new(), Vec::new());
    for Limit { symbol, .. } in &config.spend.limits {
        sums.push(spent.get_text(symbol).and_then(|digits| amount::limit(&digits, 0)).unwrap_or(0));
        symbols.push(symbol.clone());
    }
    let changed = move |limit: usize, units: u128| {
        if let Some(symbol) = symbols.get(limit) {
            spent.clone().set(symbol, Json::text(&units.to_string()));
        }
    };
    SpendLedger::new(sums, Box::new(changed))
}

/// The rate limits of so many servers are remembered beside those that a client uses.
const MOST_UNUSED: usize = 64;

thread_local! {
    /// What is known of each server's rate limit: all clients of a program that use a server share
    /// it.
    static RATE_LIMITS: RefCell<Vec<(String, Rc<RefCell<RateLimit>>)>> = const { RefCell::new(Vec::new()) };
}

fn rate_limit(base_url: &str) -> Rc<RefCell<RateLimit>> {
    RATE_LIMITS.with_borrow_mut(|known| {
        if let Some((_, rate_limit)) = known.iter().find(|(url, _)| url == base_url) {
            return rate_limit.clone();
        }
        // A program may use any number of addresses. The oldest that no client uses is forgotten.
        let is_unused = |(_, rate_limit): &(String, Rc<RefCell<RateLimit>>)| Rc::strong_count(rate_limit) == 1;
        if known.iter().filter(|entry| is_unused(entry)).count() >= MOST_UNUSED
            && let Some(oldest) = known.iter().position(is_unused)
        {
            known.remove(oldest);
        }
        let rate_limit = Rc::<RefCell<RateLimit>>::default();
        known.push((base_url.to_owned(), rate_limit.clone()));
        rate_limit
    })
}
