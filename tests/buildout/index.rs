//! What indexes say of their wheels, read by pip.

use super::project::Project;
use crate::support::Index;
use hostout::{
    buildout::{Indexes, User},
    release::{Digest, Fetchable},
};
use std::fs;

fn wheel(file: &str, size: Option<u64>) -> Fetchable {
    Fetchable {
        file: file.to_owned(),
        sha256: Digest::of(file.as_bytes()),
        size,
    }
}

#[test]
fn wheels_are_listed_with_what_the_index_says_of_them() {
    let house = tempfile::tempdir().unwrap();
    let anchor = |file: &str, kind: &str, more: &str| {
        let hash = Digest::of(file.as_bytes());
        format!("<a href=\"/files/{file}#{kind}={hash}\"{more}>{file}</a>\n")
    };
    let (good, linux) = (
        "acme_speed-1.0-cp313-cp313-macosx_11_0_arm64.whl",
        "acme_speed-1.0-cp312-cp312-linux_x86_64.whl",
    );
    let page = [
        anchor(good, "sha256", " data-requires-python=\"&gt;=3.99\""),
        anchor(linux, "sha256", ""),
        anchor("acme_speed-1.0-cp311-cp311-linux_x86_64.whl", "md5", ""),
        anchor(
            "acme_speed-0.9-py3-none-any.whl",
            "sha256",
            " data-yanked=\"broken\"",
        ),
        anchor("acme_speed-1.0.tar.gz", "sha256", ""),
        "<a href=\"/files/acme_speed-0.8-py3-none-any.whl\">no hash</a>".to_owned(),
    ];
    fs::write(house.path().join("acme-speed.html"), page.concat()).unwrap();
    let file = |file: &str, more: &str| {
        let hash = Digest::of(file.as_bytes());
        format!(
            r#"{{"filename": "{file}", "url": "/files/{file}", "hashes": {{"md5": "0", "sha256": "{hash}"}}{more}}}"#
        )
    };
    let (sized, unsized_) = (
        "acme_depth-2.0-cp313-abi3-linux_x86_64.whl",
        "acme_depth-2.0-py3-none-any.whl",
    );
    let files = [
        file(sized, r#", "size": 4711"#),
        file(unsized_, ""),
        file("acme_depth-1.0-py3-none-any.whl", r#", "yanked": true"#),
    ];
    let json = format!(
        r#"{{"meta": {{"api-version": "1.1"}}, "name": "acme-depth", "files": [{}]}}"#,
        files.join(", ")
    );
    fs::write(house.path().join("acme-depth.json"), json).unwrap();

    let server = Index::start(house.path(), "secret");
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join(".config/pip");
    fs::create_dir_all(&settings).unwrap();
    let index = server.url("me:secret@", "/simple");
    fs::write(
        settings.join("pip.conf"),
        format!("[global]\nindex-url = {index}\n"),
    )
    .unwrap();
    let project = Project::small("eggs =\n");
    let seen = project.seen();
    let user = User::current().with("HOME", home.path());
    let wheels = |names: &[&str]| {
        let indexes = Indexes {
            scratch: &seen.scratch,
            inspected: &seen.inspected,
            settings: &seen.scratch.settings(&user).unwrap(),
            user: &user,
        };
        indexes.wheels(names).unwrap()
    };
    let found = wheels(&["acme.speed", "Acme_Depth", "nothing.of.that.name"]);
    assert_eq!(found["acme.speed"], [wheel(good, None), wheel(linux, None)]);
    assert_eq!(
        found["Acme_Depth"],
        [wheel(sized, Some(4711)), wheel(unsized_, None)]
    );
    assert_eq!(found["nothing.of.that.name"], []);

    // Without the login it is as if there were none.
    let index = server.url("", "/simple");
    fs::write(
        settings.join("pip.conf"),
        format!("[global]\nindex-url = {index}\n"),
    )
    .unwrap();
    let found = wheels(&["acme.speed"]);
    assert_eq!(found["acme.speed"], []);
}
