//! What somebody is told who deploys for the first time.

use crate::support::{Project, at_a_terminal};

#[test]
fn works_and_says_what_to_do() {
    let project = Project::hello();
    project.write(".gitignore", "etc/secret.cfg\n");
    project.write("etc/secret.cfg", "[secret]\n");
    project.edit(
        "hostout.toml",
        "[health]",
        "[shared]\nfiles = [\"etc/secret.cfg\"]\n\n[data]\nkind = \"command\"\nbackup = \"true\"\nrestore = \"true\"\n\n[health]",
    );
    project.edit(
        "hostout.toml",
        "hosts = [\"local\"]",
        "hosts = [\"local\"]\nurl = \"https://hello.example.org/\"",
    );
    project.commit("Keep a secret");
    project.hostout(&["init"]).exits(0);
    // Nothing is released yet.
    at_a_terminal(
        &project.sandbox,
        &project.directory,
        &["deploy", "local"],
        "release it first? [Y/n]",
        "n\n",
    )
    .exits(11)
    .says(&[
        "Neither HEAD nor any commit before it is released: release it first? [Y/n]",
        "git hostout release",
    ]);
    project.hostout(&["release", "--yes"]).exits(0);
    for word in ["Good day", "Good evening", "Good night"] {
        project.greet(word);
    }

    // Without a terminal nobody is asked: what is released is deployed.
    let deploy = ["deploy", "local", "--yes"];
    project.hostout(&deploy).exits(11).says(&[
        "HEAD is 3 commits after v0.1.0; v0.1.0 is deployed.",
        "local: shared file etc/secret.cfg is missing",
        "git hostout put local etc/secret.cfg",
    ]);
    project
        .hostout(&["put", "local", "etc/secret.cfg"])
        .exits(0);

    let typed = |answer: &str| {
        let (sandbox, directory) = (&project.sandbox, &project.directory);
        at_a_terminal(
            sandbox,
            directory,
            &deploy,
            "release it first? [Y/n]",
            answer,
        )
    };
    typed("\n").exits(0).says(&[
        "HEAD is 3 commits after v0.1.0: release it first? [Y/n]",
        "Released hello 0.1.1 (tag v0.1.1)",
        "the first one there; the data here is no part of a release",
        "hello 0.1.1 (tag v0.1.1) is live on local.\n  https://hello.example.org/",
    ]);
    assert!(project.page().contains("Good night"));

    project.greet("Hello again");
    typed("n\n").exits(0).says(&[
        "HEAD is 1 commit after v0.1.1: release it first? [Y/n]",
        "HEAD is 1 commit after v0.1.1; v0.1.1 is deployed.",
    ]);

    // A dry run shows the release, too, and makes none.
    at_a_terminal(
        &project.sandbox,
        &project.directory,
        &["deploy", "local", "--yes", "--dry-run"],
        "release it first? [Y/n]",
        "\n",
    )
    .exits(0)
    .says(&["0.1.2"]);
    assert_eq!(project.git(&["tag", "--list", "v0.1.2"]), "");
    assert!(project.page().contains("Good night"));
}
