//! The way to a host once more, after it broke in a step whose end can be looked at.

use super::Member;
use crate::event::{Event, Watch};
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long it is tried: a laptop that changes its network is back by then.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before the second try; each wait is twice the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How soon it is noticed that nobody wants it any more.
const TICK: Duration = Duration::from_millis(100);

/// Logs in to `member` again, without asking anybody; whether that went well before patience was over or `stop` said so.
pub(super) fn reconnect(member: &mut Member, stop: &dyn Fn() -> bool, watch: Watch<'_>) -> bool {
    let host = member.host.destination.clone();
    let start = Instant::now();
    let mut wait = FIRST_WAIT;
    watch(Event::Warning(format!(
        "{host}: the connection was lost; what was begun there goes on by itself. Connecting again"
    )));
    while !stop() {
        let way = match member.transport.another() {
            Some(open) => open(),
            None => return false,
        };
        if let Some(way) = way {
            member.transport = way;
            watch(Event::Begin(format!("{host}: connected again")));
            return true;
        }
        let next = Instant::now() + wait;
        if next.duration_since(start) > PATIENCE {
            return false;
        }
        while Instant::now() < next && !stop() {
            thread::sleep(TICK);
        }
        wait *= 2;
    }
    false
}
