//! An egg's next version, by PEP 440.

use pep440_rs::{Prerelease, Version};

/// The version that a changed egg is released as.
///
/// The file's own version without `.devN` and local label if that is above the last released one, else the last
/// released one with its last number raised (`0.3` → `0.3.1`, `1.0rc1` → `1.0rc2`). Behind a newer release of another
/// line: `last.postN`, which sorts before everything that line may have released. Then on to the next one that is not
/// `taken`, in the ledger or on an index.
///
/// `last` is the last release on this line of history, `newest_elsewhere` the newest of all.
pub fn next(
    in_file: Option<&Version>,
    last: Option<&Version>,
    taken: &dyn Fn(&Version) -> bool,
    newest_elsewhere: Option<&Version>,
) -> Version {
    let in_file = in_file.map(plain);
    let ordinary = match (in_file, last) {
        (Some(file), Some(last)) if file <= *last => above(last),
        (Some(file), _) => file,
        (None, Some(last)) => above(last),
        (None, None) => Version::new([0, 1, 0]),
    };
    let behind = |last: &&Version| {
        newest_elsewhere.is_some_and(|newest| newest > *last && *newest >= ordinary)
    };
    let first = match last.filter(behind) {
        Some(last) => plain(last).with_post(Some(last.post().unwrap_or(0) + 1)),
        None => ordinary,
    };
    let mut candidate = first;
    while taken(&candidate) {
        candidate = raised(&candidate);
    }
    candidate
}

/// Without `.devN` and local label.
fn plain(version: &Version) -> Version {
    version.clone().without_local().with_dev(None)
}

/// The first plain version above `last`.
fn above(last: &Version) -> Version {
    let plain = plain(last);
    if plain > *last { plain } else { raised(&plain) }
}

/// With its last number one higher; a release number of one or two parts gets a third.
fn raised(version: &Version) -> Version {
    if let Some(post) = version.post() {
        return version.clone().with_post(Some(post + 1));
    }
    if let Some(Prerelease { kind, number }) = version.pre() {
        let number = number + 1;
        return version.clone().with_pre(Some(Prerelease { kind, number }));
    }
    let mut numbers = version.release().to_vec();
    numbers.resize(numbers.len().max(3), 0);
    if let Some(last) = numbers.last_mut() {
        *last += 1;
    }
    version.clone().with_release(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        text.parse().unwrap()
    }

    /// `in_file last taken newest-elsewhere → next`; `-` = none, taken separated by commas.
    fn check(table: &[[&str; 5]]) {
        let some = |text: &str| (text != "-").then(|| v(text));
        for [file, last, taken, elsewhere, wanted] in table {
            let taken: Vec<Version> = taken.split(',').filter_map(some).collect();
            let got = next(
                some(file).as_ref(),
                some(last).as_ref(),
                &|version| taken.contains(version),
                some(elsewhere).as_ref(),
            );
            let case = format!("file {file}, last {last}, taken {taken:?}, elsewhere {elsewhere}");
            assert_eq!(got.to_string(), *wanted, "{case}");
        }
    }

    #[test]
    fn the_files_number_if_it_is_above_the_last_release() {
        check(&[
            ["0.3.dev0", "-", "-", "-", "0.3"],
            ["1.0.0", "-", "-", "-", "1.0.0"],
            ["0.3.dev0", "0.2", "-", "-", "0.3"],
            ["1.0.0", "0.9", "-", "-", "1.0.0"],
            ["1.0", "1.0rc2", "-", "-", "1.0"],
            ["1.0rc1", "0.9", "-", "-", "1.0rc1"],
            ["1.0rc2.dev0", "1.0rc1", "-", "-", "1.0rc2"],
            ["1.0.post1.dev0", "1.0", "-", "-", "1.0.post1"],
            ["1.0+local.7", "0.9", "-", "-", "1.0"],
            ["1!0.1", "2.0", "-", "-", "1!0.1"],
            ["5.2.1.5.dev0", "5.2.1.4", "-", "-", "5.2.1.5"],
            ["1.0", "1.0.dev3", "-", "-", "1.0"],
        ]);
    }

    #[test]
    fn else_the_last_release_with_its_last_number_raised() {
        check(&[
            ["0.3", "0.3", "-", "-", "0.3.1"],
            ["0.3.dev0", "0.3", "-", "-", "0.3.1"],
            ["0.3", "0.3.1", "-", "-", "0.3.2"],
            ["1.0.0", "1.0.0", "-", "-", "1.0.1"],
            ["1.0", "1.0.0", "-", "-", "1.0.1"],
            ["3", "3", "-", "-", "3.0.1"],
            ["2.0", "2.0.0.9", "-", "-", "2.0.0.10"],
            ["1.0rc1", "1.0rc1", "-", "-", "1.0rc2"],
            ["1.0a1", "1.0b3", "-", "-", "1.0b4"],
            ["1.0", "1.0.post1", "-", "-", "1.0.post2"],
            ["1.0", "1.0+abc", "-", "-", "1.0.1"],
            ["1.0.dev1", "1.1.dev2", "-", "-", "1.1"],
            ["1!1.0", "1!1.0", "-", "-", "1!1.0.1"],
            ["2.0", "1!1.0", "-", "-", "1!1.0.1"],
            ["-", "1.4", "-", "-", "1.4.1"],
            ["-", "-", "-", "-", "0.1.0"],
        ]);
    }

    #[test]
    fn then_on_to_the_next_free_one() {
        check(&[
            ["0.3.dev0", "-", "0.3", "-", "0.3.1"],
            ["0.3.dev0", "-", "0.3,0.3.1,0.3.2", "-", "0.3.3"],
            ["0.3", "0.3", "0.3.1", "-", "0.3.2"],
            ["1.0rc1", "-", "1.0rc1", "-", "1.0rc2"],
            ["1.0", "1.0", "1.0.post1", "1.1", "1.0.post2"],
        ]);
    }

    #[test]
    fn behind_another_line_a_post_release() {
        check(&[
            ["1.0", "1.0", "1.1", "1.1", "1.0.post1"],
            ["1.0.1.dev0", "1.0", "-", "1.0.1", "1.0.post1"],
            ["1.0", "1.0.post1", "-", "1.1", "1.0.post2"],
            ["1.0rc1", "1.0rc1", "-", "1.0", "1.0rc1.post1"],
            ["1.0", "1.0+abc", "-", "1.1", "1.0.post1"],
            // ahead of that line, or that line is this one
            ["2.0.dev0", "1.0", "-", "1.1", "2.0"],
            ["1.0", "1.0", "-", "1.0", "1.0.1"],
            ["0.9", "-", "-", "1.0", "0.9"],
        ]);
    }
}
