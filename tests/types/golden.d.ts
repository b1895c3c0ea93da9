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
    channelId?: UUID;
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
    expiresAt?: number;
    /**
     * The time of the last activity, in milliseconds of the server's clock. `createSession` does
     * not return it.
     */
    lastActivity?: number;
    /**
     * The metadata that `createSession` was called with.
     */
    metadata: Record<string, unknown>;
    /**
     * How long it lives.
     */
    timeoutConfig?: SessionTimeoutConfig;
    /**
     * How often it was renewed. `createSession` does not return it.
     */
    renewalCount?: number;
    /**
     * The time that is left, in milliseconds. `createSession` does not return it.
     */
    timeRemaining?: number;
    /**
     * Whether little time is left. `createSession` does not return it.
     */
    isNearExpiration?: boolean;
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
    name?: string;
    /**
     * Its size in bytes.
     */
    size?: number;
    /**
     * Its MIME type.
     */
    mimeType?: string;
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
    rawStatus?: string;
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
    result?: JobResult;
    /**
     * Why the job failed.
     */
    error?: string;
    /**
     * The metadata that `createJob` was called with.
     */
    metadata?: Record<string, unknown>;
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
    metadata?: Record<string, unknown>;
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
    attachments?: MessageAttachment[];
    /**
     * Data of the application that belongs to the message. The server returns it with the message.
     * At most 10,240 characters as JSON.
     */
    metadata?: Record<string, unknown>;
    /**
     * `http`: the server waits for the agent, 30 seconds at most. `websocket`: it takes the
     * message and lets the agent answer when it
     * can, so that an answer that takes longer is among the session's messages on every server.
     * @default "websocket" in `sendMessage`, "http" in `sendMessageAndWait`
     */
    transport?: "http" | "websocket";
}

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
    cursors?: MessageCursors;
}

/**
 * All of a server: `messaging` asks one-off questions, `sessions` holds conversations.
 *
 * @throws {ArgumentError} (a `TypeError`) when an option can never work.
 */
export class ElizaClient {
    constructor(options: JobsClientOptions);
    /** One-off questions ("jobs"). */
    readonly messaging: JobsClient;
    /** Conversations that last. */
    readonly sessions: SessionsClient;
    /** Lets go of the client's memory; calls that are under way are finished. */
    free(): void;
    [Symbol.dispose](): void;
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
    stats?: SessionStats;
}

/**
 * Asks elizaOS agents one-off questions ("jobs") over the Jobs API, and pays for the answers where that is asked for.
 *
 * Every method gives a promise. State is shared and immutable, so that any number of calls may run at once, `free()` may be
 * called while they do, and callbacks may call back.
 */
export class JobsClient {
    /**
     * A client for the server at `options.baseUrl`. Sends nothing.
     *
     * @throws {ArgumentError} (a `TypeError`) when an option can never work.
     */
    constructor(options: JobsClientOptions);
    /**
     * Creates a job, pays for it when asked to, and waits for its answer.
     */
    createAndWaitForJob(
    params: CreateJobRequest,
    pollInterval?: number | WaitOptions,
    maxAttempts?: number,
    options?: WaitOptions,
    ): Promise<CompletedJob>;
    /**
     * Creates a job; when the server asks for a payment, pays for it once through the wallet.
     */
    createJob(params: CreateJobRequest, options?: CreateJobOptions): Promise<CreateJobResponse>;
    /**
     * The job as it is now.
     */
    getJob(jobId: string, options?: RequestOptions): Promise<JobDetailsResponse>;
    /**
     * The state of the Jobs service.
     */
    getJobsHealth(options?: RequestOptions): Promise<JobsHealthResponse>;
    /**
     * The server's jobs, the newest first. These are the jobs of everyone who uses the server.
     */
    listJobs(params?: ListJobsParams, options?: RequestOptions): Promise<ListJobsResponse>;
    /**
     * What is open at this server, the oldest first: payments whose outcome is not known, proofs that were not used, and paid
     * jobs whose answers were not seen; after a reload or a crash too, when the store has outlived it. A record that cannot be
     * read has the state `unreadable`, and is kept.
     */
    pendingPayments(options?: RequestOptions): Promise<PendingPayment[]>;
    /**
     * Forgets a payment that is open: one of which you know that no money has moved, or a record that cannot be read. What was paid
     * and is forgotten is lost.
     *
     * @param attempt An attempt: of an error (`error.payment`) or of `pendingPayments()`.
     */
    forgetPayment(attempt: PendingPayment, options?: RequestOptions): Promise<void>;
    /**
     * Waits for a job's answer. A number for `interval` (milliseconds, 1000 when only `maxAttempts` is given) or
     * `maxAttempts` (30 when only `interval` is given) is obeyed exactly; without both the wait lasts until the job's own expiry.
     */
    pollJob(jobId: string, interval?: number | WaitOptions, maxAttempts?: number, options?: WaitOptions): Promise<CompletedJob>;
    /**
     * Goes on where a payment or a job was left, and waits for the job's answer. A payment goes on with the job that is there, else
     * with the same proof; nothing is ever paid again.
     *
     * @param handle A job's id, or an attempt: of an error (`error.payment`) or of `pendingPayments()`.
     */
    resume(handle: string | PendingPayment, options?: WaitOptions): Promise<CompletedJob>;
    /**
     * What this client has spent of a token so far, as a decimal number of tokens (`"0.04"`), with what is set aside for
     * payments under way.
     *
     * @param currency The token's symbol. @default "USDC"
     * @throws {ArgumentError} (a `TypeError`) when it is no token of `spend.assets`.
     */
    spent(currency?: string): string;
    /**
     * Looks at a job as `pollJob` does, and gives it each time that it is seen in another status; ends when the job is completed, and throws
     * what `pollJob` would reject with.
     */
    watchJob(jobId: string, options?: WaitOptions): AsyncIterableIterator<JobDetailsResponse>;
    /** Lets go of the client's memory; calls that are under way are finished. */
    free(): void;
    [Symbol.dispose](): void;
}

/**
 * Conversations with an agent that last. Every method gives a promise, or what `for await` takes.
 */
export class SessionsClient {
    /**
     * The sessions of the server at `options.baseUrl`. Sends nothing.
     *
     * @throws {ArgumentError} (a `TypeError`) when an option can never work.
     */
    constructor(options: JobsClientOptions);
    /**
     * Begins a session between a user and an agent.
     */
    createSession(params: CreateSessionRequest, options?: RequestOptions): Promise<Session>;
    /**
     * Ends the session. The server forgets it at once.
     */
    deleteSession(sessionId: string, options?: RequestOptions): Promise<DeleteSessionResponse>;
    /**
     * A page of the session's messages, the newest first. In `for await` all of them, page by page; with `after` alone the oldest first.
     */
    getMessages(
    sessionId: string,
    params?: GetMessagesParams,
    options?: RequestOptions,
    ): Promise<GetMessagesResponse> & AsyncIterable<SessionMessage>;
    /**
     * The session as it is now.
     */
    getSession(sessionId: string, options?: RequestOptions): Promise<Session>;
    /**
     * The state of the Sessions service.
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
     * Gives the session its whole time again, whether or not it renews itself with each message.
     */
    renewSession(sessionId: string, options?: RequestOptions): Promise<Session>;
    /**
     * Puts a message into the session and waits for the agent's answer, `options.timeoutMs` at most. @default 60000
     *
     * Where the server does not wait for the agent, or gives up on it (after 30 seconds), the answer is looked for among the session's
     * messages: it is the agent's first one after this message, so send one message of a session after the other. Every error
     * (`SessionError`) has the `sessionId`, and the `userMessage` when that is in the session.
     */
    sendMessageAndWait(sessionId: string, params: SendMessageRequest, options?: RequestOptions): Promise<AnsweredMessage>;
    /**
     * Puts a message into the session and does not wait for the agent; the answer will be among the session's messages.
     *
     * A reply that is lost is made up for by a look into the session; where that is not possible, it rejects with
     * `message_outcome_unknown`. Nothing is sent twice.
     */
    sendMessage(sessionId: string, params: SendMessageRequest, options?: RequestOptions): Promise<MessageResponse>;
    /**
     * Puts a message into the session and gives the agent's answer as it comes: `user_message`, then any number of `chunk`, then `done`.
     * Where the server has no streams, or the stream breaks off, the answer comes as a whole with `done`. Leaving the loop ends the request.
     * `options.timeoutMs` is for the whole. @default 300000
     */
    streamMessage(
    sessionId: string,
    params: Omit<SendMessageRequest, 'transport'>,
    options?: RequestOptions,
    ): AsyncIterableIterator<MessageUpdate>;
    /** Lets go of the client's memory; calls that are under way are finished. */
    free(): void;
    [Symbol.dispose](): void;
}

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
     * Minutes without a message after which it expires. @default 30 (the server's)
     */
    timeoutMinutes?: number;
    /**
     * Whether each message restarts these minutes. @default true (the server's)
     */
    autoRenew?: boolean;
    /**
     * Minutes after which it expires in any case. @default 720 (the server's)
     */
    maxDurationMinutes?: number;
    /**
     * How many minutes before its end it counts as near its expiration. @default 5 (the server's)
     */
    warningThresholdMinutes?: number;
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
    metrics?: JobMetrics;
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
    expiringSoon?: number;
    /**
     * How many are broken.
     */
    invalidSessions?: number;
    /**
     * How long the server has been running, in seconds.
     */
    uptime?: number;
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
 * Makes the token transfer that the quote asks for, and gives its transaction hash once it is mined. An error with `noMoneyMoved: true`
 * says that certainly nothing was sent.
 */
export type SendTransfer = (quote: Quote) => string | Promise<string>;

/**
 * One offer: what the server wants for the job.
 */
export interface Quote extends Price {
    /**
     * What is paid for, as the server says. Not in the dialect `elizaos`.
     */
    resource?: string;
    /**
     * The server's entry as it came, for a wallet that takes the payment over. Not in the dialect `elizaos`.
     */
    paymentRequirements?: Record<string, unknown>;
    /**
     * The server's whole request for payment as it came. Not in the dialect `elizaos`.
     */
    paymentRequired?: Record<string, unknown>;
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
     * The hash of the transaction that moves the money, once it is known. Whoever has it may be able to use it as proof of payment.
     */
    transaction?: string;
    /**
     * The request headers that prove the payment, once the wallet has given them. A secret: whoever has them can use them, so
     * only an error has them.
     */
    proof?: Record<string, string>;
    /**
     * What the server's facilitator says of the settlement.
     */
    receipt?: SettlementResponse;
    /**
     * The job that was paid for, once it is known.
     */
    jobId?: string;
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
    metadata?: Record<string, unknown>;
}

/**
 * What `createJob` sends.
 */
export interface CreateJobRequest {
    /**
     * The agent to ask. @default the server's first agent
     */
    agentId?: UUID;
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
    metadata?: Record<string, unknown>;
    /**
     * How long the agent may take and the answer is kept, in milliseconds: 1,000 to 300,000.
     * @default 30000 (the server's)
     */
    timeoutMs?: number;
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
    metadata?: Record<string, unknown>;
    /**
     * How long the session lives.
     */
    timeoutConfig?: SessionTimeoutConfig;
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
    message?: string;
}

/**
 * Which jobs `listJobs` returns.
 */
export interface ListJobsParams {
    /**
     * How many jobs at most. @default 50 (the server's)
     */
    limit?: number;
    /**
     * Only jobs in this status.
     */
    status?: JobStatus;
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
    agentResponse?: AgentResponse;
    /**
     * The state of the session. Absent where the server's reply was lost and the message was found
     * in the session.
     */
    sessionStatus?: SessionStatus;
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
    transaction?: string;
    /**
     * The network, as the server writes it.
     */
    network?: string;
    /**
     * Whose money it was.
     */
    payer?: string;
    /**
     * How much was settled, in atomic units, where it may differ.
     */
    amount?: string;
    /**
     * Why it was not settled.
     */
    errorReason?: string;
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
    thought?: string;
    /**
     * What the agent did.
     */
    actions?: string[];
}

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
 * What pays. Each member opens more servers; `eliza-jobs/wallets` makes such objects of the usual libraries. An error with
 * `noMoneyMoved: true` says that certainly nothing was sent: the budget has it back, and the payment is not open.
 */
export interface Wallet {
    /** Whose money it is. Needed with `signTypedData`. */
    address?: string | (() => string | Promise<string>);
    /** Makes a token transfer, for servers that want its hash. */
    sendTransfer?: SendTransfer;
    /** Signs typed data (EIP-712), for servers of x402 version 1 and 2. Gives the signature. */
    signTypedData?: (typedData: TypedData) => string | Promise<string>;
    /** Takes a whole payment over, for what the others cannot serve. Gives the request headers that prove it, such as `PAYMENT-SIGNATURE`. */
    pay?: (quote: Quote) => HeadersInit | Promise<HeadersInit>;
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
}

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

import type { Store } from './stores/store.js';
/** Eight, four, four, four and twelve hexadecimal digits. */
export type UUID = string;

/** A job with its answer. */
export type CompletedJob = JobDetailsResponse & { status: 'completed'; result: JobResult };

/** A message with the agent's answer. */
export type AnsweredMessage = MessageResponse & { agentResponse: AgentResponse };

/** A network that can be paid on. */
export type NetworkName = 'base' | 'polygon' | 'base-sepolia' | 'polygon-amoy' | (string & {});

/** A payment that is open, or a record that cannot be read. */
export type PendingPayment = PaymentAttempt | { attemptId: string; state: 'unreadable' };

/** A stable name for each thing that can go wrong. */
export type ErrorCode =
| 'invalid_argument'
| 'connection_failed'
| 'connection_reset'
| 'request_timeout'
| 'bad_request'
| 'unauthorized'
| 'forbidden'
| 'not_found'
| 'job_not_found'
| 'session_not_found'
| 'session_expired'
| 'rate_limited'
| 'server_error'
| 'request_refused'
| 'invalid_response'
| 'unexpected_html'
| 'response_too_large'
| 'redirect_refused'
| 'job_failed'
| 'job_timeout'
| 'job_gone'
| 'wait_timeout'
| 'agent_failed'
| 'no_answer'
| 'answer_timeout'
| 'message_outcome_unknown'
| 'payment_required'
| 'payment_requirements_invalid'
| 'payment_over_limit'
| 'payment_network_not_allowed'
| 'payment_recipient_not_allowed'
| 'payment_resource_mismatch'
| 'payment_insecure_connection'
| 'payment_declined'
| 'payment_not_supported_here'
| 'payment_refused'
| 'payment_outcome_unknown'
| 'payment_not_open'
| 'store_failed'
| 'wallet_cannot_pay'
| 'wallet_rejected'
| 'wallet_failed'
| 'wallet_invalid_proof'
| 'wallet_timeout'
| 'client_disposed'
| 'wasm_panic'
| 'init_failed';

/** A token of the application's own choice. */
export interface AssetOptions {
    /** The network, as servers name it; one of those in `networks`. */
    network: NetworkName;
    /** The network's EVM chain id. Only for a network that the client does not know; without it that is no EVM chain, and only a wallet with `pay` can serve it. */
    chainId?: number;
    /** The token's contract. */
    asset: string;
    /** What it is called in limits, errors and `spent()`. */
    symbol: string;
    /** How many decimals it has. */
    decimals: number;
    /** The name in its EIP-712 domain. @default the symbol */
    name?: string;
    /** The version in its EIP-712 domain. @default "1" */
    version?: string;
    /** The most that one job may cost, as a decimal string of this token. */
    maxPerPayment: string;
    /** The most that all jobs of this client together may cost, as a decimal string of this token. @default no limit */
    budget?: string;
}

/** What `createJob` takes. */
export interface CreateJobOptions extends RequestOptions {
    /** Called when something has happened. What it throws is reported once to the logger and does not end the call. */
    onUpdate?: (update: JobUpdate) => void;
    /** A name for this job: two calls with the same name, at the same time or one after the other, make and pay one job. The same
     * name for another question (`agentId`, `userId`, `content`) is an `ArgumentError`. */
    idempotencyKey?: string;
}

/** What `streamMessage` gives. */
export type MessageUpdate =
/** The message is in the session. */
| { type: 'user_message'; message: SessionMessage }
/** A piece of the answer. */
| { type: 'chunk'; chunk: string; index: number; messageId?: string }
/** The whole answer. */
| { type: 'done'; response: AgentResponse };

/** What a caller tells a store while it waits for a lock. */
export interface LockRequest {
    /** Set to `true` when the lock is not wanted any more: the wait ends, and no lock is taken. */
    readonly gone?: boolean;
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
     * `fileStore` has it; tabs of a browser need none, because Web Locks work there.
     */
    lock?(name: string, request: LockRequest): Promise<ReleaseLock>;
}

/** What a client is made with. */
export interface JobsClientOptions {
    /** The server's address: http or https, a path is fine; no credentials, query or fragment. */
    baseUrl: string;
    /** Sent as `X-API-KEY`. */
    apiKey?: string;
    /** Sent with every request. */
    headers?: HeadersInit;
    /** Used in place of the global `fetch`. */
    fetch?: (url: string, init: RequestInit) => Promise<Response>;
    /** The longest time for one request, with its whole answer and its retries, in milliseconds. The time that a wallet takes does not count. @default 30000 */
    timeoutMs?: number;
    /** How often a read that failed is tried again. @default 2 */
    retries?: number;
    /** The largest answer that is read, in bytes. @default 8388608 */
    maxResponseBytes?: number;
    /** What pays: a function that makes a token transfer and gives its hash, or an object that can do more. */
    wallet?: Wallet | SendTransfer;
    /** Asked before the wallet is, with the price. Anything but `true` means that nothing is paid. */
    confirm?: (quote: Quote) => boolean | Promise<boolean>;
    /** The longest time for the wallet, and for `confirm`, in milliseconds. @default 300000; without a limit in a page */
    walletTimeoutMs?: number;
    /** What may be paid. */
    spend?: SpendOptions;
    /** Where payments are written down. @default localStorage in a page, else memory */
    store?: Store;
    /** Told what happens, never with a header, a body or a proof in it. @default warnings go to the console */
    logger?: Logger;
}

/** What a wallet signs, as `eth_signTypedData_v4` takes it. */
export interface TypedData {
    types: Record<string, { name: string; type: string }[]>;
    primaryType: 'TransferWithAuthorization';
    domain: { name: string; version: string; chainId: number; verifyingContract: string };
    /** Integers are decimal strings. */
    message: { from: string; to: string; value: string; validAfter: string; validBefore: string; nonce: string };
}

/** What every error of this package is. `instanceof` works across copies of the package. */
export class ElizaJobsError extends Error {
    protected constructor();
    /** What went wrong. */
    readonly code: ErrorCode;
    /** Whether the same call may succeed later without any change, at no further cost. */
    readonly retryable: boolean;
    /** The job this is about. */
    readonly jobId?: string;
    /** The job as it was last seen. */
    readonly job?: JobDetailsResponse;
    /** The session this is about. Not enumerable: whoever has it can read the session, so that it must not get into logs. */
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
    /** How long the server asks to stay away, in milliseconds. */
    readonly retryAfterMs?: number;
    /** The payment this is about. Not enumerable: it may hold a proof, which must not get into logs. */
    readonly payment?: PaymentAttempt;
    /** What the platform or the wallet threw. */
    readonly cause?: unknown;
}
/** The server said no, or said something that is no answer. */
export class ApiError extends ElizaJobsError {}
/** The job ended without an answer, is gone, or took longer than the caller waits. */
export class JobError extends ElizaJobsError {}
/** A payment was refused, by the limits, the wallet or the server, or its outcome is not known. */
export class PaymentError extends ElizaJobsError {}
/** A message in a session got no answer: the agent failed, chose not to answer, or took longer than the caller waits; or it is not known whether the message has arrived. */
export class SessionError extends ElizaJobsError {}
/** No answer came. */
export class ConnectionError extends ElizaJobsError {}
/** An argument or option can never work. Nothing was sent. Also an `ElizaJobsError` for `instanceof`. */
export class ArgumentError extends TypeError {
    protected constructor();
    readonly code: 'invalid_argument' | 'client_disposed';
    readonly retryable: false;
    /** The argument's or option's name; absent when the client itself was let go of. */
    readonly field?: string;
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
 * @param storage Used in place of the page's own. @default globalThis.localStorage
 * @throws {TypeError} when there is no localStorage, or the browser blocks it.
 */
export declare function localStorageStore(storage?: KeyValueStorage): Store;


import type { Store } from './store.js';
/** A store in memory: its records live as long as the program. */
export declare function memoryStore(): Store;

/** What every method takes. */
export interface RequestOptions {
    /** Ends the call at once; it rejects with the signal's own reason. */
    signal?: AbortSignal | null;
    /** The longest time for this call, in milliseconds: for one request with its retries, or for a whole wait. */
    timeoutMs?: number;
    /** Sent with this call's requests. */
    headers?: HeadersInit;
}

/** What happens while a job is created and waited for. */
export type JobUpdate =
/** The price was read and keeps the rules; `confirm` and the wallet are about to be asked. */
| { type: 'quote'; quote: Quote }
/** A payment has come further: the wallet has given the proof, which is about to be sent; or the server has accepted it. */
| { type: 'payment'; payment: PaymentAttempt }
/** There is a job. */
| { type: 'created'; job: CreateJobResponse }
/** The job was seen for the first time, or in another status. */
| { type: 'status'; job: JobDetailsResponse };

/** What may be paid. Everything that breaks a rule is refused before the wallet is asked. */
export interface SpendOptions {
    /** The most that one job may cost, as a decimal string of USDC. @default "0.10" */
    maxPerPayment?: string;
    /** The most that all jobs of this client together may cost, as a decimal string of USDC. @default no limit */
    budget?: string;
    /** The networks that may be paid on, the preferred one first. Testnets only when they are named. @default ["base", "polygon"] */
    networks?: NetworkName[];
    /** Tokens other than USDC that may be paid with. USDC is preferred, then the order of this list. */
    assets?: AssetOptions[];
    /** Who may be paid: addresses. @default anybody */
    recipients?: string[];
    /** What else may be paid for than the address that the request goes to: URLs. Needed when a server names itself otherwise, as behind a proxy; and for an address without https on a network of your own. */
    allowResource?: string | string[];
}

/** What waiting takes. */
export interface WaitOptions extends CreateJobOptions {
    /** Milliseconds between two looks, obeyed exactly. @default 1000 when `maxAttempts` is given, else a schedule that follows the job's age */
    intervalMs?: number;
    /** How often to look at most, obeyed exactly. @default 30 when an interval is given, else until the job's own expiry */
    maxAttempts?: number;
}

/** Where a job stands. */
export const JobStatus: {
    readonly PENDING: 'pending';
    readonly PROCESSING: 'processing';
    readonly COMPLETED: 'completed';
    readonly FAILED: 'failed';
    readonly TIMEOUT: 'timeout';
    /** The server said something else; `rawStatus` has it. Not final. */
    readonly UNKNOWN: 'unknown';
};
/** Where a job stands. */
export type JobStatus = (typeof JobStatus)[keyof typeof JobStatus];
/** Each status as a type, as an enum has them. */
export declare namespace JobStatus {
    type PENDING = 'pending';
    type PROCESSING = 'processing';
    type COMPLETED = 'completed';
    type FAILED = 'failed';
    type TIMEOUT = 'timeout';
    type UNKNOWN = 'unknown';
}

/** Where lines for people go; the console is one. What it throws harms nothing. */
export interface Logger {
    /** One line for each request: method, path, status, duration. */
    debug?(...said: unknown[]): void;
    info?(...said: unknown[]): void;
    /** What somebody should look at: a callback that threw, an odd answer, a wallet that answered too late. */
    warn?(...said: unknown[]): void;
    error?(...said: unknown[]): void;
}

/** Which messages `getMessages` gives. */
export interface GetMessagesParams {
    /** How many in one page, 1 to 100. @default 50 (the server's) */
    limit?: number;
    /** Only those written before this instant: a `Date`, or milliseconds since 1970, such as a page's `cursors.before`. */
    before?: number | Date;
    /** Only those written after this instant: a `Date`, or milliseconds since 1970, such as a page's `cursors.after`. */
    after?: number | Date;
}

/** elizaOS's own name for `ListJobsResponse`. */
export type JobListResponse = ListJobsResponse;
/** elizaOS's own name for `JobsHealthResponse`. */
export type JobHealthResponse = JobsHealthResponse;

/// <reference lib="esnext.disposable" />
export { fileStore } from './stores/file.js';
export { localStorageStore, type KeyValueStorage } from './stores/local-storage.js';
export { memoryStore } from './stores/memory.js';
export type { LockRequest, ReleaseLock, Store } from './stores/store.js';
