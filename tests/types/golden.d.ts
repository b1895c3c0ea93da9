/**
 * A conversation between a user and an agent.
 */
export interface Session {
    /**
     * The session's id. A secret: every caller that has it can read the session and write into it.
     */
    sessionId: string;
    /**
     * The channel that holds the messages.
     */
    channelId?: UUID | undefined;
    /**
     * The agent.
     */
    agentId: UUID;
    /**
     * The user.
     */
    userId: UUID;
    /**
     * When it was created, in milliseconds of the server's clock.
     */
    createdAt: number;
    /**
     * When it expires, in milliseconds of the server's clock.
     */
    expiresAt?: number | undefined;
    /**
     * The time of the last activity, in milliseconds of the server's clock. `createSession` does
     * not return it.
     */
    lastActivity?: number | undefined;
    /**
     * The metadata that `createSession` was called with.
     */
    metadata: Record<string, unknown>;
    /**
     * How long it lives.
     */
    timeoutConfig?: SessionTimeoutConfig | undefined;
    /**
     * How often it was renewed. `createSession` does not return it.
     */
    renewalCount?: number | undefined;
    /**
     * The time that is left, in milliseconds. `createSession` does not return it.
     */
    timeRemaining?: number | undefined;
    /**
     * Whether little time is left. `createSession` does not return it.
     */
    isNearExpiration?: boolean | undefined;
}

/**
 * A file that belongs to a message.
 */
export interface MessageAttachment {
    /**
     * What it is.
     */
    type: "image" | "file" | "audio" | "video" | "document";
    /**
     * Where it is.
     */
    url: string;
    /**
     * Its name.
     */
    name?: string | undefined;
    /**
     * Its size in bytes.
     */
    size?: number | undefined;
    /**
     * Its MIME type.
     */
    mimeType?: string | undefined;
}

/**
 * A job as the server describes it.
 */
export interface JobDetailsResponse {
    /**
     * The job's id.
     */
    jobId: string;
    /**
     * The status of the job.
     */
    status: JobStatus;
    /**
     * The server's word for the status when it is not a known one. `status` is `unknown` then.
     */
    rawStatus?: string | undefined;
    /**
     * The agent that was asked.
     */
    agentId: UUID;
    /**
     * The user who sent the message.
     */
    userId: UUID;
    /**
     * The message.
     */
    prompt: string;
    /**
     * When the job was created, in milliseconds of the server's clock.
     */
    createdAt: number;
    /**
     * When the job expires, in milliseconds of the server's clock. May have a fraction.
     */
    expiresAt: number;
    /**
     * The answer, when the job is completed.
     */
    result?: JobResult | undefined;
    /**
     * Why the job failed.
     */
    error?: string | undefined;
    /**
     * The metadata that `createJob` was called with.
     */
    metadata?: Record<string, unknown> | undefined;
}

/**
 * A job with its answer.
 */
export interface CompletedJob extends JobDetailsResponse {
    /**
     * It is completed.
     */
    status: 'completed';
    /**
     * The answer.
     */
    result: JobResult;
    /**
     * What was paid for it; absent when the server asked for nothing, or when neither this client
     * nor its store knows. Not part of the server's answer.
     */
    payment?: PaymentAttempt | undefined;
}

/**
 * A message in a session.
 */
export interface SessionMessage {
    /**
     * The message's id.
     */
    id: string;
    /**
     * Its text.
     */
    content: string;
    /**
     * Who wrote it.
     */
    authorId: string;
    /**
     * Whether that was the agent.
     */
    isAgent: boolean;
    /**
     * When it was written, in milliseconds of the server's clock.
     */
    createdAt: number;
    /**
     * The metadata of the message; in an agent's message its `thought` and `actions` too.
     */
    metadata?: Record<string, unknown> | undefined;
}

/**
 * A message to an agent.
 */
export interface SendMessageRequest {
    /**
     * The text: 1 to 4,000 UTF-16 code units.
     */
    content: string;
    /**
     * Files that belong to it.
     */
    attachments?: MessageAttachment[] | undefined;
    /**
     * Data of the application that belongs to the message. The server returns it with the message.
     * At most 10,240 characters as JSON.
     */
    metadata?: Record<string, unknown> | undefined;
    /**
     * `http`: the server waits for the agent, 30 seconds at most. `websocket`: it takes the
     * message and lets the agent answer when it
     * can, so that an answer that takes longer is among the session's messages on every server.
     * @default "websocket" in `sendMessage`, "http" in `sendMessageAndWait`
     */
    transport?: "http" | "websocket" | undefined;
}

/**
 * A message with the agent's answer.
 */
export interface AnsweredMessage extends MessageResponse {
    /**
     * The answer.
     */
    agentResponse: AgentResponse;
}

/**
 * A network that can be paid on.
 */
export type NetworkName = 'base' | 'polygon' | 'base-sepolia' | 'polygon-amoy' | (string & {});

/**
 * A page of messages, the newest first.
 */
export interface GetMessagesResponse {
    /**
     * The messages.
     */
    messages: SessionMessage[];
    /**
     * Whether there may be more.
     */
    hasMore: boolean;
    /**
     * Where the neighbouring pages begin. Absent when there is no message.
     */
    cursors?: MessageCursors | undefined;
}

/**
 * A payment as `payments()` lists it: what it moved, or may have moved.
 */
export interface PaymentRow extends PaymentAttempt {
    /**
     * The base address of the server that was paid.
     */
    server: string;
    /**
     * When the payment began, in milliseconds since 1970.
     */
    createdAt: number;
}

/**
 * A payment that is open, or a record that cannot be read.
 */
export type PendingPayment = OpenPayment | { attemptId: string; state: 'unreadable' };

/**
 * A payment that is open, with what was asked for.
 */
export interface OpenPayment extends PaymentAttempt {
    /**
     * When the payment began, or when the job was there, in milliseconds since 1970.
     */
    createdAt: number;
    /**
     * The message. Empty in a record that does not say.
     */
    content: string;
    /**
     * The user who sent it. Empty in a record that does not say.
     */
    userId: UUID;
    /**
     * The agent that was asked; absent for the server's first one.
     */
    agentId?: UUID | undefined;
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
    status?: number | undefined;
    /**
     * Which fault has struck: in this request, or in the wallet when it made the proof that this
     * request brings. Of several the last; `clock-skew` is named where no other has struck.
     */
    fault?: FaultName | undefined;
}

/**
 * A stable name for each thing that can go wrong.
 */
export type ErrorCode = "invalid_argument" | "client_disposed" | "connection_failed" | "connection_reset" | "request_timeout" | "bad_request" | "unauthorized" | "forbidden" | "not_found" | "job_not_found" | "session_not_found" | "session_expired" | "rate_limited" | "server_error" | "request_refused" | "invalid_response" | "unexpected_html" | "response_too_large" | "redirect_refused" | "job_failed" | "job_timeout" | "job_gone" | "wait_timeout" | "agent_failed" | "no_answer" | "answer_timeout" | "message_outcome_unknown" | "payment_required" | "payment_requirements_invalid" | "payment_over_limit" | "payment_network_not_allowed" | "payment_recipient_not_allowed" | "payment_resource_mismatch" | "payment_insecure_connection" | "payment_declined" | "payment_not_supported_here" | "payment_refused" | "payment_request_refused" | "payment_not_open" | "payment_outcome_unknown" | "store_failed" | "wallet_cannot_pay" | "wallet_rejected" | "wallet_failed" | "wallet_invalid_proof" | "wallet_timeout" | "wasm_panic" | "init_failed";

/**
 * A token of the application's own choice.
 */
export interface AssetOptions {
    /**
     * The network, as servers name it; one of those in `networks`.
     */
    network: NetworkName;
    /**
     * The network's EVM chain id. Only for a network that the client does not know; without it
     * that is no EVM chain, and only a wallet with `pay` can serve it.
     */
    chainId?: number | undefined;
    /**
     * The token's contract.
     */
    asset: string;
    /**
     * What it is called in limits, errors and `spent()`.
     */
    symbol: string;
    /**
     * How many decimals it has: from 0 to 36.
     */
    decimals: number;
    /**
     * The name in its EIP-712 domain.
     * @default the symbol
     */
    name?: string | undefined;
    /**
     * The version in its EIP-712 domain.
     * @default "1"
     */
    version?: string | undefined;
    /**
     * The most that one job may cost, as a decimal string of this token.
     */
    maxPerPayment: string;
    /**
     * The most that jobs may cost together, as a decimal string of this token, or limits for each
     * hour, each day and in all.
     * @default no limit
     */
    budget?: string | BudgetOptions | undefined;
}

/**
 * All sessions that have not expired.
 */
export interface ListSessionsResponse {
    /**
     * The sessions of everyone who uses the server.
     */
    sessions: Session[];
    /**
     * How many there are.
     */
    total: number;
    /**
     * Not every server has it.
     */
    stats?: SessionStats | undefined;
}

/**
 * An agent's answer.
 */
export interface AgentResponse {
    /**
     * The answer's text.
     */
    text: string;
    /**
     * What the agent thought.
     */
    thought?: string | undefined;
    /**
     * What the agent did.
     */
    actions?: string[] | undefined;
}

/**
 * An agent.
 */
export interface Agent {
    /**
     * Its id, which jobs and sessions name it by.
     */
    id: UUID;
    /**
     * Its name.
     */
    name: string;
    /**
     * The name of its character.
     */
    characterName?: string | undefined;
    /**
     * What it says about itself.
     */
    bio?: string | undefined;
    /**
     * Whether it runs: `active` or `inactive`.
     */
    status?: string | undefined;
}

/**
 * Asks elizaOS agents one-off questions ("jobs") over the Jobs API, and pays for the answers where
 * the server charges.
 *
 * Any number of calls may run at once. Callbacks may call the client.
 *
 * @example
 * const client = new JobsClient({ baseUrl: 'http://localhost:3000' });
 * const params = { userId: crypto.randomUUID(), content: 'What is the weather?' };
 * const job = await client.createAndWaitForJob(params);
 * console.log(job.result.message.content);
 */
export class JobsClient {
    /** Frees the memory early. Calls that are under way finish, and later ones are refused: `client_disposed`. */
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Asks a question and returns the answer's text: `createAndWaitForJob` in short.
     *
     * @example
     * console.log(await client.ask('What is the weather?', { timeoutMs: 60_000 }));
     */
    ask(question: string, options?: AskOptions): Promise<string>;
    /**
     * Creates a job. When the server asks for a payment, the wallet pays for it once.
     *
     * @example
     * const idempotencyKey = `order-${orderId}`;
     * const { jobId } = await client.createJob({ userId, content }, { idempotencyKey });
     */
    createJob(params: CreateJobRequest, options?: CreateJobOptions): Promise<CreateJobResponse>;
    /**
     * Forgets an open payment: one of which you know that no money has moved, or a record that
     * cannot be read. What was paid and is forgotten is lost.
     *
     * @param attempt An attempt: of an error (`error.payment`) or of `pendingPayments()`.
     */
    forgetPayment(attempt: PaymentAttempt | PendingPayment, options?: RequestOptions): Promise<void>;
    /**
     * The job as it is now. Its `status` says whether there is an answer.
     *
     * @example
     * const job = await client.getJob(jobId);
     * if (job.status === 'completed') console.log(job.result.message.content);
     */
    getJob(jobId: string, options?: RequestOptions): Promise<Job>;
    /**
     * How the Jobs service is.
     */
    getJobsHealth(options?: RequestOptions): Promise<JobsHealthResponse>;
    /**
     * The server's agents: their ids begin sessions, and name whom a job asks.
     */
    listAgents(options?: RequestOptions): Promise<Agent[]>;
    /**
     * The server's jobs, the newest first. These are the jobs of everyone who uses the server.
     */
    listJobs(params?: ListJobsParams, options?: RequestOptions): Promise<ListJobsResponse>;
    /**
     * A client for the server at `options.baseUrl`. Sends nothing.
     *
     * @throws {ArgumentError} (a `TypeError`) when an option can never work.
     */
    constructor(options: JobsClientOptions);
    /**
     * The same payments as a table for spreadsheets (CSV as in RFC 4180), with a line of titles.
     */
    paymentsCsv(options?: PaymentsOptions): Promise<string>;
    /**
     * Every payment of the store that moved or may have moved money, the oldest first: of all
     * servers, also after the answers, for as long as `keepPaymentsDays` says. Iterate over it, or
     * await it for an array.
     *
     * @example
     * const since = '2026-01-01';
     * for await (const { amount, currency, createdAt } of client.payments({ since }))
     *   console.log(new Date(createdAt), amount, currency);
     */
    payments(options?: PaymentsOptions): AsyncIterableIterator<PaymentRow> & PromiseLike<PaymentRow[]>;
    /**
     * What is open at this server, the oldest first: payments whose outcome is not known, proofs
     * that were not used, and paid jobs whose answers were not seen. After a reload or a crash
     * too, when the store has outlived it. A record that cannot be read has the state
     * `unreadable`, and is kept.
     */
    pendingPayments(options?: RequestOptions): Promise<PendingPayment[]>;
    /**
     * What a job would cost now, and which offer would be paid. Nothing is paid, no job is made,
     * and neither `confirm` nor the wallet is called.
     *
     * @example
     * const { free, chosen, why } = await client.quote();
     * console.log(free ? 'free' : chosen ? `${chosen.amount} ${chosen.currency}` : why);
     */
    quote(options?: RequestOptions): Promise<PriceQuote>;
    /**
     * Continues a payment or a job that was interrupted, and waits for the job's answer. A payment
     * continues with the job that is there, else with the same proof. Nothing is ever paid again.
     *
     * @example
     * for (const payment of await client.pendingPayments()) await client.resume(payment);
     * @param handle A job's id, an attempt's id, or an attempt: of an error (`error.payment`) or
     * of `pendingPayments()`.
     */
    resume(handle: string | PaymentAttempt | PendingPayment, options?: ResumeOptions): Promise<CompletedJob>;
    /**
     * What is spent of each limit of a token's budget, by all clients that share the store and the
     * budget's scope, with what is reserved for payments under way and what is left.
     *
     * @param currency The token's symbol.
     * @default "USDC"
     */
    spending(currency?: string, options?: RequestOptions): Promise<Spending>;
    /**
     * What this client has spent of a token so far, as a decimal number of tokens (`"0.04"`).
     * Includes what is reserved for payments under way.
     *
     * @param currency The token's symbol.
     * @default "USDC"
     * @throws {ArgumentError} (a `TypeError`) when it is no token of `spend.assets`.
     */
    spent(currency?: string): string;
    /**
     * Polls a job as `pollJob` does, and returns it each time that it is seen in another status.
     * Ends when the job is completed, and throws what `pollJob` would reject with.
     *
     * @example
     * for await (const job of client.watchJob(jobId)) console.log(job.status);
     */
    watchJob(jobId: string, options?: WaitOptions): AsyncIterableIterator<JobDetailsResponse>;
}

/**
 * Conversations with an agent that last.
 */
export class SessionsClient {
    /** Frees the memory early. Calls that are under way finish, and later ones are refused: `client_disposed`. */
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Begins a session between a user and an agent.
     */
    createSession(params: CreateSessionRequest, options?: RequestOptions): Promise<Session>;
    /**
     * Ends the session. The server forgets it at once.
     */
    deleteSession(sessionId: string, options?: RequestOptions): Promise<DeleteSessionResponse>;
    /**
     * A page of the session's messages, the newest first. In `for await` all of them, page by
     * page; with `after` alone the oldest first.
     */
    getMessages(sessionId: string, params?: GetMessagesParams, options?: RequestOptions): Promise<GetMessagesResponse> & AsyncIterable<SessionMessage>;
    /**
     * The session as it is now.
     */
    getSession(sessionId: string, options?: RequestOptions): Promise<Session>;
    /**
     * How the Sessions service is.
     */
    getSessionsHealth(options?: RequestOptions): Promise<SessionsHealthResponse>;
    /**
     * Says that the user is still there, which renews a session that renews itself.
     */
    heartbeat(sessionId: string, options?: RequestOptions): Promise<Session>;
    /**
     * The sessions that have not expired, of everyone who uses the server.
     */
    listSessions(options?: RequestOptions): Promise<ListSessionsResponse>;
    /**
     * The sessions of the server at `options.baseUrl`. Sends nothing.
     *
     * @throws {ArgumentError} (a `TypeError`) when an option can never work.
     */
    constructor(options: JobsClientOptions);
    /**
     * Gives the session its whole time again, whether or not it renews itself with each message.
     */
    renewSession(sessionId: string, options?: RequestOptions): Promise<Session>;
    /**
     * Puts a message into the session and waits for the agent's answer, `options.timeoutMs` at
     * most: 60000, where that is not given.
     *
     * Where the server does not wait for the agent, or gives up on it (after 30 seconds), the
     * client searches the session's messages for the answer. It takes the agent's first message
     * after this one, so send one message of a session after the other. Every error
     * (`SessionError`) has the `sessionId`, and the `userMessage` when that is in the session.
     */
    sendMessageAndWait(sessionId: string, params: SendMessageRequest, options?: RequestOptions): Promise<AnsweredMessage>;
    /**
     * Puts a message into the session and does not wait for the agent. The answer will be among
     * the session's messages.
     *
     * When the server's reply is lost, the client searches the session for the message. Where that
     * is not possible, the call rejects with `message_outcome_unknown`. Nothing is sent twice.
     */
    sendMessage(sessionId: string, params: SendMessageRequest, options?: RequestOptions): Promise<MessageResponse>;
    /**
     * Puts a message into the session and returns the agent's answer as it comes: `user_message`,
     * then any number of `chunk`, then `done`. Where the server has no streams, or the stream
     * breaks off, the answer comes as a whole with `done`. Leaving the loop ends the request.
     * `options.timeoutMs` is for the whole.
     * @default 300000
     */
    streamMessage(sessionId: string, params: Omit<SendMessageRequest, 'transport'>, options?: RequestOptions): AsyncIterableIterator<MessageUpdate>;
}

/**
 * Eight, four, four, four and twelve hexadecimal digits.
 */
export type UUID = string;

/**
 * How a server asks for payment.
 */
export type Dialect = "elizaos" | "x402-v1" | "x402-v2";

/**
 * How far a payment has come.
 */
export type PaymentState = "intended" | "proven" | "sent" | "accepted" | "refused" | "unknown";

/**
 * How long a session lives. The server has defaults for absent members, and limits the others to
 * its bounds.
 */
export interface SessionTimeoutConfig {
    /**
     * Minutes without a message after which it expires.
     * @default 30 (the server's)
     */
    timeoutMinutes?: number | undefined;
    /**
     * Whether each message restarts these minutes.
     * @default true (the server's)
     */
    autoRenew?: boolean | undefined;
    /**
     * Minutes after which it expires in any case.
     * @default 720 (the server's)
     */
    maxDurationMinutes?: number | undefined;
    /**
     * How many minutes before its end it counts as near its expiration.
     * @default 5 (the server's)
     */
    warningThresholdMinutes?: number | undefined;
}

/**
 * How many jobs have which status.
 */
export interface JobStatusCounts {
    /**
     * Jobs that wait to be processed.
     */
    pending: number;
    /**
     * Jobs that an agent works on.
     */
    processing: number;
    /**
     * Jobs with an answer.
     */
    completed: number;
    /**
     * Jobs that failed.
     */
    failed: number;
    /**
     * Jobs without an answer within their time.
     */
    timeout: number;
}

/**
 * How many sessions the server holds.
 */
export interface SessionStats {
    /**
     * All.
     */
    totalSessions: number;
    /**
     * Those that have not expired.
     */
    activeSessions: number;
    /**
     * The others, which the server will delete.
     */
    expiredSessions: number;
}

/**
 * How much may be spent of a token: at least one limit. Amounts are decimal strings of the token.
 */
export interface BudgetOptions {
    /**
     * The most that may be spent in one hour (UTC).
     * @default no limit
     */
    perHour?: string | undefined;
    /**
     * The most that may be spent in one day (UTC).
     * @default no limit
     */
    perDay?: string | undefined;
    /**
     * The most that may be spent in all.
     * @default no limit
     */
    total?: string | undefined;
    /**
     * Whose payments count: those of all clients with the same scope that share the store.
     * @default those that name no scope
     */
    scope?: string | undefined;
}

/**
 * How much of a token's budget is used: a member for each limit that the budget has.
 */
export interface Spending {
    /**
     * The token's symbol: `"USDC"`.
     */
    currency: string;
    /**
     * The budget's scope, where it names one.
     */
    scope?: string | undefined;
    /**
     * This hour (UTC).
     */
    perHour?: LimitUse | undefined;
    /**
     * This day (UTC).
     */
    perDay?: LimitUse | undefined;
    /**
     * Everything.
     */
    total?: LimitUse | undefined;
}

/**
 * How much of one limit is used, as decimal numbers of tokens.
 */
export interface LimitUse {
    /**
     * What has moved, or may have: `"0.04"`.
     */
    spent: string;
    /**
     * What is set aside for payments under way.
     */
    reserved: string;
    /**
     * What may still be spent.
     */
    remaining: string;
    /**
     * Since when, in milliseconds since 1970.
     */
    since: number;
}

/**
 * Jobs, the newest first.
 */
export interface ListJobsResponse {
    /**
     * The jobs.
     */
    jobs: JobDetailsResponse[];
    /**
     * How many jobs the server holds.
     */
    total: number;
    /**
     * How many are in `jobs`.
     */
    filtered: number;
}

/**
 * One offer of a server.
 */
export interface QuotedOffer extends Price {
    /**
     * Whether the client's rules, its wallet and what is left of the budget allow it.
     */
    allowed: boolean;
    /**
     * Why not.
     */
    why?: string | undefined;
}

/**
 * One offer: what the server wants for the job.
 */
export interface Quote extends Price {
    /**
     * What is paid for, as the server says. Not in the dialect `elizaos`.
     */
    resource?: string | undefined;
    /**
     * The server's entry as it came, for a wallet that takes the payment over. Not in the dialect
     * `elizaos`.
     */
    paymentRequirements?: Record<string, unknown> | undefined;
    /**
     * The server's whole request for payment as it came. Not in the dialect `elizaos`.
     */
    paymentRequired?: Record<string, unknown> | undefined;
}

/**
 * One payment for one job.
 */
export interface PaymentAttempt extends Price {
    /**
     * The attempt's own id.
     */
    attemptId: string;
    /**
     * How far it has come.
     */
    state: PaymentState;
    /**
     * The hash of the transaction that moves the money, once it is known. Whoever has it may be
     * able to use it as proof of payment.
     */
    transaction?: string | undefined;
    /**
     * The request headers that prove the payment, once the wallet has given them. A secret:
     * whoever has them can use them, so only an error has them.
     */
    proof?: Record<string, string> | undefined;
    /**
     * What the server's facilitator says of the settlement.
     */
    receipt?: SettlementResponse | undefined;
    /**
     * The job that was paid for, once it is known.
     */
    jobId?: string | undefined;
    /**
     * `true` when the chain itself says that the money has moved.
     */
    onChain?: boolean | undefined;
}

/**
 * Statistics of the server's jobs.
 */
export interface JobMetrics {
    /**
     * Mean time to an answer, in milliseconds.
     */
    averageProcessingTimeMs: number;
    /**
     * Share of jobs that completed, 0 to 1.
     */
    successRate: number;
    /**
     * Share of jobs that failed, 0 to 1.
     */
    failureRate: number;
    /**
     * Share of jobs that timed out, 0 to 1.
     */
    timeoutRate: number;
}

/**
 * The agent's answer.
 */
export interface JobResult {
    /**
     * The message that the agent sent.
     */
    message: JobMessage;
    /**
     * How long the agent took, in milliseconds.
     */
    processingTimeMs: number;
}

/**
 * The codes of a `ConnectionError`.
 */
export type ConnectionErrorCode = "connection_failed" | "connection_reset" | "request_timeout";

/**
 * The codes of a `JobError`.
 */
export type JobErrorCode = "job_failed" | "job_timeout" | "job_gone" | "wait_timeout";

/**
 * The codes of a `PaymentError`.
 */
export type PaymentErrorCode = "payment_required" | "payment_requirements_invalid" | "payment_over_limit" | "payment_network_not_allowed" | "payment_recipient_not_allowed" | "payment_resource_mismatch" | "payment_insecure_connection" | "payment_declined" | "payment_not_supported_here" | "payment_refused" | "payment_request_refused" | "payment_not_open" | "payment_outcome_unknown" | "store_failed" | "wallet_cannot_pay" | "wallet_rejected" | "wallet_failed" | "wallet_invalid_proof" | "wallet_timeout";

/**
 * The codes of a `SessionError`.
 */
export type SessionErrorCode = "agent_failed" | "no_answer" | "answer_timeout" | "message_outcome_unknown";

/**
 * The codes of an `ApiError`.
 */
export type ApiErrorCode = "bad_request" | "unauthorized" | "forbidden" | "not_found" | "job_not_found" | "session_not_found" | "session_expired" | "rate_limited" | "server_error" | "request_refused" | "invalid_response" | "unexpected_html" | "response_too_large" | "redirect_refused";

/**
 * The codes of an `ArgumentError`.
 */
export type ArgumentErrorCode = "invalid_argument" | "client_disposed";

/**
 * The codes of an `ElizaJobsError` that is of no other class.
 */
export type InternalErrorCode = "wasm_panic" | "init_failed";

/**
 * The message that the agent sent.
 */
export interface JobMessage {
    /**
     * The message's id.
     */
    id: string;
    /**
     * The answer's text.
     */
    content: string;
    /**
     * The agent's id.
     */
    authorId: string;
    /**
     * When it was written, in milliseconds of the server's clock.
     */
    createdAt: number;
    /**
     * What the agent added: its thought, its actions.
     */
    metadata?: Record<string, unknown> | undefined;
}

/**
 * The server with its chain and its wallet.
 */
export class Machine {
    /** Frees the memory early. Calls that are under way finish, and later ones are refused: `client_disposed`. */
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The agent has answered.
     */
    answered(id: number, answer: any, now: number): void;
    /**
     * What an account has on a network; nothing for a network that there is not.
     */
    balance(network: string, address: string, now: number): string | undefined;
    /**
     * What is to be done by now.
     */
    effects(now: number): any;
    /**
     * From now on a fault strikes so many times.
     */
    fault(name: string, times: number): void;
    /**
     * All jobs.
     */
    jobs(): any;
    /**
     * `options`: without functions. `seed` where the options have none; `now`: in milliseconds
     * since 1970.
     */
    constructor(options: any, seed: number, now: number);
    /**
     * When something is to be done next.
     */
    nextDue(): number | undefined;
    /**
     * All payments that have moved money.
     */
    payments(now: number): any;
    /**
     * A request comes in.
     */
    receive(id: number, request: any, now: number): void;
    /**
     * All requests.
     */
    requests(): any;
    /**
     * Begins anew, as if just made.
     */
    reset(now: number): void;
    /**
     * The wallet is asked for a signature.
     */
    sign(id: number, typed_data: any, now: number): void;
    /**
     * Something waits for time to pass.
     */
    sleep(id: number, ms: number, now: number): void;
    /**
     * The wallet is asked to make a transfer.
     */
    transfer(id: number, quote: any, now: number): void;
    /**
     * The test wallet's account.
     */
    readonly account: string;
    /**
     * The agent's id.
     */
    readonly agentId: string;
    /**
     * Whether time passes only when it is told to.
     */
    readonly isVirtual: boolean;
    /**
     * Who is paid.
     */
    readonly recipient: string;
    /**
     * What determines ids and hashes.
     */
    readonly seed: number;
    /**
     * The server's address.
     */
    readonly url: string;
}


import type { TransferOptions } from '../injected.js';
import type { Quote, TypedData } from '../wasm.js';
/** A wallet that signs: for servers that take x402's signed authorizations. */
export interface SigningWallet {
    /** The account that pays. */
    address(): Promise<string>;
    /** Signs a token transfer that the server then makes. */
    signTypedData(typedData: TypedData): Promise<string>;
}
/** A wallet that can also make transfers: it pays every kind of server. */
export interface MadeWallet extends SigningWallet {
    /**
     * Makes the transfer, and resolves with its hash when it is mined, or after three minutes.
     * `onSent` is called with the hash as soon as it is sent.
     */
    sendTransfer(quote: Quote, options?: TransferOptions): Promise<string>;
    /** Calls a contract of the chain without a transaction, if the wallet is on that chain. */
    call(request: ContractCall): Promise<string>;
    /** The receipt of a transaction, if the wallet is on that chain; `null` while there is none. */
    receipt(hash: string, chainId: number): Promise<unknown>;
}
/** A call of a contract that changes nothing. */
export interface ContractCall {
    chainId: number;
    to: string;
    data: string;
}
/**
 * Checks that an object has these methods.
 *
 * @throws {TypeError} that shows no text of what was passed: it may be a key.
 */
export declare function need(value: unknown, methods: readonly string[], what: string): void;
/**
 * The account among those that a wallet offers that is to pay: the first one, or the one that pays
 * already. What is signed with another one is worth nothing, and a transfer would be another one's
 * money.
 */
export declare function offeredOf(offered: readonly string[], from: string | undefined): string;

/**
 * The state of a session after a message.
 */
export interface SessionStatus {
    /**
     * When it expires, in milliseconds of the server's clock.
     */
    expiresAt: number;
    /**
     * How often it was renewed.
     */
    renewalCount: number;
    /**
     * Whether this message renewed it.
     */
    wasRenewed: boolean;
    /**
     * Whether it is near its expiration.
     */
    isNearExpiration: boolean;
}

/**
 * The state of the Jobs service.
 */
export interface JobsHealthResponse {
    /**
     * Whether the service reports that it is healthy.
     */
    healthy: boolean;
    /**
     * The server's time, in milliseconds of its clock.
     */
    timestamp: number;
    /**
     * How many jobs the server holds.
     */
    totalJobs: number;
    /**
     * How many jobs have which status.
     */
    statusCounts: JobStatusCounts;
    /**
     * Not every server has it.
     */
    metrics?: JobMetrics | undefined;
    /**
     * How many jobs the server holds at most.
     */
    maxJobs: number;
}

/**
 * The state of the Sessions service.
 */
export interface SessionsHealthResponse {
    /**
     * `healthy`, when the server reports that it is healthy.
     */
    status: string;
    /**
     * How many sessions have not expired.
     */
    activeSessions: number;
    /**
     * The server's time, in milliseconds of its clock.
     */
    timestamp: number;
    /**
     * How many will expire soon.
     */
    expiringSoon?: number | undefined;
    /**
     * How many are broken.
     */
    invalidSessions?: number | undefined;
    /**
     * How long the server has been running, in seconds.
     */
    uptime?: number | undefined;
}

/**
 * What `ask` takes.
 */
export interface AskOptions extends WaitOptions {
    /**
     * Who asks.
     * @default a random one; with an `idempotencyKey` always the same one for a key
     */
    userId?: UUID | undefined;
    /**
     * The agent to ask.
     * @default the server's first agent
     */
    agentId?: UUID | undefined;
    /**
     * Data of the application that belongs to the job. At most 10,000 characters as JSON.
     */
    metadata?: Record<string, unknown> | undefined;
}

/**
 * What `createJob` returns.
 */
export interface CreateJobResponse {
    /**
     * The job's id.
     */
    jobId: string;
    /**
     * The status of the job.
     */
    status: JobStatus;
    /**
     * When the job was created, in milliseconds of the server's clock.
     */
    createdAt: number;
    /**
     * When the job expires, in milliseconds of the server's clock. May have a fraction.
     */
    expiresAt: number;
    /**
     * What was paid; absent when the server asked for nothing. Not part of the server's answer.
     */
    payment?: PaymentAttempt | undefined;
}

/**
 * What `createJob` sends.
 */
export interface CreateJobRequest {
    /**
     * The agent to ask.
     * @default the server's first agent
     */
    agentId?: UUID | undefined;
    /**
     * The user who sends the message.
     */
    userId: UUID;
    /**
     * The message: 1 to 50,000 UTF-16 code units.
     */
    content: string;
    /**
     * Data of the application that belongs to the job. The server returns it with the job. At most
     * 10,000 characters as JSON.
     */
    metadata?: Record<string, unknown> | undefined;
    /**
     * How long the agent may take and the answer is kept, in milliseconds: 1,000 to 300,000.
     * @default 30000 (the server's)
     */
    timeoutMs?: number | undefined;
}

/**
 * What `createJob` takes.
 */
export interface CreateJobOptions extends RequestOptions {
    /**
     * Called when something has happened. What it throws is reported once to the logger and does
     * not end the call.
     */
    onUpdate?: ((update: JobUpdate) => void) | undefined;
    /**
     * A name for this job: two calls with the same name, at the same time or one after the other,
     * create and pay for one job. The same name for another request (`agentId`, `userId`,
     * `content`) is an `ArgumentError`.
     */
    idempotencyKey?: string | undefined;
}

/**
 * What `createSession` sends.
 */
export interface CreateSessionRequest {
    /**
     * The agent to talk with.
     */
    agentId: UUID;
    /**
     * The user who talks.
     */
    userId: UUID;
    /**
     * Data of the application that belongs to the session. The server returns it with the session.
     * At most 10,240 characters as JSON.
     */
    metadata?: Record<string, unknown> | undefined;
    /**
     * How long the session lives.
     */
    timeoutConfig?: SessionTimeoutConfig | undefined;
}

/**
 * What `deleteSession` returns.
 */
export interface DeleteSessionResponse {
    /**
     * Always true: everything else rejects with an error.
     */
    success: boolean;
    /**
     * The server's words.
     */
    message?: string | undefined;
}

/**
 * What `payments` and `paymentsCsv` take.
 */
export interface PaymentsOptions extends RequestOptions {
    /**
     * Payments that began at this time or later: a date, an ISO date, or milliseconds since 1970.
     * Not in the future.
     */
    since?: Date | string | number | undefined;
    /**
     * Payments that began before this time.
     */
    until?: Date | string | number | undefined;
    /**
     * Payments in this state.
     */
    state?: PaymentState | undefined;
}

/**
 * What `resume` takes.
 */
export interface ResumeOptions extends WaitOptions {
    /**
     * A corrected request, for a payment whose request the server refused
     * (`payment_request_refused`). It is sent with the same proof; nothing is paid again.
     */
    params?: CreateJobRequest | undefined;
}

/**
 * What `sendMessage` and `sendMessageAndWait` return.
 */
export interface MessageResponse {
    /**
     * Always true: everything else rejects with an error.
     */
    success: boolean;
    /**
     * The message as it is in the session.
     */
    userMessage: SessionMessage;
    /**
     * The agent's answer. `sendMessageAndWait` always returns it.
     */
    agentResponse?: AgentResponse | undefined;
    /**
     * The state of the session. Absent where the server's reply was lost and the message was found
     * in the session.
     */
    sessionStatus?: SessionStatus | undefined;
}

/**
 * What `streamMessage` returns, one after the other.
 *
 * - `user_message`: the message is in the session.
 * - `chunk`: a piece of the answer.
 * - `done`: the whole answer.
 */
export type MessageUpdate = { type: "user_message"; message: SessionMessage } | { type: "chunk"; chunk: string; index: number; messageId?: string | undefined } | { type: "done"; response: AgentResponse };

/**
 * What a client is made with.
 */
export interface JobsClientOptions {
    /**
     * The server's address: http or https, a path is fine; no credentials, query or fragment.
     */
    baseUrl: string;
    /**
     * Sent as `X-API-KEY`.
     */
    apiKey?: string | undefined;
    /**
     * Sent with every request.
     */
    headers?: HeadersInput | undefined;
    /**
     * Used in place of the global `fetch`.
     */
    fetch?: FetchFunction | undefined;
    /**
     * The longest time for one request with its whole answer and its retries, in milliseconds. The
     * time that a wallet takes does not count.
     * @default 30000
     */
    timeoutMs?: number | undefined;
    /**
     * How often a read that failed is tried again.
     * @default 2
     */
    retries?: number | undefined;
    /**
     * The largest answer that is read, in bytes.
     * @default 8388608
     */
    maxResponseBytes?: number | undefined;
    /**
     * What pays: a wallet of viem, wagmi or ethers or an EIP-1193 provider as it is, what
     * `eliza-jobs/wallets` makes of them, a function that makes a token transfer and returns its
     * hash, or an object that can do more.
     */
    wallet?: Wallet | SendTransfer | LibraryWallet | undefined;
    /**
     * Asked for its consent before the wallet, with the price. Any value other than `true` cancels
     * the payment.
     */
    confirm?: ((quote: Quote) => boolean | Promise<boolean>) | undefined;
    /**
     * The longest time for the wallet, and for `confirm`, in milliseconds.
     * @default 300000; without a limit in a page
     */
    walletTimeoutMs?: number | undefined;
    /**
     * What may be paid.
     */
    spend?: SpendOptions | undefined;
    /**
     * For how many days payments are kept after their answers, for `payments()` and budgets. From
     * 1 to 36500.
     * @default 400
     */
    keepPaymentsDays?: number | undefined;
    /**
     * Where payments are written down.
     * @default localStorage in a page, else memory
     */
    store?: Store | undefined;
    /**
     * When jobs are polled whose call gives no interval and no number of attempts.
     */
    polling?: PollingOptions | undefined;
    /**
     * Receives lines for people, never with a header, a body or a proof in them.
     * @default warnings go to the console
     */
    logger?: Logger | undefined;
}

/**
 * What a facilitator says of a settlement: x402's `SettlementResponse`, in the header
 * `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`.
 */
export interface SettlementResponse {
    /**
     * Whether the payment was settled.
     */
    success: boolean;
    /**
     * The hash of the transaction that moved the money.
     */
    transaction?: string | undefined;
    /**
     * The network, as the server writes it.
     */
    network?: string | undefined;
    /**
     * Whose money it was.
     */
    payer?: string | undefined;
    /**
     * How much was settled, in atomic units, where it may differ.
     */
    amount?: string | undefined;
    /**
     * Why it was not settled.
     */
    errorReason?: string | undefined;
}

/**
 * What a job would cost, as `quote()` says it.
 */
export interface PriceQuote {
    /**
     * Whether a job costs nothing. Absent where it is not known: the server has looked at the
     * request before it asked for a payment.
     */
    free?: boolean | undefined;
    /**
     * What the server asks for: one of these.
     */
    offers: QuotedOffer[];
    /**
     * The one that would be paid now, by the client's rules. Absent where none would be.
     */
    chosen?: QuotedOffer | undefined;
    /**
     * Why none would be paid, or why it is not known what a job costs.
     */
    why?: string | undefined;
}

/**
 * What a sandbox is made with.
 * @default a free server with an agent that repeats the question
 */
export interface SandboxOptions {
    /**
     * How the server asks for payment: not at all, as elizaOS does (the proof is the hash of a
     * token transfer), or with x402 of version 1 or 2 (the proof is a signature).
     * @default "none"
     */
    paywall?: 'none' | 'elizaos' | 'x402-v1' | 'x402-v2' | undefined;
    /**
     * What a job costs, as a decimal string of USDC.
     * @default "0.02"
     */
    price?: string | undefined;
    /**
     * The networks that may be paid on.
     * @default ["base", "polygon"] for elizaOS, ["base"] for x402
     */
    networks?: ('base' | 'polygon' | 'base-sepolia' | 'polygon-amoy')[] | undefined;
    /**
     * Who is paid.
     * @default an address that reads "test"
     */
    recipient?: string | undefined;
    /**
     * What every account has in the beginning, on each network, as a decimal string of USDC.
     * @default "1000"
     */
    balance?: string | undefined;
    /**
     * What the elizaOS paywall looks at: `chain`: the hash is that of a transfer on the sandbox's
     * chain, and pays once; `once`: it has the form of a hash, and pays once; `shape`: it has the
     * form of a hash.
     * @default "chain"
     */
    hashCheck?: 'chain' | 'once' | 'shape' | undefined;
    /**
     * Whether a payment may or must have an id (x402 version 2's extension `payment-identifier`):
     * the same id is answered with the same answer, and moves nothing again.
     * @default the server knows no ids
     */
    paymentIdentifier?: 'optional' | 'required' | undefined;
    /**
     * What the agent says: a function that returns the text, or the text in pieces, or a promise
     * of it. `undefined` or `null`: the agent chooses not to answer. Throwing: the model fails.
     * @default it repeats the question
     */
    answer?: AnswerFunction | undefined;
    /**
     * How long the agent takes before it answers, in milliseconds.
     * @default 0
     */
    answerMs?: number | undefined;
    /**
     * How long every answer of the server is under way, in milliseconds.
     * @default 0
     */
    latencyMs?: number | undefined;
    /**
     * What goes wrong: each strikes once, at the next opportunity; a name that is there twice
     * strikes twice.
     * @default []
     */
    faults?: FaultName[] | undefined;
    /**
     * How long slow faults take, in milliseconds: `slow-wallet`, `settle-late`, `slow-body`, and
     * how long `server-restarts` refuses connections; also those that `fault()` turns on later.
     * @default 2000
     */
    slowMs?: number | undefined;
    /**
     * Whether time passes by itself, or only with `advance()`.
     * @default "real"
     */
    time?: 'real' | 'virtual' | undefined;
    /**
     * When virtual time begins: milliseconds since 1970, or a date as JSON has it.
     * @default the machine's time
     */
    now?: number | string | undefined;
    /**
     * Determines all ids and hashes: an integer from 0 to 4294967295.
     * @default a random one
     */
    seed?: number | undefined;
    /**
     * The server wants this key in `X-API-KEY`.
     * @default none
     */
    apiKey?: string | undefined;
    /**
     * How many requests the server answers in fifteen minutes; 0 for any number.
     * @default 1000
     */
    rateLimit?: number | undefined;
    /**
     * Whether the server has an agent.
     * @default true
     */
    agent?: boolean | undefined;
    /**
     * The server's address, as `sandbox.url`. Nothing listens there.
     * @default "https://sandbox.test"
     */
    url?: string | undefined;
}

/**
 * What a wallet signs, as `eth_signTypedData_v4` takes it.
 */
export interface TypedData {
    /**
     * The members of each type.
     */
    types: Record<string, { name: string; type: string }[]>;
    /**
     * The type of the message.
     */
    primaryType: 'TransferWithAuthorization';
    /**
     * The token's contract.
     */
    domain: { name: string; version: string; chainId: number; verifyingContract: `0x${string}` };
    /**
     * The transfer. Integers are decimal strings.
     */
    message: { from: string; to: string; value: string; validAfter: string; validBefore: string; nonce: string };
}

/**
 * What can go wrong. Each strikes once for each time that it was asked for, at the next
 * opportunity.
 */
export type FaultName = "lose-reply" | "cut-body" | "pay-then-500" | "settle-late" | "settle-fails" | "402-again" | "ask-more" | "wrong-recipient" | "slow-wallet" | "server-restarts" | "clock-skew" | "rate-limit" | "job-gone" | "html" | "slow-body";

/**
 * What every method takes.
 */
export interface RequestOptions {
    /**
     * Ends the call at once; it rejects with the signal's own reason.
     */
    signal?: AbortSignal | null | undefined;
    /**
     * The longest time for this call, in milliseconds: for one request with its retries, or for a
     * whole wait.
     * @default the client's `timeoutMs` for a request; a wait ends after its job's own expiry
     */
    timeoutMs?: number | undefined;
    /**
     * Sent with this call's requests.
     */
    headers?: HeadersInput | undefined;
}

/**
 * What happens while a job is created and waited for.
 *
 * - `quote`: the price was read and keeps the rules; `confirm` and the wallet are about to be
 *   asked.
 * - `payment`: a payment has come further. The wallet has returned the proof, which is about to be
 *   sent; or the server has accepted it.
 * - `created`: there is a job.
 * - `status`: the job was seen for the first time, or in another status.
 */
export type JobUpdate = { type: "quote"; quote: Quote } | { type: "payment"; payment: PaymentAttempt } | { type: "created"; job: CreateJobResponse } | { type: "status"; job: JobDetailsResponse };

/**
 * What is paid, and to whom.
 */
export interface Price {
    /**
     * How the server asks for payment.
     */
    dialect: Dialect;
    /**
     * The network to pay on.
     */
    network: NetworkName;
    /**
     * The network's EVM chain id; 0 for a network that is no EVM chain.
     */
    chainId: number;
    /**
     * The token's contract address.
     */
    asset: string;
    /**
     * Who is to be paid.
     */
    recipient: string;
    /**
     * How much, as a decimal number of tokens: `"0.02"`.
     */
    amount: string;
    /**
     * How much, in the token's smallest unit: `"20000"`.
     */
    amountAtomic: string;
    /**
     * The token's name: `"USDC"`.
     */
    currency: string;
    /**
     * How many decimals the token has.
     */
    decimals: number;
}

/**
 * What may be paid. Everything that breaks a rule is refused before the wallet is asked.
 */
export interface SpendOptions {
    /**
     * The most that one job may cost, as a decimal string of USDC.
     * @default "0.10"
     */
    maxPerPayment?: string | undefined;
    /**
     * The most that jobs may cost together, as a decimal string of USDC, or limits for each hour,
     * each day and in all. It is counted in the store, for all clients that share it.
     * @default no limit
     */
    budget?: string | BudgetOptions | undefined;
    /**
     * The networks that may be paid on, the preferred one first. Testnets only when they are
     * named.
     * @default ["base", "polygon"]
     */
    networks?: NetworkName[] | undefined;
    /**
     * Tokens other than USDC that may be paid with. USDC is preferred, then the order of this
     * list.
     */
    assets?: AssetOptions[] | undefined;
    /**
     * Who may be paid: addresses.
     * @default every recipient
     */
    recipients?: string[] | undefined;
    /**
     * What else may be paid for than the address that the request goes to: URLs. Needed when a
     * server names itself otherwise, as behind a proxy; and for an address without https on a
     * network of your own.
     */
    allowResource?: string | string[] | undefined;
}

/**
 * What waiting takes.
 */
export interface WaitOptions extends CreateJobOptions {
    /**
     * Milliseconds between two polls, kept exactly.
     * @default 1000 when `maxAttempts` is given, else a schedule that follows the job's age
     */
    intervalMs?: number | undefined;
    /**
     * How often to poll at most, kept exactly.
     * @default 30 when an interval is given, else until the job's own expiry
     */
    maxAttempts?: number | undefined;
}

/**
 * When jobs are polled whose call gives no interval and no number of attempts. The client learns
 * how long each agent takes, and polls when answers are likely.
 */
export interface PollingOptions {
    /**
     * How many milliseconds of waiting one poll may save to be worth it. More means fewer polls
     * and later answers: four times as much makes the pauses about twice as long.
     * @default 100
     */
    pollCostMs?: number | undefined;
    /**
     * The shortest pause between two polls of a job, in milliseconds: 50 or more.
     * @default 50
     */
    minPauseMs?: number | undefined;
    /**
     * The longest pause between two polls of a job, in milliseconds: up to 300000.
     * @default 10000
     */
    maxPauseMs?: number | undefined;
    /**
     * Whether the client's store keeps what was learned.
     * @default true
     */
    remember?: boolean | undefined;
}

/**
 * Where a job stands.
 */
export type JobStatus = "pending" | "processing" | "completed" | "failed" | "timeout" | "unknown";

/**
 * Where the neighbouring pages begin.
 */
export interface MessageCursors {
    /**
     * For the page of older messages.
     */
    before: number;
    /**
     * For the page of newer messages.
     */
    after: number;
}

/**
 * Which jobs `listJobs` returns.
 */
export interface ListJobsParams {
    /**
     * How many jobs at most.
     * @default 50 (the server's)
     */
    limit?: number | undefined;
    /**
     * Only jobs in this status.
     */
    status?: JobStatus | undefined;
}

/**
 * Which messages `getMessages` returns.
 */
export interface GetMessagesParams {
    /**
     * How many in one page, 1 to 100.
     * @default 50 (the server's)
     */
    limit?: number | undefined;
    /**
     * Only those written before this time: a `Date`, or milliseconds since 1970, such as a page's
     * `cursors.before`.
     */
    before?: number | Date | undefined;
    /**
     * Only those written after this time: a `Date`, or milliseconds since 1970, such as a page's
     * `cursors.after`.
     */
    after?: number | Date | undefined;
}

/**
 * elizaOS's own name for `JobsHealthResponse`.
 */
export type JobHealthResponse = JobsHealthResponse;

/**
 * elizaOS's own name for `ListJobsResponse`.
 */
export type JobListResponse = ListJobsResponse;

import type { Logger } from './callbacks.js';
import type { FetchFunction, HeadersInput, LibraryWallet, SendTransfer, Wallet } from './injected.js';
import type { Store } from './stores/store.js';

/** A job as the server describes it: with `status` `completed` it has its answer. */
export type Job = CompletedJob | UnansweredJob;

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
    result?: { message: { id: string; content: string; authorId: string; createdAt: number; metadata: Record<string, unknown> }; processingTimeMs: number } | undefined;
    /** Why there is no answer. */
    error?: string | undefined;
    /** What the request gave as metadata. */
    metadata: Record<string, unknown>;
}

/** A job without an answer: the agent has not finished, or it has failed. */
export interface UnansweredJob extends JobDetailsResponse {
    status: Exclude<JobStatus, 'completed'>;
}

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

/** The text, or the text in pieces; `undefined` or `null` for no answer. */
export type AnswerText = string | readonly string[] | null | undefined | void;

/** What a caller tells a store while it waits for a lock. */
export interface LockRequest {
    /** Set to `true` when the lock is not wanted any more: the wait ends, and no lock is taken. */
    readonly gone?: boolean | undefined;
}
/** Releases a lock. Calling it again does nothing. */
export interface ReleaseLock {
    (): unknown;
    /**
     * Whether the caller still holds the lock. A program that was suspended for longer than the
     * lock's lease has lost it, and finds out here before it acts on it. Leave it out when a lock
     * cannot be lost.
     */
    valid?(): boolean;
}
/**
 * Where payments are recorded before each step that could lose them. Every method may return a
 * promise. A record is stored when `set` or `add` has resolved. When the store fails, nothing is
 * paid.
 */
export interface Store {
    /**
     * The record of this key, exactly as it was written; `undefined` or `null` when there is none.
     */
    get(key: string): string | null | undefined | Promise<string | null | undefined>;
    /**
     * Writes a record, in place of an earlier one. Writes of one key take effect in the order of the
     * calls.
     */
    set(key: string, value: string): unknown;
    /**
     * Writes a record unless there is one: `true` when this call wrote it, `false` when one was
     * there. Of several calls at the same time exactly one is `true`.
     */
    add?(key: string, value: string): boolean | Promise<boolean>;
    /** Deletes a record. Deleting one that does not exist is no error. */
    delete(key: string): unknown;
    /** The keys of all records, or of those whose keys begin with `prefix`. */
    keys(prefix?: string): Iterable<string> | Promise<Iterable<string>>;
    /**
     * For a store that several programs use: waits until none of them holds the lock of this name,
     * and resolves with a function that releases it. The wait ends when `request.gone` is set.
     * All stores of this package have it. It is needed for hourly and daily budgets, and in a store
     * without an atomic `add` that several programs use.
     */
    lock?(name: string, request: LockRequest): Promise<ReleaseLock>;
}


import type { AskingClient, JobView } from './react/types.js';
/** What `useJob` takes. */
export interface UseJobOptions {
    /**
     * A name for what is asked here. Components with the same client and key share one question, and
     * it survives a reload: the page comes back with the paid answer, and pays nothing again. The
     * same question under the same key is asked and paid for once, until `reset()`.
     * @default none: the question belongs to this component alone, and to this visit of the page
     */
    readonly key?: string | undefined;
}
/**
 * A question to an agent: asked, paid for and answered, with every step of it as state.
 *
 * @param client The same one in each render: make it outside of components, or with `useMemo`.
 *
 * @example
 * const { ask, answer, status, isBusy, error } = useJob(client, { key: 'weather' });
 * const words = answer ?? error?.message ?? status;
 * return <button onClick={() => ask('What is the weather?')} disabled={isBusy}>{words}</button>;
 */
export declare function useJob(client: AskingClient, { key }?: UseJobOptions): JobView;


import type { ArgumentError, ElizaJobsError } from '../errors.js';
import type { AskOptions, CompletedJob, CreateJobResponse, JobDetailsResponse, JobsClient, PaymentAttempt, Quote } from '../wasm.js';
/** A `JobsClient`, or what stands for one in a test. */
export type AskingClient = Pick<JobsClient, 'createAndWaitForJob' | 'resume' | 'forgetPayment'>;
/** What `ask` takes. */
export type AskJobOptions = Pick<AskOptions, 'userId' | 'agentId' | 'metadata' | 'timeoutMs' | 'headers'>;
/**
 * An error of the client: its `code` says what went wrong, its `fundsMoved` whether money has
 * moved.
 */
export type JobFailure = ElizaJobsError | ArgumentError;
/** What is known besides the answer. */
export interface JobFacts {
    /** The price, once the server has asked for a payment. */
    readonly quote: Quote | undefined;
    /** What is paid for it, once the wallet has been asked. */
    readonly payment: PaymentAttempt | undefined;
    /** The job, as it was last seen. */
    readonly job: CreateJobResponse | JobDetailsResponse | undefined;
}
/** Nothing was asked. */
export interface IdleState extends JobFacts {
    readonly status: 'idle';
    readonly isBusy: false;
    readonly question: undefined;
    readonly answer: undefined;
    readonly error: undefined;
}
/** The question is under way. */
export interface AskingState extends JobFacts {
    /**
     * - `asking`: the question is on its way, or what was begun before a reload is looked for.
     * - `confirming`: the price is known; `confirm` and the wallet are asked.
     * - `paying`: the wallet has paid or signed, and the proof is on its way.
     * - `waiting`: there is a job, and the agent works on it.
     */
    readonly status: 'asking' | 'confirming' | 'paying' | 'waiting';
    /** Whether the question is under way. */
    readonly isBusy: true;
    /** What was asked; also after a reload. */
    readonly question: string;
    readonly answer: undefined;
    readonly error: undefined;
}
/** There is an answer. */
export interface AnsweredState extends JobFacts {
    readonly status: 'answered';
    readonly isBusy: false;
    readonly question: string;
    /** The answer's text. */
    readonly answer: string;
    /** The whole job, with `result` and, where something was paid, `payment`. */
    readonly job: CompletedJob;
    readonly error: undefined;
}
/** It failed. */
export interface FailedState extends JobFacts {
    readonly status: 'failed';
    readonly isBusy: false;
    readonly question: string;
    readonly answer: undefined;
    /** What went wrong. Its `code` says what, its `fundsMoved` whether money has moved. */
    readonly error: JobFailure;
}
/**
 * `cancel()` was called, here or before a reload. What was paid is recorded, and `resume()` goes
 * on.
 */
export interface StoppedState extends JobFacts {
    readonly status: 'stopped';
    readonly isBusy: false;
    readonly question: string;
    readonly answer: undefined;
    readonly error: undefined;
}
/** Where a question stands: `status` says what else there is. */
export type JobState = IdleState | AskingState | AnsweredState | FailedState | StoppedState;
/** All values of `status`. */
export type JobPhase = JobState['status'];
/** What `useJob` returns. It is the same object until something changes. */
export type JobView = JobState & JobActions;
/** What `resume` takes. */
export interface ResumeJobOptions {
    /**
     * The hash of the transfer, as the user found it in the wallet: for a payment of which nobody
     * else knows what became.
     */
    readonly transaction?: string | undefined;
}
/** What can be done with a question. The functions stay the same as long as client and key do. */
export interface JobActions {
    /**
     * Asks, pays where the server asks for that, and resolves with the answer's text. Whoever does
     * not await it need not catch: what goes wrong is in `error`. The same question while it is under
     * way, or again under the same key, is the same call. Another question is refused while one is
     * under way.
     */
    readonly ask: (question: string, options?: AskJobOptions) => Promise<string>;
    /** Goes on with a question that failed or was stopped. What was paid is not paid again. */
    readonly resume: (options?: ResumeJobOptions) => Promise<string>;
    /** Stops waiting. What was paid stays recorded, and `resume()` goes on with it. */
    readonly cancel: () => void;
    /**
     * Stops waiting, and forgets question and answer: the next `ask` is a new job. The client's own
     * records of payments stay.
     */
    readonly reset: () => void;
}


import type { FaultName, SandboxJob, SandboxOptions, SandboxPayment, SandboxRequest } from './sandbox-wasm.js';
import type { FetchResponse, HeadersInput } from './injected.js';
import type { MadeWallet } from './wallets/wallet.js';
export type { AnswerFunction, AnswerText, FaultName, QuestionContext, SandboxJob, SandboxOptions, SandboxPayment, SandboxRequest, } from './sandbox-wasm.js';
export type { MadeWallet } from './wallets/wallet.js';
/** A class of the runtime, where the project's types have it. */
type Global<Name extends string, Otherwise> = typeof globalThis extends {
    readonly [name in Name]: {
        prototype: infer T;
    };
} ? T : Otherwise;
/** What `fetch` takes beside the address. */
type Init = typeof globalThis extends {
    Request: new (input: never, init?: infer T) => unknown;
} ? T : {
    method?: string | undefined;
    headers?: HeadersInput | undefined;
    body?: string | undefined;
    signal?: object | null | undefined;
};
type AnyRequest = string | Global<'URL', {
    readonly href: string;
}> | Global<'Request', {
    readonly url: string;
}>;
/**
 * A server with its chain and a test wallet. All of it is in this process: nothing is sent, and no
 * money exists.
 */
export interface Sandbox {
    /** The server's address. Nothing listens there: only `fetch` knows it. */
    readonly url: string;
    /** Sends a request to the server. The host of the address does not matter. */
    readonly fetch: (input: AnyRequest, init?: Init) => Promise<Global<'Response', FetchResponse>>;
    /** A test wallet, for `JobsClient`. Its account exists nowhere. */
    readonly wallet: Omit<MadeWallet, 'call' | 'receipt'>;
    /** The wallet's account. */
    readonly account: string;
    /** Who is paid. */
    readonly recipient: string;
    /** The server's agent. */
    readonly agentId: string;
    /** What determines all ids and hashes: the same seed gives the same ones. */
    readonly seed: number;
    /**
     * All money that has moved, in the order of time. Two entries for one job are a double payment.
     */
    readonly payments: SandboxPayment[];
    /** All jobs that the server has, in the order of their creation. */
    readonly jobs: SandboxJob[];
    /** The last requests, up to ten thousand. */
    readonly requests: SandboxRequest[];
    /** The sandbox's time, in milliseconds since 1970. */
    now(): number;
    /**
     * What an account has, as a decimal string of USDC.
     *
     * @default the wallet's, on Base
     * @throws {ArgumentError} when it is no address, or the sandbox has no such network.
     */
    balanceOf(account?: string, network?: string): string;
    /**
     * Lets virtual time pass. Everything that is due by then happens, each at its time.
     *
     * @throws {ArgumentError} when time passes by itself.
     */
    advance(ms: number): Promise<void>;
    /**
     * From now on a fault strikes so many times: at the next opportunities, and not any more with 0.
     *
     * @default once
     * @throws {ArgumentError} when there is no such fault, or it can never strike.
     */
    fault(name: FaultName, times?: number): void;
    /** Begins anew, as if just created. Requests that are under way fail. */
    reset(): void;
}
/**
 * Creates a server with its chain and a test wallet, for `JobsClient`:
 *
 *     const sandbox = createSandbox({ paywall: 'x402-v2', price: '0.02' });
 *     const client = new JobsClient({ baseUrl: sandbox.url, fetch: sandbox.fetch, wallet: sandbox.wallet });
 *
 * @throws {ArgumentError} (a `TypeError`) when an option can never be meant.
 */
export declare function createSandbox(options?: SandboxOptions): Sandbox;
/** Where a sandbox is served. */
export interface ServeOptions {
    /** The port. @default 0: any that is free */
    readonly port?: number | undefined;
    /** The address of this machine that is listened on. @default "127.0.0.1": this machine alone */
    readonly host?: string | undefined;
}
/** A sandbox that is being served. */
export interface ServedSandbox {
    /** The address: `"http://127.0.0.1:3000"`. */
    readonly url: string;
    /** Stops listening, and ends all connections. */
    close(): Promise<void>;
}
/**
 * Serves a sandbox over HTTP. For Node, Bun and Deno; in a page and in Workers it rejects.
 *
 * @throws {ArgumentError} when an option can never be meant; Node's own error when the port is
 * taken.
 */
export declare function serveSandbox(sandbox: Pick<Sandbox, 'fetch'>, options?: ServeOptions): Promise<ServedSandbox>;

/** What is known about a question to the agent. */
export interface QuestionContext {
    /** The job that it is asked in. */
    jobId?: string | undefined;
    /** The session that it is asked in. */
    sessionId?: string | undefined;
    /** Who is asked. */
    agentId: string;
    /** Who asks. */
    userId: string;
    /** What the request gave as metadata. */
    metadata: Record<string, unknown>;
    /** Resolves when so much of the sandbox's time has passed. */
    sleep(ms: number): Promise<void>;
}

/** What the agent says to a question. Throwing: its model fails. */
export type AnswerFunction = (question: string, context: QuestionContext) => AnswerText | Promise<AnswerText>;

/** Where lines for people go; the console is one. What it throws harms nothing. */
export interface Logger {
    /** One line for each request: method, path, status, duration. */
    debug?: ((...said: unknown[]) => void) | undefined;
    /** Nothing, at present. */
    info?: ((...said: unknown[]) => void) | undefined;
    /**
     * What should be checked: a callback that threw, an odd answer, a wallet that answered too late.
     */
    warn?: ((...said: unknown[]) => void) | undefined;
    /** Nothing, at present: what goes wrong is thrown. */
    error?: ((...said: unknown[]) => void) | undefined;
}
/** One line for the application's logger. Without a logger, warnings go to the console. */
export declare function log(logger: Logger | undefined, level: 'debug' | 'warn', words: string, thrown?: unknown): void;
/** Calls `onUpdate`. What it throws is logged once in a call: `state` is the call's. */
export declare function tell(onUpdate: (update: unknown) => unknown, update: unknown, logger: Logger | undefined, state: {
    reported?: boolean | undefined;
}): void;


import type * as Rust from './wasm.js';
export declare const JobsClient: typeof Rust.JobsClient;
export declare const SessionsClient: typeof Rust.SessionsClient;
/** All of a server: `messaging` asks one-off questions, `sessions` holds conversations. */
export declare class ElizaClient {
    /** One-off questions ("jobs"). */
    readonly messaging: Rust.JobsClient;
    /** Conversations that last. */
    readonly sessions: Rust.SessionsClient;
    /**
     * Both clients of the server at `options.baseUrl`. Sends nothing.
     *
     * @throws {ArgumentError} (a `TypeError`) when an option can never work.
     */
    constructor(options: Rust.JobsClientOptions);
    /** Releases both clients; calls that are under way go on. */
    /** Frees the memory early. Calls that are under way finish, and later ones are refused: `client_disposed`. */
    free(): void;
    [Symbol.dispose]: () => void;
}


import type { ApiErrorCode, ArgumentErrorCode, ConnectionErrorCode, ErrorCode, FundsMoved, JobDetailsResponse, JobErrorCode, PaymentAttempt, PaymentErrorCode, SessionErrorCode, SessionMessage } from './wasm.js';
/** What every error of this package is. `instanceof` works across copies of the package. */
export declare class ElizaJobsError extends Error {
    /** What went wrong. */
    readonly code: ErrorCode;
    /** Whether the same call may succeed later without any change, at no further cost. */
    readonly retryable: boolean;
    /**
     * Whether money has moved for what this error is about. `'unknown'`: it may have, or may still.
     */
    readonly fundsMoved: FundsMoved;
    /** The job this is about. */
    readonly jobId?: string;
    /** The job as it was last seen. */
    readonly job?: JobDetailsResponse;
    /**
     * The session this is about. Not enumerable: its id opens the session, so that it must not get
     * into logs.
     */
    readonly sessionId?: string;
    /** The message that was sent, when it is known to be in the session. */
    readonly userMessage?: SessionMessage;
    /** The HTTP status that the server answered. */
    readonly status?: number;
    /** The same as `status`. */
    readonly statusCode?: number;
    /** The server's own words. */
    readonly serverMessage?: string;
    /** The server's own code for the error. */
    readonly serverCode?: string;
    /** How long the server asks to wait, in milliseconds. */
    readonly retryAfterMs?: number;
    /**
     * The payment this is about. Not enumerable: it may hold a proof, which must not get into logs.
     */
    readonly payment?: PaymentAttempt;
    /** What the platform or the wallet threw. */
    readonly cause?: unknown;
    protected constructor(...given: ConstructorParameters<typeof Error>);
}
/** The server refused the request or sent something unreadable. */
export declare class ApiError extends ElizaJobsError {
    readonly code: ApiErrorCode;
}
/** The job ended without an answer, is gone, or took longer than the caller waits. */
export declare class JobError extends ElizaJobsError {
    readonly code: JobErrorCode;
}
/** A payment was refused, by the limits, the wallet or the server, or its outcome is not known. */
export declare class PaymentError extends ElizaJobsError {
    readonly code: PaymentErrorCode;
}
/** No answer came. */
export declare class ConnectionError extends ElizaJobsError {
    readonly code: ConnectionErrorCode;
}
/**
 * A message in a session got no answer: the agent failed, chose not to answer, or took longer than
 * the caller waits. Or it is not known whether the message has arrived.
 */
export declare class SessionError extends ElizaJobsError {
    readonly code: SessionErrorCode;
}
/**
 * An argument or option can never work. Nothing was sent. Also an `ElizaJobsError` for
 * `instanceof`.
 */
export declare class ArgumentError extends TypeError {
    /** What is wrong: an argument, or a client that was released. */
    readonly code: ArgumentErrorCode;
    /** The same call never succeeds. */
    readonly retryable: false;
    /** An argument moves no money. */
    readonly fundsMoved: false;
    /** The argument's or option's name; absent when the client itself was released. */
    readonly field?: string;
    protected constructor(...given: ConstructorParameters<typeof TypeError>);
}


import type { Quote, TypedData } from './wasm.js';
declare global {
    interface AbortSignal {
    }
    interface Headers {
    }
    interface SymbolConstructor {
        readonly dispose: unique symbol;
    }
    interface Disposable {
        [Symbol.dispose](): void;
    }
}
/** What is sent as headers: an object, a list of pairs, or `Headers`. */
export type HeadersInput = Record<string, string> | readonly (readonly string[])[] | Headers;
/** What a `fetch` of your own is called with. */
export interface FetchInit {
    /** The request's method. */
    method: 'GET' | 'POST' | 'DELETE';
    /** The request's headers. */
    headers: Headers;
    /** JSON. Absent where nothing is sent. */
    body?: string;
    /** Redirects are not followed: a proof of payment goes to no other server. */
    redirect: 'manual';
    /** Aborts the request when the call ends. */
    signal: AbortSignal;
    /** Absent in runtimes that do not know it. */
    cache?: 'no-store';
}
/** What a `fetch` of your own returns: a `Response`, or what reads like one. */
export interface FetchResponse {
    readonly status: number;
    readonly headers: {
        get(name: string): string | null;
    };
    text(): Promise<string>;
}
/** A `fetch` of your own. The global one is such a function. */
export type FetchFunction = (url: string, init: FetchInit) => Promise<FetchResponse>;
/**
 * Makes the token transfer that the quote asks for, and returns its transaction hash once it is
 * mined. An error with `noMoneyMoved: true` says that certainly nothing was sent.
 */
export type SendTransfer = (quote: Quote, options: TransferOptions) => string | Promise<string>;
/** What a wallet that makes a transfer is given beside the quote. */
export interface TransferOptions {
    /**
     * To be called with the transaction's hash as soon as the transfer is sent, by a wallet that
     * waits until it is mined: the hash is recorded, and the payment can be resumed should the
     * program end meanwhile. From then on only `noMoneyMoved: true` says that nothing has moved.
     */
    onSent: (hash: string) => void;
}
/**
 * A wallet of ethers (a signer, version 5 or 6), of viem or wagmi (a wallet client), or an EIP-1193
 * provider such as `window.ethereum`. Each goes in as it is: in a page after
 * `import 'eliza-jobs/wallets'`, elsewhere without. A viem account is a `Wallet` that signs.
 */
export type LibraryWallet = EthersLike | ViemLike | Eip1193Like;
/** Some of what an ethers signer has. */
interface EthersLike {
    getAddress(): Promise<string>;
    sendTransaction(transaction: any): Promise<{
        hash: string;
    }>;
}
/** Some of what a viem wallet client has. */
interface ViemLike {
    getChainId(): Promise<number>;
    sendTransaction(transaction: any): Promise<string>;
}
/** Some of what an EIP-1193 provider has. */
interface Eip1193Like {
    request(asked: any): Promise<any>;
}
/**
 * What pays. Each member opens more servers; `eliza-jobs/wallets` makes such objects of the usual
 * libraries. An error with `noMoneyMoved: true` says that certainly nothing was sent: the budget
 * has it back, and the payment is not open.
 */
export interface Wallet {
    /** Whose money it is. Needed with `signTypedData`. */
    address?: string | (() => string | Promise<string>) | undefined;
    /** Makes a token transfer, for servers that want its hash. */
    sendTransfer?: SendTransfer | undefined;
    /** Signs typed data (EIP-712), for servers of x402 version 1 and 2. Returns the signature. */
    signTypedData?: ((typedData: TypedData) => string | Promise<string>) | undefined;
    /**
     * Takes a whole payment over, for what the others cannot serve. Returns the request headers that
     * prove it, such as `PAYMENT-SIGNATURE`.
     */
    pay?: ((quote: Quote) => HeadersInput | Promise<HeadersInput>) | undefined;
    /**
     * Calls a contract without a transaction (`eth_call` on the latest block), and returns what it
     * returns. With it, `resume()` asks the chain whether what was signed was used.
     */
    call?: ((request: {
        chainId: number;
        to: string;
        data: string;
    }) => string | Promise<string>) | undefined;
    /**
     * The receipt of a transaction (`eth_getTransactionReceipt`); `null` while there is none. With
     * it, `resume()` asks the chain what became of a transfer.
     */
    receipt?: ((hash: string, chainId: number) => unknown) | undefined;
}
export {};


import type { JobStatus as Status } from './wasm.js';
/**
 * Where a job stands. `UNKNOWN`: the server said something else, which is in `rawStatus`; it is not
 * final.
 */
export declare const JobStatus: {
    readonly [S in Status as Uppercase<S>]: S;
};
/** Where a job stands. */
export type JobStatus = Status;
/** Each status as a type, as an enum has them. */
export declare namespace JobStatus {
    type PENDING = 'pending';
    type PROCESSING = 'processing';
    type COMPLETED = 'completed';
    type FAILED = 'failed';
    type TIMEOUT = 'timeout';
    type UNKNOWN = 'unknown';
}


import type { Store } from './store.js';
/**
 * A store in a folder, a file for each record. For Node, Bun and Deno; several programs of one
 * machine may share the folder. A record is on the disk, whole, when `set` or `add` has resolved:
 * it survives a crash and a power cut. The folder is made when it is missing (0700), and files are
 * for their owner only (0600).
 *
 * @param folder A relative path is resolved now: a later `process.chdir` changes nothing.
 * @throws {TypeError} when it is no path, or the runtime has no file system.
 */
export declare function fileStore(folder: string): Store;


import type { Store } from './store.js';
/** The part of the browser's `Storage` that is used. */
export interface KeyValueStorage {
    readonly length: number;
    key(index: number): string | null;
    getItem(key: string): string | null;
    setItem(key: string, value: string): void;
    removeItem(key: string): void;
}
/**
 * A store in the page's localStorage, shared by its tabs. The records live as long as the browser
 * keeps the site's data.
 *
 * @param storage Used in place of the page's own.
 * @default globalThis.localStorage
 * @throws {TypeError} when there is no localStorage, or the browser blocks it.
 */
export declare function localStorageStore(storage?: KeyValueStorage): Store;


import type { Store } from './store.js';
/** A store in memory: its records live as long as the program. */
export declare function memoryStore(): Store;

/** Whether money has moved. `'unknown'`: it may have, or may still. */
export type FundsMoved = boolean | 'unknown';

export interface JobsClient {
    /**
     * Creates a job, pays for it when the server asks for that, and waits for its answer.
     *
     * @example
     * const params = { userId: crypto.randomUUID(), content: 'What is the weather?' };
     * const job = await client.createAndWaitForJob(params);
     * console.log(job.result.message.content);
     */
    createAndWaitForJob(params: CreateJobRequest, options?: WaitOptions): Promise<CompletedJob>;
    /**
     * The same, with the interval and the number of polls of your own, which are kept exactly.
     *
     * @param pollInterval In milliseconds.
     * @default 1000 when only `maxAttempts` is given
     * @param maxAttempts
     * @default 30 when only `pollInterval` is given
     */
    createAndWaitForJob(
    params: CreateJobRequest,
    pollInterval: number | undefined,
    maxAttempts?: number,
    options?: WaitOptions,
    ): Promise<CompletedJob>;
    /**
     * Waits for a job's answer, until the job's own expiry.
     *
     * @example
     * const onUpdate = (update) => console.log(update.type);
     * const job = await client.pollJob(jobId, { timeoutMs: 60_000, onUpdate });
     */
    pollJob(jobId: string, options?: WaitOptions): Promise<CompletedJob>;
    /**
     * The same, with the interval and the number of polls of your own, which are kept exactly.
     *
     * @param interval In milliseconds.
     * @default 1000 when only `maxAttempts` is given
     * @param maxAttempts
     * @default 30 when only `interval` is given
     */
    pollJob(jobId: string, interval: number | undefined, maxAttempts?: number, options?: WaitOptions): Promise<CompletedJob>;
}

export type { Logger } from './callbacks.js';
export { ElizaClient } from './eliza-client.js';
export { ApiError, ArgumentError, ConnectionError, ElizaJobsError, JobError, PaymentError, SessionError } from './errors.js';
export type {
  FetchFunction,
  FetchInit,
  FetchResponse,
  HeadersInput,
  LibraryWallet,
  SendTransfer,
  TransferOptions,
  Wallet,
} from './injected.js';
export { JobStatus } from './job-status.js';
export { fileStore } from './stores/file.js';
export { localStorageStore, type KeyValueStorage } from './stores/local-storage.js';
export { memoryStore } from './stores/memory.js';
export type { LockRequest, ReleaseLock, Store } from './stores/store.js';
