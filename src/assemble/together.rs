//! Several things at once, where their answers do not depend on each other: children here, hosts in `cli`.

use std::{num::NonZero, panic, thread};

/// How many: as many as there are processors for us.
pub(super) fn at_once() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// What `work` gives for each of `items`, in their order. They are all worked on at once: give it
/// as many children as there are processors, and any number of hosts.
pub fn together<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let spawned: Vec<_> = items
            .into_iter()
            .map(|item| scope.spawn(move || work(item)))
            .collect();
        let joined = spawned.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|result| result.unwrap_or_else(|cause| panic::resume_unwind(cause)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let slow_first = |millis: u64| {
            thread::sleep(Duration::from_millis(millis));
            millis
        };
        assert_eq!(together([30, 0, 10], slow_first), [30, 0, 10]);
        assert!(at_once() > 0);
    }
}
