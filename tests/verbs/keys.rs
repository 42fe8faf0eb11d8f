//! `git hostout keys` and `policy`: who may do what.

use crate::support::Project;

const BEN: [&str; 2] = ["--name", "ben@example.org"];

/// A certificate whose secret half nobody has.
const CARL: &str = "\
-----BEGIN PGP PUBLIC KEY BLOCK-----\n\
\n\
mDMEawk81xYJKwYBBAHaRw8BAQdARLM8v0ySMySg8ygkGeVRajpZwN2WedS4Zz5C\n\
nL1aO5m0F0NhcmwgPGNhcmxAZXhhbXBsZS5vcmc+iJAEExYIADgWIQTu0udyvusL\n\
cEhZN9kNh9uliwc1cAUCawk81wIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAK\n\
CRANh9uliwc1cCtJAP41GdHm3ynS8NZ1sAEpZ6qz20QE7cTvSlHrPcmwocEnAQEA\n\
p6N2ZiKIYAfHA3V0CUCcaRUE5rjfdvwp640CT9F1iQE=\n\
=N6Jz\n\
-----END PGP PUBLIC KEY BLOCK-----\n\
";

fn started() -> Project {
    let project = Project::single();
    project.hostout(&["init"]).exits(0);
    project
}

#[test]
fn keys_are_added_changed_and_taken_away_by_those_who_may() {
    let project = started();
    let list = project.hostout(&["keys", "list", "--json"]).exits(0).json();
    assert_eq!(list["keys"][0]["name"], "ada@example.org");
    assert_eq!(list["keys"][0]["roles"][0], "all");

    let ben = project.sign_as("ben");
    project.sign_as_ada();
    let add = ["keys", "add", &ben, "--role", "deploy:staging"];
    let add = [&add[..], &BEN].concat();
    let before = project.git(&["rev-parse", "hostout"]);
    let dry = project.hostout(&[&add[..], &["--dry-run"]].concat());
    dry.exits(0)
        .says(&["Let ben@example.org sign", "may: deploy:staging"]);
    project
        .hostout(&[&add[..], &["--no-input"]].concat())
        .exits(13);
    assert_eq!(project.git(&["rev-parse", "hostout"]), before);
    project
        .hostout(&[&add[..], &["--yes"]].concat())
        .exits(0)
        .says(&["ben@example.org may sign now: deploy:staging"]);
    project
        .hostout(&[&add[..], &["--yes"]].concat())
        .exits(0)
        .says(&["ben@example.org has this key already, with deploy:staging."]);
    let subject = project.git(&["log", "-1", "--format=%s", "hostout"]);
    assert_eq!(subject, "keys add ben@example.org");

    // Ben may deploy to staging, and nothing else.
    project.sign_as("ben");
    project
        .hostout(&["release", "--yes"])
        .exits(11)
        .says(&["needs the role release, and has deploy:staging"]);
    assert_eq!(project.git(&["tag"]), "");
    let all = ["keys", "add", &ben, "--role", "all", "--yes"];
    project
        .hostout(&[&all[..], &BEN].concat())
        .exits(11)
        .says(&["needs the role keys, and has deploy:staging"]);
    project.sign_as_ada();
    project
        .hostout(&[
            "keys", "add", &ben, "--role", "release", "--yes", BEN[0], BEN[1],
        ])
        .exits(0)
        .says(&["other roles", "before: deploy:staging"]);
    project.sign_as("ben");
    project.hostout(&["release", "--yes"]).exits(0);

    // Taken away: what was signed before still counts, and nothing new does.
    project.sign_as_ada();
    project
        .hostout(&["keys", "remove", "ben@example.org", "--yes", "-m", "left"])
        .exits(0)
        .says(&["may sign nothing more"]);
    project.hostout(&["verify", "0.1.0"]).exits(0);
    project.sign_as("ben");
    project
        .hostout(&["release", "0.2.0", "--yes"])
        .exits(11)
        .says(&["needs the role release, and has nothing"]);
    project.sign_as_ada();
    project
        .hostout(&["keys", "remove", "ada@example.org", "--yes"])
        .exits(11)
        .says(&["no key may change keys any more"]);
    project
        .hostout(&["keys", "remove", "carl", "--yes"])
        .exits(11)
        .says(&[
            "no key is called carl",
            "git hostout keys list shows their names and fingerprints",
        ]);
    for name in ["one", "two"] {
        let key = project.sign_as(name);
        project.sign_as_ada();
        let add = ["keys", "add", &key, "--role", "release", "--yes"];
        project.hostout(&[&add[..], &BEN].concat()).exits(0);
    }
    project
        .hostout(&["keys", "remove", "ben@example.org", "--yes"])
        .exits(11)
        .says(&[
            "ben@example.org has several keys",
            "name one by its fingerprint: git hostout keys list",
        ]);
    project.hostout(&["log"]).exits(0).says(&["keys", "left"]);
}

#[test]
fn a_key_whose_time_is_over_signs_nothing() {
    let project = started();
    let ben = project.sign_as("ben");
    project.sign_as_ada();
    let add = ["keys", "add", &ben, "--role", "all", "--yes"];
    let until = ["--valid-before", "2026-01-01"];
    project
        .hostout(&[&add[..], &until, &BEN].concat())
        .exits(0)
        .says(&["until 2026-01-01"]);
    project
        .hostout(&["keys", "list"])
        .exits(0)
        .says(&["until 20260101Z"]);
    project.sign_as("ben");
    let before = project.git(&["rev-parse", "hostout"]);
    project
        .hostout(&[
            "keys", "add", &ben, "--role", "keys", "--yes", BEN[0], BEN[1],
        ])
        .exits(11)
        .says(&["is not signed by a key of the ledger"]);
    assert_eq!(project.git(&["rev-parse", "hostout"]), before);
}

/// Git signs with it, and so do we: ssh-keygen judges.
#[test]
fn an_ecdsa_key_signs_and_is_believed() {
    for bits in ["256", "521"] {
        let project = Project::single();
        let key = project.sandbox.path(&format!("home/.ssh/ecdsa{bits}"));
        let mut make = project.sandbox.command("ssh-keygen", &project.directory);
        make.args(["-q", "-t", "ecdsa", "-b", bits, "-N", "", "-f"])
            .arg(&key);
        assert!(make.status().unwrap().success());
        let public = format!("{}.pub", key.display());
        project.git(&["config", "user.signingKey", &public]);
        project.hostout(&["init"]).exits(0).says(&["SHA256:"]);
        project.hostout(&["release", "--yes"]).exits(0);
        let ben = project.sign_as("ben");
        project.git(&["config", "user.signingKey", &public]);
        let add = ["keys", "add", &ben, "--role", "deploy:local", "--yes"];
        project.hostout(&[&add[..], &BEN].concat()).exits(0);
        project.hostout(&["verify"]).exits(0);
    }
}

#[test]
fn a_recovery_key_lets_somebody_in_when_all_others_are_lost() {
    let project = Project::single();
    let put_away = project.sandbox.path("put-away/key").display().to_string();
    project
        .hostout(&["init", "--recovery-key", &put_away])
        .exits(0)
        .says(&[
            "Recovery key: ",
            "put it away, off this machine",
            &format!("git config hostout.signingKey {put_away}"),
        ]);
    project
        .hostout(&["keys", "list"])
        .exits(0)
        .says(&["recovery"]);
    // As it is printed, where git itself signs nothing yet.
    project.git(&["config", "--global", "--unset", "gpg.format"]);
    project.git(&["config", "hostout.signingKey", &put_away]);
    project
        .hostout(&["release", "--yes"])
        .exits(11)
        .says(&["needs the role release, and has recovery"]);
    project
        .hostout(&["keys", "remove", "ada@example.org", "--yes"])
        .exits(11);
    let new = project.sign_as("new");
    project
        .hostout(&[
            "keys", "add", &new, "--role", "all", "--yes", BEN[0], BEN[1],
        ])
        .exits(0);
    project.git(&["config", "hostout.signingKey", new.trim_end_matches(".pub")]);
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["verify"]).exits(0);
}

#[test]
fn words_that_name_no_key_or_role_are_said() {
    let project = started();
    let hand = |words: &[&str], code: i32, says: &str| {
        let run = project.hostout(&[&["keys", "add"], words, &["--yes"]].concat());
        run.exits(code).says(&[says]);
    };
    hand(
        &["nobody@example.org", "--role", "all", "--name", "x"],
        11,
        "nobody@example.org names no public key",
    );
    project.write("carl.asc", CARL);
    hand(
        &["carl.asc", "--role", "all", "--valid-before", "2027-01-01"],
        2,
        "--valid-before is for ssh keys; an OpenPGP key knows its own end",
    );
    hand(
        &["carl.asc", "--role", "release"],
        0,
        "carl@example.org may sign now: release",
    );
    project.hostout(&["keys", "list"]).exits(0).says(&[
        "carl@example.org",
        "EED2E772BEEB0B70485937D90D87DBA58B073570",
    ]);
    hand(
        &["hostout.toml", "--role", "all", "--name", "x"],
        11,
        "hostout.toml names no public key",
    );
    let ben = project.sign_as("ben");
    project.sign_as_ada();
    hand(
        &[&ben, "--role", "admin", "--name", "x"],
        2,
        "`admin` is no role",
    );
    hand(
        &[&ben, "--role", "all", "--name", "a b"],
        2,
        "cannot be a key's name",
    );
    let bare = std::fs::read_to_string(&ben).unwrap();
    let bare: Vec<&str> = bare.split_whitespace().take(2).collect();
    hand(&[&bare.join(" "), "--role", "all"], 2, "whose key is it?");
}

#[test]
fn keys_that_were_edited_by_hand_are_not_believed() {
    let project = started();
    project.hostout(&["release", "--yes"]).exits(0);
    let good = project.git(&["rev-parse", "hostout"]);
    let commit = |change: &dyn Fn(&Project), says: &str| {
        project.git(&["checkout", "--quiet", "hostout"]);
        change(&project);
        project.git(&["add", "--all"]);
        let serial = "tidy up\n\nHostout-Serial: 2\nHostout-Id: 0123456789abcdef\n";
        let signed = [
            "-c",
            "commit.gpgSign=true",
            "commit",
            "--quiet",
            "--message",
            serial,
        ];
        project.git(&signed);
        project.git(&["checkout", "--quiet", "main"]);
        let run = project.hostout(&["verify", "0.1.0", "--json"]).exits(11);
        run.says(&[says]);
        project.git(&["update-ref", "refs/heads/hostout", &good]);
    };
    let line = project.ledger_file("keys/allowed_signers");
    let written =
        |text: String| move |project: &Project| project.write("keys/allowed_signers", &text);
    commit(
        &written(line.replace("\"git,", "\"git\", valid-after=\"2020,")),
        "blanks between its options",
    );
    // What can be read, and yet was not told to hosts.
    commit(
        &written(line.replace('\n', "\r\n")),
        "trust/ does not say so to hosts",
    );
    commit(
        &written(line.trim_end().to_owned()),
        "trust/ does not say so to hosts",
    );
    commit(
        &|project| project.write("policy.toml", "format = 1\nsigners = 2\n"),
        "policy.toml",
    );
    commit(
        &|project| project.write("notes.txt", "x"),
        "notes.txt has no place",
    );
    project.hostout(&["verify", "0.1.0"]).exits(0);
}

#[test]
fn the_policy_is_shown_and_replaced() {
    let project = started();
    project
        .hostout(&["policy"])
        .exits(0)
        .says(&["Nothing is limited yet"]);
    project.write("new.toml", "format = 1\n[stage.production]\nsigner = 2\n");
    project
        .hostout(&["policy", "--set", "new.toml", "--yes"])
        .exits(11)
        .says(&["unknown field `signer`"]);
    let text = "format = 1\nreason = true\n[stage.production]\nsigners = 2\nhealthy = \"30m\"\nretention = \"90d\"\n";
    project.write("new.toml", text);
    let set = || {
        project
            .hostout(&["policy", "--set", "new.toml", "--yes"])
            .exits(0)
    };
    set().says(&[
        "production: 2 people, --from needs 1800 s of health, releases of the last 90 days",
        "every deployment and rollback needs a reason",
        "The policy holds from now on",
    ]);
    set().says(&["the same already"]);
    let run = project.hostout(&["policy"]).exits(0);
    assert_eq!(run.stdout, text);
    let json = project.hostout(&["policy", "--json"]).exits(0).json();
    assert_eq!(json["stage"]["production"]["signers"], 2);
}
