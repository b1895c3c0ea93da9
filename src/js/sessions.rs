//! The sessions' class.

use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use super::call::{promise, work};
use super::client::allowance;
use super::document::Document;
use super::error::to_js;
use super::feed::Feed;
use super::options::{self, Call, ClientOptions};
use super::runtime::JsRuntime;
use crate::client::Client;
use crate::error::Result;
use crate::json::Json;
use crate::spend::SpendLedger;

/// The members of a message.
const MESSAGE: &[&str] = &["content", "attachments", "metadata", "transport"];

/// Conversations with an agent that last. Every method gives a promise, or what `for await` takes.
#[wasm_bindgen]
#[derive(Debug)]
pub struct SessionsClient {
    client: Rc<Client<JsRuntime>>,
}

#[wasm_bindgen]
impl SessionsClient {
    /// The sessions of the server at `options.baseUrl`. Sends nothing.
    ///
    /// @throws {ArgumentError} (a `TypeError`) when an option can never work.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "JobsClientOptions")] options: JsValue,
    ) -> core::result::Result<SessionsClient, JsValue> {
        let ClientOptions { config, runtime } = options::client(&options).map_err(to_js)?;
        // Nothing is paid for here.
        let ledger = SpendLedger::new(Vec::new(), Box::new(|_, _| ()));
        let allowance = allowance(&config.base_url);
        Ok(SessionsClient { client: Rc::new(Client::new(runtime, config, ledger).sharing(allowance)) })
    }

    /// Begins a session between a user and an agent.
    #[wasm_bindgen(js_name = createSession, unchecked_return_type = "Promise<Session>")]
    pub fn create_session(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CreateSessionRequest")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        const SESSION: &[&str] = &["agentId", "userId", "metadata", "timeoutConfig"];
        let given = options::request(&params, SESSION).and_then(|params| Ok((params, options::call(&options)?)));
        let client = self.client.clone();
        promise(
            given.map(|(params, call)| work(call, async move |call: &Call| client.create_session(&params, &call.options).await)),
        )
    }

    /// The session as it is now.
    #[wasm_bindgen(js_name = getSession, unchecked_return_type = "Promise<Session>")]
    pub fn get_session(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        self.about(Which::Get, &session_id, &options)
    }

    /// Gives the session its whole time again, whether or not it renews itself with each message.
    #[wasm_bindgen(js_name = renewSession, unchecked_return_type = "Promise<Session>")]
    pub fn renew_session(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        self.about(Which::Renew, &session_id, &options)
    }

    /// Says that the user is still there, which renews a session that renews itself.
    #[wasm_bindgen(unchecked_return_type = "Promise<Session>")]
    pub fn heartbeat(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        self.about(Which::Heartbeat, &session_id, &options)
    }

    /// Ends the session. The server forgets it at once.
    #[wasm_bindgen(js_name = deleteSession, unchecked_return_type = "Promise<DeleteSessionResponse>")]
    pub fn delete_session(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        self.about(Which::Delete, &session_id, &options)
    }

    /// The sessions that have not expired, of everyone who uses the server.
    #[wasm_bindgen(js_name = listSessions, unchecked_return_type = "Promise<ListSessionsResponse>")]
    pub fn list_sessions(&self, #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue) -> Promise {
        self.about(Which::List, &"-".into(), &options)
    }

    /// How the Sessions service is.
    #[wasm_bindgen(js_name = getSessionsHealth, unchecked_return_type = "Promise<SessionsHealthResponse>")]
    pub fn get_sessions_health(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        self.about(Which::Health, &"-".into(), &options)
    }

    /// Puts a message into the session and does not wait for the agent; the answer will be among the session's messages.
    ///
    /// A reply that is lost is made up for by a look into the session; where that is not possible, it rejects with
    /// `message_outcome_unknown`. Nothing is sent twice.
    #[wasm_bindgen(js_name = sendMessage, unchecked_return_type = "Promise<MessageResponse>")]
    pub fn send_message(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_param_type = "SendMessageRequest")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        let client = self.client.clone();
        promise(message(&session_id, &params, &options).map(|(id, params, call)| {
            work(call, async move |call: &Call| client.send_message(&id, &params, &call.options).await)
        }))
    }

    /// Puts a message into the session and waits for the agent's answer, `options.timeoutMs` at most. @default 60000
    ///
    /// Where the server does not wait for the agent, or gives up on it (after 30 seconds), the answer is looked for among the session's
    /// messages: it is the agent's first one after this message, so send one message of a session after the other. Every error
    /// (`SessionError`) has the `sessionId`, and the `userMessage` when that is in the session.
    #[wasm_bindgen(js_name = sendMessageAndWait, unchecked_return_type = "Promise<AnsweredMessage>")]
    pub fn send_message_and_wait(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_param_type = "SendMessageRequest")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        let client = self.client.clone();
        promise(message(&session_id, &params, &options).map(|(id, params, call)| {
            work(call, async move |call: &Call| client.send_message_and_wait(&id, &params, &call.options).await)
        }))
    }

    /// Puts a message into the session and gives the agent's answer as it comes: `user_message`, then any number of `chunk`, then `done`.
    /// Where the server has no streams, or the stream breaks off, the answer comes as a whole with `done`. Leaving the loop ends the request.
    /// `options.timeoutMs` is for the whole. @default 300000
    #[wasm_bindgen(js_name = streamMessage, unchecked_return_type = "AsyncIterableIterator<MessageUpdate>")]
    pub fn stream_message(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_param_type = "SendMessageRequest")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> core::result::Result<Feed, JsValue> {
        let client = self.client.clone();
        Feed::new(message(&session_id, &params, &options), |(id, params, call), queue| {
            work(call, async move |call: &Call| {
                let tell = |update| queue.put(update);
                client.stream_message(&id, &params, &call.options, &tell).await.map(|()| Document::object())
            })
        })
    }

    /// A page of the session's messages, the newest first. In `for await` all of them, page by page; with `after` alone the oldest first.
    #[wasm_bindgen(
        js_name = getMessages,
        unchecked_return_type = "Promise<GetMessagesResponse> & AsyncIterable<SessionMessage>"
    )]
    pub fn get_messages(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "GetMessagesParams")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        let client = self.client.clone();
        promise(page(&session_id, &params, &options).map(|(id, params, call)| {
            work(call, async move |call: &Call| client.messages(&id, params.as_ref(), &call.options).await)
        }))
    }

    /// All messages, from the page `first` on.
    #[wasm_bindgen(js_name = messagesFrom, skip_typescript)]
    pub fn messages_from(
        &self,
        session_id: JsValue,
        params: JsValue,
        options: JsValue,
        first: JsValue,
    ) -> core::result::Result<Feed, JsValue> {
        let client = self.client.clone();
        Feed::new(page(&session_id, &params, &options), |(id, params, call), queue| {
            work(call, async move |call: &Call| {
                let (tell, told) = (|message| queue.put(message), async || queue.empty().await);
                let all = client.all_messages(&id, params.as_ref(), Document(first), &call.options, &tell, told);
                all.await.map(|()| Document::object())
            })
        })
    }

    fn about(&self, which: Which, session_id: &JsValue, options: &JsValue) -> Promise {
        let given = options::id("sessionId", session_id).and_then(|id| Ok((id, options::call(options)?)));
        let client = self.client.clone();
        promise(given.map(|(id, call)| {
            work(call, async move |call: &Call| {
                let call = &call.options;
                match which {
                    Which::Get => client.session(&id, call).await,
                    Which::Renew => client.renew_session(&id, call).await,
                    Which::Heartbeat => client.heartbeat(&id, call).await,
                    Which::Delete => client.delete_session(&id, call).await,
                    Which::List => client.list_sessions(call).await,
                    Which::Health => client.sessions_health(call).await,
                }
            })
        }))
    }
}

/// What is asked without more than an id.
#[derive(Debug, Clone, Copy)]
enum Which {
    Get,
    Renew,
    Heartbeat,
    Delete,
    List,
    Health,
}

fn message(session_id: &JsValue, params: &JsValue, options: &JsValue) -> Result<(String, Document, Call), Document> {
    Ok((options::id("sessionId", session_id)?, options::request(params, MESSAGE)?, options::call(options)?))
}

fn page(session_id: &JsValue, params: &JsValue, options: &JsValue) -> Result<(String, Option<Document>, Call), Document> {
    let params = Some(options::with_instants(params)).filter(|params| !params.0.is_undefined());
    Ok((options::id("sessionId", session_id)?, params, options::call(options)?))
}
