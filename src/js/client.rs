//! The class that applications use.

use core::cell::RefCell;
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use super::call::{promise, tell, work};
use super::document::Document;
use super::error::{argument, to_js};
use super::feed::Feed;
use super::options::{self, Call, ClientOptions};
use super::runtime::JsRuntime;
use crate::allowance::Allowance;
use crate::client::{Client, Update};
use crate::json::Json;
use crate::spend::SpendLedger;
use crate::x402::amount;

/// Asks elizaOS agents one-off questions ("jobs") over the Jobs API, and pays for the answers where that is asked for.
///
/// Every method gives a promise. State is shared and immutable, so that any number of calls may run at once, `free()` may be
/// called while they do, and callbacks may call back.
#[wasm_bindgen]
#[derive(Debug)]
pub struct JobsClient {
    client: Rc<Client<JsRuntime>>,
}

#[wasm_bindgen]
impl JobsClient {
    /// A client for the server at `options.baseUrl`. Sends nothing.
    ///
    /// @throws {ArgumentError} (a `TypeError`) when an option can never work.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "JobsClientOptions")] options: JsValue,
        // The other side's: what was spent by symbol, in atomic units. It outlives this instance of the module.
        spent: JsValue,
    ) -> core::result::Result<JobsClient, JsValue> {
        let ClientOptions { config, runtime } = options::client(&options).map_err(to_js)?;
        let spent = Document(spent);
        let symbols: Vec<String> = config.spend.limits.iter().map(|limit| limit.symbol.clone()).collect();
        let before = |symbol: &String| spent.get_text(symbol).and_then(|digits| amount::limit(&digits, 0)).unwrap_or(0);
        let sums = symbols.iter().map(before).collect();
        let changed = move |limit: usize, units: u128| {
            if let Some(symbol) = symbols.get(limit) {
                let _ = spent.clone().set(symbol, Document::text(&amount::digits(units)));
            }
        };
        let ledger = SpendLedger::new(sums, Box::new(changed));
        let allowance = allowance(&config.base_url);
        Ok(JobsClient { client: Rc::new(Client::new(runtime, config, ledger).sharing(allowance)) })
    }

    /// What is open at this server, the oldest first: payments whose outcome is not known, proofs that were not used, and paid
    /// jobs whose answers were not seen; after a reload or a crash too, when the store has outlived it. A record that cannot be
    /// read has the state `unreadable`, and is kept.
    #[wasm_bindgen(js_name = pendingPayments, unchecked_return_type = "Promise<PendingPayment[]>")]
    pub fn pending_payments(&self) -> Promise {
        let client = self.client.clone();
        promise(Ok(work(Call::default(), async move |_: &Call| client.pending_payments().await.map(Document::array))))
    }

    /// Goes on where a payment or a job was left, and waits for the job's answer. A payment goes on with the job that is there, else
    /// with the same proof; nothing is ever paid again.
    ///
    /// @param handle A job's id, or an attempt: of an error (`error.payment`) or of `pendingPayments()`.
    #[wasm_bindgen(unchecked_return_type = "Promise<CompletedJob>")]
    pub fn resume(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string | PendingPayment")] handle: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "WaitOptions")] options: JsValue,
    ) -> Promise {
        let none = JsValue::UNDEFINED;
        if handle.is_string() {
            return self.poll_job(handle, none.clone(), none, options);
        }
        let client = self.client.clone();
        promise(options::wait(&none, &none, &options).map(|call| {
            work(call, async move |call| {
                let tell = |update| tell(&client, call, &update);
                client.resume(&Document(handle), &call.options, call.plan, &tell).await
            })
        }))
    }

    /// What this client has spent of a token so far, as a decimal number of tokens (`"0.04"`), with what is set aside for
    /// payments under way.
    ///
    /// @param currency The token's symbol. @default "USDC"
    /// @throws {ArgumentError} (a `TypeError`) when it is no token of `spend.assets`.
    pub fn spent(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "string")] currency: JsValue,
    ) -> core::result::Result<String, JsValue> {
        let symbol = if currency.is_undefined() { Some("USDC".to_owned()) } else { currency.as_string() };
        let spent = symbol.and_then(|symbol| self.client.spent(&symbol));
        spent.ok_or_else(|| to_js(argument("currency", "must be USDC or the symbol of one of spend.assets", &currency)))
    }

    /// Creates a job; when the server asks for a payment, pays for it once through the wallet.
    #[wasm_bindgen(js_name = createJob, unchecked_return_type = "Promise<CreateJobResponse>")]
    pub fn create_job(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CreateJobRequest")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CreateJobOptions")] options: JsValue,
    ) -> Promise {
        let given = options::call(&options).and_then(|call| Ok((options::request(&params, options::JOB)?, call)));
        let client = self.client.clone();
        promise(given.map(|(params, call)| {
            work(call, async move |call| {
                let job = client.create_job(&params, &call.options, &|update| tell(&client, call, &update)).await?;
                Ok(match job.payment {
                    Some(payment) => job.created.document.set("payment", payment.document()),
                    None => job.created.document,
                })
            })
        }))
    }

    /// The job as it is now.
    #[wasm_bindgen(js_name = getJob, unchecked_return_type = "Promise<JobDetailsResponse>")]
    pub fn get_job(
        &self,
        #[wasm_bindgen(js_name = jobId, unchecked_param_type = "string")] job_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        let given = options::id("jobId", &job_id).and_then(|id| Ok((id, options::call(&options)?)));
        let client = self.client.clone();
        #[cfg(feature = "trap")]
        if given.as_ref().is_ok_and(|(id, _)| id == "trap now") {
            core::arch::wasm32::unreachable();
        }
        promise(given.map(|(id, call)| {
            work(call, async move |call| {
                #[cfg(feature = "trap")]
                if id == "trap" {
                    core::arch::wasm32::unreachable();
                }
                Ok(client.get_job(&id, &call.options).await?.document)
            })
        }))
    }

    /// The server's jobs, the newest first. These are the jobs of everyone who uses the server.
    #[wasm_bindgen(js_name = listJobs, unchecked_return_type = "Promise<ListJobsResponse>")]
    pub fn list_jobs(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "ListJobsParams")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        let params = Some(Document(params)).filter(|params| !params.0.is_undefined());
        let given = options::call(&options).map(|call| (params, call));
        let client = self.client.clone();
        promise(given.map(|(params, call)| work(call, async move |call| client.list_jobs(params.as_ref(), &call.options).await)))
    }

    /// How the Jobs service is.
    #[wasm_bindgen(js_name = getJobsHealth, unchecked_return_type = "Promise<JobsHealthResponse>")]
    pub fn get_jobs_health(&self, #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue) -> Promise {
        let given = options::call(&options).map(|call| ((), call));
        let client = self.client.clone();
        promise(given.map(|((), call)| work(call, async move |call| client.jobs_health(&call.options).await)))
    }

    /// Waits for a job's answer. A number for `interval` (milliseconds, 1000 when only `maxAttempts` is given) or
    /// `maxAttempts` (30 when only `interval` is given) is obeyed exactly; without both the wait lasts until the job's own expiry.
    #[wasm_bindgen(js_name = pollJob, unchecked_return_type = "Promise<CompletedJob>")]
    pub fn poll_job(
        &self,
        #[wasm_bindgen(js_name = jobId, unchecked_param_type = "string")] job_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "number | WaitOptions")] interval: JsValue,
        #[wasm_bindgen(js_name = maxAttempts, unchecked_optional_param_type = "number")] max_attempts: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "WaitOptions")] options: JsValue,
    ) -> Promise {
        let given = options::id("jobId", &job_id).and_then(|id| Ok((id, options::wait(&interval, &max_attempts, &options)?)));
        let client = self.client.clone();
        promise(given.map(|(id, call)| {
            work(call, async move |call| {
                client.poll_job(&id, &call.options, call.plan, &|update| tell(&client, call, &update)).await
            })
        }))
    }

    /// Looks at a job as `pollJob` does, and gives it each time that it is seen in another status; ends when the job is completed, and throws
    /// what `pollJob` would reject with.
    #[wasm_bindgen(js_name = watchJob, unchecked_return_type = "AsyncIterableIterator<JobDetailsResponse>")]
    pub fn watch_job(
        &self,
        #[wasm_bindgen(js_name = jobId, unchecked_param_type = "string")] job_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "WaitOptions")] options: JsValue,
    ) -> core::result::Result<Feed, JsValue> {
        let given = options::id("jobId", &job_id).and_then(|id| Ok((id, options::call(&options)?)));
        let client = self.client.clone();
        Feed::new(given, |(id, mut call), queue| {
            call.options.is_fitful = true;
            work(call, async move |call: &Call| {
                let update = |update| {
                    tell(&client, call, &update);
                    if let Update::Status(job) = update {
                        queue.put(job);
                    }
                };
                client.poll_job(&id, &call.options, call.plan, &update).await
            })
        })
    }

    /// Creates a job, pays for it when asked to, and waits for its answer.
    #[wasm_bindgen(js_name = createAndWaitForJob, unchecked_return_type = "Promise<CompletedJob>")]
    pub fn create_and_wait_for_job(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CreateJobRequest")] params: JsValue,
        #[wasm_bindgen(js_name = pollInterval, unchecked_optional_param_type = "number | WaitOptions")] interval: JsValue,
        #[wasm_bindgen(js_name = maxAttempts, unchecked_optional_param_type = "number")] max_attempts: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "WaitOptions")] options: JsValue,
    ) -> Promise {
        let given = options::wait(&interval, &max_attempts, &options)
            .and_then(|call| Ok((options::request(&params, options::JOB)?, call)));
        let client = self.client.clone();
        promise(given.map(|(params, call)| {
            work(call, async move |call| {
                client.create_and_wait(&params, &call.options, call.plan, &|update| tell(&client, call, &update)).await
            })
        }))
    }
}

thread_local! {
    /// What is known of the servers' rate limits: all clients of a program that use a server share it.
    static ALLOWANCES: RefCell<Vec<(String, Rc<Allowance>)>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn allowance(base_url: &str) -> Rc<Allowance> {
    ALLOWANCES.with_borrow_mut(|known| {
        let found = known.iter().find(|(url, _)| url == base_url).map(|(_, allowance)| allowance.clone());
        found.unwrap_or_else(|| {
            let allowance = Rc::<Allowance>::default();
            known.push((base_url.to_owned(), allowance.clone()));
            allowance
        })
    })
}
