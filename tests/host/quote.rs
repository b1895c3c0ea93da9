//! The price before anything is paid: nothing is paid, no job is made, nobody is asked.

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::encoding;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::Callback;
use eliza_jobs::waiting::run::WaitPlan;

const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const USDC: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";

fn quote(scene: &Scene) -> Result<Json, Box<Error>> {
    let quoted = run(scene.client.quote(&plain()));
    let asked = [Callback::Confirm, Callback::Address, Callback::Transfer, Callback::Sign, Callback::Pay];
    assert!(asked.into_iter().all(|whom| scene.asked(whom) == 0), "nobody is asked");
    assert_eq!(scene.client.spent("USDC").unwrap(), "0", "nothing is set aside");
    let is_payment = |key: &String| !key.starts_with("eliza-jobs/budget/");
    assert!(!scene.world.store.borrow().keys().any(is_payment), "no payment is written down");
    assert!(scene.sent_proofs().is_empty());
    quoted
}
fn entry(change: impl FnOnce(&mut serde_json::Value)) -> Json {
    let mut entry = json!({"scheme": "exact", "network": "base", "maxAmountRequired": "20000", "payTo": TO, "maxTimeoutSeconds": 60,
        "asset": USDC, "extra": {"name": "USD Coin", "version": "2"}});
    change(&mut entry.0);
    entry
}
/// An entry with this `outputSchema.input`.
fn said(input: Json) -> Json {
    entry(|entry| entry["outputSchema"] = json!({"input": input.0}).0)
}
fn asks(entries: Vec<Json>) -> Step {
    answer(402, json!({"x402Version": 1, "accepts": entries}))
}
fn signing(scene: Scene) -> Scene {
    scene.giving(Callback::Address, |_, _| panic!()).giving(Callback::Sign, |_, _| panic!())
}
/// What a scene's only request said.
fn body(scene: &Scene) -> Json {
    assert_eq!(scene.requests(), 1);
    Json::parse(scene.request(0).body.as_deref().unwrap()).unwrap()
}

#[test]
fn the_price_comes_from_a_request_that_no_server_takes_for_a_job() {
    let scene = scene([payment_required()]).paying().giving(Callback::Confirm, |_, _| panic!());
    let quoted = quote(&scene).unwrap();
    let offer = |network: &str, chain: u32, asset: &str| {
        json!({"dialect": "elizaos", "network": network, "chainId": chain, "asset": asset, "recipient": TO, "amount": "0.02",
            "amountAtomic": "20000", "currency": "USDC", "decimals": 6, "allowed": true})
    };
    let base = offer("base", 8453, USDC);
    let polygon = offer("polygon", 137, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359");
    assert_eq!(quoted, json!({"free": false, "offers": [base, polygon], "chosen": base}));
    assert_eq!(body(&scene), json!({"userId": "", "content": ""}));
    assert!(scene.request(0).headers.iter().any(|(name, _)| name == "x-api-key"));
}

#[test]
fn both_versions_of_x402_are_quoted() {
    let scene1 = signing(scene([asks(vec![entry(|_| ())])]));
    assert_eq!(quote(&scene1).unwrap()["chosen"]["dialect"], "x402-v1");
    let v2 = entry(|entry| {
        entry["network"] = json!("eip155:8453").0;
        entry["amount"] = entry["maxAmountRequired"].take();
    });
    let document = json!({"x402Version": 2, "accepts": [v2]});
    let header = encoding::to_base64(&document.to_string());
    let scene2 = signing(scene([answer(402, json!({})).with("payment-required", &header)]));
    let quoted = quote(&scene2).unwrap();
    assert_eq!((&quoted["chosen"]["dialect"], &quoted["chosen"]["network"]), (&json!("x402-v2").0, &json!("base").0));
}

#[test]
fn the_rules_are_those_of_paying_and_each_offer_says_which_it_breaks() {
    for (change, rule) in [
        (
            (|config| config.spend.limits[0].max_per_payment = 19_999) as fn(&mut eliza_jobs::client::Config),
            "spend.maxPerPayment allows 0.019999 USDC",
        ),
        (|config| config.spend.limits[0].budget = 1, "spend.budget allows 0.000001 USDC"),
        (|config| config.spend.recipients = vec![PAYER.into()], "spend.recipients allows"),
        (|config| config.spend.networks = vec!["base-sepolia".into()], "spend.networks allows base-sepolia"),
        (|config| config.base_url = "http://server".into(), "others can read what goes to http://server"),
    ] {
        let scene1 = scene_with([payment_required()], change).paying();
        let quoted = quote(&scene1).unwrap();
        let error = run(scene_with([payment_required()], change).paying().client.create_job(&params(), &plain(), &|_| ()));
        assert_eq!(quoted["why"].as_str(), Some(error.unwrap_err().message.as_str()), "the same words as when it is paid");
        assert_eq!((&quoted["free"], &quoted["chosen"]), (&json!(false).0, &json!(null).0));
        for offer in quoted["offers"].as_array().unwrap() {
            assert_eq!(offer["allowed"], false);
            assert!(offer["why"].as_str().unwrap().contains(rule), "{offer}");
        }
    }
    // The cheapest one that is allowed is the one that would be paid.
    let offers = vec![entry(|_| ()), entry(|entry| entry["maxAmountRequired"] = json!("500000").0)];
    let cheap = entry(|entry| entry["maxAmountRequired"] = json!("10000").0);
    let quoted = quote(&signing(scene([asks([offers, vec![cheap]].concat())]))).unwrap();
    let allowed: Vec<_> = quoted["offers"].as_array().unwrap().iter().map(|offer| offer["allowed"].clone()).collect();
    assert_eq!((allowed, &quoted["chosen"]["amount"]), (vec![true.into(), false.into(), true.into()], &json!("0.01").0));
}

#[test]
fn without_a_wallet_the_price_is_there_all_the_same() {
    let quoted = quote(&scene([payment_required()])).unwrap();
    let offer = &quoted["offers"][0];
    assert_eq!((&offer["amount"], &offer["allowed"], &quoted["chosen"]), (&json!("0.02").0, &json!(false).0, &json!(null).0));
    assert_eq!(offer["why"], "the client has no wallet");
    assert!(quoted["why"].as_str().unwrap().contains("give the client a wallet"), "{quoted}");
    // A wallet that cannot pay these says what it lacks.
    let quoted = quote(&signing(scene([payment_required()]))).unwrap();
    assert!(quoted["offers"][0]["why"].as_str().unwrap().starts_with("the wallet needs sendTransfer"), "{quoted}");
}

#[test]
fn an_offer_that_wants_what_a_job_does_not_have_is_not_chosen() {
    let wants = |field: &str| {
        let fields = serde_json::Map::from_iter([(field.to_owned(), json!({"required": true}).0)]);
        entry(move |entry| entry["outputSchema"] = json!({"input": {"bodyFields": fields}}).0)
    };
    let quoted = quote(&signing(scene([asks(vec![wants("prompt")])]))).unwrap();
    assert_eq!(quoted["chosen"]["allowed"], true, "{quoted}");
    let quoted = quote(&signing(scene([asks(vec![wants("colour")])]))).unwrap();
    assert_eq!((&quoted["chosen"], &quoted["offers"][0]["allowed"]), (&json!(null).0, &json!(false).0));
    for why in [&quoted["why"], &quoted["offers"][0]["why"]] {
        assert!(why.as_str().unwrap().contains("requires colour"), "{quoted}");
    }
}

#[test]
fn what_a_quote_chooses_is_what_a_job_pays_and_what_it_refuses_is_refused() {
    let requires = |field: &str, kind: &str| {
        let field = serde_json::Map::from_iter([(field.to_owned(), json!({"type": kind, "required": true}).0)]);
        said(json!({"bodyFields": field}))
    };
    let at = |amount: &str| entry(|entry| entry["maxAmountRequired"] = json!(amount).0);
    let own = entry(|entry| entry["payTo"] = json!(PAYER.to_lowercase()).0);
    let cheap = requires("colour", "string").set("maxAmountRequired", json!("10"));
    let given = || params().set("agentId", json!(USER)).set("metadata", json!({"a": 1})).set("timeoutMs", json!(5_000));
    let table = [
        ("nothing more", vec![at("20000")], Some("0.02")),
        ("the cheapest", vec![at("20000"), at("10000"), at("10000000")], Some("0.01")),
        ("too dear", vec![at("10000000")], None),
        ("agentId", vec![requires("agentId", "string")], Some("0.02")),
        ("metadata", vec![requires("metadata", "object")], Some("0.02")),
        ("timeoutMs", vec![requires("timeoutMs", "number")], Some("0.02")),
        ("a number for agentId", vec![requires("agentId", "number")], None),
        ("prompt", vec![requires("prompt", "string")], Some("0.02")),
        ("a number for prompt", vec![requires("prompt", "number")], None),
        ("another field", vec![requires("colour", "string")], None),
        ("another field, or dearer", vec![cheap, at("20000")], Some("0.02")),
        ("a schema", vec![said(json!({"body": {"type": "object", "required": ["colour"]}}))], None),
        ("a query", vec![said(json!({"queryParams": {"lang": {"required": true}}}))], None),
        ("a header", vec![said(json!({"headerFields": {"X-Tenant": {"required": true}}}))], None),
        ("a header that is set", vec![said(json!({"headerFields": {"X-Api-Key": {"required": true}}}))], Some("0.02")),
        ("another method", vec![said(json!({"method": "GET"}))], None),
        ("a form", vec![said(json!({"bodyType": "multipart-form-data"}))], None),
        ("the wallet itself", vec![own.clone()], None),
        ("the wallet itself, or another", vec![own, at("30000")], Some("0.03")),
    ];
    for (what, offers, pays) in table {
        let scene_of = |more: Option<Step>| {
            let scene = scene([asks(offers.clone())].into_iter().chain(more));
            *scene.world.address.borrow_mut() = Some(PAYER.to_owned());
            scene
        };
        let quoted = quote(&signing(scene_of(None))).unwrap();
        let signature = json!(format!("0x{}", "ab".repeat(70)));
        let paying = scene_of(Some(created())).giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))));
        let paying = paying.giving(Callback::Sign, move |_, _| Some(Ok(signature.clone())));
        let job = run(paying.client.create_job(&given(), &plain(), &|_| ()));
        let allowed: Vec<bool> = quoted["offers"].as_array().unwrap().iter().map(|offer| offer["allowed"] == true).collect();
        match job {
            Ok(job) => {
                let paid = job.payment.unwrap().document();
                assert_eq!((paid["amount"].as_str(), quoted["chosen"]["amount"].as_str()), (pays, pays), "{what}");
                assert!(quoted.get("why").is_none() && allowed.contains(&true), "{what}: {quoted}");
            }
            Err(error) => {
                assert_eq!((pays, &quoted["chosen"]), (None, &json!(null).0), "{what}: {error:?}");
                assert_eq!(quoted["why"].as_str(), Some(error.message.as_str()), "{what}");
                assert!(allowed.iter().all(|allowed| !allowed), "{what}");
                assert_eq!((paying.asked(Callback::Sign), paying.asked(Callback::Address)), (0, 0), "{what}");
            }
        }
    }
}

#[test]
fn without_a_wallet_no_store_stands_between_a_user_and_the_price() {
    let scene1 = scene_with([payment_required()], |config| config.spend.limits[0].budget = 1_000_000);
    *scene1.world.store_waits.borrow_mut() = Some((true, std::rc::Rc::default()));
    assert_eq!(quote(&scene1).unwrap()["offers"][0]["amount"], "0.02");
}

#[test]
fn a_402_that_cannot_be_read_is_no_free_server() {
    for step in [answer(402, json!({})), text(402, "<html>"), asks(vec![entry(|entry| entry["payTo"] = json!("0x1").0)])] {
        let quoted = quote(&scene([step]).paying()).unwrap();
        assert_eq!((&quoted["free"], &quoted["offers"], &quoted["chosen"]), (&json!(false).0, &json!([]).0, &json!(null).0));
        assert!(quoted["why"].as_str().unwrap().contains("the server asks for a payment (402), but"), "{quoted}");
    }
}

#[test]
fn only_the_words_of_the_api_itself_say_that_a_job_is_free() {
    let refusal = |status: u16, words: &str| answer(status, json!({"success": false, "error": words}));
    assert_eq!(quote(&scene([refusal(400, "content cannot be empty")])).unwrap(), json!({"free": true, "offers": []}));
    let odd = quote(&scene([created()])).unwrap();
    assert_eq!((&odd["free"], &odd["offers"]), (&json!(true).0, &json!([]).0));
    assert!(odd["why"].as_str().unwrap().contains("has made a job of a request without a user"), "{odd}");
    // Whoever looks at the request first may ask for a payment afterwards.
    for (status, words) in [
        (400, "userId is required and must be a valid UUID string"),
        (400, "Invalid request. Required fields: prompt"),
        (422, "no question"),
    ] {
        let quoted = quote(&scene([refusal(status, words)]).paying()).unwrap();
        assert_eq!((&quoted["free"], &quoted["offers"]), (&json!(null).0, &json!([]).0));
        let why = quoted["why"].as_str().unwrap();
        assert!(why.contains("looks at the request before it asks for a payment") && why.contains(words), "{why}");
    }
}

#[test]
fn what_is_no_answer_about_the_price_is_an_error() {
    for (step, code) in [
        (answer(401, json!({"error": "API key required"})), ErrorCode::Unauthorized),
        (answer(404, json!({"error": "no such route"})), ErrorCode::NotFound),
        (text(500, ""), ErrorCode::ServerError),
        (text(200, "<!doctype html>"), ErrorCode::UnexpectedHtml),
        (Step::Fail(eliza_jobs::platform::SendFailure::Reset), ErrorCode::ConnectionReset),
    ] {
        assert_eq!(quote(&scene([step])).unwrap_err().code, code);
    }
    let moved = text(307, "").with("location", "/v2/jobs");
    assert_eq!(quote(&scene([moved, payment_required()]).paying()).unwrap_err().code, ErrorCode::RedirectRefused);
}

#[test]
fn the_answers_text_is_what_ask_gives() {
    let ask = |scene: &Scene, params: Json, call: &CallOptions| {
        run(scene.client.ask(params, call, WaitPlan::default(), &|_| ())).map(|answer| answer.as_text().unwrap())
    };
    let question = || json!({"content": "What is the weather?"});
    let world = scene([created(), seen("completed")]);
    assert_eq!(ask(&world, question(), &plain()).unwrap(), "the answer");
    let sent = Json::parse(world.request(0).body.as_deref().unwrap()).unwrap();
    assert_eq!(sent, json!({"userId": "33333333-3333-4333-8333-333333333333", "content": "What is the weather?"}));
    // The application's own user stays who it is.
    let world = scene([created(), seen("completed")]);
    ask(&world, question().set("userId", json!(USER)), &plain()).unwrap();
    assert_eq!(Json::parse(world.request(0).body.as_deref().unwrap()).unwrap()["userId"], USER);
    // A key stands for one request: it has one user.
    let named = CallOptions { idempotency_key: "k".into(), ..plain() };
    let world = scene([created(), seen("completed"), seen("completed")]);
    world.world.own_uuids.set(true);
    for _ in 0..2 {
        assert_eq!(ask(&world, question(), &named).unwrap(), "the answer");
    }
    let posts = (0..world.requests()).filter(|at| world.request(*at).body.is_some()).count();
    assert_eq!(posts, 1, "one job");
    let error = ask(&scene([]), json!({"content": ""}), &plain()).unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidArgument, Some("question")));
    assert_eq!(error.message, "question cannot be empty: it must be a string of 1 to 50000 characters; given: \"\"");
}

#[test]
fn agents_are_listed_and_a_failure_that_passes_is_tried_again() {
    let agent = json!({"id": USER, "name": "Test agent", "status": "active"});
    let world = scene([text(503, ""), answer(200, json!({"success": true, "data": {"agents": [agent]}}))]);
    assert_eq!(run(world.client.list_agents(&plain())).unwrap(), json!([agent]));
    assert!(world.request(0).url.ends_with("/api/agents"));
    let odd = scene([]).forever(answer(200, json!({"data": {}})));
    assert_eq!(run(odd.client.list_agents(&plain())).unwrap_err().code, ErrorCode::InvalidResponse);
}
