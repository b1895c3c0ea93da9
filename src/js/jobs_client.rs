//! `JobsClient`: one-off questions.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::arguments;
use super::call::promise;
use super::connection::Connection;
use super::error::{argument, to_js};
use super::feed::{AsyncIterator, awaitable, feed};
use super::headers::header_pairs;
use super::request;
use crate::api::error::Result;
use crate::client::Update;
use crate::json::Json;
use crate::payment::wallet;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = host, js_name = csvLine)]
    fn csv_line(row: &JsValue) -> JsValue;
    #[wasm_bindgen(js_namespace = host, js_name = csvTitles)]
    fn csv_titles() -> String;
}

const CURRENCY: &str = "must be USDC or the symbol of one of spend.assets";

/// Asks elizaOS agents one-off questions ("jobs") over the Jobs API, and pays for the answers where
/// the server charges.
///
/// Any number of calls may run at once. Callbacks may call the client.
///
/// @example
/// const client = new JobsClient({ baseUrl: 'http://localhost:3000' });
/// const params = { userId: crypto.randomUUID(), content: 'What is the weather?' };
/// const job = await client.createAndWaitForJob(params);
/// console.log(job.result.message.content);
#[wasm_bindgen]
#[derive(Debug)]
pub struct JobsClient(Connection);

#[wasm_bindgen]
impl JobsClient {
    /// A client for the server at `options.baseUrl`. Sends nothing.
    ///
    /// @throws {ArgumentError} (a `TypeError`) when an option can never work.
    #[wasm_bindgen(constructor)]
    pub fn new(#[wasm_bindgen(unchecked_param_type = "JobsClientOptions")] options: JsValue) -> Result<JobsClient, JsValue> {
        Connection::open(options).map(JobsClient)
    }

    /// Releases the client; calls that are under way go on. For `free()` of the wrapper.
    #[wasm_bindgen(js_name = __close, skip_typescript)]
    pub fn close(&self) {
        self.0.close();
    }

    /// What the wallet has returned, or thrown, for a payment of an instance of this module that
    /// has trapped meanwhile.
    #[wasm_bindgen(js_name = __walletAnswered, skip_typescript)]
    pub fn wallet_answered(&self, attempt_id: String, given: JsValue, is_thrown: bool) {
        let Ok(client) = self.0.client() else { return };
        let given = Json(given);
        // Headers of a wallet that has paid become pairs. A hash, and what proves nothing, stay as
        // they are.
        let headers = header_pairs(&given).filter(|pairs| wallet::headers(pairs).is_ok());
        let answer = if is_thrown { Err(given) } else { Ok(headers.unwrap_or(given)) };
        spawn_local(async move { client.wallet_answered(&attempt_id, answer).await });
    }

    /// Creates a job, pays for it when the server asks for that, and waits for its answer.
    #[wasm_bindgen(js_name = createAndWaitForJob, skip_typescript)] // overloads: `types.d.ts`
    pub fn create_and_wait_for_job(
        &self,
        params: JsValue,
        poll_interval: JsValue,
        max_attempts: JsValue,
        options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let params = request::job(&params)?;
            Ok(arguments::wait(&poll_interval, &max_attempts, &options)?.work(|call| async move {
                let update = |update| call.tell(&client, update);
                client.create_and_wait(&params, &call.given.options, call.given.plan, &update).await
            }))
        })
    }

    /// Asks a question and returns the answer's text: `createAndWaitForJob` in short.
    ///
    /// @example
    /// console.log(await client.ask('What is the weather?', { timeoutMs: 60_000 }));
    #[wasm_bindgen(js_name = ask, unchecked_return_type = "Promise<string>")]
    pub fn ask(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] question: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "AskOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let params = request::question(&question, &options)?;
            Ok(arguments::ask(&options)?.work(|call| async move {
                let update = |update| call.tell(&client, update);
                client.ask(params, &call.given.options, call.given.plan, &update).await
            }))
        })
    }

    /// What a job would cost now, and which offer would be paid. Nothing is paid, no job is made,
    /// and neither `confirm` nor the wallet is called.
    ///
    /// @example
    /// const { free, chosen, why } = await client.quote();
    /// console.log(free ? 'free' : chosen ? `${chosen.amount} ${chosen.currency}` : why);
    #[wasm_bindgen(js_name = quote, unchecked_return_type = "Promise<PriceQuote>")]
    pub fn quote(&self, #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue) -> Promise {
        promise(&self.0, &mut |client| {
            Ok(arguments::call(&options)?.work(|call| async move { client.quote(&call.given.options).await }))
        })
    }

    /// The server's agents: their ids begin sessions, and name whom a job asks.
    #[wasm_bindgen(js_name = listAgents, unchecked_return_type = "Promise<Agent[]>")]
    pub fn list_agents(&self, #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue) -> Promise {
        promise(&self.0, &mut |client| {
            Ok(arguments::call(&options)?.work(|call| async move { client.list_agents(&call.given.options).await }))
        })
    }

    /// Creates a job. When the server asks for a payment, the wallet pays for it once.
    ///
    /// @example
    /// const idempotencyKey = `order-${orderId}`;
    /// const { jobId } = await client.createJob({ userId, content }, { idempotencyKey });
    #[wasm_bindgen(js_name = createJob, unchecked_return_type = "Promise<CreateJobResponse>")]
    pub fn create_job(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CreateJobRequest")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CreateJobOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let params = request::job(&params)?;
            Ok(arguments::call(&options)?.work(|call| async move {
                let update = |update| call.tell(&client, update);
                let job = client.create_job(&params, &call.given.options, &update).await?;
                Ok(match job.payment {
                    Some(payment) => job.created.document.set("payment", payment.document()),
                    None => job.created.document,
                })
            }))
        })
    }

    /// The job as it is now. Its `status` says whether there is an answer.
    ///
    /// @example
    /// const job = await client.getJob(jobId);
    /// if (job.status === 'completed') console.log(job.result.message.content);
    #[wasm_bindgen(js_name = getJob, unchecked_return_type = "Promise<Job>")]
    pub fn get_job(
        &self,
        #[wasm_bindgen(js_name = jobId, unchecked_param_type = "string")] job_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let id = arguments::id("jobId", &job_id)?;
            Ok(arguments::call(&options)?
                .work(|call| async move { Ok(client.get_job(&id, &call.given.options).await?.document) }))
        })
    }

    /// How the Jobs service is.
    #[wasm_bindgen(js_name = getJobsHealth, unchecked_return_type = "Promise<JobsHealthResponse>")]
    pub fn get_jobs_health(&self, #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue) -> Promise {
        promise(&self.0, &mut |client| {
            Ok(arguments::call(&options)?.work(|call| async move { client.jobs_health(&call.given.options).await }))
        })
    }

    /// The server's jobs, the newest first. These are the jobs of everyone who uses the server.
    #[wasm_bindgen(js_name = listJobs, unchecked_return_type = "Promise<ListJobsResponse>")]
    pub fn list_jobs(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "ListJobsParams")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let params = request::list(&params)?;
            Ok(arguments::call(&options)?
                .work(|call| async move { client.list_jobs(params.as_ref(), &call.given.options).await }))
        })
    }

    /// Waits for a job's answer.
    #[wasm_bindgen(js_name = pollJob, skip_typescript)] // overloads: `types.d.ts`
    pub fn poll_job(&self, job_id: JsValue, interval: JsValue, max_attempts: JsValue, options: JsValue) -> Promise {
        promise(&self.0, &mut |client| {
            let id = arguments::id("jobId", &job_id)?;
            Ok(arguments::wait(&interval, &max_attempts, &options)?.work(|call| async move {
                let update = |update| call.tell(&client, update);
                let wait = client.poll_job(&id, &call.given.options, call.given.plan, &update);
                // The wait has its own.
                drop(id);
                wait.await
            }))
        })
    }

    /// Polls a job as `pollJob` does, and returns it each time that it is seen in another status.
    /// Ends when the job is completed, and throws what `pollJob` would reject with.
    ///
    /// @example
    /// for await (const job of client.watchJob(jobId)) console.log(job.status);
    #[wasm_bindgen(js_name = watchJob, unchecked_return_type = "AsyncIterableIterator<JobDetailsResponse>")]
    pub fn watch_job(
        &self,
        #[wasm_bindgen(js_name = jobId, unchecked_param_type = "string")] job_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "WaitOptions")] options: JsValue,
    ) -> AsyncIterator {
        feed(|queue| {
            let (client, id) = (self.0.client()?, arguments::id("jobId", &job_id)?);
            let mut call = arguments::call(&options)?;
            call.runs_only_while_read();
            Ok(call.work(|call| async move {
                let update = |update: Update| {
                    call.tell(&client, update.clone());
                    if let Update::Status(job) = update {
                        queue.put(job);
                    }
                };
                client.poll_job(&id, &call.given.options, call.given.plan, &update).await
            }))
        })
    }

    /// Continues a payment or a job that was interrupted, and waits for the job's answer. A payment
    /// continues with the job that is there, else with the same proof. Nothing is ever paid again.
    ///
    /// @example
    /// for (const payment of await client.pendingPayments()) await client.resume(payment);
    /// @param handle A job's id, an attempt's id, or an attempt: of an error (`error.payment`) or
    /// of `pendingPayments()`.
    #[wasm_bindgen(unchecked_return_type = "Promise<CompletedJob>")]
    pub fn resume(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string | PaymentAttempt | PendingPayment")] handle: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "ResumeOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let attempt = Json(handle.clone());
            if handle.is_string() {
                arguments::id("jobId", &handle)?;
            }
            Ok(arguments::resume(&options)?.work(|call| async move {
                let update = |update| call.tell(&client, update);
                client.resume(&attempt, &call.given.options, call.given.plan, &update).await
            }))
        })
    }

    /// What is open at this server, the oldest first: payments whose outcome is not known, proofs
    /// that were not used, and paid jobs whose answers were not seen. After a reload or a crash
    /// too, when the store has outlived it. A record that cannot be read has the state
    /// `unreadable`, and is kept.
    #[wasm_bindgen(js_name = pendingPayments, unchecked_return_type = "Promise<PendingPayment[]>")]
    pub fn pending_payments(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            Ok(arguments::call(&options)?
                .work(|call| async move { client.pending_payments(&call.given.options).await.map(Json::array) }))
        })
    }

    /// Forgets an open payment: one of which you know that no money has moved, or a record that
    /// cannot be read. What was paid and is forgotten is lost.
    ///
    /// @param attempt An attempt: of an error (`error.payment`) or of `pendingPayments()`.
    #[wasm_bindgen(js_name = forgetPayment, unchecked_return_type = "Promise<void>")]
    pub fn forget_payment(
        &self,
        #[wasm_bindgen(unchecked_param_type = "PaymentAttempt | PendingPayment")] attempt: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let attempt = Json(attempt.clone());
            Ok(arguments::call(&options)?.work(|call| async move {
                client.forget_payment(&attempt, &call.given.options).await?;
                Ok(Json(JsValue::UNDEFINED))
            }))
        })
    }

    /// Every payment of the store that moved or may have moved money, the oldest first: of all
    /// servers, also after the answers, for as long as `keepPaymentsDays` says. Iterate over it, or
    /// await it for an array.
    ///
    /// @example
    /// const since = '2026-01-01';
    /// for await (const { amount, currency, createdAt } of client.payments({ since }))
    ///   console.log(new Date(createdAt), amount, currency);
    #[wasm_bindgen(unchecked_return_type = "AsyncIterableIterator<PaymentRow> & PromiseLike<PaymentRow[]>")]
    pub fn payments(&self, #[wasm_bindgen(unchecked_optional_param_type = "PaymentsOptions")] options: JsValue) -> AsyncIterator {
        awaitable(feed(|queue| {
            let (client, (call, filter)) = (self.0.client()?, arguments::payments(&options)?);
            Ok(call.work(|call| async move {
                let put = async |row| {
                    queue.put(row);
                    queue.empty().await;
                };
                client.payments(&filter, &call.given.options, put).await?;
                Ok(Json(JsValue::UNDEFINED))
            }))
        }))
    }

    /// The same payments as a table for spreadsheets (CSV as in RFC 4180), with a line of titles.
    #[wasm_bindgen(js_name = paymentsCsv, unchecked_return_type = "Promise<string>")]
    pub fn payments_csv(&self, #[wasm_bindgen(unchecked_optional_param_type = "PaymentsOptions")] options: JsValue) -> Promise {
        promise(&self.0, &mut |client| {
            let (call, filter) = arguments::payments(&options)?;
            Ok(call.work(|call| async move {
                let rows = Array::new();
                let put = async |row: Json| {
                    rows.push(&csv_line(&row.0));
                };
                client.payments(&filter, &call.given.options, put).await?;
                Ok(Json::text(&format!("{}{}", csv_titles(), String::from(rows.join("")))))
            }))
        })
    }

    /// What is spent of each limit of a token's budget, by all clients that share the store and the
    /// budget's scope, with what is reserved for payments under way and what is left.
    ///
    /// @param currency The token's symbol. @default "USDC"
    #[wasm_bindgen(unchecked_return_type = "Promise<Spending>")]
    pub fn spending(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "string")] currency: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let symbol = if currency.is_undefined() { Some("USDC".to_owned()) } else { currency.as_string() };
            let symbol = symbol.filter(|symbol| client.spent(symbol).is_some());
            let symbol = symbol.ok_or_else(|| argument("currency", CURRENCY, &currency))?;
            Ok(arguments::call(&options)?.work(|call| async move { client.spending(&symbol, &call.given.options).await }))
        })
    }

    /// What this client has spent of a token so far, as a decimal number of tokens (`"0.04"`).
    /// Includes what is reserved for payments under way.
    ///
    /// @param currency The token's symbol. @default "USDC"
    /// @throws {ArgumentError} (a `TypeError`) when it is no token of `spend.assets`.
    pub fn spent(&self, #[wasm_bindgen(unchecked_optional_param_type = "string")] currency: JsValue) -> Result<String, JsValue> {
        let client = self.0.client().map_err(to_js)?;
        let symbol = if currency.is_undefined() { Some("USDC".to_owned()) } else { currency.as_string() };
        let spent = symbol.and_then(|symbol| client.spent(&symbol));
        spent.ok_or_else(|| to_js(argument("currency", CURRENCY, &currency)))
    }
}
