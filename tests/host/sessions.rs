//! Conversations: no message is lost, none is sent twice, and every answer is found.

use std::cell::RefCell;

use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::{Method, SendFailure};

use crate::world::*;

const SESSION: &str = "44444444-4444-4444-8444-444444444444";
const CHANNEL: &str = "55555555-5555-4555-8555-555555555555";
/// What a client of these scenes puts into the metadata of what it sends.
const REF: &str = "33333333-3333-4333-8333-333333333333";

fn message(content: &str, is_agent: bool, at: u64) -> Json {
    let metadata =
        if is_agent { json!({"thought": "hm", "actions": ["REPLY"]}) } else { json!({"elizaJobsRef": REF, "mine": 1}) };
    json!({"id": format!("{content} {at}"), "content": content, "authorId": USER, "isAgent": is_agent, "createdAt": at,
        "metadata": metadata})
}
fn page(messages: &[Json]) -> Step {
    answer(200, json!({"messages": messages, "hasMore": false}))
}
/// The session's messages, the newest first, when the agent has answered.
fn with_answer() -> Step {
    page(&[message("later", true, 3_000), message("here", true, 2_000), message("hello", false, 1_000)])
}
fn the_session() -> Step {
    answer(200, json!({"sessionId": SESSION, "channelId": CHANNEL}))
}
/// What the channel behind the session says: these messages of the agent's (the newest first), and
/// what each answers.
fn channel(replies: &[(&str, Json)]) -> Step {
    let one = |(content, to): &(&str, Json)| {
        json!({"id": content, "content": content, "sourceType": "agent_response", "inReplyToRootMessageId": to,
            "metadata": {"thought": "hm", "actions": ["REPLY"]}})
    };
    let messages: Vec<Json> = replies.iter().map(one).collect();
    answer(200, json!({"success": true, "data": {"messages": messages}}))
}
/// The looks that find the answer.
fn looks() -> [Step; 3] {
    [with_answer(), the_session(), channel(&[("later", json!("x")), ("here", json!("hello 1000"))])]
}
fn without_answer() -> Step {
    page(&[message("hello", false, 1_000)])
}
fn taken() -> Step {
    answer(201, json!({"success": true, "userMessage": message("hello", false, 1_000)}))
}
fn waited(agent_response: Json) -> Step {
    answer(201, json!({"success": true, "userMessage": message("hello", false, 1_000), "agentResponse": agent_response}))
}
fn hello() -> Json {
    json!({"content": "hello"})
}
type Outcome = Result<Json, Box<Error>>;
fn wait_for(scene: &Scene, call: &CallOptions) -> Outcome {
    run(scene.client.send_message_and_wait(SESSION, &hello(), call))
}
fn posts(scene: &Scene) -> usize {
    scene.world.sent.borrow().iter().filter(|(_, request)| request.method == Method::Post).count()
}
fn body(scene: &Scene, index: usize) -> Json {
    serde_json::from_str(scene.request(index).body.as_deref().unwrap()).unwrap()
}

#[test]
fn a_server_that_waits_is_asked_once() {
    let scene = scene([waited(json!({"text": "here", "thought": "hm", "simple": true}))]);
    let answered = wait_for(&scene, &plain()).unwrap();
    assert_eq!(answered["agentResponse"], json!({"text": "here", "thought": "hm", "simple": true}));
    assert_eq!(answered["userMessage"]["metadata"], json!({"mine": 1}), "the reference is the client's own business");
    let sent = body(&scene, 0);
    assert_eq!((&sent["transport"], &sent["mode"], &sent["content"]), (&json!("http").0, &json!("sync").0, &json!("hello").0));
    assert_eq!(sent["metadata"], json!({"elizaJobsRef": REF}));
    assert_eq!(scene.requests(), 1);
}

#[test]
fn a_server_that_does_not_wait_is_looked_into() {
    // As servers before 1.7 answer: the message itself.
    let mut flat = message("hello", false, 1_000);
    flat["sessionStatus"] = json!({"expiresAt": 5, "renewalCount": 1, "wasRenewed": true, "isNearExpiration": false}).0;
    let scene = scene([answer(201, flat), without_answer(), answer(502, json!({}))].into_iter().chain(looks()));
    let answered = wait_for(&scene, &plain()).unwrap();
    assert_eq!(
        answered["agentResponse"],
        json!({"text": "here", "thought": "hm", "actions": ["REPLY"]}),
        "the first answer after it"
    );
    assert_eq!(answered["sessionStatus"]["renewalCount"], json!(1));
    assert_eq!(posts(&scene), 1);
    assert!(scene.request(1).url.ends_with("/messages?limit=100&after=999"), "{}", scene.request(1).url);
}

fn early() -> Json {
    message("early", false, 500)
}
fn late_to_early() -> Json {
    message("to early", true, 2_000)
}
/// The session when the agent has answered only what was sent before.
fn earlier_answered() -> Step {
    page(&[late_to_early(), message("hello", false, 1_000)])
}
/// The session when it has answered both.
fn both_answered() -> Step {
    page(&[message("here", true, 3_000), late_to_early(), message("hello", false, 1_000)])
}

#[test]
fn an_answer_to_another_message_is_not_taken_for_this_ones() {
    let other = || ("to early", json!("early 500"));
    let scene = scene([
        taken(),
        earlier_answered(),
        the_session(),
        channel(&[other()]),
        // Nothing new.
        earlier_answered(),
        both_answered(),
        // It may pass.
        answer(503, json!({})),
        both_answered(),
        channel(&[("more", json!("hello 1000")), ("here", json!("hello 1000")), other(), ("hello", json!(null))]),
    ]);
    let answered = wait_for(&scene, &plain()).unwrap();
    assert_eq!(answered["agentResponse"], json!({"text": "here", "thought": "hm", "actions": ["REPLY"]}));
    let asked = scene.request(3).url;
    assert!(asked.ends_with(&format!("/api/messaging/channels/{CHANNEL}/messages?limit=100")), "{asked}");
    assert_eq!((scene.requests(), posts(&scene)), (9, 1));
}

#[test]
fn where_nothing_says_what_answers_what_the_answers_to_earlier_messages_are_left_out() {
    let not_found = || answer(404, json!({"success": false}));
    for unsaid in [
        vec![not_found()],
        vec![answer(200, json!({"sessionId": SESSION, "channelId": "../../jobs"}))],
        vec![the_session(), not_found()],
        vec![the_session(), text(200, "<!doctype html><title>Agents</title>")],
        vec![the_session(), answer(200, json!({"success": true}))],
        vec![the_session(), channel(&[("to early", json!(null))])],
    ] {
        let hello = || message("hello", false, 1_000);
        // The channel is known by then.
        let again = if unsaid.len() == 1 { unsaid.clone() } else { unsaid[1..].to_vec() };
        let before = page(&[hello(), early()]);
        let first = [taken(), earlier_answered()].into_iter().chain(unsaid.clone()).chain([before.clone()]);
        let two = scene(first.chain([both_answered()]).chain(again).chain([before]));
        assert_eq!(wait_for(&two, &plain()).unwrap()["agentResponse"]["text"], "here");

        let answered = page(&[hello(), message("to early", true, 600), early()]);
        let one = scene([taken(), with_answer()].into_iter().chain(unsaid).chain([answered]));
        assert_eq!(wait_for(&one, &plain()).unwrap()["agentResponse"]["text"], "here");
        let asked = one.request(one.requests() - 1).url;
        assert!(asked.ends_with("/messages?limit=100&before=1001"), "{asked}");
    }
    // It is not known how many messages there were before: better none than another's.
    let unseen = scene([taken(), with_answer(), answer(404, json!({}))]).forever(page(&[message("new", true, 9_000)]));
    let error = wait_for(&unseen, &plain()).unwrap_err();
    assert_eq!(error.code, ErrorCode::AnswerTimeout);
    assert!(error.message.contains("answers, or may answer, other messages"), "{}", error.message);
}

#[test]
fn both_spellings_are_read() {
    let snake =
        json!({"id": "m", "channel_id": "c", "author_id": USER, "content": "hello", "created_at": 1_000, "source_type": "user"});
    let scene = scene([answer(201, json!({"success": true, "userMessage": snake}))]);
    let sent = run(scene.client.send_message(SESSION, &hello(), &plain())).unwrap();
    let expected = json!({"id": "m", "content": "hello", "isAgent": false, "authorId": USER, "createdAt": 1_000});
    assert_eq!(sent, json!({"success": true, "userMessage": expected}));
    assert_eq!(body(&scene, 0).get("transport"), None);
}

#[test]
fn after_a_lost_reply_the_message_is_looked_for_and_never_sent_again() {
    for lost in [
        Step::Fail(SendFailure::Reset),
        Step::Fail(SendFailure::Failed),
        text(201, "{\"success\":tr"),
        text(200, ""),
        answer(500, json!({"error": {"code": "INTERNAL_SERVER_ERROR", "message": "An unexpected error occurred"}})),
        // A proxy's word: the server may have it.
        answer(503, json!({})),
    ] {
        let there = scene([lost.clone(), without_answer()].into_iter().chain(looks()));
        assert_eq!(wait_for(&there, &plain()).unwrap()["agentResponse"]["text"], "here");
        let sent = scene([lost.clone(), without_answer()]);
        let found = run(sent.client.send_message(SESSION, &hello(), &plain())).unwrap();
        assert_eq!((&found["userMessage"]["content"], found.get("sessionStatus")), (&json!("hello").0, None));

        let missing = scene([lost.clone(), page(&[message("another", true, 1)])]);
        let error = wait_for(&missing, &plain()).unwrap_err();
        assert!(error.message.contains("the session does not have the message, so it may be sent again"), "{}", error.message);
        assert!(error.code.retryable() && error.user_message.is_none(), "{:?}", error.code);

        let unknown = scene([lost]).forever(answer(503, json!({"error": "down"})));
        let error = wait_for(&unknown, &plain()).unwrap_err();
        assert_eq!((error.code, error.session_id.as_deref()), (ErrorCode::MessageOutcomeUnknown, Some(SESSION)));
        assert!(!error.code.retryable());
        for scene in [&there, &sent, &missing, &unknown] {
            assert_eq!(posts(scene), 1);
        }
    }
}

#[test]
fn what_is_not_seen_in_the_session_is_not_always_absent() {
    // The server may be storing it still.
    for slow in [Step::Fail(SendFailure::Timeout), answer(502, json!({})), answer(504, json!({})), answer(524, json!({}))] {
        let there = scene([slow.clone(), without_answer()]);
        assert!(run(there.client.send_message(SESSION, &hello(), &plain())).is_ok());
        let unseen = scene([slow, page(&[])]);
        is_unknown(&run(unseen.client.send_message(SESSION, &hello(), &plain())).unwrap_err());
        assert_eq!(posts(&unseen), 1);
    }
    // No room for what it would be recognized by.
    let full = json!({"content": "hello", "metadata": {"k": "x".repeat(10_225)}});
    let mut stored = message("hello", false, 1_000);
    stored["metadata"] = full["metadata"].clone();
    let unmarked = scene([Step::Fail(SendFailure::Reset)]).forever(page(&[stored]));
    is_unknown(&run(unmarked.client.send_message_and_wait(SESSION, &full, &plain())).unwrap_err());
    assert_eq!(body(&unmarked, 0)["metadata"], full["metadata"]);
    let stream = scene([Step::Fail(SendFailure::Reset)]).forever(page(&[]));
    is_unknown(&run(stream.client.stream_message(SESSION, &full, &plain(), &|_| ())).unwrap_err());
}
fn is_unknown(error: &Error) {
    assert_eq!((error.code, error.session_id.as_deref()), (ErrorCode::MessageOutcomeUnknown, Some(SESSION)));
    assert!(error.message.starts_with("the message may be in the session"), "{}", error.message);
    assert!(!error.message.contains("so it may be sent again") && !error.code.retryable());
}

#[test]
fn only_words_about_the_session_make_a_404_one_of_the_session() {
    let route = format!("Route GET:/api/messaging/sessions/{SESSION} not found");
    for (body, code) in [
        (json!({"message": route, "error": "Not Found", "statusCode": 404}), ErrorCode::NotFound),
        (json!({"error": {"code": "NOT_FOUND", "message": "Cannot GET /sessions/session"}}), ErrorCode::NotFound),
        (json!({"error": "Session not found"}), ErrorCode::SessionNotFound),
        (json!({"error": {"code": "SESSION_NOT_FOUND", "message": route}}), ErrorCode::SessionNotFound),
    ] {
        let scene = scene([answer(404, body.clone())]);
        assert_eq!(run(scene.client.session(SESSION, &plain())).unwrap_err().code, code, "{body}");
    }
}

#[test]
fn a_deletion_without_a_reply_is_not_called_one_that_may_be_repeated() {
    for lost in [Step::Fail(SendFailure::Reset), Step::Fail(SendFailure::Timeout), answer(502, json!({})), text(200, "{")] {
        let scene = scene([lost]);
        let error = run(scene.client.delete_session(SESSION, &plain())).unwrap_err();
        assert!(error.message.starts_with("it is not known whether the session has ended"), "{}", error.message);
        assert!(!error.code.retryable() && scene.requests() == 1, "{:?}", error.code);
    }
    let unreached = scene([Step::Fail(SendFailure::Unreached)]);
    assert!(run(unreached.client.delete_session(SESSION, &plain())).unwrap_err().code.retryable(), "nothing has happened");
}

#[test]
fn a_web_page_in_the_place_of_the_reply_is_a_lost_reply() {
    let page_of_somebody = text(200, "<!doctype html><title>Hotel WiFi</title>");
    let there = scene([page_of_somebody.clone(), without_answer()].into_iter().chain(looks()));
    assert_eq!(wait_for(&there, &plain()).unwrap()["agentResponse"]["text"], "here");
    let missing = scene([page_of_somebody, page(&[])]);
    let error = wait_for(&missing, &plain()).unwrap_err();
    assert_eq!(error.code, ErrorCode::UnexpectedHtml);
    assert!(error.message.contains("the session does not have the message"), "{}", error.message);
    assert_eq!((posts(&there), posts(&missing)), (1, 1));
}

#[test]
fn a_message_that_certainly_did_not_arrive_is_sent_again() {
    let scene = scene([Step::Fail(SendFailure::Unreached), answer(429, json!({})), taken()]);
    run(scene.client.send_message(SESSION, &hello(), &plain())).unwrap();
    assert_eq!(posts(&scene), 3);
}

#[test]
fn an_agent_that_fails_or_stays_silent_is_an_error_that_has_the_message() {
    let failed = answer(500, json!({"success": false, "error": "Failed to process message in HTTP transport"}));
    for (steps, code, words) in [
        (vec![failed, without_answer()], ErrorCode::AgentFailed, "the agent failed on the message: Failed to process message"),
        (vec![waited(json!(null))], ErrorCode::NoAnswer, "chose not to answer"),
        (vec![waited(json!({"text": null}))], ErrorCode::NoAnswer, "chose not to answer"),
    ] {
        let scene = scene(steps);
        let error = wait_for(&scene, &plain()).unwrap_err();
        assert_eq!(error.code, code);
        assert!(error.message.contains(words), "{}", error.message);
        let message = error.user_message.unwrap();
        assert_eq!((&message["content"], &message["metadata"]), (&json!("hello").0, &json!({"mine": 1}).0));
        assert_eq!((error.session_id.as_deref(), posts(&scene)), (Some(SESSION), 1));
    }
}

#[test]
fn a_wait_ends_at_its_limit_and_the_error_has_the_message() {
    for (limit, call) in [(60_000.0, plain()), (5_000.0, within(5_000.0))] {
        let scene = scene([taken()]).forever(without_answer());
        let error = wait_for(&scene, &call).unwrap_err();
        assert_eq!(error.code, ErrorCode::AnswerTimeout);
        assert_eq!(error.user_message.unwrap()["content"], "hello");
        assert_eq!(scene.world.now.get(), limit);
        assert!(scene.requests() < 60, "{}", scene.requests());
    }
}

#[test]
fn a_server_that_hangs_is_left_in_time_to_look_for_the_answer() {
    let silent = || Step::Fail(SendFailure::Timeout);
    let found = scene([silent(), without_answer()].into_iter().chain(looks()));
    assert_eq!(wait_for(&found, &within(10_000.0)).unwrap()["agentResponse"]["text"], "here");
    let nothing = scene([silent()]).forever(without_answer());
    let error = wait_for(&nothing, &within(10_000.0)).unwrap_err();
    assert_eq!((error.code, nothing.world.now.get()), (ErrorCode::AnswerTimeout, 10_000.0));
    let dead = scene([]).forever(silent());
    let error = wait_for(&dead, &within(10_000.0)).unwrap_err();
    assert_eq!(error.code, ErrorCode::MessageOutcomeUnknown);
    assert!(dead.world.now.get() <= 10_050.0, "{}", dead.world.now.get());
}

#[test]
fn a_portal_on_the_way_and_a_dead_connection_do_not_end_a_wait_for_an_answer() {
    let portal = || text(302, "").with("location", "https://portal.example/login");
    let steps = [taken(), portal(), text(200, "<html><title>Login</title>"), Step::Fail(SendFailure::Timeout)];
    let scene = scene(steps.into_iter().chain(looks()));
    wait_for(&scene, &plain()).unwrap();
    assert!(scene.world.now.get() < 16_000.0, "{}", scene.world.now.get());
    // Before the message was in the session it is an error.
    let error = wait_for(&crate::world::scene([portal()]), &plain()).unwrap_err();
    assert_eq!(error.code, ErrorCode::RedirectRefused);
}

#[test]
fn a_session_that_ends_meanwhile_is_an_error_that_has_the_message() {
    let expired = answer(410, json!({"error": {"code": "SESSION_EXPIRED", "message": "Session has expired"}}));
    let gone = answer(404, json!({"error": {"code": "SESSION_NOT_FOUND", "message": "Session with ID 'x' not found"}}));
    for (end, code) in [(expired, ErrorCode::SessionExpired), (gone, ErrorCode::SessionNotFound)] {
        let during = scene([taken(), end.clone()]);
        let error = wait_for(&during, &plain()).unwrap_err();
        assert_eq!((error.code, error.user_message.is_some()), (code, true));
        let before = scene([end]);
        let error = wait_for(&before, &plain()).unwrap_err();
        assert_eq!((error.code, error.user_message.is_some(), before.requests()), (code, false, 1));
    }
}

#[test]
fn a_limited_look_stays_away_as_long_as_the_server_asks() {
    let scene = scene([taken(), answer(429, json!({})).with("retry-after", "7")].into_iter().chain(looks()));
    wait_for(&scene, &plain()).unwrap();
    let times = scene.times();
    assert_eq!(times[2] - times[1], 7_000.0);
}

#[test]
fn messages_are_checked_before_anything_is_sent() {
    let scene = scene([]);
    for (params, field) in [
        (json!(null), "params"),
        (json!({}), "content"),
        (json!({"content": ""}), "content"),
        (json!({"content": 5}), "content"),
        (json!({"content": "x".repeat(4_001)}), "content"),
        (json!({"content": "a\u{0}"}), "content"),
        (json!({"content": "a", "metadata": []}), "metadata"),
        (json!({"content": "a", "metadata": {"a": "x".repeat(10_240)}}), "metadata"),
        (json!({"content": "a", "attachments": {}}), "attachments"),
        (json!({"content": "a", "transport": "sse"}), "transport"),
    ] {
        let error = run(scene.client.send_message(SESSION, &params, &plain())).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidArgument, Some(field)), "{params}");
    }
    for (params, field) in [
        (json!([]), "params"),
        (json!({"userId": USER}), "agentId"),
        (json!({"agentId": USER, "userId": "me"}), "userId"),
        (json!({"agentId": USER, "userId": USER, "timeoutConfig": 5}), "timeoutConfig"),
        (json!({"agentId": USER, "userId": USER, "timeoutConfig": {"timeoutMinutes": 0}}), "timeoutConfig"),
        (json!({"agentId": USER, "userId": USER, "timeoutConfig": {"autoRenew": "yes"}}), "timeoutConfig"),
    ] {
        let error = run(scene.client.create_session(&params, &plain())).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidArgument, Some(field)), "{params}");
    }
    for params in [json!(5), json!({"limit": 0}), json!({"limit": 101}), json!({"before": "soon"}), json!({"after": -1})] {
        let error = run(scene.client.messages(SESSION, Some(&params), &plain())).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument, "{params}");
    }
    assert_eq!(scene.requests(), 0);
}

fn stream(scene: &Scene, call: &CallOptions) -> (Vec<Json>, Result<(), Box<Error>>) {
    let told = RefCell::new(Vec::new());
    let end = run(scene.client.stream_message(SESSION, &hello(), call, &|update| told.borrow_mut().push(update)));
    (told.into_inner(), end)
}
fn kinds(told: &[Json]) -> Vec<&str> {
    told.iter().map(|update| update["type"].as_str().unwrap()).collect()
}
fn events(parts: &[(&str, Json)]) -> Step {
    let text: String = parts.iter().map(|(name, data)| format!("event: {name}\ndata: {data}\n\n")).collect();
    crate::world::text(200, &text).with("content-type", "text/event-stream")
}

#[test]
fn a_stream_is_told_as_it_comes() {
    let scene = scene([events(&[
        ("user_message", message("hello", false, 1_000)),
        ("chunk", json!({"messageId": "m", "chunk": "he", "index": 0})),
        ("chunk", json!({"messageId": "m", "chunk": "re", "index": 1})),
        ("unheard", json!({})),
        ("done", json!({"text": "here"})),
    ])]);
    let (told, end) = stream(&scene, &plain());
    end.unwrap();
    assert_eq!(kinds(&told), ["user_message", "chunk", "chunk", "done"]);
    assert_eq!(told[0]["message"]["metadata"], json!({"mine": 1}));
    assert_eq!((&told[2]["chunk"], &told[3]["response"]), (&json!("re").0, &json!({"text": "here"}).0));
    let sent = body(&scene, 0);
    assert_eq!((&sent["transport"], &sent["mode"]), (&json!("sse").0, &json!("stream").0));
}

#[test]
fn a_stream_in_which_the_agent_fails_ends_with_its_words() {
    for words in [
        json!({"error": "out of tokens"}),
        json!({"error": {"message": "out of tokens", "code": "X"}}),
        json!({"message": "out of tokens"}),
        json!("out of tokens"),
        json!({"error": "out of tokens", "message": "and more"}),
    ] {
        // What comes after the end is not told.
        let after = ("chunk", json!({"chunk": "late"}));
        let scene = scene([events(&[("user_message", message("hello", false, 1_000)), ("error", words), after])]);
        let (told, end) = stream(&scene, &plain());
        let error = end.unwrap_err();
        assert_eq!((kinds(&told), error.code), (vec!["user_message"], ErrorCode::AgentFailed));
        assert_eq!(error.server_message.as_deref(), Some("out of tokens"));
        assert_eq!(error.user_message.unwrap()["content"], "hello");
    }
    let plain_text =
        "event: user_message\ndata: {\"id\":\"1\",\"content\":\"hello\",\"createdAt\":1}\n\nevent: error\ndata: it broke\n\n";
    let scene = scene([crate::world::text(200, plain_text).with("content-type", "text/event-stream")]);
    assert_eq!(stream(&scene, &plain()).1.unwrap_err().server_message.as_deref(), Some("it broke"));
}

#[test]
fn events_without_an_object_are_none() {
    let scene = scene([events(&[
        ("user_message", message("hello", false, 1_000)),
        ("chunk", json!(null)),
        ("chunk", json!(5)),
        ("done", json!(null)),
        ("done", json!({"text": "here"})),
        ("done", json!({"text": "again"})),
    ])]);
    let (told, end) = stream(&scene, &plain());
    end.unwrap();
    assert_eq!((kinds(&told), &told[1]["response"]["text"]), (vec!["user_message", "done"], &json!("here").0));
}

#[test]
fn a_stream_that_breaks_off_is_made_up_for_from_the_session() {
    for cut in [
        events(&[("user_message", message("hello", false, 1_000)), ("chunk", json!({"chunk": "he"}))]),
        events(&[]),
        Step::Fail(SendFailure::Reset),
        Step::Fail(SendFailure::Timeout),
    ] {
        let scene = scene([cut]).forever(with_answer());
        let (told, end) = stream(&scene, &plain());
        end.unwrap();
        let seen: Vec<&str> = kinds(&told).into_iter().filter(|kind| *kind != "chunk").collect();
        assert_eq!(seen, ["user_message", "done"]);
        assert_eq!(told.last().unwrap()["response"]["text"], "here");
        assert_eq!(posts(&scene), 1);
    }
}

#[test]
fn a_server_without_streams_gives_the_answer_as_a_whole() {
    let old = scene([taken()].into_iter().chain(looks()));
    let waits = scene([waited(json!({"text": "here"}))]);
    for scene in [old, waits] {
        let (told, end) = stream(&scene, &plain());
        end.unwrap();
        assert_eq!(kinds(&told), ["user_message", "done"]);
        assert_eq!(told[1]["response"]["text"], "here");
    }
    let refused = scene([answer(404, json!({"error": {"code": "SESSION_NOT_FOUND", "message": "not found"}}))]);
    let (told, end) = stream(&refused, &plain());
    assert_eq!((told.len(), end.unwrap_err().code), (0, ErrorCode::SessionNotFound));
}

/// Plays a server with these messages (id, instant), the oldest first, `page` at a time.
fn all(messages: &[(&str, u64)], size: usize, params: Json, pages: usize) -> (Vec<String>, Scene) {
    let shown = |list: &[&(&str, u64)], more: bool| {
        let list: Vec<Json> = list
            .iter()
            .map(|(id, at)| json!({"id": id, "content": id, "authorId": USER, "isAgent": false, "createdAt": at}))
            .collect();
        json!({"messages": list, "hasMore": more})
    };
    let serve = |query: &Json| {
        let (before, after) = (query["before"].as_u64(), query["after"].as_u64());
        let size = query["limit"].as_u64().map_or(size, |limit| usize::try_from(limit).unwrap());
        // With `after` alone the real ones look among their newest.
        let skipped = if after.is_some() && before.is_none() { messages.len().saturating_sub(size * 2) } else { 0 };
        let mut found: Vec<_> = messages
            .iter()
            .skip(skipped)
            .filter(|(_, at)| before.is_none_or(|before| *at < before) && after.is_none_or(|after| *at > after))
            .collect();
        if after.is_none() || before.is_some() {
            found = found.into_iter().rev().take(size).collect();
        } else {
            found.truncate(size);
            found.reverse();
        }
        let more = found.len() == size;
        shown(&found, more)
    };
    // The script is written while it is played: the pages are what a server would give to what was
    // asked.
    let mut steps = Vec::new();
    let mut told = Vec::new();
    for _ in 0..pages {
        let scene = scene(steps.iter().map(|page: &Json| answer(200, page.clone())).chain([text(404, "{}")]));
        let ids = RefCell::new(Vec::new());
        let tell = |message: Json| ids.borrow_mut().push(message["id"].as_str().unwrap().to_owned());
        let first = serve(&params);
        let end = run(scene.client.all_messages(SESSION, Some(&params), first, &plain(), &tell, async || ()));
        told = ids.into_inner();
        if end.is_ok() {
            return (told, scene);
        }
        let asked = scene.request(scene.requests() - 1).url;
        let query = asked.split_once('?').unwrap().1;
        let number = |key: &str| query.split('&').find_map(|part| part.strip_prefix(key)?.strip_prefix('=')?.parse::<u64>().ok());
        let query = json!({"before": number("before"), "after": number("after"), "limit": number("limit")});
        steps.push(serve(&query));
    }
    panic!("no end after {pages} pages: {told:?}");
}

#[test]
fn all_messages_are_told_once_even_those_of_one_millisecond() {
    let messages = [("a", 1), ("b", 2), ("c", 2), ("d", 2), ("e", 3), ("f", 3), ("g", 9), ("h", 10)];
    let ids: Vec<&str> = messages.iter().map(|(id, _)| *id).collect();
    let backwards: Vec<&str> = ids.iter().copied().rev().collect();
    for size in [1, 2, 3, 4, 5, 8, 20] {
        assert_eq!(all(&messages, size, json!({"limit": size}), 20).0, backwards, "{size} at a time");
        assert_eq!(all(&messages, size, json!({"limit": size, "after": 0}), 20).0, ids, "{size} at a time, forwards");
    }
    assert_eq!(all(&messages, 4, json!({"limit": 4, "after": 2, "before": 10}), 20).0, ["g", "f", "e"]);
    assert_eq!(all(&[], 4, json!({}), 2).0, Vec::<String>::new());
    let many: Vec<(String, u64)> = (0..250).map(|at| (format!("m{at}"), at + 1)).collect();
    let many: Vec<(&str, u64)> = many.iter().map(|(id, at)| (id.as_str(), *at)).collect();
    let told = all(&many, 1, json!({"limit": 1, "after": 100}), 20).0;
    assert_eq!((told.len(), told[0].as_str(), told[149].as_str()), (150, "m100", "m249"));
}

#[test]
fn a_sessions_id_is_in_no_message_and_in_no_line_for_the_logger() {
    let named = format!("Session with ID '{SESSION}' not found");
    let gone = || answer(404, json!({"error": {"code": "SESSION_NOT_FOUND", "message": named.clone()}}));
    let moved = || text(307, "").with("location", &format!("/v2/{SESSION}/x"));
    for step in [
        gone(),
        text(502, &named),
        text(200, &format!("{named} {{")),
        text(200, &format!("<title>{named}</title>")),
        Step::Fail(SendFailure::Reset),
        moved(),
    ] {
        let scene = scene([]).forever(step);
        let client = &scene.client;
        let mut errors = vec![
            run(client.session(SESSION, &plain())).unwrap_err(),
            run(client.heartbeat(SESSION, &plain())).unwrap_err(),
            run(client.delete_session(SESSION, &plain())).unwrap_err(),
            run(client.messages(SESSION, None, &plain())).unwrap_err(),
            run(client.send_message(SESSION, &hello(), &plain())).unwrap_err(),
            wait_for(&scene, &plain()).unwrap_err(),
            stream(&scene, &plain()).1.unwrap_err(),
        ];
        let during = self::scene([taken(), the_session()]).forever(gone());
        errors.push(wait_for(&during, &plain()).unwrap_err());
        for error in errors {
            assert_eq!(error.session_id.as_deref(), Some(SESSION), "it is there for the program");
            for words in [Some(&error.message), error.server_message.as_ref(), error.server_code.as_ref()].into_iter().flatten() {
                assert!(!words.contains(SESSION), "{words}");
            }
        }
        let logged = scene.world.logged.borrow();
        assert!(logged.len() > 6);
        for (_, line) in logged.iter().chain(during.world.logged.borrow().iter()) {
            assert!(!line.contains(SESSION), "{line}");
        }
    }
}

#[test]
fn an_event_stream_is_one_however_its_type_is_written() {
    let scene =
        scene([crate::world::text(200, "event: done\ndata: {\"text\":\"here\"}\n\n").with("content-type", "Text/Event-Stream")]);
    let (told, end) = stream(&scene, &plain());
    end.unwrap();
    assert_eq!((kinds(&told), scene.requests()), (vec!["done"], 1));
}
