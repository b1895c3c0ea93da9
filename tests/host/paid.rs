//! What was paid is where people look: on the job, on its errors, and on what is open.

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::payment::funds_moved::{FundsMoved, funds_moved_for};
use eliza_jobs::waiting::run::WaitPlan;

const ID: &str = "33333333-3333-4333-8333-333333333333";

fn ask(scene: &Scene) -> Result<Json, Box<Error>> {
    run(scene.client.create_and_wait(&params(), &plain(), WaitPlan::default(), &|_| ()))
}
fn create(scene: &Scene) {
    run(scene.client.create_job(&params(), &plain(), &|_| ())).unwrap();
}
fn poll(scene: &Scene) -> Result<Json, Box<Error>> {
    run(scene.client.poll_job("job-1", &plain(), WaitPlan::default(), &|_| ()))
}
fn pending(scene: &Scene) -> Vec<Json> {
    run(scene.client.pending_payments(&plain())).unwrap()
}
/// The job as a server shows it that sends the metadata back, with this reference.
fn referring(status: &str, reference: &str) -> Step {
    let mut job = job(status);
    job["metadata"] = json!({"elizaJobsRef": reference}).0;
    answer(200, job)
}
/// What a job says of its payment: whose it is, how far it has come, for which job.
fn paid(job: &Json) -> (Option<String>, Option<String>, Option<String>) {
    let payment = job.get("payment").unwrap_or_else(Json::object);
    (payment.get_text("attemptId"), payment.get_text("state"), payment.get_text("jobId"))
}
fn this_payment() -> (Option<String>, Option<String>, Option<String>) {
    (Some(ID.into()), Some("accepted".into()), Some("job-1".into()))
}

#[test]
fn a_paid_job_that_the_server_does_not_know_stays_open_until_its_time_is_over() {
    let missing = || answer(404, json!({"error": "Job not found"}));
    let scene = scene([payment_required(), created(), missing(), missing()]).paying();
    let error = ask(&scene).unwrap_err();
    assert_eq!((error.code, error.payment.is_some()), (ErrorCode::JobGone, true));
    assert!(scene.world.now.get() < 30_000.0, "two servers behind one address, of which one has the job");
    let open = pending(&scene);
    assert_eq!(open.len(), 1, "what was paid for is asked for again");
    scene.world.script.borrow_mut().push_back(seen("completed"));
    let again = run(scene.client.resume(&open[0], &plain(), WaitPlan::default(), &|_| ())).unwrap();
    assert_eq!((again["status"].as_str(), pending(&scene).len()), (Some("completed"), 0));
}

#[test]
fn a_paid_job_that_is_gone_when_its_time_is_over_leaves_nothing_open() {
    let missing = || answer(404, json!({"error": "Job not found"}));
    let scene = scene([payment_required(), created(), missing(), missing()]).paying();
    create(&scene);
    scene.world.now.set(scene.world.now.get() + 31_000.0);
    let open = pending(&scene);
    let error = run(scene.client.resume(&open[0], &plain(), WaitPlan::default(), &|_| ())).unwrap_err();
    assert_eq!((error.code, open.len()), (ErrorCode::JobGone, 1));
    assert_eq!(pending(&scene).len(), 0);
}

#[test]
fn a_job_comes_with_what_was_paid_for_it() {
    let scene1 = scene([payment_required(), created(), seen("completed")]).paying();
    let job = ask(&scene1).unwrap();
    assert_eq!(paid(&job), this_payment());
    let payment = &job["payment"];
    assert_eq!(
        (&payment["amount"], &payment["transaction"], &payment["proof"]),
        (&json!("0.02").0, &json!(HASH).0, &json!(null).0)
    );
    // In two calls.
    let scene2 = scene([payment_required(), created(), seen("processing"), seen("completed")]).paying();
    create(&scene2);
    assert_eq!(paid(&poll(&scene2).unwrap()), this_payment());
    // After a crash: with the record in the store, by resume, and by the job's own reference.
    for resumes in [true, false] {
        let before = scene([payment_required(), created()]).paying();
        create(&before);
        let later = scene([referring("completed", ID)]).paying();
        *later.world.store.borrow_mut() = before.world.store.borrow().clone();
        let open = pending(&later).remove(0);
        let job = if resumes {
            run(later.client.resume(&open, &plain(), WaitPlan::default(), &|_| ())).unwrap()
        } else {
            poll(&later).unwrap()
        };
        assert_eq!(paid(&job), this_payment());
        assert!(job["metadata"].as_object().unwrap().is_empty());
    }
}

#[test]
fn a_job_that_is_seen_again_still_has_its_payment_and_no_other_job_has_it() {
    let scene1 = scene([payment_required(), created()]).forever(referring("completed", ID)).paying();
    create(&scene1);
    for _ in 0..3 {
        assert_eq!(paid(&poll(&scene1).unwrap()), this_payment());
    }
    // Another job has copied the reference.
    let mut other = job("completed");
    (other["jobId"], other["metadata"]) = (json!("job-2").0, json!({"elizaJobsRef": ID}).0);
    *scene1.world.forever.borrow_mut() = Some(answer(200, other));
    let job = run(scene1.client.poll_job("job-2", &plain(), WaitPlan::default(), &|_| ())).unwrap();
    assert!(job.get("payment").is_none(), "{job}");
}

#[test]
fn after_a_restart_the_error_of_a_job_has_its_payment_and_no_other_job_has_it() {
    let before = scene([payment_required(), created()]).paying();
    create(&before);
    for (job_id, payment) in [("job-1", Some(ID)), ("job-2", None)] {
        let mut failed = job("failed");
        (failed["jobId"], failed["metadata"]) = (json!(job_id).0, json!({"elizaJobsRef": ID}).0);
        let later = scene([answer(200, failed)]).paying();
        *later.world.store.borrow_mut() = before.world.store.borrow().clone();
        let error = run(later.client.poll_job(job_id, &plain(), WaitPlan::default(), &|_| ())).unwrap_err();
        assert_eq!((error.code, error.payment.map(|payment| payment.id)), (ErrorCode::JobFailed, payment.map(str::to_owned)));
    }
}

#[test]
fn a_payment_of_the_past_belongs_to_its_own_job_alone() {
    let before = scene([payment_required(), created(), seen("completed")]).paying();
    ask(&before).unwrap();
    before.world.turn();
    assert!(before.world.records().is_empty());
    for (job_id, payment) in [("job-1", Some(ID)), ("job-2", None)] {
        let mut failed = job("failed");
        (failed["jobId"], failed["metadata"]) = (json!(job_id).0, json!({"elizaJobsRef": ID}).0);
        let later = scene([answer(200, failed)]).paying();
        *later.world.store.borrow_mut() = before.world.store.borrow().clone();
        let error = run(later.client.poll_job(job_id, &plain(), WaitPlan::default(), &|_| ())).unwrap_err();
        assert_eq!(error.payment.map(|payment| payment.id).as_deref(), payment, "{job_id}");
    }
}

#[test]
fn a_free_job_has_no_payment_whatever_the_server_calls_so() {
    let mut job = job("completed");
    job["payment"] = json!({"amount": "1000"}).0;
    for step in [seen("completed"), answer(200, job)] {
        let job = ask(&scene([created(), step]).paying()).unwrap();
        assert!(job.get("payment").is_none() && job.get("result").is_some(), "{job}");
    }
}

#[test]
fn an_error_of_a_wait_carries_the_payment_and_to_wait_again_pays_nothing() {
    let scene1 = scene([payment_required(), created()]).forever(seen("processing")).paying();
    create(&scene1);
    let error = poll(&scene1).unwrap_err();
    let payment = error.payment.as_ref().unwrap();
    assert_eq!((error.code, payment.id.as_str(), funds_moved_for(&error)), (ErrorCode::WaitTimeout, ID, FundsMoved::Yes));
    assert!(error.is_retryable(), "a wait may be repeated");
    // Another run of the program finds it in the store, by the job's reference or by the job.
    for (reference, moved) in [(ID, FundsMoved::Yes), ("another", FundsMoved::Yes)] {
        let later = scene([]).forever(referring("processing", reference)).paying();
        *later.world.store.borrow_mut() = scene1.world.store.borrow().clone();
        let error = poll(&later).unwrap_err();
        assert_eq!((error.code, funds_moved_for(&error)), (ErrorCode::WaitTimeout, moved));
        let is_by_reference = reference == ID;
        assert!(is_by_reference || error.payment.unwrap().request.is_empty(), "the questions of all open jobs are not kept");
    }
    let scene2 = scene([payment_required(), created()]).forever(seen("processing")).paying();
    let error = ask(&scene2).unwrap_err();
    assert_eq!((error.code, error.is_retryable()), (ErrorCode::WaitTimeout, false), "the same call would pay again");
    let free = scene([created()]).forever(seen("processing"));
    let error = ask(&free).unwrap_err();
    assert!(error.payment.is_none() && error.is_retryable());
}

#[test]
fn what_is_open_says_what_was_asked_and_when() {
    let scene1 = scene([payment_required(), created()]).paying();
    let asked = json!({"userId": USER, "agentId": USER, "content": "What is the weather?", "metadata": {"mine": 1}});
    run(scene1.client.create_job(&asked, &plain(), &|_| ())).unwrap();
    let open = pending(&scene1).remove(0);
    assert_eq!(
        (&open["content"], &open["userId"], &open["agentId"], &open["createdAt"]),
        (&json!("What is the weather?").0, &json!(USER).0, &json!(USER).0, &json!(1_800_000_000_000_u64).0)
    );
    assert_eq!((&open["amount"], &open["state"], &open["request"]), (&json!("0.02").0, &json!("accepted").0, &json!(null).0));
    let scene2 = scene([payment_required(), created()]).paying();
    create(&scene2);
    assert!(pending(&scene2)[0].get("agentId").is_none());
}

/// A job that was paid for stays so, whatever a later call about it meets: in this client, and
/// after a restart while its record is open, or where the job names its payment.
#[test]
fn every_error_about_a_paid_job_says_that_money_has_moved() {
    let gone = || answer(404, json!({"success": false, "error": "Job not found"}));
    let refused = || answer(401, json!({"error": "no"}));
    let page = || text(200, "<!doctype html><title>x</title>");
    let moved = |error: &Error| (error.payment.as_ref().map(|payment| payment.id.clone()), funds_moved_for(error));
    let yes = (Some(ID.to_owned()), FundsMoved::Yes);
    for step in [gone, refused, page] {
        // After a restart.
        let before = scene([payment_required(), created()]).paying();
        create(&before);
        let later = scene([]).forever(step()).paying();
        *later.world.store.borrow_mut() = before.world.store.borrow().clone();
        assert_eq!(moved(&poll(&later).unwrap_err()), yes);
        let error = run(later.client.get_job("job-1", &plain())).unwrap_err();
        assert_eq!((moved(&error), error.code), (yes.clone(), poll(&later).unwrap_err().code));
        // Another job has no payment.
        let other = run(later.client.get_job("job-2", &plain())).unwrap_err();
        assert_eq!(moved(&other), (None, FundsMoved::No));
        // In this client, when the job's end was seen and its record is gone.
        let same = scene([payment_required(), created(), seen("completed")]).forever(step()).paying();
        ask(&same).unwrap();
        same.world.turn();
        assert_eq!(moved(&poll(&same).unwrap_err()), yes);
    }
    // Of the history, by the job's reference.
    let before = scene([payment_required(), created()]).forever(referring("failed", ID)).paying();
    create(&before);
    for _ in 0..2 {
        assert_eq!(moved(&poll(&before).unwrap_err()), yes);
        before.world.turn();
    }
    let later = scene([]).forever(referring("failed", ID)).paying();
    *later.world.store.borrow_mut() = before.world.store.borrow().clone();
    for _ in 0..2 {
        assert_eq!(moved(&poll(&later).unwrap_err()), yes);
    }
    // Many that fail at once look once, which takes two lists.
    let (lists, began) = (later.world.store_lists.get(), later.world.now.get());
    for _ in 0..20 {
        run(later.client.get_job("job-9", &plain())).unwrap_err();
    }
    let seconds = (later.world.now.get() - began) / 1_000.0;
    assert!(((later.world.store_lists.get() - lists) as f64) < 2.0 * (seconds + 2.0));
}
