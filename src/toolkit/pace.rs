//! How a transfer tells its progress: bytes and rate, within 10 s while bytes flow.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::call::Call;
use crate::model::lock::LockAlways as _;

/// Longest time without a word, less than that of the signs of life, and shortest.
const RARELY: Duration = Duration::from_secs(8);
const OFTEN: Duration = Duration::from_secs(1);

/// Bytes after which the shorter time counts.
const MUCH: u64 = 4 << 20;

/// The progress of one transfer.
pub(crate) struct Pace {
    call: Call,
    doing: &'static str,
    began: Instant,
    told: Mutex<(Instant, u64)>,
}

impl Pace {
    /// Of a transfer that begins now. `doing` is such as "uploading".
    pub(crate) fn new(call: &Call, doing: &'static str) -> Self {
        let now = Instant::now();
        Pace { call: call.clone(), doing, began: now, told: Mutex::new((now, 0)) }
    }

    /// So many bytes are done, of so many.
    pub(crate) fn at(&self, done: u64, total: Option<u64>) {
        if !self.call.wants_progress() {
            return;
        }
        let mut told = self.told.lock_always();
        let ended = Some(done) == total;
        let since = told.0.elapsed();
        if !is_due(since, done.saturating_sub(told.1), ended) {
            return;
        }
        // At its end the rate is that of all of it.
        let (bytes, time) = if ended { (done, self.began.elapsed()) } else { (done - told.1, since) };
        *told = (Instant::now(), done);
        drop(told);
        self.call.progress_of(done, total, &sentence(self.doing, done, total, bytes, time));
    }
}

fn is_due(since: Duration, bytes: u64, ended: bool) -> bool {
    ended || since >= RARELY || (since >= OFTEN && bytes >= MUCH)
}

fn sentence(doing: &str, done: u64, total: Option<u64>, bytes: u64, time: Duration) -> String {
    let of = total.map_or_else(String::new, |total| format!(" of {total}"));
    let rate = bytes as f64 / time.as_secs_f64().max(0.001) / f64::from(1 << 20);
    format!("{doing}: {done}{of} bytes, {rate:.1} MiB/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_transfer_tells_within_ten_seconds_and_a_fast_one_not_more_than_once_a_second() {
        let seconds = Duration::from_secs;
        assert!(!is_due(seconds(7), 1000, false) && is_due(seconds(8), 1, false));
        assert!(!is_due(Duration::from_millis(900), 100 << 20, false) && is_due(seconds(1), MUCH, false));
        assert!(is_due(Duration::ZERO, 0, true), "its end is told");
    }

    #[test]
    fn bytes_and_rate_are_told() {
        let said = sentence("uploading", 3 << 20, Some(9 << 20), 2 << 20, Duration::from_secs(4));
        assert_eq!(said, "uploading: 3145728 of 9437184 bytes, 0.5 MiB/s");
        assert_eq!(sentence("downloading", 5, None, 5, Duration::from_secs(1)), "downloading: 5 bytes, 0.0 MiB/s");
    }
}
