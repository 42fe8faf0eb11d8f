//! The `hostout.toml` that `init` writes: what was found out is set, every other default stands in a comment.

use toml_edit::{Array, Value};

/// What `init` found out about a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The project's name.
    pub name: String,
    /// The first stage.
    pub stage: String,
    /// Its host, `local` or `[user@]host[:port]`.
    pub host: String,
    /// The path there.
    pub path: String,
    /// The buildout's folder in the repository.
    pub directory: String,
    /// What developers run.
    pub development: String,
    /// What hosts run.
    pub production: String,
    /// Further tracked files for the tarball.
    pub include: Vec<String>,
    /// The kind of services that was detected; a word of `[services] kind`.
    pub services: Option<String>,
    /// Which hosts wheels are for; empty = this machine.
    pub targets: Vec<String>,
    /// The python that resolves and builds here.
    pub python: String,
    /// Directories that survive releases.
    pub shared_paths: Vec<String>,
    /// Files that live on the host only.
    pub shared_files: Vec<String>,
    /// An address that shows whether the site answers.
    pub health: Option<String>,
    /// The ledger's branch.
    pub ledger: String,
    /// The pattern of tags.
    pub tag: String,
}

impl Proposal {
    /// A proposal of defaults alone.
    pub fn new(name: &str, stage: &str, host: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            stage: stage.to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            directory: ".".to_owned(),
            development: "buildout.cfg".to_owned(),
            production: "buildout.cfg".to_owned(),
            include: vec!["etc/".to_owned()],
            services: None,
            targets: Vec::new(),
            python: "python3".to_owned(),
            shared_paths: vec!["var".to_owned()],
            shared_files: Vec::new(),
            health: None,
            ledger: "hostout".to_owned(),
            tag: "v{version}".to_owned(),
        }
    }
}

/// The text of a first `hostout.toml`. A value that is the default stands in a comment, except where it helps a reader
/// to see it.
pub fn new_file(proposal: &Proposal) -> String {
    let mut file = Text(String::new());
    file.line("# How this project gets from a commit to its servers: git hostout release, git hostout deploy.");
    file.line("# A key that is commented out has the value shown.");
    file.table("project");
    file.set("name", &proposal.name, "");
    file.set(
        "default-stage",
        &proposal.stage,
        "meant when a command names no stage",
    );
    buildout(&mut file, proposal);
    file.table("eggs");
    file.line("# published = []         # eggs under development that are released elsewhere, such as \"acme.*\"");
    release(&mut file, proposal);
    running(&mut file, proposal);
    stage(&mut file, proposal);
    file.0
}

fn buildout(file: &mut Text, proposal: &Proposal) {
    file.table("buildout");
    file.unless(
        ".",
        "directory",
        &proposal.directory,
        "the folder of the buildout in this repository",
    );
    file.set("development", &proposal.development, "what developers run");
    file.set("production", &proposal.production, "what servers run");
    file.unless(
        Array::from_iter(["etc/"]),
        "include",
        list(&proposal.include),
        "further tracked files that servers need",
    );
    file.line("# host-parts = []        # parts that act outside their release, such as cron jobs");
    file.unless("python3", "python", &proposal.python, "builds here");
}

fn release(file: &mut Text, proposal: &Proposal) {
    file.table("release");
    file.unless("v{version}", "tag", &proposal.tag, "");
    file.unless(
        "hostout",
        "ledger",
        &proposal.ledger,
        "the branch that records releases and deployments",
    );
    if proposal.targets.is_empty() {
        file.line("# targets = []           # what servers run, such as \"cp311-manylinux_2_36_x86_64\"; left out: as this machine");
    } else {
        file.set("targets", list(&proposal.targets), "what servers run");
    }
}

fn running(file: &mut Text, proposal: &Proposal) {
    file.table("services");
    let kinds = "supervisor, zope, command (with start, stop, status, log) or none";
    let kind = proposal.services.as_deref().unwrap_or("auto");
    file.unless("auto", "kind", kind, kinds);
    file.table("data");
    file.line("# kind = \"auto\"          # command (with backup) or none");
    file.line("# keep = 3               # backups, one before every deployment");
    file.table("hooks");
    file.line("# migrate = [\"bin/upgrade\", \"--all\"]                      # a command of yours; none is set");
    file.line("# after-start = { argv = [\"bin/warm-up\"], timeout = \"5m\" }  # before-stop, after-healthy, on-failure too");
    file.table("shared");
    file.unless(
        Array::from_iter(["var"]),
        "paths",
        list(&proposal.shared_paths),
        "directories that survive releases",
    );
    file.unless(
        Array::new(),
        "files",
        list(&proposal.shared_files),
        "live on servers only (passwords): git hostout put",
    );
    file.table("health");
    match &proposal.health {
        Some(http) => file.set("http", http, "asked on the server; it must answer after a deployment"),
        None => file.line("# http = \"http://127.0.0.1:8080/\"   # asked on the server; left out: its processes run"),
    }
    file.line("# timeout = \"60s\"");
}

fn stage(file: &mut Text, proposal: &Proposal) {
    file.table(&format!("stage.{}", toml_edit::Key::new(&proposal.stage)));
    file.set(
        "hosts",
        Array::from_iter([&proposal.host]),
        "[user@]host[:port] as for ssh, or local; the user is deploy if left out",
    );
    file.set("path", &proposal.path, "everything is below it");
    file.line("# python = \"python3\"     # the one that servers run");
    file.line("# protected = false      # true: its name must be typed before anything changes");
    file.line("# keep = 5               # releases on disk, to go back to");
    file.line("# strategy = \"all-at-once\"          # rolling or canary");
    file.line(
        "# runtime-user = \"shop-run\"         # runs the services; left out: the login user",
    );
    file.line("# url = \"https://www.example.org/\"  # where people look at it");
}

struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn table(&mut self, name: &str) {
        self.line(&format!("\n[{name}]"));
    }

    fn set(&mut self, key: &str, value: impl Into<Value>, comment: &str) {
        self.setting("", key, &value.into(), comment);
    }

    /// Sets `key`, in a comment where `value` is the default.
    fn unless(
        &mut self,
        default: impl Into<Value>,
        key: &str,
        value: impl Into<Value>,
        comment: &str,
    ) {
        let value = value.into();
        let same = value.to_string() == default.into().to_string();
        self.setting(if same { "# " } else { "" }, key, &value, comment);
    }

    fn setting(&mut self, mark: &str, key: &str, value: &Value, comment: &str) {
        let setting = format!("{mark}{key} = {value}");
        if comment.is_empty() {
            self.line(&setting);
        } else {
            self.line(&format!("{setting:<24} # {comment}"));
        }
    }
}

fn list(words: &[String]) -> Array {
    words.iter().collect()
}
