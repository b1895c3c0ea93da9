//! Work that goes on when whoever waits for it has gone: a wallet that is still open when its call ends, a record on its way to the
//! store.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::rc::Rc;

use crate::platform::Platform;

/// What takes the result when nobody waits for it any more.
pub(crate) type Heir<T> = Box<dyn FnOnce(Option<T>)>;

struct Shared<T> {
    result: RefCell<Option<T>>,
    waker: RefCell<Option<Waker>>,
    heir: RefCell<Option<Heir<T>>>,
    left: Cell<bool>,
}

impl<T> Shared<T> {
    fn leave_to_heir(&self, result: Option<T>) {
        let heir = self.heir.borrow_mut().take();
        if let Some(heir) = heir {
            heir(result);
        }
    }
}

/// Whoever waits.
struct Waiting<T>(Rc<Shared<T>>);

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        self.0.left.set(true);
        let result = self.0.result.borrow_mut().take();
        if result.is_some() {
            self.0.leave_to_heir(result);
        }
    }
}

/// Does this in a task of its own, and waits for it. When nobody waits any more, the result is the heir's. `idle`: work that had not
/// begun by then is not done, and the heir gets nothing.
pub(crate) async fn detached<P: Platform, T: 'static>(
    platform: &P,
    idle: bool,
    work: impl Future<Output = T> + 'static,
    heir: Heir<T>,
) -> T {
    let shared = Rc::new(Shared {
        result: RefCell::new(None),
        waker: RefCell::new(None),
        heir: RefCell::new(Some(heir)),
        left: Cell::new(false),
    });
    let waiting = Waiting(shared.clone());
    platform.spawn(async move {
        if idle && shared.left.get() {
            return shared.leave_to_heir(None);
        }
        let result = work.await;
        if shared.left.get() {
            return shared.leave_to_heir(Some(result));
        }
        *shared.result.borrow_mut() = Some(result);
        let waker = shared.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    poll_fn(|context| {
        *waiting.0.waker.borrow_mut() = Some(context.waker().clone());
        waiting.0.result.borrow_mut().take().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}
