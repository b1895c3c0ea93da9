//! `SessionsClient`: conversations that last.

use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use super::arguments::{self, Call};
use super::call::promise;
use super::connection::Connection;
use super::error::argument;
use super::feed::{AsyncIterator, feed};
use super::platform::JsPlatform;
use super::request;
use crate::api::error::Result;
use crate::client::Client;
use crate::json::Json;

#[wasm_bindgen]
extern "C" {
    /// A promise of the first page; iterating over it goes through all pages
    /// (`pkg-template/iterator.ts`).
    pub type PagePromise;
    #[wasm_bindgen(js_namespace = host, js_name = pagePromise)]
    fn page_promise(first: &Promise, pages: Option<Pages>) -> PagePromise;
}

/// Conversations with an agent that last.
#[wasm_bindgen]
#[derive(Debug)]
pub struct SessionsClient(Connection);

#[wasm_bindgen]
impl SessionsClient {
    /// The sessions of the server at `options.baseUrl`. Sends nothing.
    ///
    /// @throws {ArgumentError} (a `TypeError`) when an option can never work.
    #[wasm_bindgen(constructor)]
    pub fn new(#[wasm_bindgen(unchecked_param_type = "JobsClientOptions")] options: JsValue) -> Result<SessionsClient, JsValue> {
        Connection::open(options).map(SessionsClient)
    }

    /// Releases the client; calls that are under way go on. For `free()` of the wrapper.
    #[wasm_bindgen(js_name = __close, skip_typescript)]
    pub fn close(&self) {
        self.0.close();
    }

    /// Begins a session between a user and an agent.
    #[wasm_bindgen(js_name = createSession, unchecked_return_type = "Promise<Session>")]
    pub fn create_session(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CreateSessionRequest")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let params = request::session(&params)?;
            Ok(arguments::call(&options)?.work(|call| async move { client.create_session(&params, &call.given.options).await }))
        })
    }

    /// Ends the session. The server forgets it at once.
    #[wasm_bindgen(js_name = deleteSession, unchecked_return_type = "Promise<DeleteSessionResponse>")]
    pub fn delete_session(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let id = session(&session_id)?;
            Ok(arguments::call(&options)?.work(|call| async move { client.delete_session(&id, &call.given.options).await }))
        })
    }

    /// A page of the session's messages, the newest first. In `for await` all of them, page by
    /// page; with `after` alone the oldest first.
    #[wasm_bindgen(
        js_name = getMessages,
        unchecked_return_type = "Promise<GetMessagesResponse> & AsyncIterable<SessionMessage>"
    )]
    pub fn get_messages(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "GetMessagesParams")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> PagePromise {
        let mut pages = None;
        let first = promise(&self.0, &mut |client| {
            let id = session(&session_id)?;
            let (params, call) = (request::page(&params)?, arguments::call(&options)?);
            pages = Some(Pages { client: client.clone(), id: id.clone(), params: params.clone(), call: call.clone() });
            Ok(call.work(|call| async move { client.messages(&id, params.as_ref(), &call.given.options).await }))
        });
        page_promise(&first, pages)
    }

    /// The session as it is now.
    #[wasm_bindgen(js_name = getSession, unchecked_return_type = "Promise<Session>")]
    pub fn get_session(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let id = session(&session_id)?;
            Ok(arguments::call(&options)?.work(|call| async move { client.session(&id, &call.given.options).await }))
        })
    }

    /// How the Sessions service is.
    #[wasm_bindgen(js_name = getSessionsHealth, unchecked_return_type = "Promise<SessionsHealthResponse>")]
    pub fn get_sessions_health(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            Ok(arguments::call(&options)?.work(|call| async move { client.sessions_health(&call.given.options).await }))
        })
    }

    /// Says that the user is still there, which renews a session that renews itself.
    #[wasm_bindgen(unchecked_return_type = "Promise<Session>")]
    pub fn heartbeat(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let id = session(&session_id)?;
            Ok(arguments::call(&options)?.work(|call| async move { client.heartbeat(&id, &call.given.options).await }))
        })
    }

    /// The sessions that have not expired, of everyone who uses the server.
    #[wasm_bindgen(js_name = listSessions, unchecked_return_type = "Promise<ListSessionsResponse>")]
    pub fn list_sessions(&self, #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue) -> Promise {
        promise(&self.0, &mut |client| {
            Ok(arguments::call(&options)?.work(|call| async move { client.list_sessions(&call.given.options).await }))
        })
    }

    /// Gives the session its whole time again, whether or not it renews itself with each message.
    #[wasm_bindgen(js_name = renewSession, unchecked_return_type = "Promise<Session>")]
    pub fn renew_session(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let id = session(&session_id)?;
            Ok(arguments::call(&options)?.work(|call| async move { client.renew_session(&id, &call.given.options).await }))
        })
    }

    /// Puts a message into the session and does not wait for the agent. The answer will be among
    /// the session's messages.
    ///
    /// When the server's reply is lost, the client searches the session for the message. Where that
    /// is not possible, the call rejects with `message_outcome_unknown`. Nothing is sent twice.
    #[wasm_bindgen(js_name = sendMessage, unchecked_return_type = "Promise<MessageResponse>")]
    pub fn send_message(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_param_type = "SendMessageRequest")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let (id, message) = (session(&session_id)?, request::message(&params)?);
            Ok(arguments::call(&options)?
                .work(|call| async move { client.send_message(&id, &message, &call.given.options).await }))
        })
    }

    /// Puts a message into the session and waits for the agent's answer, `options.timeoutMs` at
    /// most: 60000, where that is not given.
    ///
    /// Where the server does not wait for the agent, or gives up on it (after 30 seconds), the
    /// client searches the session's messages for the answer. It takes the agent's first message
    /// after this one, so send one message of a session after the other. Every error
    /// (`SessionError`) has the `sessionId`, and the `userMessage` when that is in the session.
    #[wasm_bindgen(js_name = sendMessageAndWait, unchecked_return_type = "Promise<AnsweredMessage>")]
    pub fn send_message_and_wait(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_param_type = "SendMessageRequest")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> Promise {
        promise(&self.0, &mut |client| {
            let (id, message) = (session(&session_id)?, request::message(&params)?);
            Ok(arguments::call(&options)?
                .work(|call| async move { client.send_message_and_wait(&id, &message, &call.given.options).await }))
        })
    }

    /// Puts a message into the session and returns the agent's answer as it comes: `user_message`,
    /// then any number of `chunk`, then `done`. Where the server has no streams, or the stream
    /// breaks off, the answer comes as a whole with `done`. Leaving the loop ends the request.
    /// `options.timeoutMs` is for the whole. @default 300000
    #[wasm_bindgen(js_name = streamMessage, unchecked_return_type = "AsyncIterableIterator<MessageUpdate>")]
    pub fn stream_message(
        &self,
        #[wasm_bindgen(js_name = sessionId, unchecked_param_type = "string")] session_id: JsValue,
        #[wasm_bindgen(unchecked_param_type = "Omit<SendMessageRequest, 'transport'>")] params: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RequestOptions")] options: JsValue,
    ) -> AsyncIterator {
        feed(|queue| {
            let (client, id, message) = (self.0.client()?, session(&session_id)?, request::message(&params)?);
            if let Some(transport) = message.get("transport") {
                return Err(argument("transport", "must not be there: a stream has no other", &transport.0));
            }
            Ok(arguments::call(&options)?.work(|call| async move {
                client.stream_message(&id, &message, &call.given.options, &|update| queue.put(update)).await?;
                Ok(Json(JsValue::UNDEFINED))
            }))
        })
    }
}

/// All pages of a session's messages, as they were asked for.
#[wasm_bindgen(skip_typescript)]
#[derive(Debug)]
pub struct Pages {
    client: Rc<Client<JsPlatform>>,
    id: String,
    params: Option<Json>,
    call: Call,
}

#[wasm_bindgen]
impl Pages {
    /// The messages of all pages, beginning with this first page.
    #[wasm_bindgen(skip_typescript)]
    pub fn from(&self, first: JsValue) -> AsyncIterator {
        let Pages { client, id, params, call } = self;
        let (client, id, params) = (client.clone(), id.clone(), params.clone());
        let call = call.clone();
        feed(|queue| {
            Ok(call.work(|call| async move {
                let (tell, told) = (|message| queue.put(message), async || queue.empty().await);
                client.all_messages(&id, params.as_ref(), Json(first), &call.given.options, &tell, told).await?;
                Ok(Json(JsValue::UNDEFINED))
            }))
        })
    }
}

fn session(given: &JsValue) -> Result<String> {
    arguments::id("sessionId", given)
}
