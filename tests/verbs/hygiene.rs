//! What somebody changes on the remote by force is noticed by the next command that looks there.

use crate::support::Project;

#[test]
fn what_was_changed_on_the_remote_by_force_is_named_and_nothing_taken_over() {
    let project = Project::single();
    let remote = project.sandbox.path("remote.git").display().to_string();
    project.git(&["init", "--bare", "--quiet", &remote]);
    project.git(&["remote", "add", "origin", &remote]);
    project.hostout(&["init"]).exits(0);
    project.hostout(&["release", "--yes"]).exits(0);
    let withdraw = ["withdraw", "0.1.0", "-m", "looks only", "--dry-run"];
    let looks = || project.hostout(&withdraw);
    looks().exits(0);
    let tip = project.git(&["rev-parse", "hostout"]);
    let refused = |words: &[&str]| {
        looks().exits(11).says(words);
        // It is said until it is settled, and the ledger here is as it was.
        looks().exits(11).says(words);
        assert_eq!(project.git(&["rev-parse", "hostout"]), tip);
    };
    let push = |refspec: &str| project.git(&["push", "--quiet", "--force", "origin", refspec]);

    push("HEAD:refs/tags/v0.1.0");
    refused(&["tag v0.1.0 of origin was moved there"]);
    push("refs/tags/v0.1.0");
    push(":refs/tags/v0.1.0");
    refused(&["tag v0.1.0 of origin is gone from there"]);
    push("refs/tags/v0.1.0");
    push("refs/tags/v0.1.0:refs/tags/v9.9.9");
    refused(&["tag v9.9.9 of origin was made as tag v0.1.0 and copied there"]);
    push(":refs/tags/v9.9.9");

    push("hostout~1:refs/heads/hostout");
    refused(&["the ledger of origin was put back or replaced", &tip]);
    let message = "tidy up\n\nHostout-Serial: 1\nHostout-Id: 0123456789abcdef\n";
    let tree = project.git(&["rev-parse", "hostout~1^{tree}"]);
    let other = ["commit-tree", "-S", &tree, "-p", "hostout~1", "-m", message];
    let other = project.git(&other);
    push(&format!("{other}:refs/heads/hostout"));
    refused(&["the ledger of origin was put back or replaced", &tip]);
    push("hostout");
    looks().exits(0);

    // Another remote never had what this one has; and a ledger that is gone altogether is no new beginning.
    let mirror = project.sandbox.path("mirror.git").display().to_string();
    project.git(&["init", "--bare", "--quiet", &mirror]);
    project.git(&["remote", "add", "mirror", &mirror]);
    project.git(&["push", "--quiet", "mirror", "hostout~1:refs/heads/hostout"]);
    project.git(&["config", "remote.pushDefault", "mirror"]);
    looks().exits(0);
    project.git(&["config", "--unset", "remote.pushDefault"]);
    looks().exits(0);
    push(":refs/heads/hostout");
    refused(&["the ledger of origin was put back or replaced", &tip]);
    push("hostout");
    looks().exits(0);
}
