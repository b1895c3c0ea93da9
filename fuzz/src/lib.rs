//! What reads texts of servers, wallets and stores, as functions of bytes: for cargo-fuzz (`make
//! fuzz`), and for the host tests, which replay the corpus and mutated copies of it. None of them
//! may panic, and whatever they give is bounded and holds no proof.

mod conversation;

use eliza_jobs::api::jobs;
use eliza_jobs::api::payments::Attempt;
use eliza_jobs::encoding;
use eliza_jobs::http::message::is_proof_header;
use eliza_jobs::http::retry;
use eliza_jobs::json::{Json, read_header};
use eliza_jobs::payment::record as records;
use eliza_jobs::payment::wallet_request::WalletRequest;
use eliza_jobs::platform::WalletCapabilities;
use eliza_jobs::platform::{Body, HttpResponse};
use eliza_jobs::spending::ledger::SpendLedger;
use eliza_jobs::spending::offer_rules::{Circumstances, PaymentMethod, StoredCounters};
use eliza_jobs::spending::policy::SpendPolicy;
use eliza_jobs::time::{Millis, WallTime};
use eliza_jobs::x402::typed_data::Clock;
use eliza_jobs::x402::{self, Asked, Offer, signature};

/// The longest message of an error, in bytes.
pub const LONGEST_MESSAGE: usize = 4_000;
/// Whose signatures these are, and of what.
/// The time at which signatures are made.
const CLOCK: Clock = Clock { wall: WallTime::from_ms(1.8e12), server_ahead: Millis::ZERO };
const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const URL: &str = "https://api.example.com/api/messaging/jobs";
const ALL: WalletCapabilities = WalletCapabilities { transfer: true, sign: true, pay: true };

/// One target: its name, which is that of its corpus too, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 7] = [
    ("conversation", conversation::conversation),
    ("payment-required", payment_required),
    ("receipt", receipt),
    ("record", record),
    ("signature", signed),
    ("wallet", given),
    ("job", job),
];

/// Stops where a message is too long, or holds what could be a proof.
fn is_fit_to_show(message: &str) {
    assert!(message.len() <= LONGEST_MESSAGE, "a message of {} bytes: {}", message.len(), &message[..200.min(message.len())]);
    // A price may be as long, and has no letters.
    let is_proof = |run: &str| run.len() >= 48 && run.bytes().any(|digit| digit.is_ascii_alphabetic());
    let secret = message.split(|letter: char| !letter.is_ascii_hexdigit()).any(is_proof);
    assert!(!secret, "a message with what could be a proof: {message}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn body(text: &str) -> Body {
    match (text.is_empty(), Json::parse(text)) {
        (true, _) => Body::Empty,
        (false, Some(document)) => Body::Json(document),
        // As much as the runtime hands on.
        (false, None) => Body::Text(text.chars().take(4_000).collect()),
    }
}

/// A 402: the header `PAYMENT-REQUIRED` in the first line (as it comes, or as JSON), the body in
/// the others.
fn payment_required(bytes: &[u8]) {
    let text = text(bytes);
    let (header, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let header = if header.starts_with('{') { encoding::to_base64(header) } else { header.to_owned() };
    let headers = if header.is_empty() { vec![] } else { vec![("payment-required", header)] };
    let response = HttpResponse { status: 402, headers, body: body(rest) };
    let policy = SpendPolicy::default();
    let required = match x402::read(&response, &policy.tokens) {
        Ok(required) => required,
        Err(error) => return is_fit_to_show(&error.message),
    };
    assert!(required.offers.len() + required.skipped.len() <= 200, "too many offers");
    for wallet in [
        ALL,
        WalletCapabilities { sign: true, ..WalletCapabilities::default() },
        WalletCapabilities { transfer: true, ..WalletCapabilities::default() },
    ] {
        let ledger = SpendLedger::new(vec![0; policy.limits.len()], Box::new(|_, _| ()));
        let body = Json::object();
        let asked = Asked { url: URL, headers: &[], body: &body, is_sample: false };
        let stored = StoredCounters::default();
        match policy.choose(required.clone(), Circumstances { wallet, payer: None, asked, stored: &stored }, &ledger) {
            Err(error) => is_fit_to_show(&error.message),
            Ok(chosen) => {
                assert!((1..=100_000).contains(&chosen.offer.amount.units), "it would pay {}", chosen.offer.amount.digits);
                pays(chosen.offer, chosen.method);
            }
        }
    }
}

/// A chosen offer is proved by a wallet that answers well.
fn pays(offer: Offer, method: PaymentMethod) {
    let token = offer.token.clone();
    let nonce = format!("0x{}", "11".repeat(32));
    let request = WalletRequest::new("0123456789abcdef", std::rc::Rc::new(offer), method, PAYER.to_owned(), &nonce, CLOCK);
    let shown = request.call().argument;
    if let Some(authorization) = request.authorization() {
        let message = &shown["message"];
        assert_eq!(message["value"], authorization.value.as_str(), "what is shown is what is signed");
        assert_eq!(message["to"], authorization.to.as_str());
        assert_eq!(shown["domain"]["verifyingContract"], token.asset.as_str());
        assert!(authorization.valid_before <= 1_800_000_300, "good for more than five minutes");
    }
    let answers = match method {
        PaymentMethod::Sign => eliza_jobs::json!(format!("0x{}", "22".repeat(70))),
        PaymentMethod::Transfer => eliza_jobs::json!(format!("0x{}", "22".repeat(32))),
        PaymentMethod::Pay => eliza_jobs::json!([["x-payment", "abc="]]),
    };
    let proof = request.read(Ok(answers)).unwrap_or_else(|no| panic!("no proof: {}", no.error.message));
    for (name, value) in &proof.headers {
        assert!(value.len() <= encoding::MAX_HEADER, "{name} has {} bytes", value.len());
        assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{name} cannot be sent");
    }
}

/// The header `PAYMENT-RESPONSE`, as it comes or as JSON.
fn receipt(bytes: &[u8]) {
    let text = text(bytes);
    let header = if text.starts_with('{') { encoding::to_base64(&text) } else { text };
    let Some(said) = read_header(&header) else { return };
    let mut attempt = attempt();
    attempt.settle(&said, &str::to_owned);
    if let Some(receipt) = &attempt.receipt {
        assert!(receipt.as_object().unwrap().len() <= 6 && receipt.to_json().len() <= 10_000, "{receipt}");
    }
    assert!(attempt.transaction.is_none_or(|hash| encoding::is_hex(&hash, 64)), "a transaction that is none");
}

fn attempt() -> Attempt {
    let empty = eliza_jobs::json!({"attemptId": "a", "state": "sent", "server": "https://server:3000"});
    records::read(&empty).unwrap()
}

/// A record of the store: what is read is written as it was read.
fn record(bytes: &[u8]) {
    let Some(document) = Json::parse(&text(bytes)) else { return };
    let Some(attempt) = records::read(&document) else { return };
    let written = records::to_json(&attempt);
    let again = records::read(&written).unwrap_or_else(|| panic!("written and not read: {written}"));
    assert_eq!(records::to_json(&again), written, "a record changes when it is read again");
    assert!(attempt.document().get("proof").is_none(), "the proof is told");
    for (name, _) in &attempt.proof {
        assert!(is_proof_header(name), "{name} is sent as a proof");
    }
}

/// What a wallet gives for a signature.
fn signed(bytes: &[u8]) {
    match signature::normalised(&text(bytes)) {
        Err(why) => is_fit_to_show(why),
        Ok(signature) => {
            let digits = signature.strip_prefix("0x").unwrap();
            assert!(digits.len() >= 130 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{signature}");
        }
    }
}

/// What a wallet gives or throws, as JSON or as plain text, whatever it was asked.
fn given(bytes: &[u8]) {
    let text = text(bytes);
    let value = Json::parse(&text).unwrap_or_else(|| Json::text(&text));
    let policy = SpendPolicy::default();
    let seed = eliza_jobs::json!({"payment": [{"network": "base", "recipient": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "amount": "0.02"}]});
    let response = HttpResponse { status: 402, headers: vec![], body: Body::Json(seed) };
    let offer = std::rc::Rc::new(x402::read(&response, &policy.tokens).unwrap().offers.remove(0));
    for method in [PaymentMethod::Transfer, PaymentMethod::Sign, PaymentMethod::Pay] {
        let request = WalletRequest::new("0123456789abcdef", offer.clone(), method, PAYER.to_owned(), "0x11", CLOCK);
        for answer in [Ok(value.clone()), Err(value.clone())] {
            let threw = answer.is_err();
            match request.read(answer) {
                Ok(proof) => {
                    assert!(!threw, "what was thrown is no proof");
                    for (name, value) in proof.headers {
                        assert!(is_proof_header(&name) && value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{name}");
                    }
                }
                Err(no_proof) => {
                    is_fit_to_show(&no_proof.error.message);
                    assert!(!no_proof.unmoved || no_proof.transaction.is_none(), "a transaction, and no money has moved");
                }
            }
        }
    }
}

/// A job, a list of jobs, the state of the service; and what a Retry-After says.
fn job(bytes: &[u8]) {
    let text = text(bytes);
    let date = |text: &str| {
        let at = httpdate::parse_http_date(text).ok()?;
        Some(WallTime::from_ms(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs_f64() * 1000.0))
    };
    let headers = vec![("retry-after", text.clone()), ("date", text.clone())];
    let response = HttpResponse { status: 429, headers, body: Body::Empty };
    let wait = retry::retry_after(&response, WallTime::from_ms(1.8e12), date);
    assert!(wait.is_none_or(|wait| (0.0..=86_400_000.0).contains(&wait.get())), "it waits for {wait:?}");
    let Some(document) = Json::parse(&text) else { return };
    let created = jobs::read_created(document.clone());
    let seen = jobs::read_job(document.clone());
    for lifetime in [created.lifetime.get(), seen.lifetime.get()] {
        assert!((0.0..=86_400_000.0).contains(&lifetime), "a job lives for {lifetime} ms");
    }
    if document.is_object() {
        assert!(seen.document["status"].is_string(), "a job without a status");
    }
    let _ = (jobs::read_list(document.clone()), jobs::read_health(document.clone()));
    let _ = (jobs::failure(&document), jobs::reference(&document), jobs::handle(&document));
}
