//! Sessions: conversations with an agent that last.
//!
//! No message is lost and none is sent twice. When a reply is lost, the message is looked for in
//! the session, and every error says whether it is there.
//!
//! Servers from 1.7 on wait for the agent when they are asked to, and stream its answer. They close
//! connections that were silent for 30 seconds. Older servers only take the message. Wherever the
//! reply contains no answer, the client polls the session's messages, and tells the answer from the
//! answers to other messages.
//!
//! | file | what it decides |
//! | --- | --- |
//! | `exchange.rs` | what a reply means, what to poll next, which message is the answer |
//! | `stream.rs` | what an event stream says, and what its end means |
//! | `walk.rs` | which page of the messages comes next |
//! | `error.rs` | what an error means for a session |
//! | `run.rs` | performs all of it |

mod error;
mod exchange;
mod run;
mod stream;
mod walk;

pub use run::Sessions;
