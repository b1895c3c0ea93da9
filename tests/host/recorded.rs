//! The declared types against answers that a real server gave.

use eliza_jobs::api::jobs::{CreateJobResponse, JobDetailsResponse, JobsHealthResponse, ListJobsResponse};
use serde::de::DeserializeOwned;

/// Reads a recorded answer into the declared type and back: what the type does not know would be
/// missing.
fn same<T: DeserializeOwned + serde::Serialize>(recorded: &serde_json::Value) {
    let typed: T = serde_json::from_value(recorded.clone()).unwrap();
    let mut back = serde_json::to_value(typed).unwrap();
    let mut there = recorded.clone();
    for value in [&mut back, &mut there] {
        whole(value);
    }
    assert_eq!(back, there);
}

/// 1 and 1.0 are the same number in JavaScript.
fn whole(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Number(number) => *value = number.as_f64().unwrap().into(),
        serde_json::Value::Array(all) => all.iter_mut().for_each(whole),
        serde_json::Value::Object(all) => all.values_mut().for_each(whole),
        _ => (),
    }
}

#[test]
fn the_types_say_what_the_real_server_sends() {
    let recorded: serde_json::Value = serde_json::from_str(include_str!("../fixtures/eliza-1.7.0.json")).unwrap();
    same::<CreateJobResponse>(&recorded["create"]);
    same::<JobDetailsResponse>(&recorded["processing"]);
    same::<JobDetailsResponse>(&recorded["completed"]);
    same::<ListJobsResponse>(&recorded["list"]);
    same::<JobsHealthResponse>(&recorded["health"]);
}
