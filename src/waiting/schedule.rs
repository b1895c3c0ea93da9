//! When to look at a job again.

/// The first look after a job was created, in milliseconds: quick agents answer in a fraction of a second.
const FIRST_LOOK_MS: f64 = 400.0;
/// How long a job may outlive its own expiry before the wait ends, in milliseconds. A look after the expiry makes the
/// server end the job, so one or two more looks are enough.
pub const GRACE_MS: f64 = 5_000.0;
/// The job's time when the server does not say one, in milliseconds (the API's default).
const DEFAULT_LIFETIME_MS: f64 = 30_000.0;
/// More than this is not believed of a job's expiry, in milliseconds (one day).
const MAX_LIFETIME_MS: f64 = 86_400_000.0;

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PollSchedule {
    /// The caller's own interval, in milliseconds.
    Every(u32),
    /// Ours: gaps that grow with the job's age, near √(2λ/h) for the rate h at which answers come at that age (log-normal,
    /// median 3 s, σ 1.15; one request is worth λ = 100 ms of waiting).
    Growing,
}

impl PollSchedule {
    /// Milliseconds from now to the next look at a job that was created `age_ms` ago and looked at `looks` times.
    pub fn gap_ms(self, age_ms: f64, looks: u32) -> f64 {
        match self {
            PollSchedule::Every(interval) => f64::from(interval),
            PollSchedule::Growing if looks == 0 => FIRST_LOOK_MS,
            PollSchedule::Growing => (850.0 + age_ms / 40.0).min(4_000.0),
        }
    }
}

/// How long a job lives, in milliseconds, from the server's two instants. Their difference is a duration, so the
/// server's clock may be wrong.
pub fn lifetime_ms(created_at: Option<f64>, expires_at: Option<f64>) -> f64 {
    match (created_at, expires_at) {
        (Some(created), Some(expires)) if expires - created >= 0.0 => (expires - created).min(MAX_LIFETIME_MS),
        _ => DEFAULT_LIFETIME_MS,
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn own_interval_is_obeyed_exactly() {
        for age in [0.0, 1e3, 1e6] {
            assert_eq!(PollSchedule::Every(1000).gap_ms(age, 0), 1000.0);
        }
    }

    #[test]
    fn gaps_grow_and_stay_bounded() {
        let mut age = 0.0;
        let mut last = 0.0;
        for looks in 0..500 {
            let gap = PollSchedule::Growing.gap_ms(age, looks);
            assert!(gap >= last && (400.0..=4_000.0).contains(&gap), "{gap} at {age}");
            last = gap;
            age += gap;
        }
    }

    #[test]
    fn lifetimes_are_durations_and_believed_only_when_sane() {
        assert_eq!(lifetime_ms(Some(5.0), Some(30_005.5)), 30_000.5);
        for (created, expires) in [(None, Some(1.0)), (Some(1.0), None), (Some(2.0), Some(1.0)), (Some(f64::NAN), Some(1.0))] {
            assert_eq!(lifetime_ms(created, expires), 30_000.0);
        }
        assert_eq!(lifetime_ms(Some(0.0), Some(f64::INFINITY)), 86_400_000.0);
    }
}
