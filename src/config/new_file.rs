//! The `hostout.toml` that `init` writes: what was found out is set, every other default stands in a comment.

use toml_edit::{Array, Key, Value};

/// What `init` found out about a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The project's name.
    pub name: String,
    /// The first stage; empty = none yet.
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
    file.line(
        "# How this project gets from a commit to its servers: git hostout release, then deploy.",
    );
    file.line(
        "# Lines that are commented out show the default, or an example where there is none.",
    );
    file.table("project");
    file.set("name", &proposal.name, "");
    let meant = "meant when a command names no stage";
    if proposal.stage.is_empty() {
        file.line("# no stage yet; this adds one: git hostout init --stage demo --host local --path ~/demo");
    } else {
        file.set("default-stage", &proposal.stage, meant);
    }
    buildout(&mut file, proposal);
    file.table("eggs");
    file.note("published = []", "develop eggs that are released elsewhere");
    release(&mut file, proposal);
    running(&mut file, proposal);
    if !proposal.stage.is_empty() {
        stage(&mut file, proposal);
    }
    file.0
}

fn buildout(file: &mut Text, proposal: &Proposal) {
    let include = list(&proposal.include);
    let python = &proposal.python;
    file.table("buildout");
    file.unless(".", "directory", &proposal.directory, "its folder here");
    file.set("development", &proposal.development, "what developers run");
    file.set("production", &proposal.production, "what servers run");
    file.unless(
        Array::from_iter(["etc/"]),
        "include",
        include,
        "further tracked files",
    );
    file.note(
        "host-parts = []",
        "parts that act outside their release, such as cron jobs",
    );
    file.unless("python3", "python", python, "resolves and builds here");
}

fn release(file: &mut Text, proposal: &Proposal) {
    let targets = list(&proposal.targets);
    file.table("release");
    file.unless("v{version}", "tag", &proposal.tag, "");
    file.unless(
        "hostout",
        "ledger",
        &proposal.ledger,
        "branch: what was released and deployed",
    );
    if targets.is_empty() {
        file.note(
            "targets = []",
            "what servers are; left out: like this machine",
        );
    } else {
        file.set("targets", targets, "what servers are");
    }
}

fn running(file: &mut Text, proposal: &Proposal) {
    let kind = proposal.services.as_deref().unwrap_or("auto");
    file.table("services");
    file.unless(
        "auto",
        "kind",
        kind,
        "supervisor, zope, none, or command with start and stop",
    );
    file.table("data");
    file.note(
        "kind = \"auto\"",
        "zodb, postgresql, none, or command with backup and restore",
    );
    file.note("keep = 3", "backups; one is made before every deployment");
    file.table("hooks");
    file.line("# commands at before-stop, migrate, after-start, after-healthy and on-failure:");
    file.note("migrate = [\"bin/upgrade\", \"--all\"]", "example");
    file.table("shared");
    let (paths, files) = (list(&proposal.shared_paths), list(&proposal.shared_files));
    file.unless(
        Array::from_iter(["var"]),
        "paths",
        paths,
        "directories that survive releases",
    );
    file.unless(Array::new(), "files", files, "secrets, on servers only");
    file.table("health");
    match &proposal.health {
        Some(http) => file.set("http", http, "asked on the server after a deployment"),
        None => file.note(
            "http = \"http://127.0.0.1:8080/\"",
            "example; left out: processes run",
        ),
    }
    file.note("status = \"200-299\"", "or one; a redirect is none of them");
    file.note("timeout = \"60s\"", "how long it may take");
    file.note("stable = \"5s\"", "how long it must stay healthy");
}

fn stage(file: &mut Text, proposal: &Proposal) {
    file.table(&format!("stage.{}", Key::new(&proposal.stage)));
    let hosts = Array::from_iter([&proposal.host]);
    file.set(
        "hosts",
        hosts,
        "[user@]host[:port] as for ssh; local is this machine",
    );
    file.set("path", &proposal.path, "everything is below it");
    file.note("python = \"python3\"", "what servers run");
    file.note(
        "protected = false",
        "true: its name is typed before anything changes",
    );
    file.note("keep = 5", "releases on disk, to go back to");
    file.note(
        "strategy = \"all-at-once\"",
        "rolling (batch, pause), canary (pause)",
    );
    file.note(
        "on-failure = \"revert-all\"",
        "or halt, continue: what other hosts do",
    );
    file.note(
        "url = \"https://example.org/\"",
        "example; where people look at it",
    );
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
        self.commented(&format!("{mark}{key} = {value}"), comment);
    }

    /// A setting that isn't set.
    fn note(&mut self, setting: &str, comment: &str) {
        self.commented(&format!("# {setting}"), comment);
    }

    fn commented(&mut self, setting: &str, comment: &str) {
        if comment.is_empty() {
            self.line(setting);
        } else {
            self.line(&format!("{setting:<36} # {comment}"));
        }
    }
}

fn list(words: &[String]) -> Array {
    words.iter().collect()
}
