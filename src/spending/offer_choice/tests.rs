//! What is paid, and what is refused with which reason.

use super::super::offer_rules::StoredCounters;
use super::super::policy::Limit;
use super::*;
use crate::api::error::Error;
use crate::json;
use crate::json::Json;
use crate::platform::{Body, HttpResponse, WalletCapabilities};
use crate::time::WallTime;
use crate::x402::Asked;
use crate::x402::tokens::{Token, usdc};

const URL: &str = "https://api.example.com/api/messaging/jobs";
const TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
const TRANSFER: WalletCapabilities = WalletCapabilities { transfer: true, sign: false, pay: false };
const ALL: WalletCapabilities = WalletCapabilities { transfer: true, sign: true, pay: true };

fn ledger(policy: &SpendPolicy) -> Rc<SpendLedger> {
    SpendLedger::new(vec![0; policy.limits.len()], Box::new(|_, _| ()))
}
fn required(policy: &SpendPolicy, body: Json) -> PaymentRequired {
    x402::read(&HttpResponse { status: 402, headers: vec![], body: Body::Json(body) }, &policy.tokens).unwrap()
}
fn elizaos(offers: &[(&str, &str)]) -> Json {
    let entry = |(network, amount): &(&str, &str)| json!({"network": network, "recipient": TO, "amount": amount});
    json!({"payment": offers.iter().map(entry).collect::<Vec<_>>()})
}
fn v1(change: impl FnOnce(&mut serde_json::Value)) -> Json {
    let mut body =
        serde_json::from_str::<Json>(include_str!("../../../tests/fixtures/x402-v1-base.json")).unwrap()["body"].clone();
    change(&mut body["accepts"][0]);
    body.into()
}
/// With a store in which nothing is spent.
fn unspent(wallet: WalletCapabilities, url: &str) -> Circumstances<'_> {
    const NOTHING: &StoredCounters = &StoredCounters { counters: Vec::new(), read_at: WallTime::from_ms(0.0) };
    const NO_BODY: &Json = &Json(serde_json::Value::Null);
    let asked = Asked { url, headers: &[], body: NO_BODY, is_sample: false };
    Circumstances { wallet, payer: None, asked, stored: NOTHING }
}
fn choose(policy: &SpendPolicy, wallet: WalletCapabilities, body: Json) -> Result<Chosen> {
    policy.choose(required(policy, body), unspent(wallet, URL), &ledger(policy))
}
fn chosen(policy: &SpendPolicy, offers: &[(&str, &str)]) -> Result<String, Box<Error>> {
    choose(policy, TRANSFER, elizaos(offers)).map(|chosen| chosen.offer.token.network.clone())
}
fn networks(names: &[&str]) -> SpendPolicy {
    SpendPolicy { networks: names.iter().map(|name| (*name).to_owned()).collect(), ..SpendPolicy::default() }
}

#[test]
fn a_proof_never_goes_where_others_can_read_it_unless_the_caller_says_so() {
    let pays = |policy: &SpendPolicy, url: &str| {
        let ledger = ledger(policy);
        policy
            .choose(required(policy, elizaos(&[("base", "0.02")])), unspent(TRANSFER, url), &ledger)
            .map(|_| ())
            .map_err(|error| error.code)
    };
    let ours = SpendPolicy::default();
    assert_eq!(pays(&ours, "http://localhost:3000/x"), Ok(()));
    assert_eq!(pays(&ours, "http://a.b/x"), Err(ErrorCode::PaymentInsecureConnection));
    let allowed = SpendPolicy { resources: vec!["http://a.b/x".to_owned()], ..SpendPolicy::default() };
    assert_eq!(pays(&allowed, "http://a.b/x"), Ok(()));
    assert_eq!(pays(&allowed, "http://a.b/y"), Err(ErrorCode::PaymentInsecureConnection));
}

#[test]
fn cheapest_then_preferred() {
    let ours = SpendPolicy::default();
    let theirs = networks(&["polygon", "base"]);
    let same = [("base", "0.02"), ("polygon", "0.02")];
    assert_eq!(chosen(&ours, &same).unwrap(), "base");
    assert_eq!(chosen(&theirs, &same).unwrap(), "polygon");
    assert_eq!(chosen(&theirs, &[("polygon", "0.03"), ("base", "0.02")]).unwrap(), "base");
    // Of equal ones the first.
    let twice = required(&ours, elizaos(&[("polygon", "0.02"), ("base", "0.02"), ("base", "0.02")]));
    assert_eq!(ours.judge_all(twice, unspent(TRANSFER, URL), &ledger(&ours).budget()).choice.unwrap().at, 1);
}

#[test]
fn networks_that_are_not_allowed_are_never_paid_on() {
    let policy = networks(&["polygon"]);
    assert_eq!(chosen(&policy, &[("base", "0.02"), ("polygon", "0.05")]).unwrap(), "polygon");
    let error = chosen(&policy, &[("base", "0.02")]).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentNetworkNotAllowed);
    assert!(error.message.contains("0.02 USDC on base: spend.networks allows polygon"), "{}", error.message);
    let testnet = [("base-sepolia", "0.01"), ("base", "0.02")];
    assert_eq!(chosen(&SpendPolicy::default(), &testnet).unwrap(), "base", "a testnet is cheaper and not asked for");
    assert_eq!(chosen(&networks(&["base-sepolia"]), &testnet).unwrap(), "base-sepolia");
}

#[test]
fn the_limit_itself_is_allowed_and_one_unit_more_is_not() {
    let policy = SpendPolicy::default();
    assert!(chosen(&policy, &[("base", "0.10")]).is_ok());
    let error = chosen(&policy, &[("base", "0.100001")]).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentOverLimit);
    assert!(error.message.contains("0.100001 USDC") && error.message.contains("allows 0.1 USDC"), "{}", error.message);
    let error = choose(&policy, ALL, v1(|entry| entry["maxAmountRequired"] = json!("9".repeat(77)).0)).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentOverLimit);
}

#[test]
fn the_budget_counts_what_is_set_aside_until_it_is_released() {
    let mut policy = SpendPolicy::default();
    policy.limits[0].budget = 50_000;
    let ledger = ledger(&policy);
    let both = || elizaos(&[("base", "0.02"), ("polygon", "0.02")]);
    let pay = || policy.choose(required(&policy, both()), unspent(TRANSFER, URL), &ledger);
    let first = pay().unwrap();
    first.reservation.kept.set(true);
    drop(first);
    let second = pay().unwrap();
    assert_eq!(ledger.spent(0), 40_000);
    let error = pay().unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentOverLimit);
    assert!(error.message.contains("spend.budget allows 0.05 USDC, of which 0.04 USDC are spent"), "{}", error.message);
    drop(second);
    assert_eq!(ledger.spent(0), 20_000);
    assert!(pay().is_ok());
}

#[test]
fn only_the_named_recipients_are_paid() {
    let mut policy = SpendPolicy { recipients: vec![TO.to_lowercase()], ..SpendPolicy::default() };
    assert!(chosen(&policy, &[("base", "0.02")]).is_ok());
    policy.recipients = vec![usdc()[0].asset.clone()];
    let error = chosen(&policy, &[("base", "0.02")]).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentRecipientNotAllowed);
    assert!(error.message.contains(TO) && error.message.contains(&policy.recipients[0]), "{}", error.message);
    // Small and capital letters tell addresses of other chains apart.
    let token = Token { network: "solana".into(), chain_id: 0, ..(*usdc()[0]).clone() };
    let mut policy = SpendPolicy { tokens: vec![Rc::new(token)], ..networks(&["solana"]) };
    let asset = policy.tokens[0].asset.clone();
    for (recipients, is_paid) in [(vec!["FeePayer1"], true), (vec!["feepayer1"], false), (vec!["feepayer1", "FeePayer1"], true)] {
        policy.recipients = recipients.into_iter().map(str::to_owned).collect();
        let body = v1(|entry| {
            entry["network"] = json!("solana").0;
            entry["asset"] = json!(asset.clone()).0;
            entry["payTo"] = json!("FeePayer1").0;
        });
        let code = choose(&policy, ALL, body).map(|_| ()).map_err(|error| error.code);
        let expected = if is_paid { Ok(()) } else { Err(ErrorCode::PaymentRecipientNotAllowed) };
        assert_eq!(code, expected, "{:?}", policy.recipients);
    }
}

#[test]
fn what_is_paid_for_is_what_was_asked_for() {
    let mut policy = SpendPolicy::default();
    let judge = |policy: &SpendPolicy, resource: &str| choose(policy, ALL, v1(|entry| entry["resource"] = json!(resource).0));
    assert!(judge(&policy, URL).is_ok());
    let error = judge(&policy, "https://public.example/api/messaging/jobs").unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentResourceMismatch);
    let line = "if that is right, add spend: { allowResource: 'https://public.example/api/messaging/jobs' }";
    assert!(error.message.contains(line), "{}", error.message);
    let error = judge(&policy, "/other").unwrap_err();
    assert!(error.message.contains("allowResource: 'https://api.example.com/other' }"), "{}", error.message);
    // A text that would end the quotes is escaped, and one that is no URL is no line.
    let error = judge(&policy, "https://x.y/', maxPerPayment: '1000").unwrap_err();
    assert!(error.message.contains(r#"allowResource: "https://x.y/', maxPerPayment: '1000" }"#), "{}", error.message);
    for none in ["javascript:alert(1)", "", &format!("https://x.y/{}", "z".repeat(300))] {
        let error = judge(&policy, none).unwrap_err();
        assert!(!error.message.contains("allowResource"), "{}", error.message);
    }
    assert!(choose(&policy, ALL, v1(|entry| drop(entry.as_object_mut().unwrap().remove("resource")))).is_ok());
    policy.resources = vec!["http://api.example.com/api/messaging/jobs".into()];
    assert!(judge(&policy, "http://api.example.com/api/messaging/jobs").is_ok());
    assert!(judge(&policy, "https://evil.example/api/messaging/jobs").is_err());
}

#[test]
fn an_offer_is_paid_by_what_the_wallet_can_do() {
    let policy = SpendPolicy::default();
    let method = |wallet, body| choose(&policy, wallet, body).map(|chosen| chosen.method);
    let none = WalletCapabilities::default();
    let (transfer, sign, pay) = (
        WalletCapabilities { transfer: true, ..none },
        WalletCapabilities { sign: true, ..none },
        WalletCapabilities { pay: true, ..none },
    );
    let exact = || v1(|_| ());
    let upto = || v1(|entry| entry["scheme"] = json!("upto").0);
    assert_eq!(method(transfer, elizaos(&[("base", "0.02")])).unwrap(), PaymentMethod::Transfer);
    assert_eq!(method(sign, exact()).unwrap(), PaymentMethod::Sign);
    assert_eq!(method(ALL, exact()).unwrap(), PaymentMethod::Sign);
    assert_eq!(method(pay, exact()).unwrap(), PaymentMethod::Pay);
    assert_eq!(method(ALL, upto()).unwrap(), PaymentMethod::Pay);
    for (wallet, body, needs) in [
        (sign, elizaos(&[("base", "0.02")]), "needs sendTransfer; fromViem with a wallet client, fromEthers"),
        (transfer, exact(), "needs address and signTypedData; fromViem"),
        (WalletCapabilities { pay: false, ..ALL }, upto(), "scheme \"upto\" is only for a wallet with pay"),
    ] {
        let error = method(wallet, body).unwrap_err();
        assert_eq!(error.code, ErrorCode::WalletCannotPay);
        assert!(error.message.contains(needs), "{}", error.message);
    }
    // A dearer offer that the wallet can serve comes before a cheaper one that it cannot.
    let mut both = v1(|_| ());
    both["payment"] = json!([{"network": "base", "recipient": TO, "amount": "0.01"}]).0;
    assert_eq!(method(sign, both.clone()).unwrap(), PaymentMethod::Sign);
    assert_eq!(method(ALL, both).unwrap(), PaymentMethod::Transfer);
}

#[test]
fn other_tokens_have_their_own_limits_and_come_after_usdc() {
    let mut policy = SpendPolicy::default();
    let token = Token {
        symbol: "EURC".into(),
        asset: "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42".into(),
        name: "EURC".into(),
        limit: 1,
        ..(*usdc()[0]).clone()
    };
    policy.limits.push(Limit { budget: 15_000, ..Limit::new("EURC", 6, 10_000) });
    policy.tokens.push(Rc::new(token));
    let entry =
        |currency: &str, amount: &str| json!({"network": "base", "recipient": TO, "amount": amount, "currency": currency});
    let ledger = ledger(&policy);
    let choose = |entries: Json| policy.choose(required(&policy, json!({"payment": entries})), unspent(TRANSFER, URL), &ledger);
    let usdc_first = choose(json!([entry("EURC", "0.001"), entry("USDC", "0.05")])).unwrap();
    assert_eq!(usdc_first.offer.token.symbol, "USDC");
    let eurc = choose(json!([entry("USDC", "0.5"), entry("EURC", "0.01")])).unwrap();
    assert_eq!((eurc.offer.token.symbol.as_str(), ledger.spent(1)), ("EURC", 10_000));
    let error = choose(json!([entry("EURC", "0.01")])).unwrap_err();
    assert!(error.message.contains("spend.budget allows 0.015 EURC, of which 0.01 EURC"), "{}", error.message);
}
