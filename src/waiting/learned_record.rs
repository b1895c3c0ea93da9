//! The record in the client's store of how long agents take: when it is read and written. What is
//! in it is said by [`agents`].

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::http::run::Http;
use crate::platform::{LogLevel, Platform, StoreOperation};
use crate::waiting::agents::{self, Recalled};
use crate::waiting::watch::Watch;

/// What becomes of the record.
#[derive(Debug, Default)]
pub(super) struct LearnedRecord {
    /// Whether the store was asked for it.
    was_recalled: Cell<bool>,
    /// It is not touched any more: the store fails, or it belongs to a later version.
    is_left_alone: Cell<bool>,
    was_reported: Cell<bool>,
    is_writing: Cell<bool>,
}

impl LearnedRecord {
    /// Has it read, once, beside whatever else is done.
    pub(super) fn recall<P: Platform + 'static>(self: &Rc<Self>, http: &Http<P>, watch: &Rc<RefCell<Watch>>) {
        if self.was_recalled.replace(true) {
            return;
        }
        let (record, platform, watch) = (self.clone(), http.platform.clone(), watch.clone());
        let key = agents::record_key(&http.config.base_url);
        http.platform.spawn(async move { record.read(&*platform, &watch, &key).await });
    }

    /// Has it written if more was learned, beside whatever else is done: one write at a time.
    pub(super) fn keep<P: Platform + 'static>(self: &Rc<Self>, http: &Http<P>, watch: &Rc<RefCell<Watch>>) {
        if self.is_left_alone.get() || self.is_writing.get() || !take_unsaved(watch) {
            return;
        }
        self.is_writing.set(true);
        let (record, platform, watch) = (self.clone(), http.platform.clone(), watch.clone());
        let key = agents::record_key(&http.config.base_url);
        http.platform.spawn(async move {
            loop {
                // Another program may have learned about other agents.
                record.read(&*platform, &watch, &key).await;
                if record.is_left_alone.get() {
                    break;
                }
                let text = watch.borrow().agents.record().to_json();
                if platform.store(StoreOperation::Set, &key, &text).await.is_err() {
                    record.leave_alone(&*platform, "the store did not take it");
                }
                if !take_unsaved(&watch) {
                    break;
                }
            }
            record.is_writing.set(false);
        });
    }

    async fn read<P: Platform>(&self, platform: &P, watch: &RefCell<Watch>, key: &str) {
        let Ok(record) = platform.store(StoreOperation::Get, key, "").await else {
            return self.leave_alone(platform, "the store could not be read");
        };
        let recalled = watch.borrow_mut().agents.recall(&record);
        match recalled {
            Recalled::Read => {}
            Recalled::Unreadable => self.report(platform, "its record is damaged; it is learned and written anew"),
            Recalled::OfLaterVersion => self.leave_alone(platform, "its record is of a later version"),
        }
    }

    fn leave_alone<P: Platform>(&self, platform: &P, why: &str) {
        self.is_left_alone.set(true);
        self.report(platform, why);
    }

    fn report<P: Platform>(&self, platform: &P, why: &str) {
        if !self.was_reported.replace(true) {
            let line = ["what was learned about how long agents take cannot be used: ", why].concat();
            platform.log(LogLevel::Warn, &line);
        }
    }
}

/// Whether more was learned since this was asked.
fn take_unsaved(watch: &RefCell<Watch>) -> bool {
    let mut watch = watch.borrow_mut();
    let is_idle = watch.is_idle();
    watch.agents.take_unsaved(is_idle)
}
