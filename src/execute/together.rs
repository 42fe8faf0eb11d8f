//! Several hosts at the same time: a thread each, and whoever waits for the others keeps its lock meanwhile.

use super::Member;
use std::{
    panic,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How often a host that waits is told that it is not forgotten: a fraction of the lease of its lock.
const AGAIN: Duration = Duration::from_secs(super::owner::LEASE / 4);

/// Does `what` on every member for which there is `work`, all members at the same time. A member that waits, without
/// work or with its own done, is given to `wait` again and again until the last one is done.
pub(super) fn together<W: Send, T: Send>(
    members: &mut [Member],
    work: impl Fn(&str) -> Option<W>,
    what: impl Fn(&mut Member, W) -> T + Sync,
    wait: impl Fn(&mut Member, Option<&T>) + Sync,
) -> Vec<(String, T)> {
    let works: Vec<Option<W>> = members
        .iter()
        .map(|member| work(&member.host.destination))
        .collect();
    let working = Working::new(works.iter().flatten().count());
    let (what, wait, working) = (&what, &wait, &working);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (member, work) in members.iter_mut().zip(works) {
            let name = member.host.destination.clone();
            let thread = scope.spawn(move || {
                let answer = work.map(|work| {
                    let _done = Done(working);
                    what(member, work)
                });
                while !working.is_over() {
                    wait(member, answer.as_ref());
                }
                answer
            });
            threads.push((name, thread));
        }
        let mut answers = Vec::new();
        for (name, thread) in threads {
            match thread.join() {
                Ok(answer) => answers.extend(answer.map(|answer| (name, answer))),
                Err(panic) => panic::resume_unwind(panic),
            }
        }
        answers
    })
}

/// Does `work` here. Meanwhile the members that `waits` names are given to `wait` again and again, all at the same time.
pub(super) fn meanwhile<T>(
    members: &mut [Member],
    waits: impl Fn(&str) -> bool,
    wait: impl Fn(&mut Member) + Sync,
    work: impl FnOnce() -> T,
) -> T {
    let working = Working::new(1);
    let (wait, working) = (&wait, &working);
    thread::scope(|scope| {
        for member in members {
            if waits(&member.host.destination) {
                scope.spawn(move || {
                    while !working.is_over() {
                        wait(member);
                    }
                });
            }
        }
        let _done = Done(working);
        work()
    })
}

/// How many members are at work.
struct Working {
    count: Mutex<usize>,
    over: Condvar,
}

impl Working {
    fn new(count: usize) -> Self {
        Self {
            count: Mutex::new(count),
            over: Condvar::new(),
        }
    }

    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a while; whether nobody is at work any more.
    fn is_over(&self) -> bool {
        let waited = self
            .over
            .wait_timeout_while(self.count(), AGAIN, |count| *count > 0);
        let (count, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *count == 0
    }
}

/// A member's work comes to its end, also by a panic.
struct Done<'w>(&'w Working);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        *self.0.count() -= 1;
        self.0.over.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Host, transport::Local};
    use std::sync::Barrier;

    fn members() -> Vec<Member> {
        ["web1", "web2", "web3"]
            .map(|name| Member {
                host: Host {
                    destination: name.to_owned(),
                    roles: Vec::new(),
                    host_key: None,
                },
                transport: Box::new(Local::new(name)),
            })
            .into()
    }

    #[test]
    fn work_here_is_not_waited_for_longer_than_it_takes() {
        let waits = |name: &str| name != "web2";
        let begin = std::time::Instant::now();
        let answer = meanwhile(&mut members(), waits, |_| (), || "done");
        assert_eq!(answer, "done");
        assert!(begin.elapsed() < AGAIN, "{:?}", begin.elapsed());
    }

    #[test]
    fn those_with_work_do_it_at_the_same_time() {
        let mut members = members();
        let both = Barrier::new(2);
        let answers = together(
            &mut members,
            |name| (name != "web2").then_some(name.len()),
            |member, length| {
                both.wait();
                format!("{} {length}", member.host.destination)
            },
            |_, _| (),
        );
        let expected = [("web1", "web1 4"), ("web3", "web3 4")];
        assert_eq!(
            answers,
            expected.map(|(name, answer)| (name.to_owned(), answer.to_owned()))
        );
    }
}
