//! The edge: what JavaScript calls. It only converts; `pkg-template/sandbox.ts` performs the
//! effects.

use js_sys::{Error, Reflect};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::channels::AGENT;
use crate::faults::{FAULTS, FaultName};
use crate::json::{Map, Value, javascript};
use crate::message::{Answer, Effect, Request};
use crate::options::{OptionError, Options};
use crate::server::Server;
use crate::text::meant;
use crate::wallet;

/// What applications see of a sandbox, as types.
#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Money that has moved on the sandbox's chain. */
export interface SandboxPayment {
    /** The transaction's hash. */
    transaction: string;
    /** The network's name: `"base"`. */
    network: string;
    /** The network's EVM chain id. */
    chainId: number;
    /** The token's contract. */
    asset: string;
    /** Who has paid. */
    from: string;
    /** Who was paid. */
    to: string;
    /** How much, as a decimal number of tokens: `"0.02"`. */
    amount: string;
    /** How much, in the token's smallest unit: `"20000"`. */
    amountAtomic: string;
    /** `"USDC"` */
    currency: string;
    /** When, on the sandbox's clock, in milliseconds since 1970. */
    at: number;
}

/** A job as the server would show it. */
export interface SandboxJob {
    /** The job's id. */
    jobId: string;
    /** `processing` until the agent has answered, or the job has expired. */
    status: 'processing' | 'completed' | 'timeout';
    /** Who was asked. */
    agentId: string;
    /** Who asked. */
    userId: string;
    /** What was asked. */
    prompt: string;
    /** When it was created, on the sandbox's clock, in milliseconds since 1970. */
    createdAt: number;
    /** When it expires, on the same clock. */
    expiresAt: number;
    /** The answer; absent while there is none. */
    result?: { message: { id: string; content: string; authorId: string; createdAt: number; metadata: Record<string, unknown> }; processingTimeMs: number };
    /** Why there is no answer. */
    error?: string;
    /** What the request gave as metadata. */
    metadata: Record<string, unknown>;
}

/**
 * A request that has reached the server. Its headers have the proofs of payments in them: they are
 * worth nothing elsewhere.
 */
export interface SandboxRequest {
    /** When, on the sandbox's clock, in milliseconds since 1970. */
    at: number;
    /** The request's method. */
    method: string;
    /** The whole address. */
    url: string;
    /** The address without the server's. */
    path: string;
    /** Names in lower case. */
    headers: Record<string, string>;
    /** The body as text; empty when there was none. */
    body: string;
    /** What was answered; absent when nothing was. */
    status?: number;
    /**
     * Which fault has struck: in this request, or in the wallet when it made the proof that this
     * request brings. Of several the last; `clock-skew` is named where no other has struck.
     */
    fault?: FaultName;
}

/** What is known about a question to the agent. */
export interface QuestionContext {
    /** The job that it is asked in. */
    jobId?: string;
    /** The session that it is asked in. */
    sessionId?: string;
    /** Who is asked. */
    agentId: string;
    /** Who asks. */
    userId: string;
    /** What the request gave as metadata. */
    metadata: Record<string, unknown>;
    /** Resolves when so much of the sandbox's time has passed. */
    sleep(ms: number): Promise<void>;
}

/** The text, or the text in pieces; `undefined` or `null` for no answer. */
export type AnswerText = string | readonly string[] | null | undefined | void;

/** What the agent says to a question. Throwing: its model fails. */
export type AnswerFunction = (question: string, context: QuestionContext) => AnswerText | Promise<AnswerText>;
"#;

/// The server with its chain and its wallet.
#[wasm_bindgen]
pub struct Machine {
    server: Server,
    options: Options,
    seed: u32,
}

fn thrown(error: &OptionError) -> JsValue {
    let object = Error::new(&error.message);
    // A plain object takes any member.
    let _ = Reflect::set(&object, &"field".into(), &error.field.as_str().into());
    object.into()
}

/// The document that this is. What no server could take is nested too deep, and is nothing.
fn read(value: &JsValue) -> Value {
    javascript::read(value).unwrap_or(Value::Null)
}

fn written(values: Vec<Value>) -> Result<JsValue, JsValue> {
    Value::Array(values).serialize(&serde_wasm_bindgen::Serializer::json_compatible()).map_err(JsValue::from)
}

#[wasm_bindgen]
impl Machine {
    /// `options`: without functions. `seed` where the options have none; `now`: in milliseconds
    /// since 1970.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &JsValue, seed: u32, now: f64) -> Result<Machine, JsValue> {
        let options = read(options);
        let options = Options::read(options.as_object().unwrap_or(&Map::new())).map_err(|error| thrown(&error))?;
        let seed = options.seed.unwrap_or(seed);
        Ok(Machine { server: Server::new(options.clone(), seed, now), options, seed })
    }

    /// Begins anew, as if just made.
    pub fn reset(&mut self, now: f64) {
        self.server = Server::new(self.options.clone(), self.seed, now);
    }

    /// Whether time passes only when it is told to.
    #[wasm_bindgen(getter, js_name = isVirtual)]
    pub fn is_virtual(&self) -> bool {
        self.options.is_virtual
    }

    /// What determines ids and hashes.
    #[wasm_bindgen(getter)]
    pub fn seed(&self) -> u32 {
        self.seed
    }

    /// The server's address.
    #[wasm_bindgen(getter)]
    pub fn url(&self) -> String {
        self.options.url.clone()
    }

    /// Who is paid.
    #[wasm_bindgen(getter)]
    pub fn recipient(&self) -> String {
        self.options.recipient.clone()
    }

    /// The agent's id.
    #[wasm_bindgen(getter, js_name = agentId)]
    pub fn agent_id(&self) -> String {
        AGENT.to_owned()
    }

    /// The test wallet's account.
    #[wasm_bindgen(getter)]
    pub fn account(&self) -> String {
        wallet::address()
    }

    /// A request comes in.
    pub fn receive(&mut self, id: u32, request: &JsValue, now: f64) {
        self.server.receive(id, Request::read(&read(request)), now);
    }

    /// The agent has answered.
    pub fn answered(&mut self, id: u32, answer: &JsValue, now: f64) {
        self.server.answered(id, &Answer::read(&read(answer)), now);
    }

    /// The wallet is asked for a signature.
    pub fn sign(&mut self, id: u32, typed_data: &JsValue, now: f64) {
        self.server.sign(id, &read(typed_data), now);
    }

    /// The wallet is asked to make a transfer.
    pub fn transfer(&mut self, id: u32, quote: &JsValue, now: f64) {
        self.server.transfer(id, &read(quote), now);
    }

    /// Something waits for time to pass.
    pub fn sleep(&mut self, id: u32, ms: f64, now: f64) {
        self.server.sleep(id, ms, now);
    }

    /// What is to be done by now.
    pub fn effects(&mut self, now: f64) -> Result<JsValue, JsValue> {
        written(self.server.effects(now).iter().map(Effect::document).collect())
    }

    /// When something is to be done next.
    #[wasm_bindgen(js_name = nextDue)]
    pub fn next_due(&self) -> Option<f64> {
        self.server.next_due()
    }

    /// From now on a fault strikes so many times.
    pub fn fault(&mut self, name: &str, times: f64) -> Result<(), JsValue> {
        let Some(fault) = FaultName::parse(name) else {
            let names = FAULTS.map(|(_, name)| name);
            let hint = meant(name, &names).map(|name| format!(" Did you mean '{name}'?")).unwrap_or_default();
            let message = format!("there is no fault '{name}'.{hint} There are {}", names.join(", "));
            return Err(thrown(&OptionError { field: "name".to_owned(), message }));
        };
        self.server.set_fault(fault, times).map_err(|error| thrown(&error))
    }

    /// All payments that have moved money.
    pub fn payments(&self, now: f64) -> Result<JsValue, JsValue> {
        written(self.server.payments(now))
    }

    /// All jobs.
    pub fn jobs(&self) -> Result<JsValue, JsValue> {
        written(self.server.jobs())
    }

    /// All requests.
    pub fn requests(&self) -> Result<JsValue, JsValue> {
        written(self.server.requests())
    }

    /// What an account has on a network; nothing for a network that there is not.
    pub fn balance(&self, network: &str, address: &str, now: f64) -> Option<String> {
        self.server.balance(network, address, now)
    }
}
