//! The declarations that are derived from structs say what the edge reads: a member that is read
//! and not declared, or declared and not read, fails here.

use eliza_jobs::api::error::{ErrorClass, ErrorCode};
use eliza_jobs::api::jobs::{CreateJobRequest, JobStatus, ListJobsParams};
use eliza_jobs::api::options::*;
use eliza_jobs::api::sessions::{CreateSessionRequest, GetMessagesParams, SendMessageRequest};
use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

/// Notes the names of the members that a struct asks for.
struct Members<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Members<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(names);
        Err(Error::custom("only the names are wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn declared<T: for<'de> Deserialize<'de>>() -> Vec<&'static str> {
    let mut names = Vec::new();
    let _ = T::deserialize(Members(&mut names));
    names
}

fn assert_same(mut declared: Vec<&'static str>, read: &[&'static str]) {
    let mut read = read.to_vec();
    declared.sort_unstable();
    read.sort_unstable();
    assert!(!declared.is_empty());
    assert_eq!(declared, read);
}

#[test]
fn the_members_that_are_declared_are_those_that_are_read() {
    assert_same(declared::<JobsClientOptions>(), JobsClientOptions::MEMBERS);
    assert_same(declared::<PollingOptions>(), PollingOptions::MEMBERS);
    assert_same(declared::<SpendOptions>(), SpendOptions::MEMBERS);
    assert_same(declared::<AssetOptions>(), AssetOptions::MEMBERS);
    assert_same(declared::<RequestOptions>(), RequestOptions::MEMBERS);
    assert_same(declared::<CreateJobOptions>(), CreateJobOptions::MEMBERS);
    assert_same(declared::<WaitOptions>(), WaitOptions::MEMBERS);
    assert_same(declared::<ResumeOptions>(), ResumeOptions::MEMBERS);
    assert_same(declared::<PaymentsOptions>(), PaymentsOptions::MEMBERS);
    assert_same(declared::<BudgetOptions>(), BudgetOptions::MEMBERS);
    assert_same(declared::<AskOptions>(), AskOptions::MEMBERS);
    assert_same(declared::<CreateJobRequest>(), CreateJobRequest::MEMBERS);
    assert_same(declared::<ListJobsParams>(), ListJobsParams::MEMBERS);
    assert_same(declared::<CreateSessionRequest>(), CreateSessionRequest::MEMBERS);
    assert_same(declared::<SendMessageRequest>(), SendMessageRequest::MEMBERS);
    assert_same(declared::<GetMessagesParams>(), GetMessagesParams::MEMBERS);
}

/// `InvalidArgument` as `invalid_argument`, which is how the declaration writes it.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[test]
fn codes_and_statuses_are_written_as_they_are_declared() {
    for code in ErrorCode::ALL {
        assert_eq!(code.as_str(), snake_case(&format!("{code:?}")));
    }
    for status in JobStatus::ALL {
        assert_eq!(status.as_str(), format!("{status:?}").to_lowercase());
    }
}

#[test]
fn each_class_of_errors_is_exported_under_its_own_name() {
    let name = |class: ErrorClass| class.name();
    for code in ErrorCode::ALL {
        let class = code.class();
        let internal = matches!(code, ErrorCode::WasmPanic | ErrorCode::InitFailed);
        assert_eq!(class == ErrorClass::Internal, internal, "{code:?}");
        assert!(name(class) == "ElizaJobsError" || name(class) == format!("{class:?}Error"), "{class:?}");
    }
}
