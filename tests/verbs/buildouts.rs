//! Projects of every supported zc.buildout, and what their configurations may hold.

use crate::support::Project;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    process::Output,
    thread,
};

/// Release, deploy, page, second release, rollback.
fn there_and_back(buildout: &str, recipe: &str) {
    let project = Project::from_fixture("hello");
    let port = project.port.to_string();
    let base = project.read("base.cfg");
    let (base, _) = base.split_once("# what buildout runs with").unwrap();
    project.write("base.cfg", base);
    project.edit("base.cfg", "8080", &port);
    project.edit("hostout.toml", "8080", &port);
    project.edit(
        "base.cfg",
        "zc.buildout = 6.0.1",
        &format!("zc.buildout = {buildout}"),
    );
    project.edit(
        "base.cfg",
        "zc.recipe.egg = 6.0.0",
        &format!("zc.recipe.egg = {recipe}"),
    );
    // What makes `pyproject.toml` enough for developers came later.
    project.write(
        "src/acme.greeting/setup.py",
        "from setuptools import setup\nsetup()\n",
    );
    let project = project.add_stage_and_commit();
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let manifest = project.manifest("0.1.0");
    let pin = |name: &str| manifest.pin.iter().find(|pin| pin.name == name).unwrap();
    assert_eq!(pin("zc.buildout").version.to_string(), buildout);
    assert_eq!(pin("zc.recipe.egg").version.to_string(), recipe);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert!(project.page().contains("Hello, world!"));
    project.greet("Good day");
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    assert!(project.page().contains("Good day, world!"));
    project.hostout(&["rollback", "local", "--yes"]).exits(0);
    assert!(project.page().contains("Hello, world!"));
}

/// Such as Debian's own, where pip comes with python3-venv.
#[test]
fn an_interpreter_without_pip_will_do() {
    let project = Project::single();
    let bare = project.sandbox.path("bare");
    let place = bare.display().to_string();
    let mut make = project.sandbox.command("python3", &project.directory);
    make.args(["-m", "venv", "--without-pip", &place]);
    assert!(make.status().unwrap().success());
    let python = format!("[buildout]\npython = \"{place}/bin/python\"\n\n[services]");
    project.edit("hostout.toml", "[services]", &python);
    project.commit("Take an interpreter without pip");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--dry-run"]).exits(0);
}

#[test]
fn buildout_4_1_4() {
    there_and_back("4.1.4", "3.0.0");
}

#[test]
fn buildout_4_1_12() {
    there_and_back("4.1.12", "3.0.0");
}

#[test]
fn buildout_4_2_0() {
    there_and_back("4.2.0", "3.0.0");
}

#[test]
fn buildout_5_2_0() {
    there_and_back("5.2.0", "4.0.0");
}

#[test]
fn buildout_3_is_too_old() {
    let project = Project::single();
    project.edit("buildout.cfg", "zc.buildout = 6.0.1", "zc.buildout = 3.3");
    project.commit("Use an old buildout");
    project.hostout(&["init"]).exits(0);
    project
        .hostout(&["release", "--yes"])
        .exits(10)
        .says(&["3.3", "4.1"]);
}

/// Runs a program of the live release.
fn run(project: &Project, program: &str) -> Output {
    let program = project.host.join("current/bin").join(program);
    let mut command = project
        .sandbox
        .command(program.to_str().unwrap(), &project.host);
    command.output().unwrap()
}

/// A recipe of the project's own that downloads a file and renders a template.
const RECIPE: &str = "\
import os
import shutil
from zc.buildout.download import Download


class Fetch:
    def __init__(self, buildout, name, options):
        self.directory = buildout['buildout']['directory']
        self.cache = buildout['buildout']
        self.options = options

    def install(self):
        download = Download(self.cache, namespace='acme.recipe', hash_name=True)
        path, is_temporary = download(self.options['url'])
        with open(os.path.join(self.directory, 'etc', 'words.in')) as template:
            text = template.read()
        with open(path) as fetched:
            text = text.replace('WORD', fetched.read().strip())
        target = os.path.join(self.directory, 'words.txt')
        with open(target, 'w') as out:
            out.write(text)
        return [target]

    update = install
";

const SETUP: &str = "\
from setuptools import setup

setup(
    name='acme.recipe',
    version='1.0',
    py_modules=['acme_recipe'],
    entry_points={'zc.buildout': ['default = acme_recipe:Fetch']},
)
";

/// A web server for a few files; it stops answering when this is dropped.
struct Web {
    port: u16,
    thread: Option<thread::JoinHandle<()>>,
}

impl Web {
    fn start(files: &'static [(&'static str, &'static str)]) -> Self {
        Self::at(0, files)
    }

    fn at(port: u16, files: &'static [(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 2048];
                // A client that hangs up is its own affair.
                let length = stream.read(&mut request).unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or_default();
                if path == "/stop" {
                    return;
                }
                let found = files.iter().find(|(name, _)| *name == path);
                let (status, body) =
                    found.map_or(("404 Not Found", ""), |(_, body)| ("200 OK", body));
                let answer = format!(
                    "HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).ok();
            }
        };
        Self {
            port,
            thread: Some(thread::spawn(serve)),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        if let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", self.port)) {
            stream.write_all(b"GET /stop HTTP/1.0\r\n\r\n").ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

#[test]
fn what_was_fetched_reaches_hosts_whatever_is_served_there_later() {
    let web = Web::start(&[
        (
            "/base.cfg",
            "[buildout]\nextends = more/deep.cfg\n[words]\nrecipe = acme.recipe\n",
        ),
        ("/more/deep.cfg", "[buildout]\nparts += words\n"),
        ("/word.txt", "fetched\n"),
    ]);
    let project = Project::from_fixture("single");
    project.edit(
        "buildout.cfg",
        "develop = .\nparts = app",
        &format!(
            "extends = {}\ndevelop = .\n    recipe\nparts += app",
            web.url("/base.cfg")
        ),
    );
    let words = format!("\n[words]\nurl = {}\n", web.url("/word.txt"));
    project.write("buildout.cfg", &(project.read("buildout.cfg") + &words));
    project.write("recipe/setup.py", SETUP);
    project.write("recipe/acme_recipe.py", RECIPE);
    project.write("etc/words.in", "A WORD word.\n");
    let project = project.add_stage_and_commit();
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let (base, port) = (web.url("/base.cfg"), web.port);
    drop(web);
    // At the same addresses somebody serves something else now; and then nobody serves anything.
    let other = Web::at(
        port,
        &[
            ("/base.cfg", "[buildout]\nextends = more/deep.cfg\n"),
            ("/more/deep.cfg", "[buildout]\nparts += evil\n"),
            ("/word.txt", "stolen\n"),
        ],
    );
    // Whoever makes it again, and hosts, get the copies that were released.
    let rebuild = || {
        project
            .hostout(&["verify", "0.1.0", "--rebuild"])
            .exits(0)
            .says(&["single 0.1.0 holds: all"]);
    };
    rebuild();

    let manifest = project.manifest("0.1.0");
    let urls: Vec<&str> = manifest
        .extends
        .iter()
        .map(|one| one.url.as_str())
        .collect();
    assert_eq!(
        urls,
        [base.clone(), base.replace("base.cfg", "more/deep.cfg")]
    );
    let files = project.git(&["ls-tree", "-r", "--name-only", "v0.1.0"]);
    assert!(files.contains(".hostout/extends/"), "{files}");
    assert!(files.contains(".hostout/downloads/acme.recipe/"), "{files}");
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let text = fs::read_to_string(project.host.join("current/words.txt")).unwrap();
    assert_eq!(text, "A fetched word.\n");
    assert_eq!(run(&project, "single").stdout, b"One folder is enough.\n");
    drop(other);
    rebuild();
    fs::remove_file(project.host.join("current")).unwrap();
    fs::remove_file(project.host.join(".hostout/record")).unwrap();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let text = fs::read_to_string(project.host.join("current/words.txt")).unwrap();
    assert_eq!(text, "A fetched word.\n");
}

const COMMAND: &str = "
[note]
recipe = plone.recipe.command
command = echo ${buildout:directory} >> ${:file}
file = NOTE
";

#[test]
fn parts_that_act_outside_run_after_the_switch_and_on_rollbacks() {
    let project = Project::from_fixture("single");
    let note = project.sandbox.path("note.txt");
    project.edit("buildout.cfg", "parts = app\n", "parts = app note\n");
    let command = COMMAND.replace("NOTE", note.to_str().unwrap());
    project.write("buildout.cfg", &(project.read("buildout.cfg") + &command));
    let project = project.add_stage_and_commit();
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(11).says(&[
        "part note of buildout.cfg (plone.recipe.command) acts outside the release directory",
        "name it: host-parts = [\"note\"] in [buildout] of hostout.toml",
    ]);
    assert!(!note.exists());

    let named = "[buildout]\nhost-parts = [\"note\"]\n\n[services]";
    project.edit("hostout.toml", "[services]", named);
    project.commit("Allow the part");
    project.hostout(&["release", "--yes"]).exits(0);
    assert!(!note.exists(), "it ran at release");
    let manifest = project.manifest("0.1.0");
    assert_eq!(manifest.buildout[0].host_parts, ["note"]);
    assert_eq!(manifest.buildout[0].parts, ["app"]);
    let lines = || {
        fs::read_to_string(&note)
            .unwrap_or_default()
            .lines()
            .count()
    };
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let text = fs::read_to_string(&note).unwrap();
    assert!(text.trim_end().ends_with("/current"), "{text}");
    let first = lines();
    project.edit("src/acme/single/__init__.py", "enough", "plenty");
    // Buildout runs a part again that changed.
    project.edit("buildout.cfg", "command = echo", "command = echo at");
    project.commit("Change both");
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let second = lines();
    assert!(second > first, "{second}");
    project.hostout(&["rollback", "local", "--yes"]).exits(0);
    assert!(lines() > second);
}

#[test]
fn globs_and_unused_develop_eggs() {
    let egg = |name: &str| {
        format!(
            "from setuptools import setup\nsetup(name='{name}', version='1.0', py_modules=['m'])\n"
        )
    };
    let broken = "from setuptools import setup\nimport sys\nsys.exit('no way')\nsetup(name='acme.broken', version='1.0')\n";
    let project = Project::single_with(&[
        (
            "eggs-of-ours/acme.used/setup.py",
            &egg("acme.used").replace("'m'", "'used'"),
        ),
        ("eggs-of-ours/acme.used/used.py", ""),
        (
            "eggs-of-ours/acme.spare/setup.py",
            &egg("acme.spare").replace("'m'", "'spare'"),
        ),
        ("eggs-of-ours/acme.spare/spare.py", ""),
        ("eggs-of-ours/acme.broken/setup.py", broken),
        (
            "tools/acme.tool/setup.py",
            &egg("acme.tool").replace("'m'", "'tool'"),
        ),
        ("tools/acme.tool/tool.py", ""),
        (
            "prod.cfg",
            "[buildout]\nextends = buildout.cfg\ndevelop = .\n    eggs-of-ours/*\n[app]\neggs += acme.used\n",
        ),
        (
            "dev.cfg",
            "[buildout]\nextends = prod.cfg\ndevelop += tools/acme.tool\n    src/nowhere\n",
        ),
    ]);
    let wanted = "[buildout]\ndevelopment = \"dev.cfg\"\nproduction = \"prod.cfg\"\n\n[services]";
    project.edit("hostout.toml", "[services]", wanted);
    project.commit("Name the configurations");
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0).says(&[
        "acme.spare",
        "acme.broken",
        "acme.tool",
    ]);
    let names = |version: &str| -> Vec<String> {
        let manifest = project.manifest(version);
        manifest.egg.iter().map(|egg| egg.name.clone()).collect()
    };
    assert_eq!(names("0.1.0"), ["acme.single", "acme.used"]);

    // A part of the project that no production uses still makes its tree another one.
    project.write("eggs-of-ours/acme.spare/spare.py", "x = 1\n");
    project.commit("Change the spare egg");
    project.hostout(&["release", "--yes"]).exits(0);
    let manifest = project.manifest("0.1.1");
    assert!(manifest.egg.iter().all(|egg| !egg.changed));
    assert_eq!(names("0.1.1"), ["acme.single", "acme.used"]);
    let spare = project.git(&["show", "v0.1.1:eggs-of-ours/acme.spare/setup.py"]);
    assert!(spare.contains("'1.0'"), "{spare}");
}
