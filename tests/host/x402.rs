//! Paying servers of x402 version 1 and 2: what is signed, what is sent, what the ledger says, and
//! every rule that comes before the wallet.

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::payments::PaymentState;
use eliza_jobs::client::{Client, PaidJob};
use eliza_jobs::encoding;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::Callback;
use eliza_jobs::platform::SendFailure;
use eliza_jobs::waiting::run::WaitPlan;
use k256::ecdsa::SigningKey;
use std::rc::Rc;

/// The public test key #0 of every development chain.
const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const URL: &str = "https://server:3000/api/messaging/jobs";

fn entry(version: u8) -> Json {
    let mut entry = json!({"scheme": "exact", "network": "base", "payTo": TO, "maxTimeoutSeconds": 60,
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "extra": {"name": "USD Coin", "version": "2"}});
    if version == 1 {
        entry["maxAmountRequired"] = json!("20000").0;
        entry["resource"] = json!(URL).0;
    } else {
        entry["network"] = json!("eip155:8453").0;
        entry["amount"] = json!("20000").0;
    }
    entry
}
fn required(version: u8, entries: Vec<Json>) -> Json {
    json!({"x402Version": version, "error": "Payment required", "resource": {"url": URL, "description": "é"}, "accepts": entries})
}
fn asks(version: u8, entries: Vec<Json>) -> Step {
    let document = required(version, entries);
    match version {
        1 => answer(402, document),
        _ => answer(402, json!({})).with("payment-required", &encoding::to_base64(&document.to_string())),
    }
}
fn create(scene: &Scene) -> Result<PaidJob, Box<Error>> {
    run(scene.client.create_job(&params(), &plain(), &|update| scene.tell(update)))
}

/// A signature of the typed data with this key. Its hash is not that of EIP-712: whose signature it
/// is, is the server's to check.
fn signed(typed_data: &Json, key: &str) -> Json {
    let key = SigningKey::from_slice(&encoding::from_hex(key).unwrap()).unwrap();
    let hash = encoding::keccak256(typed_data.to_json().as_bytes());
    let (signature, id) = key.sign_prehash_recoverable(&hash).unwrap();
    json!(encoding::to_hex(&[&signature.to_bytes()[..], &[27 + id.to_byte()]].concat()))
}
fn signing(scene: Scene) -> Scene {
    scene
        .giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))))
        .giving(Callback::Sign, |_, typed_data| Some(Ok(signed(typed_data, KEY))))
}
fn spent(scene: &Scene) -> String {
    scene.client.spent("USDC").unwrap()
}
/// The JSON in a header of a request.
fn carried(scene: &Scene, request: usize, name: &str) -> Json {
    Json::parse(&encoding::from_base64(&scene.header(request, name).unwrap()).unwrap()).unwrap()
}

#[test]
fn version_1_is_paid_by_a_signature_in_x_payment() {
    let receipt = json!({"success": true, "transaction": HASH, "network": "base", "payer": PAYER});
    let scene = signing(scene([
        asks(1, vec![entry(1)]),
        created().with("x-payment-response", &encoding::to_base64(&receipt.to_string())),
    ]));
    let paid = create(&scene).unwrap();
    let header = carried(&scene, 1, "x-payment");
    let authorization = &header["payload"]["authorization"];
    assert_eq!(
        (&header["x402Version"], &header["scheme"], &header["network"]),
        (&json!(1).0, &json!("exact").0, &json!("base").0)
    );
    assert_eq!(
        (&authorization["from"], &authorization["to"], &authorization["value"]),
        (&json!(PAYER).0, &json!(TO).0, &json!("20000").0)
    );
    assert_eq!((&authorization["validAfter"], &authorization["validBefore"]), (&json!("1799999400").0, &json!("1800000060").0));
    assert_eq!(authorization["nonce"], json!(format!("0x{}", "11".repeat(32))));
    assert_eq!(scene.request(0).body, scene.request(1).body);
    assert_eq!(scene.header(1, "payment-signature"), None);
    let payment = paid.payment.unwrap();
    assert_eq!((payment.state, payment.transaction.as_deref()), (PaymentState::Accepted, Some(HASH)));
    assert_eq!(payment.receipt.unwrap(), receipt);
    assert_eq!(*scene.told.borrow(), ["quote base 0.02", "payment proven", "payment accepted", "created job-1"]);
    assert_eq!((scene.asked(Callback::Sign), spent(&scene).as_str()), (1, "0.02"));
}

#[test]
fn version_2_echoes_what_the_server_said_in_payment_signature() {
    for in_body in [false, true] {
        let mut document = required(2, vec![entry(2)]);
        document["extensions"] = json!({"x": {"info": 1}}).0;
        let step = if in_body {
            answer(402, document.clone())
        } else {
            answer(402, document.clone()).with("payment-required", &encoding::to_base64(&document.to_string()))
        };
        let scene = signing(scene([step, created()]));
        create(&scene).unwrap();
        let header = carried(&scene, 1, "payment-signature");
        assert_eq!((&header["accepted"], &header["resource"]), (&document["accepts"][0], &document["resource"]));
        assert_eq!((&header["extensions"], &header["x402Version"]), (&document["extensions"], &json!(2).0));
        assert_eq!(header["payload"]["authorization"]["validAfter"], "0");
        assert_eq!(scene.header(1, "x-payment"), None);
        assert_eq!(scene.asked(Callback::Sign), 1, "the offer in the body is the same one");
    }
}

#[test]
fn the_cheapest_offer_that_the_wallet_can_serve_is_paid() {
    let mut document = required(1, vec![entry(1)]);
    document["payment"] = json!([{"network": "base", "recipient": TO, "amount": "0.01"}]).0;
    let scene1 = signing(scene([answer(402, document.clone()), created()]));
    create(&scene1).unwrap();
    assert!(scene1.header(1, "x-payment").unwrap().len() > 100, "by a signature, for want of sendTransfer");
    let scene2 = signing(scene([answer(402, document), created()])).paying();
    create(&scene2).unwrap();
    assert_eq!(scene2.header(1, "x-payment").as_deref(), Some(HASH));
    assert_eq!((spent(&scene1).as_str(), spent(&scene2).as_str()), ("0.02", "0.01"));

    let dear_first = vec![entry(2).set("amount", json!("90000")), entry(2)];
    let scene = signing(scene([asks(2, dear_first), created()]));
    create(&scene).unwrap();
    assert_eq!(carried(&scene, 1, "payment-signature")["accepted"]["amount"], "20000");
}

#[test]
fn one_bad_entry_does_not_cost_the_good_ones() {
    for version in [1, 2] {
        let entries = vec![
            json!(null),
            json!({}),
            entry(version).set("network", json!("solana")),
            entry(version).set("payTo", json!(5)),
            entry(version),
        ];
        let scene = signing(scene([asks(version, entries), created()]));
        create(&scene).unwrap();
    }
}

#[test]
fn hostile_offers_never_reach_the_wallet_and_the_error_says_which_rule() {
    use ErrorCode::{
        PaymentNetworkNotAllowed, PaymentOverLimit, PaymentRequirementsInvalid, PaymentResourceMismatch, WalletCannotPay,
    };
    for version in [1, 2] {
        let amount = if version == 1 { "maxAmountRequired" } else { "amount" };
        let usdc = &entry(version)["asset"];
        let mut cases = vec![
            (amount, json!("100001"), PaymentOverLimit, "0.100001 USDC on base: spend.maxPerPayment allows 0.1 USDC"),
            (amount, json!("1".repeat(77)), PaymentOverLimit, "spend.maxPerPayment"),
            ("asset", json!(TO), PaymentRequirementsInvalid, "no token that may be paid with"),
            (
                "extra",
                json!({"name": "Evil", "version": "2"}),
                PaymentRequirementsInvalid,
                "name \"Evil\" is not the token's, \"USD Coin\"",
            ),
            ("extra", json!({"name": "USD Coin", "version": "1"}), PaymentRequirementsInvalid, "version \"1\""),
            ("extra", json!({"assetTransferMethod": "permit2"}), WalletCannotPay, "permit2"),
            ("extra", json!({"paymentFlow": "upfront"}), WalletCannotPay, "upfront"),
            ("scheme", json!("upto"), WalletCannotPay, "upto"),
            ("scheme", json!("batch-settlement"), WalletCannotPay, "batch-settlement"),
            ("payTo", json!(format!("0x{}", "0".repeat(40))), PaymentRequirementsInvalid, "cannot be paid"),
            ("payTo", usdc.clone().into(), PaymentRequirementsInvalid, "cannot be paid"),
            ("payTo", json!(TO.replace("93B", "93b")), PaymentRequirementsInvalid, "cannot be paid"),
            ("maxTimeoutSeconds", json!(-5), PaymentRequirementsInvalid, "maxTimeoutSeconds -5"),
            ("maxTimeoutSeconds", json!(1.5), PaymentRequirementsInvalid, "maxTimeoutSeconds 1.5"),
            ("network", json!("eip155:84532"), PaymentRequirementsInvalid, "no token that may be paid with on eip155:84532"),
            ("network", json!("eip155:1"), PaymentRequirementsInvalid, "unknown network eip155:1"),
        ];
        for odd in ["", "0", "0x10", "1e4", "-1"] {
            cases.push((amount, json!(odd), PaymentRequirementsInvalid, "no positive whole number"));
        }
        for (key, value, code, words) in cases {
            let scene = signing(scene([asks(version, vec![entry(version).set(key, value.clone())])]));
            let error = create(&scene).unwrap_err();
            assert_eq!(error.code, code, "{key} {value}: {}", error.message);
            assert!(error.message.contains(words) && error.message.ends_with("the wallet was not asked"), "{}", error.message);
            assert_eq!((scene.requests(), scene.world.asked.borrow().len(), spent(&scene).as_str()), (1, 0, "0"));
            assert_eq!(error.status, Some(402));
        }
        let testnet = json!({"network": "base-sepolia", "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "extra": {}});
        let mut offer = entry(version);
        offer.as_object_mut().unwrap().extend(testnet.as_object().unwrap().clone());
        let error = create(&signing(scene([asks(version, vec![offer])]))).unwrap_err();
        assert_eq!(error.code, PaymentNetworkNotAllowed);
    }
    let elsewhere = entry(1).set("resource", json!("https://evil.example/api/messaging/jobs"));
    let error = create(&signing(scene([asks(1, vec![elsewhere])]))).unwrap_err();
    assert_eq!(error.code, PaymentResourceMismatch);
    assert!(error.message.contains("https://evil.example/") && error.message.contains(URL), "{}", error.message);
}

#[test]
fn answers_that_ask_for_nothing_that_can_be_paid() {
    for step in [
        answer(402, json!({"x402Version": 1})),
        answer(402, json!({"x402Version": 1, "accepts": null})),
        answer(402, json!({"x402Version": 1, "accepts": {}})),
        answer(402, json!({"x402Version": 1, "accepts": []})),
        answer(402, json!({"x402Version": 1, "accepts": vec![json!({}); 10_000]})),
        answer(402, json!({"x402Version": 3, "accepts": [entry(2)]})),
        answer(402, json!({"x402Version": "1", "accepts": 5})),
        answer(402, json!({})).with("payment-required", "not base64!"),
        answer(402, json!({})).with("payment-required", &encoding::to_base64("[]")),
        answer(402, json!({})).with("payment-required", &encoding::to_base64("{\"x402Version\":2")),
        answer(402, json!({})).with("payment-required", &encoding::to_base64(&format!("{{\"a\":\"{}\"}}", "x".repeat(70_000)))),
        text(402, "<html><title>Pay</title></html>"),
        text(402, ""),
    ] {
        let scene = signing(scene([step]));
        let error = create(&scene).unwrap_err();
        assert_eq!(
            (error.code, scene.world.asked.borrow().len()),
            (ErrorCode::PaymentRequirementsInvalid, 0),
            "{}",
            error.message
        );
        assert!(error.message.len() < 20_000);
    }
}

#[test]
fn confirm_is_asked_first_and_only_true_is_a_yes() {
    let with = |answer: Result<Json, Json>| {
        signing(scene([asks(2, vec![entry(2)]), created()])).giving(Callback::Confirm, move |_, _| Some(answer.clone()))
    };
    let yes = with(Ok(json!(true)));
    create(&yes).unwrap();
    let asked: Vec<_> = yes.world.asked.borrow().iter().map(|(whom, _)| *whom).collect();
    assert_eq!(asked, [Callback::Confirm, Callback::Address, Callback::Sign]);
    assert_eq!(yes.world.asked.borrow()[0].1["amount"], "0.02");
    for no in [Ok(json!(false)), Ok(json!(null)), Ok(json!("true")), Ok(json!(1)), Ok(json!({})), Err(json!("boom"))] {
        let scene = with(no);
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, scene.requests(), scene.asked(Callback::Sign)), (ErrorCode::PaymentDeclined, 1, 0));
        assert_eq!((spent(&scene).as_str(), error.payment.unwrap().state), ("0", PaymentState::Intended));
    }
}

#[test]
fn nobody_pays_himself() {
    let scene = scene([asks(1, vec![entry(1)])])
        .giving(Callback::Address, |_, _| Some(Ok(json!(TO.to_lowercase()))))
        .giving(Callback::Sign, |_, _| panic!("the wallet was asked"));
    let error = create(&scene).unwrap_err();
    assert_eq!((error.code, spent(&scene).as_str()), (ErrorCode::PaymentRecipientNotAllowed, "0"));
}

#[test]
fn a_wallet_whose_address_is_none_is_not_asked_to_sign() {
    for gives in [Ok(json!(null)), Ok(json!("0x12")), Ok(json!([PAYER])), Err(json!("locked")), Err(json!({"code": 4001}))] {
        let rejected = gives == Err(json!({"code": 4001}));
        let scene = scene([asks(1, vec![entry(1)])])
            .giving(Callback::Address, move |_, _| Some(gives.clone()))
            .giving(Callback::Sign, |_, _| panic!("the wallet was asked"));
        let error = create(&scene).unwrap_err();
        assert_eq!(error.code, if rejected { ErrorCode::WalletRejected } else { ErrorCode::WalletFailed }, "{}", error.message);
        assert_eq!(spent(&scene), "0");
    }
}

#[test]
fn a_signature_that_is_none_is_never_sent_and_costs_nothing() {
    type Gives = Box<dyn Fn(&Json) -> Result<Json, Json>>;
    let cases: Vec<(Gives, ErrorCode)> = vec![
        (Box::new(|_| Ok(json!(null))), ErrorCode::WalletInvalidProof),
        (Box::new(|_| Ok(json!({"r": "0x1"}))), ErrorCode::WalletInvalidProof),
        (Box::new(|_| Ok(json!("0x1234"))), ErrorCode::WalletInvalidProof),
        (Box::new(|_| Ok(json!(format!("0x{}", "ab".repeat(66))))), ErrorCode::WalletInvalidProof),
        (Box::new(|data| Ok(json!(format!("{}\r\nx: y", signed(data, KEY).as_str().unwrap())))), ErrorCode::WalletInvalidProof),
        (Box::new(|_| Err(json!("boom"))), ErrorCode::WalletFailed),
        (Box::new(|_| Err(json!({"code": "ACTION_REJECTED"}))), ErrorCode::WalletRejected),
    ];
    for (give, code) in cases {
        let scene = scene([asks(2, vec![entry(2)])])
            .giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))))
            .giving(Callback::Sign, move |_, data| Some(give(data)));
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, scene.requests(), scene.asked(Callback::Sign)), (code, 1, 1), "{}", error.message);
        assert!(error.payment.unwrap().proof.is_empty());
        assert_eq!(spent(&scene), "0", "{}", error.message);
        assert!(!error.message.contains(&"ab".repeat(20)));
    }
}

#[test]
fn what_looks_like_a_hash_is_kept_for_money_may_have_moved() {
    let object = json!({"hash": HASH, "wait": null});
    for (whom, gives) in [
        (Callback::Transfer, Ok(object.clone())),
        (Callback::Transfer, Ok(json!(HASH[2..]))),
        (Callback::Transfer, Err(json!({"message": "replaced", "transactionHash": HASH}))),
        (Callback::Pay, Ok(json!(HASH))),
        (Callback::Sign, Ok(json!(HASH))),
    ] {
        let step = if whom == Callback::Transfer { payment_required() } else { asks(1, vec![entry(1)]) };
        let scene =
            scene([step]).giving(whom, move |_, _| Some(gives.clone())).giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))));
        let error = create(&scene).unwrap_err();
        assert_eq!(error.payment.unwrap().transaction.as_deref(), Some(HASH), "{whom:?}");
        assert_eq!(spent(&scene), "0.02");
        assert!(!error.message.contains(&HASH[2..]));
    }
}

#[test]
fn a_signature_that_comes_too_late_is_asked_for_again_with_the_same_nonce() {
    let slow = |times: usize| {
        let calls = std::cell::Cell::new(0);
        scene([asks(2, vec![entry(2)]), created()]).giving(Callback::Address, |_, _| Some(Ok(json!(PAYER)))).giving(
            Callback::Sign,
            move |world, data| {
                calls.set(calls.get() + 1);
                if calls.get() <= times {
                    world.now.set(world.now.get() + 55_000.0);
                }
                Some(Ok(signed(data, KEY)))
            },
        )
    };
    let once = slow(1);
    create(&once).unwrap();
    let asked = once.world.asked.borrow();
    let (first, second) = (&asked[1].1["message"], &asked[2].1["message"]);
    assert_eq!((once.asked(Callback::Sign), &first["nonce"]), (2, &second["nonce"]));
    assert_ne!(first["validBefore"], second["validBefore"]);
    assert_eq!(carried(&once, 1, "payment-signature")["payload"]["authorization"], *second);
    let ever = slow(9);
    let error = create(&ever).unwrap_err();
    assert_eq!((error.code, ever.requests(), ever.asked(Callback::Sign)), (ErrorCode::WalletTimeout, 1, 2));
    assert_eq!(spent(&ever), "0");
}

#[test]
fn a_person_may_take_a_while_over_the_wallet_when_the_application_has_set_no_limit() {
    let scene = scene([payment_required(), created(), seen("completed")]).giving(Callback::Transfer, |world, _| {
        world.now.set(world.now.get() + 200_000.0);
        Some(Ok(json!(HASH)))
    });
    run(scene.client.create_and_wait(&params(), &plain(), WaitPlan::default(), &|_| ())).unwrap();
}

#[test]
fn a_wallet_that_hangs_is_given_up_within_its_limit_or_the_callers() {
    let hanging = |whom| {
        scene_with([asks(2, vec![entry(2)])], |config| config.wallet_timeout = Millis::new(300_000.0))
            .giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))))
            .giving(whom, |_, _| None)
    };
    for (whom, kept, said) in [
        (Callback::Sign, "0", "the wallet did not answer within 300000 ms; nothing was sent"),
        (Callback::Pay, "0.02", "the wallet did not answer within 300000 ms; look in the wallet"),
        (Callback::Confirm, "0", "confirm did not answer within 300000 ms; no money has moved"),
        (Callback::Address, "0", "wallet.address did not answer within 300000 ms; no money has moved"),
    ] {
        let scene = match whom {
            Callback::Confirm => signing(hanging(whom)),
            Callback::Address => {
                let scene = scene_with([asks(2, vec![entry(2)])], |config| config.wallet_timeout = Millis::new(300_000.0));
                signing(scene.giving(Callback::Address, |_, _| None))
            }
            _ => hanging(whom),
        };
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, scene.world.now.get()), (ErrorCode::WalletTimeout, 300_000.0));
        assert!(error.message.contains(said), "{}", error.message);
        assert_eq!((spent(&scene).as_str(), scene.requests()), (kept, 1));
    }
    let scene = hanging(Callback::Pay);
    let error = run(scene.client.create_job(&params(), &within(5_000.0), &|_| ())).unwrap_err();
    assert_eq!((error.code, scene.world.now.get()), (ErrorCode::WalletTimeout, 5_000.0));
}

#[test]
fn a_wallet_may_take_the_payment_over_and_gives_the_headers() {
    let upto = || entry(2).set("scheme", json!("upto"));
    let pays = |gives: Json| scene([asks(2, vec![upto()]), created()]).giving(Callback::Pay, move |_, _| Some(Ok(gives.clone())));
    let scene = pays(json!([["payment-signature", "abc="]]));
    create(&scene).unwrap();
    assert_eq!(scene.header(1, "payment-signature").as_deref(), Some("abc="));
    let asked = scene.last_asked();
    assert_eq!((&asked["paymentRequirements"], &asked["paymentRequired"]["accepts"][0]), (&upto().0, &upto().0));
    for junk in [json!(null), json!([]), json!([["authorization", "x"]]), json!([["x-payment", "a\nb"]]), json!("x")] {
        let scene = pays(junk);
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, scene.requests()), (ErrorCode::WalletInvalidProof, 1));
        assert_eq!(spent(&scene), "0.02", "money may have moved");
    }
}

#[test]
fn a_failed_settlement_is_refused_with_its_reason_and_a_pending_one_is_unknown() {
    for (reason, code) in
        [("insufficient_funds", ErrorCode::PaymentRefused), ("settlement_pending", ErrorCode::PaymentOutcomeUnknown)]
    {
        let receipt = json!({"success": false, "errorReason": reason, "transaction": HASH, "network": "eip155:8453"});
        let scene = signing(scene([
            asks(2, vec![entry(2)]),
            answer(402, json!({})).with("payment-response", &encoding::to_base64(&receipt.to_string())),
            jobs(&[]),
        ]))
        .forever(text(404, ""));
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, scene.asked(Callback::Sign)), (code, 1));
        assert!(error.message.contains(reason), "{}", error.message);
        let payment = error.payment.unwrap();
        assert_eq!(payment.transaction.as_deref(), Some(HASH));
        assert_eq!((payment.proof.len(), spent(&scene).as_str()), (1, "0.02"));
    }
}

#[test]
fn a_signed_request_is_never_redirected_and_a_lost_reply_never_signed_again() {
    for step in [text(307, "").with("location", "/elsewhere"), Step::Fail(SendFailure::Reset), text(502, "")] {
        let scene = signing(scene([asks(1, vec![entry(1)]), step.clone()])).forever(step);
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, scene.asked(Callback::Sign)), (ErrorCode::PaymentOutcomeUnknown, 1));
        let proofs = scene.sent_proofs();
        assert!(proofs.iter().all(|proof| *proof == proofs[0]));
        let proof = &error.payment.as_ref().unwrap().proof[0].1;
        assert!(!error.message.contains(proof.as_str()));
        assert_eq!(spent(&scene), "0.02");
    }
}

#[test]
fn calls_at_the_same_time_cannot_overspend() {
    // Every wallet hangs: the money of all of them is set aside at once.
    let price = || answer(402, json!({"payment": [{"network": "base", "recipient": TO, "amount": "0.02"}]}));
    let scene =
        scene_with([], |config| config.spend.limits[0].budget = 200_000).forever(price()).giving(Callback::Transfer, |_, _| None);
    let client: &Rc<Client<Shared>> = &scene.client;
    let params = params();
    let call = plain();
    let mut calls: Vec<_> = (0..1_000).map(|_| Box::pin(client.create_job(&params, &call, &|_| ()))).collect();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut over = 0;
    calls.retain_mut(|call| match call.as_mut().poll(&mut context) {
        std::task::Poll::Pending => true,
        std::task::Poll::Ready(answer) => {
            assert_eq!(answer.unwrap_err().code, ErrorCode::PaymentOverLimit);
            over += 1;
            false
        }
    });
    assert_eq!((over, calls.len(), scene.asked(Callback::Transfer), spent(&scene).as_str()), (990, 10, 10, "0.2"));
    drop(calls);
    assert_eq!(spent(&scene), "0.2", "the wallets were asked: whoever drops the call does not know what they did");
}

#[test]
fn a_header_of_another_version_is_not_signed_and_the_body_adds_no_entry_to_the_headers() {
    let mut third = required(2, vec![entry(2)]);
    third["x402Version"] = json!(3).0;
    let in_header =
        |document: &Json, body: Json| answer(402, body).with("payment-required", &encoding::to_base64(&document.to_string()));
    let error = create(&signing(scene([in_header(&third, json!({}))]))).unwrap_err();
    assert!(error.message.contains("x402Version 3 is not known"), "{}", error.message);

    let mut cheap = entry(2);
    cheap["amount"] = json!("5").0;
    let scene1 = signing(scene([in_header(&required(2, vec![entry(2)]), json!({"accepts": [cheap]})), created()]));
    create(&scene1).unwrap();
    assert_eq!(carried(&scene1, 1, "payment-signature")["accepted"]["amount"], "20000");
    // What the seed's dialect asks for stands in no header.
    let seed = json!({"x402Version": 2, "payment": [{"network": "base", "recipient": TO, "amount": "0.01"}]});
    let scene2 = scene([in_header(&required(2, vec![entry(2)]), seed), created()]).paying();
    create(&scene2).unwrap();
    assert_eq!(scene2.header(1, "x-payment").as_deref(), Some(HASH));
}

#[test]
fn a_refusal_in_version_2s_header_is_the_servers_word() {
    let mut document = required(2, vec![entry(2)]);
    document["error"] = json!("insufficient_funds").0;
    let refused = answer(402, json!({})).with("payment-required", &encoding::to_base64(&document.to_string()));
    let scene = signing(scene([asks(2, vec![entry(2)]), refused, jobs(&[])]));
    let error = create(&scene).unwrap_err();
    assert_eq!((error.code, error.server_message.as_deref()), (ErrorCode::PaymentRefused, Some("insufficient_funds")));
    assert!(error.message.contains("insufficient_funds"), "{}", error.message);
}

#[test]
fn what_a_receipt_says_shows_neither_the_proof_nor_a_key() {
    // The proof is known when the reply is written: both are of one nonce.
    let first = signing(scene([asks(2, vec![entry(2)]), created()]));
    create(&first).unwrap();
    let proof = first.header(1, "payment-signature").unwrap();
    for part in [proof.as_str(), &proof[100..], &proof[30..130], "a-key-of-the-server"] {
        let receipt = json!({"success": false, "errorReason": format!("cannot settle {part}")});
        let refused = answer(402, json!({})).with("payment-response", &encoding::to_base64(&receipt.to_string()));
        let mut scene = scene_with([asks(2, vec![entry(2)]), refused, jobs(&[])], |config| {
            config.headers = vec![("x-api-key".into(), "a-key-of-the-server".into())];
        });
        scene = signing(scene);
        let error = create(&scene).unwrap_err();
        let shown = format!("{} {}", error.message, error.payment.unwrap().document());
        assert!(shown.contains("cannot settle …"), "{shown}");
        let left = part.as_bytes().windows(24).find(|part| shown.contains(core::str::from_utf8(part).unwrap()));
        assert_eq!((left, shown.contains("a-key-of")), (None, false), "{shown}");
    }
}

#[test]
fn confirm_gets_a_copy_and_nothing_but_true_is_a_yes() {
    for given in [json!("true"), json!(1), json!([true]), json!({"valueOf": true})] {
        let scene = signing(scene([asks(2, vec![entry(2)])])).giving(Callback::Confirm, move |_, _| Some(Ok(given.clone())));
        assert_eq!(create(&scene).unwrap_err().code, ErrorCode::PaymentDeclined);
    }
}

#[test]
fn an_address_in_capitals_is_signed_with_its_checksum_and_the_network_is_called_as_the_server_calls_it() {
    for version in [1, 2] {
        let mut one = entry(version);
        one["payTo"] = json!(TO.to_uppercase().replace("0X", "0x")).0;
        one["network"] = json!("eip155:8453").0;
        let scene = signing(scene([asks(version, vec![one]), created()]));
        create(&scene).unwrap();
        let header = carried(&scene, 1, if version == 1 { "x-payment" } else { "payment-signature" });
        assert_eq!(header["payload"]["authorization"]["to"], TO);
        if version == 1 {
            assert_eq!(header["network"], "eip155:8453");
        }
    }
}

#[test]
fn a_wallet_that_says_that_nothing_moved_is_believed() {
    for other in [json!(false), json!("true"), json!(1), json!(null)] {
        let scene = scene([payment_required()]).wallet(Err(json!({"message": "it broke", "noMoneyMoved": other})));
        let error = create(&scene).unwrap_err();
        assert_eq!((spent(&scene).as_str(), scene.world.records().len()), ("0.02", 1), "{}", error.message);
    }
    let given = json!({"message": "the wallet is on chain 1", "noMoneyMoved": true});
    let scene = scene([payment_required(), payment_required(), created()]).wallet(Err(given));
    let error = create(&scene).unwrap_err();
    assert!(error.message.ends_with("; no money has moved"), "{}", error.message);
    assert_eq!((error.code, spent(&scene).as_str(), scene.world.records().len()), (ErrorCode::WalletFailed, "0", 0));
}

#[test]
fn a_no_to_a_signature_costs_nothing_though_its_words_hold_the_request() {
    // ethers and viem put the whole typed data into the error.
    let scene = scene([asks(2, vec![entry(2)]), asks(2, vec![entry(2)]), created()])
        .giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))))
        .giving(Callback::Sign, |world, data| {
            if world.asked.borrow().iter().filter(|(whom, _)| *whom == Callback::Sign).count() > 1 {
                return Some(Ok(signed(data, KEY)));
            }
            let words = format!("rejected {}", data["message"]["nonce"].as_str().unwrap());
            Some(Err(json!({"code": 4001, "message": words})))
        });
    let call = eliza_jobs::api::options::CallOptions { idempotency_key: "k".into(), ..plain() };
    let error = run(scene.client.create_job(&params(), &call, &|_| ())).unwrap_err();
    assert_eq!((error.code, spent(&scene).as_str(), scene.world.records().len()), (ErrorCode::WalletRejected, "0", 0));
    assert_eq!(error.payment.unwrap().transaction, None);
    // The same key can be tried again.
    run(scene.client.create_job(&params(), &call, &|_| ())).unwrap();
    assert_eq!(spent(&scene), "0.02");
}

#[test]
fn a_transfer_whose_wallet_only_says_no_in_words_may_have_moved_money() {
    for words in ["User denied transaction signature", "rejectedByUser", "User rejected the request."] {
        let scene = scene([payment_required()]).wallet(Err(json!({"code": -32603, "message": words})));
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, spent(&scene).as_str()), (ErrorCode::WalletFailed, "0.02"), "{}", error.message);
        assert!(error.message.contains("may be a no") && error.message.contains("look in the wallet"), "{}", error.message);
        assert_eq!((error.payment.unwrap().state, scene.world.records().len()), (PaymentState::Unknown, 1));
    }
}

#[test]
fn the_agent_of_elizaos_2_is_paid_and_gets_its_entry_back_as_it_sent_it() {
    let asset = "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
    let mixed = entry(2).without("amount").set("maxAmountRequired", json!("20000")).set("asset", json!(asset));
    let scene2 = signing(scene([asks(2, vec![mixed.clone()]), created()]));
    create(&scene2).unwrap();
    let header = carried(&scene2, 1, "payment-signature");
    assert_eq!((&header["accepted"], &header["payload"]["authorization"]["value"]), (&mixed.0, &json!("20000").0));
    let domain = &scene2.last_asked()["domain"];
    assert_eq!(domain["verifyingContract"], "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
    let scene1 = signing(scene([asks(1, vec![entry(1).set("asset", json!(asset))]), created()]));
    create(&scene1).unwrap();
    assert_eq!(spent(&scene1), "0.02");
    let twofold = mixed.set("amount", json!("20001"));
    let error = create(&signing(scene([asks(2, vec![twofold])]))).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentRequirementsInvalid);
    assert!(error.message.contains("are two prices"), "{}", error.message);
}

#[test]
fn every_signature_that_a_contract_wallet_may_return_is_sent_as_it_is() {
    let plain = |v: u8| [vec![0x11; 64], vec![v]].concat();
    for signature in [
        plain(31),
        plain(32),
        [plain(27), vec![2]].concat(),
        [vec![0], plain(28)].concat(),
        [vec![0; 12], vec![0xab; 20], vec![0; 32], vec![1]].concat(),
        vec![7; 200],
    ] {
        let signature = encoding::to_hex(&signature);
        let returned = json!(signature);
        let scene = scene([asks(2, vec![entry(2)]), created()])
            .giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))))
            .giving(Callback::Sign, move |_, _| Some(Ok(returned.clone())));
        create(&scene).unwrap();
        assert_eq!(carried(&scene, 1, "payment-signature")["payload"]["signature"], signature.as_str());
    }
    // Another account's is the server's to refuse.
    let other = format!("0x{}", "42".repeat(32));
    let scene = scene([asks(2, vec![entry(2)]), created()])
        .giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))))
        .giving(Callback::Sign, move |_, data| Some(Ok(signed(data, &other))));
    create(&scene).unwrap();
}

#[test]
fn a_settlement_response_is_read_as_json_too_and_shows_no_secret_in_any_member() {
    let key = "a-key-of-the-server";
    let hexadecimal_key = "c0ffee".repeat(12)[..64].to_owned();
    let first = signing(scene([asks(2, vec![entry(2)]), created()]));
    create(&first).unwrap();
    let proof = first.header(1, "payment-signature").unwrap();
    for secret in [key, &proof[40..140], &hexadecimal_key, &format!("0x{hexadecimal_key}")] {
        for member in ["transaction", "network", "payer", "amount", "errorReason"] {
            let receipt = json!({"success": true, (member): secret}).to_string();
            for header in [encoding::to_base64(&receipt), receipt.clone(), format!(" {receipt}")] {
                let api_key = if secret.starts_with("0x") { secret.to_owned() } else { hexadecimal_key.clone() };
                let scene = scene_with([asks(2, vec![entry(2)]), created().with("payment-response", &header)], |config| {
                    config.headers = vec![("x-api-key".into(), api_key), ("x-other".into(), key.into())];
                });
                let payment = create(&signing(scene)).unwrap().payment.unwrap();
                let shown = payment.document().to_string();
                assert!(shown.contains("\"success\":true") && shown.contains(member), "{shown}");
                let left = secret.as_bytes().windows(16).find(|part| shown.contains(core::str::from_utf8(part).unwrap()));
                assert_eq!((left, payment.transaction), (None, None), "{member}: {shown}");
            }
        }
    }
    let receipt = json!({"success": true, "transaction": HASH, "network": "eip155:8453", "payer": PAYER, "amount": "20000"});
    let scene = signing(scene([asks(2, vec![entry(2)]), created().with("payment-response", &receipt.to_string())]));
    let payment = create(&scene).unwrap().payment.unwrap();
    assert_eq!((payment.receipt.unwrap(), payment.transaction.as_deref()), (receipt, Some(HASH)));
}

#[test]
fn a_server_on_this_machine_may_call_itself_by_another_of_its_names() {
    let at = |resource: &str| {
        let entry = entry(1).set("resource", json!(resource));
        signing(scene_with([asks(1, vec![entry]), created()], |config| config.base_url = "http://127.0.0.1:3000".into()))
    };
    create(&at("http://localhost:3000/api/messaging/jobs")).unwrap();
    let error = create(&at("https://public.example/api/messaging/jobs")).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentResourceMismatch);
    let line = "add spend: { allowResource: 'https://public.example/api/messaging/jobs' }";
    assert!(error.message.contains(line), "{}", error.message);
}
