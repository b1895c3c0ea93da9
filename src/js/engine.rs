//! The one class that the module exports. The classes that applications use are in `pkg-template/client.js`; each of their methods comes here
//! by its name, with its arguments. One entry for all: each method with an entry of its own cost half a kilobyte of the package.

use core::cell::RefCell;
use core::pin::Pin;
use std::rc::Rc;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

use super::call::{Work, tell};
use super::error::{argument, to_js};
use super::feed::{Feed, Queue};
use super::options::{self, Call, ClientOptions};
use super::platform::JsPlatform;
use crate::api::error::Result;
use crate::client::{Client, Update};
use crate::http::rate_limit::RateLimit;
use crate::json::Json;
use crate::spending::SpendLedger;
use crate::spending::policy::Limit;
use crate::x402::amount;

/// The members of a job's request, of a session's, and of a message.
const JOB: &[&str] = &["agentId", "userId", "content", "timeoutMs", "metadata"];
const SESSION: &[&str] = &["agentId", "userId", "metadata", "timeoutConfig"];
const MESSAGE: &[&str] = &["content", "attachments", "metadata", "transport"];

/// A client. State is shared and immutable, so that any number of calls may run at once, `free()` may be called while they do, and callbacks
/// may call back.
#[wasm_bindgen(skip_typescript)]
#[derive(Debug)]
pub struct Engine {
    client: Rc<Client<JsPlatform>>,
}

/// What a method was given.
struct Given {
    id: String,
    params: Option<Json>,
    call: Call,
}

#[wasm_bindgen]
impl Engine {
    /// Reads the options, and puts in their place a copy that can be read again. Sends nothing. `spent` is the other side's: what was spent
    /// by symbol, in atomic units; it outlives this instance of the module.
    #[wasm_bindgen(constructor, skip_typescript)]
    pub fn new(given: &Array, spent: JsValue) -> Result<Engine, JsValue> {
        let ClientOptions { config, runtime } = options::client(given).map_err(to_js)?;
        let spent = Json(spent);
        let (mut symbols, mut sums) = (Vec::new(), Vec::new());
        for Limit { symbol, .. } in &config.spend.limits {
            sums.push(spent.get_text(symbol).and_then(|digits| amount::limit(&digits, 0)).unwrap_or(0));
            symbols.push(symbol.clone());
        }
        let changed = move |limit: usize, units: u128| {
            if let Some(symbol) = symbols.get(limit) {
                let _ = spent.clone().set(symbol, Json::text(&units.to_string()));
            }
        };
        let ledger = SpendLedger::new(sums, Box::new(changed));
        let allowance = allowance(&config.base_url);
        Ok(Engine { client: Rc::new(Client::new(runtime, config, ledger).sharing(allowance)) })
    }

    /// What was spent of a token.
    #[wasm_bindgen(skip_typescript)]
    pub fn spent(&self, currency: JsValue) -> Result<String, JsValue> {
        let symbol = if currency.is_undefined() { Some("USDC".to_owned()) } else { currency.as_string() };
        let spent = symbol.and_then(|symbol| self.client.spent(&symbol));
        spent.ok_or_else(|| to_js(argument("currency", "must be USDC or the symbol of one of spend.assets", &currency)))
    }

    /// The promise of a method.
    #[wasm_bindgen(skip_typescript)]
    pub fn call(&self, method: String, given: &Array) -> Promise {
        match self.start(true, method, given) {
            Ok(work) => work.next(),
            Err(error) => Promise::reject(&error),
        }
    }

    /// What a method gives one after the other; a bad argument is thrown at once.
    #[wasm_bindgen(skip_typescript)]
    pub fn feed(&self, method: String, given: &Array) -> Result<Feed, JsValue> {
        self.start(false, method, given)
    }
}

impl Engine {
    fn start(&self, is_call: bool, method: String, given: &Array) -> Result<Feed, JsValue> {
        let queue = Rc::<Queue>::default();
        let work = self.work(method, given, queue.clone()).map_err(to_js)?;
        Ok(Feed::new(is_call, queue, work))
    }

    /// The work of a method. The arguments are read now, so that what the caller changes later changes nothing.
    fn work(&self, method: String, given: &Array, queue: Rc<Queue>) -> Result<Work> {
        let mut given = read(&method, given)?;
        // It goes on only while somebody takes what it gives.
        // In Cloudflare Workers a request must not wait for what another one does.
        given.call.options.runs_only_while_read = method == "watchJob" || options::is_in_workers();
        #[cfg(feature = "trap")]
        if given.id == "trap now" {
            core::arch::wasm32::unreachable();
        }
        let client = self.client.clone();
        Ok((
            given.call.signal.take(),
            Box::pin(async move {
                #[cfg(feature = "trap")]
                if given.id == "trap" {
                    core::arch::wasm32::unreachable();
                }
                // Where params are needed they are there.
                let needed = given.params.clone().unwrap_or_else(Json::object);
                let update = |update: Update| {
                    tell(&client, &given.call, &update);
                    if let ("watchJob", Update::Status(job)) = (method.as_str(), update) {
                        queue.put(job);
                    }
                };
                perform(&client, &method, &given, &needed, &queue, &update).await
            }),
        ))
    }
}

/// Reads a method's arguments.
fn read(method: &str, list: &Array) -> Result<Given> {
    let at = |index| list.get(index);
    let none = JsValue::UNDEFINED;
    let with = |id, params, call| Ok(Given { id, params, call });
    let job_id = || options::id("jobId", &at(0));
    let session_id = || options::id("sessionId", &at(0));
    let given = |params: Json| Some(params).filter(|params| !params.0.is_undefined());
    match method {
        "createJob" => with(String::new(), Some(options::request(&at(0), JOB)?), options::call(&at(1))?),
        "createAndWaitForJob" => {
            let call = options::wait(&at(1), &at(2), &at(3))?;
            with(String::new(), Some(options::request(&at(0), JOB)?), call)
        }
        "getJob" | "watchJob" => with(job_id()?, None, options::call(&at(1))?),
        "pollJob" => with(job_id()?, None, options::wait(&at(1), &at(2), &at(3))?),
        "resume" if at(0).is_string() => with(job_id()?, None, options::wait(&none, &none, &at(1))?),
        "forgetPayment" => with(String::new(), Some(Json(at(0))), options::call(&at(1))?),
        "resume" => with(String::new(), Some(Json(at(0))), options::wait(&none, &none, &at(1))?),
        "listJobs" => with(String::new(), given(Json(at(0))), options::call(&at(1))?),
        "createSession" => with(String::new(), Some(options::request(&at(0), SESSION)?), options::call(&at(1))?),
        "sendMessage" | "sendMessageAndWait" | "streamMessage" => {
            let message = options::request(&at(1), MESSAGE)?;
            if let ("streamMessage", Some(transport)) = (method, message.get("transport")) {
                return Err(argument("transport", "must not be there: a stream has no other", &transport.0));
            }
            with(session_id()?, Some(message), options::call(&at(2))?)
        }
        "getMessages" | "messagesFrom" => {
            let (params, call) = (options::with_instants(&at(1), &at(3)), options::call(&at(2))?);
            // Whoever iterates comes with them again.
            let _ = Json(list.into()).set("1", params.clone()).set("2", call.told.clone());
            with(session_id()?, given(params), call)
        }
        "getSession" | "renewSession" | "heartbeat" | "deleteSession" => with(session_id()?, None, options::call(&at(1))?),
        _ => with(String::new(), None, options::call(&at(0))?),
    }
}

/// What a method does. Boxed: as one future with a state for each method it would be half as large again.
fn perform<'a>(
    client: &'a Rc<Client<JsPlatform>>,
    method: &str,
    Given { id, params, call: Call { options, plan, .. } }: &'a Given,
    needed: &'a Json,
    queue: &'a Queue,
    update: &'a dyn Fn(Update),
) -> Pin<Box<dyn Future<Output = Result<Json>> + 'a>> {
    let params = params.as_ref();
    match method {
        "createJob" => Box::pin(async move {
            let job = client.create_job(needed, options, update).await?;
            Ok(match job.payment {
                Some(payment) => job.created.document.set("payment", payment.document()),
                None => job.created.document,
            })
        }),
        "createAndWaitForJob" => Box::pin(client.create_and_wait(needed, options, *plan, update)),
        "getJob" => Box::pin(async move { Ok(client.get_job(id, options).await?.document) }),
        "resume" if id.is_empty() => Box::pin(client.resume(needed, options, *plan, update)),
        "pollJob" | "watchJob" | "resume" => Box::pin(client.poll_job(id, options, *plan, update)),
        "listJobs" => Box::pin(client.list_jobs(params, options)),
        "getJobsHealth" => Box::pin(client.jobs_health(options)),
        "forgetPayment" => {
            Box::pin(async move { client.forget_payment(needed, options).await.map(|()| Json(JsValue::UNDEFINED)) })
        }
        "pendingPayments" => Box::pin(async move { client.pending_payments(options).await.map(Json::array) }),
        "createSession" => Box::pin(client.create_session(needed, options)),
        "getSession" => Box::pin(client.session(id, options)),
        "renewSession" => Box::pin(client.renew_session(id, options)),
        "heartbeat" => Box::pin(client.heartbeat(id, options)),
        "deleteSession" => Box::pin(client.delete_session(id, options)),
        "listSessions" => Box::pin(client.list_sessions(options)),
        "getSessionsHealth" => Box::pin(client.sessions_health(options)),
        "sendMessage" => Box::pin(client.send_message(id, needed, options)),
        "sendMessageAndWait" => Box::pin(client.send_message_and_wait(id, needed, options)),
        "streamMessage" => Box::pin(async move {
            let tell = |update| queue.put(update);
            client.stream_message(id, needed, options, &tell).await.map(|()| needed.clone())
        }),
        "getMessages" => Box::pin(client.messages(id, params, options)),
        _ => Box::pin(async move {
            let (tell, told) = (|message| queue.put(message), async || queue.empty().await);
            let first = needed.get("first").unwrap_or_else(Json::object);
            client.all_messages(id, params, first, options, &tell, told).await.map(|()| needed.clone())
        }),
    }
}

thread_local! {
    /// What is known of the servers' rate limits: all clients of a program that use a server share it.
    static ALLOWANCES: RefCell<Vec<(String, Rc<RefCell<RateLimit>>)>> = const { RefCell::new(Vec::new()) };
}

fn allowance(base_url: &str) -> Rc<RefCell<RateLimit>> {
    ALLOWANCES.with_borrow_mut(|known| {
        let found = known.iter().find(|(url, _)| url == base_url).map(|(_, allowance)| allowance.clone());
        found.unwrap_or_else(|| {
            let allowance = Rc::<RefCell<RateLimit>>::default();
            known.push((base_url.to_owned(), allowance.clone()));
            allowance
        })
    })
}
