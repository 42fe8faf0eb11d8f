//! Over the programs of one host: clients one after the other, what did not change runs on, no request is lost.

use crate::support::{Backend, Balancer, Project, Visitors, free_port, page};
use std::{collections::BTreeMap, net::SocketAddr, process::Command};

/// Two pages behind the port of `hello`, and a program that stands for a ZEO server.
struct Site {
    project: Project,
    ports: [u16; 2],
    _balancer: Balancer,
}

const LINE: &str = "    10 web (startsecs=1 startretries=1) ${buildout:bin-directory}/waitress-serve \
                    [--listen=127.0.0.1:${ports:web} --threads=${settings:threads} acme.welcome:app] \
                    ${buildout:directory} true\n";

impl Site {
    fn new() -> Self {
        let project = Project::hello();
        let ports = [free_port(), free_port()];
        let client = |number: usize| {
            LINE.replace("10 web", &format!("20 web{}", number + 1))
                .replace("${ports:web}", &ports[number].to_string())
        };
        let server =
            "    10 zeo (startsecs=1) /bin/sleep [${settings:nap}] ${buildout:directory} true\n";
        let lines = [server, &client(0), &client(1)].concat();
        project.edit("base.cfg", LINE, &lines);
        project.edit("base.cfg", "threads = 2\n", "threads = 2\nnap = 600\n");
        let drain = project.sandbox.path("drain");
        std::fs::create_dir(&drain).unwrap();
        let path = drain.display();
        let text = project.read("hostout.toml").replace(
            "hosts = [\"local\"]",
            "strategy = \"rolling\"\nhosts = [\"local\"]",
        ) + &format!(
            "\n[hooks]\n\
             before-stop = [\"sh\", \"-c\", \"touch {path}/$HOSTOUT_PROGRAM; sleep 0.5\"]\n\
             after-start = [\"sh\", \"-c\", \"rm -f {path}/$HOSTOUT_PROGRAM; sleep 0.5\"]\n"
        );
        project.write("hostout.toml", &text);
        project.commit("Two clients and a server");
        let backends = ports.iter().zip(["web1", "web2"]).map(|(port, name)| {
            let flag = drain.join(name);
            Backend {
                address: SocketAddr::from(([127, 0, 0, 1], *port)),
                drained: Box::new(move || flag.exists()),
            }
        });
        let site = Self {
            _balancer: Balancer::start(project.port, backends.collect()),
            project,
            ports,
        };
        site.project.hostout(&["init"]).exits(0);
        site.project.hostout(&["release", "--yes"]).exits(0);
        site.project.hostout(&["deploy", "--yes"]).exits(0);
        site
    }

    /// The process of each program.
    fn processes(&self) -> BTreeMap<String, String> {
        let ask = |word: &str| {
            let script = self.project.host.join("current/bin/supervisorctl");
            let output = Command::new(script).arg(word).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let mut found = BTreeMap::from([("supervisord".to_owned(), ask("pid"))]);
        for line in ask("status").lines() {
            let (name, rest) = line.split_once(' ').unwrap();
            let pid = rest.split_once("pid ").map_or(rest, |(_, rest)| rest);
            let pid = pid.split(',').next().unwrap().to_owned();
            found.insert(name.to_owned(), pid);
        }
        found
    }

    /// Names of the programs whose process is another one than in `before`.
    fn new_since(&self, before: &BTreeMap<String, String>) -> Vec<String> {
        let now = self.processes().into_iter();
        let new = now.filter(|(name, pid)| before.get(name) != Some(pid));
        new.map(|(name, _)| name).collect()
    }

    #[track_caller]
    fn says_on_both(&self, words: &str) {
        for port in self.ports {
            let page = page(port).unwrap();
            assert!(page.contains(words), "{page}");
        }
    }
}

#[test]
fn clients_of_one_host_go_one_after_the_other_and_no_request_is_lost() {
    let site = Site::new();
    let project = &site.project;
    site.says_on_both("Hello, world!");
    let before = site.processes();
    project.greet("Good day");
    project.hostout(&["release", "--yes"]).exits(0);
    let visitors = Visitors::come(project.port);
    project.hostout(&["deploy", "--yes"]).exits(0).says(&[
        "stop, start and probe program by program",
        "restarts one after the other web1, web2",
        "keeps running supervisord, zeo: neither configuration nor eggs changed",
    ]);
    assert_eq!(site.new_since(&before), ["web1", "web2"]);
    site.says_on_both("Good day, world!");

    // What serves the clients changes, and the second client cannot start: all of it goes back.
    let before = site.processes();
    project.edit("base.cfg", "nap = 600", "nap = 601");
    let second = format!("{} --threads=${{settings:threads}}", site.ports[1]);
    project.edit(
        "base.cfg",
        &second,
        &second.replace("${settings:threads}", "none"),
    );
    project.commit("Break the second client");
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "--yes"]).exits(22).says(&[
        "restarts zeo: configuration or eggs changed",
        "web2",
        "0.1.1 is live again",
    ]);
    assert_eq!(site.new_since(&before), ["web1", "web2", "zeo"]);
    site.says_on_both("Good day, world!");

    let before = site.processes();
    project
        .hostout(&["rollback", "--yes"])
        .exits(0)
        .says(&["restarts one after the other web1, web2"]);
    assert_eq!(site.new_since(&before), ["web1", "web2"]);
    site.says_on_both("Hello, world!");
    let asked = visitors.go();
    assert!(asked > 300, "{asked} requests only");
    project.hostout(&["status", "--exit-code"]).exits(0);
    // Nothing runs from elsewhere but what was not started anew: supervisord has its own release for good.
    let homes = std::fs::read_to_string(project.host.join(".hostout/homes")).unwrap_or_default();
    assert!(!homes.contains("web"), "{homes}");
}
