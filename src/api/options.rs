//! What clients and calls are given.
//!
//! [`CallOptions`] is one call's options as the core uses them. The other structs are the package's
//! type declarations (`derive(Tsify)`): the edge reads the members of the application's own
//! objects, so these structs are never built. `MEMBERS` names what the edge reads; a host test
//! compares it with the struct.

#[cfg(not(target_arch = "wasm32"))]
use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::json::Json;
use crate::time::Millis;

/// The options of one call.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// The longest time: of the request with its retries, or of the whole wait. `None`: the
    /// client's default.
    pub timeout: Option<Millis>,
    /// Further headers: names in lower case. They replace the client's headers of the same name.
    pub headers: Vec<(String, String)>,
    /// The caller's key for this payment: two calls with the same key pay once. Empty for none.
    pub idempotency_key: String,
    /// Whether the call makes progress only while its caller reads from it. No other call may
    /// depend on such a call.
    pub runs_only_while_read: bool,
    /// For `resume`: the job's request in place of the one that the server refused. `None` keeps
    /// the request as it was.
    pub params: Option<Json>,
}

/// What a client is made with.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug)]
#[serde(rename_all = "camelCase")]
pub struct JobsClientOptions {
    /// The server's address: http or https, a path is fine; no credentials, query or fragment.
    pub base_url: String,
    /// Sent as `X-API-KEY`.
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub api_key: Option<String>,
    /// Sent with every request.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "HeadersInput"))]
    pub headers: Option<Json>,
    /// Used in place of the global `fetch`.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "FetchFunction"))]
    pub fetch: Option<Json>,
    /// The longest time for one request with its whole answer and its retries, in milliseconds. The
    /// time that a wallet takes does not count. @default 30000
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub timeout_ms: Option<f64>,
    /// How often a read that failed is tried again. @default 2
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub retries: Option<f64>,
    /// The largest answer that is read, in bytes. @default 8388608
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub max_response_bytes: Option<f64>,
    /// What pays: a wallet of viem, wagmi or ethers or an EIP-1193 provider as it is, what
    /// `eliza-jobs/wallets` makes of them, a function that makes a token transfer and returns its
    /// hash, or an object that can do more.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "Wallet | SendTransfer | LibraryWallet"))]
    pub wallet: Option<Json>,
    /// Asked for its consent before the wallet, with the price. Any value other than `true` cancels
    /// the payment.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "(quote: Quote) => boolean | Promise<boolean>"))]
    pub confirm: Option<Json>,
    /// The longest time for the wallet, and for `confirm`, in milliseconds.
    /// @default 300000; without a limit in a page
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub wallet_timeout_ms: Option<f64>,
    /// What may be paid.
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub spend: Option<SpendOptions>,
    /// For how many days payments are kept after their answers, for `payments()` and budgets. From
    /// 1 to 36500.
    /// @default 400
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub keep_payments_days: Option<f64>,
    /// Where payments are written down. @default localStorage in a page, else memory
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "Store"))]
    pub store: Option<Json>,
    /// When jobs are polled whose call gives no interval and no number of attempts.
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub polling: Option<PollingOptions>,
    /// Receives lines for people, never with a header, a body or a proof in them.
    /// @default warnings go to the console
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "Logger"))]
    pub logger: Option<Json>,
}

impl JobsClientOptions {
    /// What is read.
    pub const MEMBERS: &[&str] = &[
        "baseUrl",
        "apiKey",
        "headers",
        "fetch",
        "timeoutMs",
        "retries",
        "maxResponseBytes",
        "wallet",
        "confirm",
        "walletTimeoutMs",
        "spend",
        "keepPaymentsDays",
        "store",
        "polling",
        "logger",
    ];
}

/// When jobs are polled whose call gives no interval and no number of attempts. The client learns
/// how long each agent takes, and polls when answers are likely.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug)]
#[serde(rename_all = "camelCase")]
pub struct PollingOptions {
    /// How many milliseconds of waiting one poll may save to be worth it. More means fewer polls
    /// and later answers: four times as much makes the pauses about twice as long. @default 100
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub poll_cost_ms: Option<f64>,
    /// The shortest pause between two polls of a job, in milliseconds: 50 or more. @default 50
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub min_pause_ms: Option<f64>,
    /// The longest pause between two polls of a job, in milliseconds: up to 300000. @default 10000
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub max_pause_ms: Option<f64>,
    /// Whether the client's store keeps what was learned. @default true
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub remember: Option<bool>,
}

impl PollingOptions {
    /// What is read.
    pub const MEMBERS: &[&str] = &["pollCostMs", "minPauseMs", "maxPauseMs", "remember"];
}

/// What may be paid. Everything that breaks a rule is refused before the wallet is asked.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug)]
#[serde(rename_all = "camelCase")]
pub struct SpendOptions {
    /// The most that one job may cost, as a decimal string of USDC. @default "0.10"
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub max_per_payment: Option<String>,
    /// The most that jobs may cost together, as a decimal string of USDC, or limits for each hour,
    /// each day and in all. It is counted in the store, for all clients that share it.
    /// @default no limit
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "string | BudgetOptions"))]
    pub budget: Option<Json>,
    /// The networks that may be paid on, the preferred one first. Testnets only when they are
    /// named.
    /// @default ["base", "polygon"]
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub networks: Option<Vec<NetworkName>>,
    /// Tokens other than USDC that may be paid with. USDC is preferred, then the order of this
    /// list.
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub assets: Option<Vec<AssetOptions>>,
    /// Who may be paid: addresses. @default every recipient
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub recipients: Option<Vec<String>>,
    /// What else may be paid for than the address that the request goes to: URLs. Needed when a
    /// server names itself otherwise, as behind a proxy; and for an address without https on a
    /// network of your own.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "string | string[]"))]
    pub allow_resource: Option<Json>,
}

impl SpendOptions {
    /// What is read.
    pub const MEMBERS: &[&str] = &["maxPerPayment", "budget", "networks", "assets", "recipients", "allowResource"];
}

/// How much may be spent of a token: at least one limit. Amounts are decimal strings of the token.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug)]
#[serde(rename_all = "camelCase")]
pub struct BudgetOptions {
    /// The most that may be spent in one hour (UTC). @default no limit
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub per_hour: Option<String>,
    /// The most that may be spent in one day (UTC). @default no limit
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub per_day: Option<String>,
    /// The most that may be spent in all. @default no limit
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub total: Option<String>,
    /// Whose payments count: those of all clients with the same scope that share the store.
    /// @default those that name no scope
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub scope: Option<String>,
}

impl BudgetOptions {
    /// What is read.
    pub const MEMBERS: &[&str] = &["perHour", "perDay", "total", "scope"];
}

/// A token of the application's own choice.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug)]
#[serde(rename_all = "camelCase")]
pub struct AssetOptions {
    /// The network, as servers name it; one of those in `networks`.
    pub network: NetworkName,
    /// The network's EVM chain id. Only for a network that the client does not know; without it
    /// that is no EVM chain, and only a wallet with `pay` can serve it.
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub chain_id: Option<f64>,
    /// The token's contract.
    pub asset: String,
    /// What it is called in limits, errors and `spent()`.
    pub symbol: String,
    /// How many decimals it has: from 0 to 36.
    pub decimals: f64,
    /// The name in its EIP-712 domain. @default the symbol
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub name: Option<String>,
    /// The version in its EIP-712 domain. @default "1"
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub version: Option<String>,
    /// The most that one job may cost, as a decimal string of this token.
    pub max_per_payment: String,
    /// The most that jobs may cost together, as a decimal string of this token, or limits for each
    /// hour, each day and in all. @default no limit
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "string | BudgetOptions"))]
    pub budget: Option<Json>,
}

impl AssetOptions {
    /// What is read.
    pub const MEMBERS: &[&str] =
        &["network", "chainId", "asset", "symbol", "decimals", "name", "version", "maxPerPayment", "budget"];
}

/// A network that can be paid on.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(target_arch = "wasm32", tsify(type = "'base' | 'polygon' | 'base-sepolia' | 'polygon-amoy' | (string & {})"))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug)]
pub struct NetworkName(pub String);

/// What every method takes.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug, Default)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// Ends the call at once; it rejects with the signal's own reason.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "AbortSignal | null"))]
    pub signal: Option<Json>,
    /// The longest time for this call, in milliseconds: for one request with its retries, or for a
    /// whole wait.
    /// @default the client's `timeoutMs` for a request; a wait ends after its job's own expiry
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub timeout_ms: Option<f64>,
    /// Sent with this call's requests.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "HeadersInput"))]
    pub headers: Option<Json>,
}

impl RequestOptions {
    /// What is read.
    pub const MEMBERS: &[&str] = &["signal", "timeoutMs", "headers"];
}

/// What `payments` and `paymentsCsv` take.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug, Default)]
#[serde(rename_all = "camelCase")]
pub struct PaymentsOptions {
    /// What every method takes.
    #[cfg_attr(target_arch = "wasm32", serde(flatten))]
    #[cfg_attr(not(target_arch = "wasm32"), serde(skip))]
    pub request: RequestOptions,
    /// Payments that began at this time or later: a date, an ISO date, or milliseconds since 1970.
    /// Not in the future.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "Date | string | number"))]
    pub since: Option<Json>,
    /// Payments that began before this time.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "Date | string | number"))]
    pub until: Option<Json>,
    /// Payments in this state.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "PaymentState"))]
    pub state: Option<Json>,
}

impl PaymentsOptions {
    /// What is read beside [`RequestOptions::MEMBERS`].
    pub const MEMBERS: &[&str] = &["since", "until", "state"];
}

/// What `createJob` takes.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug, Default)]
#[serde(rename_all = "camelCase")]
pub struct CreateJobOptions {
    /// What every method takes.
    #[cfg_attr(target_arch = "wasm32", serde(flatten))]
    #[cfg_attr(not(target_arch = "wasm32"), serde(skip))]
    pub request: RequestOptions,
    /// Called when something has happened. What it throws is reported once to the logger and does
    /// not end the call.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "(update: JobUpdate) => void"))]
    pub on_update: Option<Json>,
    /// A name for this job: two calls with the same name, at the same time or one after the other,
    /// create and pay for one job. The same name for another request (`agentId`, `userId`,
    /// `content`) is an `ArgumentError`.
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub idempotency_key: Option<String>,
}

impl CreateJobOptions {
    /// What is read beside [`RequestOptions::MEMBERS`].
    pub const MEMBERS: &[&str] = &["onUpdate", "idempotencyKey"];
}

/// What waiting takes.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug, Default)]
#[serde(rename_all = "camelCase")]
pub struct WaitOptions {
    /// What creating takes.
    #[cfg_attr(target_arch = "wasm32", serde(flatten))]
    #[cfg_attr(not(target_arch = "wasm32"), serde(skip))]
    pub create: CreateJobOptions,
    /// Milliseconds between two polls, kept exactly.
    /// @default 1000 when `maxAttempts` is given, else a schedule that follows the job's age
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub interval_ms: Option<f64>,
    /// How often to poll at most, kept exactly.
    /// @default 30 when an interval is given, else until the job's own expiry
    #[cfg_attr(target_arch = "wasm32", tsify(optional))]
    pub max_attempts: Option<f64>,
}

impl WaitOptions {
    /// What is read beside [`CreateJobOptions::MEMBERS`].
    pub const MEMBERS: &[&str] = &["intervalMs", "maxAttempts"];
}

/// What `ask` takes.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug)]
#[serde(rename_all = "camelCase")]
pub struct AskOptions {
    /// What waiting takes.
    #[cfg_attr(target_arch = "wasm32", serde(flatten))]
    #[cfg_attr(not(target_arch = "wasm32"), serde(skip))]
    pub wait: WaitOptions,
    /// Who asks. @default a random one; with an `idempotencyKey` always the same one for a key
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "UUID"))]
    pub user_id: Option<String>,
    /// The agent to ask. @default the server's first agent
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "UUID"))]
    pub agent_id: Option<String>,
    /// Data of the application that belongs to the job. At most 10,000 characters as JSON.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "Record<string, unknown>"))]
    pub metadata: Option<Json>,
}

impl AskOptions {
    /// What is read beside [`WaitOptions::MEMBERS`].
    pub const MEMBERS: &[&str] = &["userId", "agentId", "metadata"];
}

/// What `resume` takes.
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[cfg_attr(not(target_arch = "wasm32"), derive(Deserialize))]
#[derive(Debug)]
#[serde(rename_all = "camelCase")]
pub struct ResumeOptions {
    /// What waiting takes.
    #[cfg_attr(target_arch = "wasm32", serde(flatten))]
    #[cfg_attr(not(target_arch = "wasm32"), serde(skip))]
    pub wait: WaitOptions,
    /// A corrected request, for a payment whose request the server refused
    /// (`payment_request_refused`). It is sent with the same proof; nothing is paid again.
    #[cfg_attr(target_arch = "wasm32", tsify(optional, type = "CreateJobRequest"))]
    pub params: Option<Json>,
}

impl ResumeOptions {
    /// What is read beside [`WaitOptions::MEMBERS`].
    pub const MEMBERS: &[&str] = &["params"];
}
