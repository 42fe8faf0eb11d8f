//! The same deployment by those who do such things: Capistrano, Ansible, a script of ssh and rsync.
//!
//! Test hosts have everything but the code already; what is deployed is 12 KB, its build does nothing, nor does the restart
//! of its services, and a page is asked for. Who isn't here has a line that says so.

use crate::{
    field::{Field, Rival},
    lab,
    report::{Report, once},
};
use std::{
    io::{self, Write as _},
    time::Duration,
};

const RUNS: usize = 3;
const FAR: Duration = Duration::from_millis(50);

/// What is measured: over which line, to how many hosts.
const CASES: [(bool, usize); 4] = [(false, 1), (false, 10), (true, 1), (true, 10)];

/// One who deploys; what each does is told how many hosts there are, and how often it was called.
struct Runner<'f> {
    name: &'static str,
    /// Not timed.
    before: Box<dyn FnMut(usize) + 'f>,
    work: Box<dyn FnMut(usize) + 'f>,
}

/// Its name, how it is made ready, and what it does on so many hosts.
type Other = (&'static str, Rival, fn(&Field, usize));

pub fn run(report: &mut Report) {
    if let Some(why) = lab::missing() {
        report.note(&format!("NOT RUN: test hosts: {why}"));
        return;
    }
    let field = Field::start();
    let runners = runners(&field, report);
    let mut out = io::stdout();
    writeln!(
        out,
        "  {:<24} {:>9} {:>9} {:>9} {:>9}  {:>13}  of ssh true, each",
        "seconds", "0 ms", "0 ms x10", "50 ms", "50 ms x10", "round trips"
    )
    .unwrap();
    let mut bare = Vec::new();
    for mut runner in runners {
        let (mut times, mut trips) = (Vec::new(), 0);
        for (far, hosts) in CASES {
            field.set_far(far.then_some(FAR), hosts);
            let (took, went) = measure(&mut runner, &field, hosts, far);
            times.push(took.as_secs_f64());
            if far && hosts == 1 {
                trips = went;
            }
        }
        if bare.is_empty() {
            bare.clone_from(&times);
        }
        let ratios = times.iter().zip(&bare).map(|(one, all)| one / all);
        let ratios: Vec<String> = ratios.map(|ratio| format!("{ratio:.1}")).collect();
        let times: Vec<String> = times.iter().map(|time| format!("{time:>9.2}")).collect();
        writeln!(
            out,
            "  {:<24} {}  {trips:>13}  {}",
            runner.name,
            times.join(" "),
            ratios.join("  ")
        )
        .unwrap();
    }
}

/// The median of several times, and the round trips of one.
fn measure(runner: &mut Runner<'_>, field: &Field, hosts: usize, far: bool) -> (Duration, u64) {
    let mut measured: Vec<(Duration, u64)> = (0..RUNS)
        .map(|_| {
            (runner.before)(hosts);
            let before = if far { field.round_trips() } else { 0 };
            let took = once(|| (runner.work)(hosts));
            let after = if far { field.round_trips() } else { 0 };
            (took, after - before)
        })
        .collect();
    measured.sort_unstable();
    measured[RUNS / 2]
}

fn runners<'f>(field: &'f Field, report: &mut Report) -> Vec<Runner<'f>> {
    let nothing = || Box::new(|_| ());
    let mut runners = vec![
        Runner {
            name: "ssh true",
            before: nothing(),
            work: Box::new(|hosts| field.ssh_true(hosts)),
        },
        Runner {
            name: "git hostout deploy",
            before: Box::new(|hosts| field.release(hosts)),
            work: Box::new(|hosts| field.hostout(hosts, "deploy")),
        },
        Runner {
            name: "git hostout rollback",
            before: Box::new(|hosts| field.ahead(hosts)),
            work: Box::new(|hosts| field.hostout(hosts, "rollback")),
        },
    ];
    let rivals: [Other; 3] = [
        ("Capistrano", Rival::Capistrano, Field::capistrano),
        ("Ansible", Rival::Ansible, Field::ansible),
        ("ssh and rsync", Rival::Script, Field::script),
    ];
    for (name, rival, work) in rivals {
        match field.prepare(rival) {
            Ok(version) => {
                report.note(&format!("{name}: {version}"));
                runners.push(Runner {
                    name,
                    before: Box::new(|_| field.next_payload()),
                    work: Box::new(move |hosts| work(field, hosts)),
                });
            }
            Err(why) => report.note(&format!("{name}: NOT MEASURED: {why}")),
        }
    }
    runners
}
