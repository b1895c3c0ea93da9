//! What is said to servers and to applications: types, validation, routes, error codes. No
//! behaviour.

pub mod agents;
pub mod error;
pub mod jobs;
pub mod metadata;
pub mod options;
pub mod payments;
pub mod routes;
pub mod sessions;
pub mod update;
