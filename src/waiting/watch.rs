//! Many jobs that are waited for at once: one look for all of them.
//!
//! Whoever is due first asks for the server's list, and what it finds is given to all who wait; so there is no task beside the
//! calls, and nothing is left when they have ended. While each of them could have a request of its own, only the unfinished jobs
//! are listed, and whoever is not among them any more looks for itself: few bytes. Beyond that the whole list is asked for, which
//! holds the answers too: few requests. Servers that show no list are asked job by job. All looks keep within the [`RateLimit`]
//! (crate::allowance).

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::rc::Rc;

use crate::api::error::{Error, ErrorCode};
use crate::api::jobs;
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::client::Client;
use crate::json::Json;
use crate::platform::Method;
use crate::platform::{Platform, within};
use crate::text::concat;
use crate::time::Millis;

/// From so many jobs on a list costs less than a look at each.
const SHARED_FROM: usize = 4;
/// The shortest time between two lists, in milliseconds.
const LIST_GAP_MS: f64 = 500.0;
/// How much longer the pause after a list gets with each job in it, in milliseconds.
const LISTED_MS: f64 = 0.1;
/// The longest time for a list, in milliseconds. One that takes longer is worse than none.
const LIST_MS: f64 = 10_000.0;
/// For how long no list is asked for after one that went wrong on the server's side, in milliseconds.
const CLOSED_MS: f64 = 60_000.0;

/// What another's look has found out about a job.
#[derive(Debug)]
pub(crate) enum News {
    /// The job.
    Found(Json),
    /// It is not in the list.
    Missing,
    /// There is no list this time.
    Failed(Box<Error>),
}

/// One job that is waited for.
#[derive(Debug)]
struct Place {
    job_id: String,
    since: f64,
    /// Whether it rests, and takes news.
    rests: Cell<bool>,
    /// Whether lists leave it out although it is not finished, as those do that servers cut off.
    unlisted: Cell<bool>,
    news: RefCell<Option<News>>,
    waker: RefCell<Option<Waker>>,
}

/// Who waits for jobs.
#[derive(Debug)]
pub(crate) struct Poller {
    places: RefCell<Vec<Rc<Place>>>,
    /// Whether a list is on its way.
    lists: Cell<bool>,
    /// When the next list may be asked for.
    next_list: Cell<f64>,
    /// Until when the server shows no list.
    closed_until: Cell<f64>,
}

impl Default for Poller {
    fn default() -> Self {
        Self { places: RefCell::default(), lists: Cell::new(false), next_list: Cell::new(0.0), closed_until: Cell::new(0.0) }
    }
}

impl Poller {
    fn shares(&self, now: f64) -> bool {
        self.places.borrow().len() >= SHARED_FROM && now >= self.closed_until.get()
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
    fn count(&self) -> f64 {
        self.places.borrow().len() as f64
    }
}

/// A job's place among those that are waited for; given up when it is dropped.
pub(crate) struct Seat<'a>(&'a Poller, Rc<Place>);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut places = self.0.places.borrow_mut();
        if let Some(at) = places.iter().position(|place| Rc::ptr_eq(place, &self.1)) {
            places.swap_remove(at);
        }
    }
}

impl Seat<'_> {
    /// Whether a look for all serves this job too.
    pub(crate) fn is_shared(&self, now: f64) -> bool {
        self.0.shares(now) && !self.1.unlisted.get()
    }

    /// The news were used, and the job is not finished.
    pub(crate) fn goes_on(&self, was_missing: bool) {
        self.1.unlisted.set(was_missing);
    }

    /// The pause before the next look at this job: as one list serves all, it pays to look more often.
    pub(crate) fn gap_ms(&self, gap: f64, now: f64) -> f64 {
        if self.is_shared(now) { (gap / self.0.count().sqrt()).max(LIST_GAP_MS).min(gap) } else { gap }
    }
}

/// A list on its way. Whoever waits for it goes on when it is dropped, come what may.
struct Listing<'a>(&'a Poller);

impl Drop for Listing<'_> {
    fn drop(&mut self) {
        self.0.lists.set(false);
        // A waker only says that there is something to do: nothing is done here.
        for place in self.0.places.borrow().iter() {
            let waker = place.waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<P: Platform + 'static> Client<P> {
    /// Takes a place among the jobs that are waited for.
    pub(crate) fn take_seat(&self, job_id: &str) -> Seat<'_> {
        let place = Rc::new(Place {
            job_id: job_id.to_owned(),
            since: self.platform.now().as_ms(),
            rests: Cell::new(false),
            unlisted: Cell::new(false),
            news: RefCell::new(None),
            waker: RefCell::new(None),
        });
        self.poller.places.borrow_mut().push(place.clone());
        Seat(&self.poller, place)
    }

    /// Waits so many milliseconds, or until there is news; no longer than a list is on its way when it is that which is `awaited`.
    pub(crate) async fn rest(&self, seat: Option<&Seat<'_>>, ms: f64, awaited: bool) -> Option<News> {
        let Some(Seat(poller, place)) = seat else {
            self.platform.sleep_until_active(Millis::new(ms)).await;
            return None;
        };
        place.rests.set(true);
        let news = poll_fn(|context| {
            let news = place.news.borrow_mut().take();
            if news.is_some() || (awaited && !poller.lists.get()) {
                return Poll::Ready(news);
            }
            *place.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        });
        let news = within(news, self.platform.sleep_until_active(Millis::new(ms))).await.flatten();
        place.rests.set(false);
        news
    }

    /// A look for all who wait, by this one or by another who is at it already. `None`: this job has to be looked at by itself.
    pub(crate) async fn look_for_all(&self, seat: &Seat<'_>, stop: f64) -> Option<News> {
        let poller = &self.poller;
        loop {
            let now = self.platform.now().as_ms();
            if now >= stop || !seat.is_shared(now) {
                return None;
            }
            if !poller.lists.replace(true) {
                let listing = Listing(poller);
                seat.1.rests.set(true);
                self.list_for_all(stop).await;
                seat.1.rests.set(false);
                drop(listing);
                return seat.1.news.borrow_mut().take();
            }
            let news = self.rest(Some(seat), stop - now, true).await;
            if news.is_some() {
                return news;
            }
        }
    }

    async fn list_for_all(&self, stop: f64) {
        let poller = &self.poller;
        let pause = poller.next_list.get().min(stop) - self.platform.now().as_ms();
        if pause > 0.0 {
            self.platform.sleep(Millis::new(pause)).await;
        }
        if !self.http.wait_for_slot(stop, false).await {
            return;
        }
        let now = self.platform.now().as_ms();
        let waiting = poller.count();
        // As many as a server holds.
        let which = if self.http.rate_limit.spare(now) >= waiting { "?limit=10000&status=processing" } else { "?limit=10000" };
        let mut request = self.http.request(Method::Get, &concat(&[routes::JOBS, which]), &CallOptions::default());
        request.answers = waiting;
        let end = stop.min(now + self.http.config.timeout_ms.min(LIST_MS));
        match self.http.read_answers(request, end, 0, "a list of jobs", &jobs::list).await {
            Ok(list) => {
                let listed = self.spread(&list, now);
                // Long lists are heavy, for the server and the network and here.
                let took = self.platform.now().as_ms() - now;
                poller.next_list.set(now + LIST_GAP_MS.max(took * 3.0).max(listed * LISTED_MS));
            }
            // No answer from anybody: that says nothing about lists, and each would fare the same.
            Err(error)
                if matches!(error.code, ErrorCode::ConnectionFailed | ErrorCode::ConnectionReset | ErrorCode::RateLimited) =>
            {
                for place in poller.places.borrow().iter().filter(|place| place.rests.get()) {
                    *place.news.borrow_mut() = Some(News::Failed(error.clone()));
                }
            }
            // This one's time is up, and not the server's.
            Err(_) if self.platform.now().as_ms() >= stop => {}
            Err(error) => {
                poller.closed_until.set(if error.code.retryable() { now + CLOSED_MS } else { f64::INFINITY });
            }
        }
    }

    /// Gives everybody who rests what the list, which was asked for at `asked_at`, says about his job. The number of
    /// jobs in it.
    #[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
    fn spread(&self, list: &Json, asked_at: f64) -> f64 {
        // The runtime's own object finds the jobs fast. The colon keeps names away that mean something else to it.
        let key = |id: &str| concat(&[":", id]);
        let jobs = list.get("jobs").map(|jobs| jobs.elements()).unwrap_or_default();
        let listed = jobs.len() as f64;
        let mut named = Json::object();
        for job in jobs {
            if let Some(id) = job.get_text("jobId") {
                named = named.set(&key(&id), job);
            }
        }
        for place in self.poller.places.borrow().iter().filter(|place| place.rests.get() && place.since <= asked_at) {
            let job = named.get(&key(&place.job_id));
            if job.is_some() || !place.unlisted.get() {
                *place.news.borrow_mut() = Some(job.map_or(News::Missing, News::Found));
            }
        }
        listed
    }
}
