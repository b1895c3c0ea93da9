//! A task of its own, and the call that waits for what it says.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::table::Table;

struct Shared<T> {
    items: RefCell<VecDeque<T>>,
    subscriber: RefCell<Option<Waker>>,
    publisher: RefCell<Option<Waker>>,
    is_gone: Cell<bool>,
}

/// What a task says to its call.
pub(super) struct Publisher<T>(Rc<Shared<T>>);

/// What a call waits for. The publisher notices when it is dropped.
pub(super) struct Subscription<T>(Rc<Shared<T>>);

/// A subscription and where it comes from.
pub(super) fn subscription<T>() -> (Publisher<T>, Subscription<T>) {
    let shared = Rc::new(Shared {
        items: RefCell::default(),
        subscriber: RefCell::default(),
        publisher: RefCell::default(),
        is_gone: Cell::new(false),
    });
    (Publisher(shared.clone()), Subscription(shared))
}

fn wake(waker: &RefCell<Option<Waker>>) {
    let waker = waker.borrow_mut().take();
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<T> Publisher<T> {
    /// Says this to the call, if it still waits.
    pub(super) fn send(&self, item: T) {
        self.0.items.borrow_mut().push_back(item);
        wake(&self.0.subscriber);
    }

    /// Whether the call has gone.
    pub(super) fn is_gone(&self) -> bool {
        self.0.is_gone.get()
    }

    /// Ready when the call has gone.
    pub(super) async fn gone(&self) {
        poll_fn(|context| {
            *self.0.publisher.borrow_mut() = Some(context.waker().clone());
            if self.0.is_gone.get() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl<T> Subscription<T> {
    /// The next that the task says.
    pub(super) async fn next(&mut self) -> T {
        poll_fn(|context| {
            *self.0.subscriber.borrow_mut() = Some(context.waker().clone());
            self.0.items.borrow_mut().pop_front().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        self.0.is_gone.set(true);
        wake(&self.0.publisher);
    }
}

/// Those who wait to write, by what they write: first come, first served.
#[derive(Debug, Default)]
pub(super) struct Queues(Rc<RefCell<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    next: u64,
    lines: Table<VecDeque<(u64, Option<Waker>)>>,
}

/// A place in a queue, which is left when it is dropped.
pub(super) struct Ticket {
    lines: Rc<RefCell<Lines>>,
    name: String,
    number: u64,
}

impl Queues {
    /// Takes a place.
    pub(super) fn join(&self, name: &str) -> Ticket {
        let mut lines = self.0.borrow_mut();
        let number = lines.next;
        lines.next = number.wrapping_add(1);
        lines.lines.entry(name).push_back((number, None));
        Ticket { lines: self.0.clone(), name: name.to_owned(), number }
    }
}

impl Ticket {
    /// Ready when all who came before have left.
    pub(super) async fn ready(&self) {
        poll_fn(|context| {
            let mut lines = self.lines.borrow_mut();
            let Some(line) = lines.lines.get_mut(&self.name) else { return Poll::Ready(()) };
            if line.front().is_none_or(|(number, _)| *number == self.number) {
                return Poll::Ready(());
            }
            if let Some((_, waker)) = line.iter_mut().find(|(number, _)| *number == self.number) {
                *waker = Some(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut lines = self.lines.borrow_mut();
        let Some(line) = lines.lines.get_mut(&self.name) else { return };
        line.retain(|(number, _)| *number != self.number);
        let next = line.front_mut().and_then(|(_, waker)| waker.take());
        if line.is_empty() {
            lines.lines.remove(&self.name);
        }
        drop(lines);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use core::pin::pin;
    use core::task::Context;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    fn is_ready(future: impl Future<Output = ()>) -> bool {
        pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// How often a task was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    /// Polls this once; how often it was woken after something has happened.
    fn wakes(future: impl Future<Output = ()>, happens: impl FnOnce()) -> usize {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        assert!(pin!(future).poll(&mut Context::from_waker(&waker)).is_pending());
        happens();
        woken.0.load(Ordering::Relaxed)
    }

    #[test]
    fn whoever_waits_is_woken_by_what_they_wait_for() {
        let queues = Queues::default();
        let (first, second, third) = (queues.join("a"), queues.join("a"), queues.join("a"));
        assert_eq!(wakes(third.ready(), || drop(second)), 0);
        assert_eq!(wakes(third.ready(), || drop(first)), 1);
        let (publisher, mut subscriber) = subscription();
        assert_eq!(wakes(async { subscriber.next().await }, || publisher.send(())), 1);
        assert_eq!(wakes(publisher.gone(), || drop(subscriber)), 1);
    }

    #[test]
    fn writes_wait_for_those_before_them() {
        let queues = Queues::default();
        let (first, second, other) = (queues.join("a"), queues.join("a"), queues.join("b"));
        assert!(is_ready(first.ready()) && !is_ready(second.ready()) && is_ready(other.ready()));
        let third = queues.join("a");
        drop(second);
        assert!(!is_ready(third.ready()));
        drop(first);
        assert!(is_ready(third.ready()));
        drop((third, other));
        assert!(queues.0.borrow().lines.iter().next().is_none());
    }

    #[test]
    fn a_task_notices_that_its_call_has_gone() {
        let (publisher, mut subscription) = subscription();
        publisher.send(1);
        assert!(!is_ready(publisher.gone()));
        assert!(is_ready(async { assert_eq!(subscription.next().await, 1) }));
        drop(subscription);
        assert!(is_ready(publisher.gone()));
        publisher.send(2);
    }
}
