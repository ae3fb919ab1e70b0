//! Whether what runs often also runs fast enough for compiling it to pay.

use std::time::{Duration, Instant};

/// Within how long something has to run its thousands of times to be compiled at once. What takes longer is not in the caches of the
/// processor when it runs again, and its machine code, which is many times as long as its bytecode, has to be fetched each time.
const SOON: Duration = Duration::from_millis(100);

/// After how many reports it is compiled however long they took: a server runs for weeks.
const LONG: u32 = 10;

/// How fast a code object gets hot.
#[derive(Debug)]
pub struct Heat {
    /// When it was last reported as hot, at first when it began to run.
    since: Instant,
    reports: u32,
}

impl Heat {
    /// What begins to run.
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            reports: 0,
        }
    }

    /// It is reported as hot, at one of its places: whether compiling it pays.
    pub fn report(&mut self, now: Instant) -> bool {
        let took = now.duration_since(std::mem::replace(&mut self.since, now));
        self.reports = self.reports.saturating_add(1);
        took <= SOON || self.reports >= LONG
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fast_pays_at_once() {
        let start = Instant::now();
        let mut heat = Heat::new(start);
        assert!(heat.report(start + SOON));
    }

    #[test]
    fn what_is_slow_pays_when_it_gets_fast_or_goes_on() {
        let start = Instant::now();
        let mut heat = Heat::new(start);
        assert!(!heat.report(start + 2 * SOON));
        assert!(heat.report(start + 3 * SOON));
        let mut heat = Heat::new(start);
        for report in 1..LONG {
            assert!(!heat.report(start + 2 * report * SOON));
        }
        assert!(heat.report(start + 2 * LONG * SOON));
    }
}
