//! A real Plone, from a buildout to a site on hosts that have no way to anywhere, and back: one instance, and ZEO with two
//! clients under supervisor. It takes minutes, so that `make plone` runs it and `make test` says that it didn't.

use super::{
    Need, cases,
    site::{PATH, Site},
};
use crate::lab::{Lab, wait_for};

cases![Need::Plone; one_instance, zeo_and_two_clients, clients_below_control_scripts_go_one_after_the_other];

/// Must be set in the environment, or these cases are listed as ignored.
pub const PLONE: &str = "HOSTOUT_TEST_PLONE";

const FIRST: &str = "Welcome to Acme";
const SECOND: &str = "Good day from Acme";

/// Adds a file to the site: its content is a blob.
const KEEP: &str = r#"
import base64, json, urllib.request
file = {"data": "kept words", "filename": "kept.txt", "content-type": "text/plain", "encoding": "utf-8"}
headers = {"Accept": "application/json", "Content-Type": "application/json",
           "Authorization": "Basic " + base64.b64encode(b"admin:admin").decode()}
body = json.dumps({"@type": "File", "id": "kept", "title": "Kept", "file": file}).encode()
urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8080/Plone", body, headers), timeout=60)
"#;

fn one_instance() {
    let site = Site::plone(Lab::start(1), "", |_| ());
    from_a_buildout_to_a_site_and_back(&site);
}

/// Clients run nothing without their server: the site is made after the start.
const ZEO: &str = r#"buildout = "zeo.cfg"
[stage.far.hooks]
migrate = []
after-start = ["sh", "scripts/create_site.sh"]
"#;

fn zeo_and_two_clients() {
    let site = Site::plone(Lab::start(1), ZEO, |_| ());
    from_a_buildout_to_a_site_and_back(&site);
    let other = site.host().page_at(8081, "/Plone");
    assert!(
        other.unwrap().contains(FIRST),
        "the second client serves too"
    );
    let snapshots = format!("ls {PATH}/shared/var/snapshotbackups");
    assert_ne!(site.host().run(&["sh", "-c", &snapshots]), "");
}

/// Visitors who, as behind a balancer, ask the other client where one is down; tells how many were served, and how many not.
const VISITORS: &str = r#"
import itertools, os, time, urllib.request
served = lost = 0
for turn in itertools.count():
    if os.path.exists("/tmp/over"):
        break
    for port in (8080, 8081)[::1 - turn % 2 * 2]:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/Plone", timeout=60).read()
        except OSError:
            continue
        served += 1
        break
    else:
        lost += 1
    time.sleep(0.2)
with open("/tmp/visitors", "w") as file:
    print(served, "served,", lost, "lost", file=file)
"#;

/// No supervisor: `bin/zeoserver`, `bin/instance` and `bin/instance2` are started, stopped and asked themselves.
fn clients_below_control_scripts_go_one_after_the_other() {
    let rolling = format!("strategy = \"rolling\"\n{ZEO}");
    let site = Site::plone(Lab::start(1), &rolling, |project| {
        project.edit("zeo.cfg", "    supervisor\n", "");
    });
    let host = site.host();
    // A server of the old release answers the new one's script with a warning first.
    let status = |script: &str| {
        let said = host.run(&[&format!("{PATH}/current/bin/{script}"), "status"]);
        said.lines().last().unwrap_or_default().to_owned()
    };
    let scripts = ["zeoserver", "instance", "instance2"];
    let front = |port| host.page_at(port, "/Plone").unwrap_or_default();
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    let before = scripts.map(status);

    let greeting = "src/acme.policy/src/acme/policy/greeting.py";
    site.project.edit(greeting, FIRST, SECOND);
    site.project.commit("Be more formal");
    site.hostout(&["release", "--yes"]).exits(0);
    let come = format!("setsid python3 -c '{VISITORS}' </dev/null >/dev/null 2>&1 &");
    host.run(&["sh", "-c", &come]);
    site.hostout(&["deploy", "far", "--yes"]).exits(0).says(&[
        "restarts one after the other instance, instance2",
        "keeps running zeoserver: neither configuration nor eggs changed",
    ]);
    host.run(&["touch", "/tmp/over"]);
    let told = || host.exec(&["cat", "/tmp/visitors"]).stdout;
    let told = wait_for(|| Some(told()).filter(|told| told.ends_with(b"\n")));
    let told = String::from_utf8(told.unwrap()).unwrap();
    assert!(told.ends_with(" 0 lost\n"), "{told}");

    let after = scripts.map(status);
    assert_eq!(before[0], after[0]);
    assert!(before[1] != after[1] && before[2] != after[2], "{after:?}");
    for port in [8080, 8081] {
        assert!(front(port).contains(SECOND), "{port}");
    }
    site.hostout(&["status", "far", "--exit-code"]).exits(0);
    site.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert!(front(8081).contains(FIRST));
    assert_eq!(after[0], status("zeoserver"));
}

fn from_a_buildout_to_a_site_and_back(site: &Site) {
    let host = site.host();
    let front = || host.page_at(8080, "/Plone").unwrap_or_default();
    let kept = || host.page_at(8080, "/Plone/kept/@@download/file").unwrap();
    let whole = |version: &str, words: &str| {
        assert_eq!(site.live(), version);
        assert!(front().contains(words), "{version}");
        assert_eq!(kept(), "kept words", "{version}");
        site.hostout(&["status", "far", "--exit-code"]).exits(0);
    };

    // What hosts get is everything: they have no index.
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    host.run(&["python3", "-c", KEEP]);
    whole("0.1.0", FIRST);

    // One egg is built, everything else stays.
    let egg = "src/acme.policy/src/acme/policy";
    let greeting = format!("{egg}/greeting.py");
    site.project.edit(&greeting, FIRST, SECOND);
    site.project.commit("Be more formal");
    let released = site.hostout(&["release", "--yes"]).exits(0);
    released.says(&["acme.policy 0.1 ->"]);
    site.hostout(&["deploy", "far", "--yes"]).exits(0);
    whole("0.1.1", SECOND);
    let record = host.read(&format!("{PATH}/.hostout/record"));
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["backups"][0]["kind"], "zodb", "{record}");
    // Blobs are nobody else's business, and neither are those in a backup.
    for folder in ["shared/var/blobstorage", "backups"] {
        let list = format!("setpriv --reuid=65534 --regid=65534 --clear-groups ls {PATH}/{folder}");
        assert!(
            !host.exec(&["sh", "-c", &list]).status.success(),
            "{folder}"
        );
    }

    // `bin/instance start` says that all is well with a Zope that dies.
    let zcml = format!("{egg}/configure.zcml");
    site.project
        .edit(&zcml, ".greeting.Greeting", ".greeting.Nobody");
    site.project.commit("Break the configuration");
    site.hostout(&["release", "--yes"]).exits(0);
    let broken = site.hostout(&["deploy", "far", "--yes"]).exits(22);
    broken.says(&["has no global Nobody"]);
    whole("0.1.1", SECOND);

    site.hostout(&["rollback", "far", "--yes"]).exits(0);
    whole("0.1.0", FIRST);
}
