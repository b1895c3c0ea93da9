//! What a job would cost: the server's 402 without a job, without a wallet, and without a payment.

use std::rc::Rc;

use super::MAX_REASON_CHARS;
use super::create::{no_wallet, redirected};
use super::payments::Payments;
use crate::api::error::{Error, Result};
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::http::jobs::read_created;
use crate::http::words::fit;
use crate::json::Json;
use crate::platform::{HttpRequest, HttpResponse, Method, Platform};
use crate::spending::offer_choice::{Choice, Judged, Judgement};
use crate::spending::offer_rules::{Circumstances, StoredCounters};
use crate::x402::{self, Asked};

/// A request that every server must refuse: there is nobody who asks, and no question. Paywalls
/// stand before the server and do not look at it.
const NO_REQUEST: &str = r#"{"userId":"","content":""}"#;
/// How elizaOS itself refuses that (1.6.5, 1.7.0 and 1.7.2). A client that receives it has passed
/// every paywall. A proxy's own check, which may stand before a paywall, complains of the user
/// first.
const REFUSED: &str = "content cannot be empty";
/// Why nothing is known of the price where a server makes a job of that request.
const MADE_A_JOB: &str = "the server has made a job of a request without a user and a question, and asks for no payment";

impl<P: Platform + 'static> Payments<P> {
    /// What a job would cost now, by the rules that hold for paying.
    pub(crate) async fn quote(self: &Rc<Self>, call: &CallOptions) -> Result<Json> {
        let mut request = self.http.request(Method::Post, routes::JOBS, call);
        request.body = Some(NO_REQUEST.to_owned());
        let address = request.url.clone();
        match self.http.send(&mut request, self.http.deadline(call), None).await {
            Ok(response) if response.status == 402 && request.url == address => {
                // Without a wallet nothing is paid, whatever was spent.
                let stored = match self.platform.wallet_capabilities().is_none() {
                    true => StoredCounters::default(),
                    false => self.stored_counters(self.http.deadline(call)).await?,
                };
                Ok(self.priced(&response, &request, &stored))
            }
            Ok(response) if response.status == 402 => Err(redirected()),
            // It was taken for a request all the same, and cost nothing.
            Ok(response) => {
                read_created(&request, &response).map(|_| quote(Some(true), Vec::new()).set("why", Json::text(MADE_A_JOB)))
            }
            Err(error) => unpriced(error),
        }
    }

    /// The offers of a 402, each with the rule that it breaks.
    fn priced(&self, response: &HttpResponse, request: &HttpRequest, stored: &StoredCounters) -> Json {
        // Reasons show what the server has sent, which may be our own secrets.
        let clean = |words: &str| fit(request, words, MAX_REASON_CHARS);
        let judgement = self.judged(response, request, stored);
        let Judgement { offers, choice } = judgement.unwrap_or_else(|error| Judgement { offers: Vec::new(), choice: Err(error) });
        let offers: Vec<Json> = offers.iter().map(|judged| shown(judged, &clean)).collect();
        match choice {
            Ok(Choice { at, .. }) => {
                let chosen = offers.get(at).cloned().unwrap_or_else(Json::object);
                quote(Some(false), offers).set("chosen", chosen)
            }
            Err(error) => quote(Some(false), offers).set("why", Json::text(&clean(&error.message))),
        }
    }

    /// What the rules by which [`Payments::create`] chooses say of the offers of a 402.
    fn judged(&self, response: &HttpResponse, request: &HttpRequest, stored: &StoredCounters) -> Result<Judgement> {
        let required = x402::read(response, &self.config.spend.tokens)?;
        let wallet = self.platform.wallet_capabilities();
        let lacks_wallet = wallet.is_none().then(|| no_wallet(&required));
        let body = Json::parse(NO_REQUEST).unwrap_or_else(Json::object);
        let asked = Asked { url: &request.url, headers: &request.headers, body: &body, is_sample: true };
        let payer = self.platform.wallet_address();
        let circumstances = Circumstances { wallet, payer: payer.as_deref(), asked, stored };
        let Judgement { offers, choice } = self.config.spend.judge_all(required, circumstances, &self.ledger.budget());
        Ok(Judgement { offers, choice: lacks_wallet.map_or(choice, Err) })
    }
}

/// One offer, with the rule that it breaks. `clean` makes a server's words fit to be shown.
fn shown(Judged { offer, verdict }: &Judged, clean: &dyn Fn(&str) -> String) -> Json {
    let document = offer.price().document().set("allowed", Json::boolean(verdict.is_ok()));
    match verdict {
        Err(why) => document.set("why", Json::text(&clean(why))),
        Ok(_) => document,
    }
}

/// A quote; `free` is absent where it is not known.
fn quote(free: Option<bool>, offers: Vec<Json>) -> Json {
    let answer = Json::object().set("offers", Json::array(offers));
    match free {
        Some(free) => answer.set("free", Json::boolean(free)),
        None => answer,
    }
}

/// What it means that the server refused the request without asking for a payment.
fn unpriced(error: Box<Error>) -> Result<Json> {
    if !matches!(error.status, Some(400 | 413 | 415 | 422)) {
        return Err(error);
    }
    if error.server_message.as_deref() == Some(REFUSED) {
        return Ok(quote(Some(true), Vec::new()));
    }
    let said = "the server looks at the request before it asks for a payment, and refuses one without a question: ";
    Ok(quote(None, Vec::new()).set("why", Json::text(&format!("{said}{}", error.message))))
}
