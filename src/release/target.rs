//! Whether a wheel fits a target: a python and the platform it runs on, `cp311-manylinux_2_36_x86_64`.
//!
//! Tags as in PEP 425, compressed sets in file names as in PEP 427, platforms as in PEP 600 and PEP 656.

/// A kind of host: `CPython` 3.`minor` on a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    minor: u32,
    platform: Platform,
}

/// A platform tag.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Platform {
    /// Any version of a C library.
    Linux { arch: String },
    /// glibc of at least this version.
    Many { version: Version, arch: String },
    /// musl of at least this version.
    Musl { version: Version, arch: String },
    /// macOS of at least this version.
    Mac { version: Version, arch: String },
}

type Version = (u32, u32);

/// The names before PEP 600.
const ALIASES: [(&str, Version); 3] = [
    ("manylinux1_", (2, 5)),
    ("manylinux2010_", (2, 12)),
    ("manylinux2014_", (2, 17)),
];

impl Target {
    /// Reads `cp311-manylinux_2_36_x86_64`; nothing for what is no target.
    pub fn parse(text: &str) -> Option<Self> {
        let (python, platform) = text.split_once('-')?;
        Some(Self {
            minor: python.strip_prefix("cp3")?.parse().ok()?,
            platform: Platform::parse(platform)?,
        })
    }

    /// Whether a wheel of this file name can be installed on the target.
    pub fn takes(&self, file: &str) -> bool {
        wheel_tags(file).iter().any(|[python, abi, platform]| {
            self.takes_python(python, abi) && self.takes_platform(platform)
        })
    }

    /// Its interpreter's ABI, e.g. `cp313`.
    pub fn abi(&self) -> String {
        format!("cp3{}", self.minor)
    }

    /// A late patch version of its python: which one hosts have is not known here.
    pub fn late_python(&self) -> String {
        format!("3.{}.99", self.minor)
    }

    /// Its operating system and architecture, as PEP 508 calls them.
    pub fn machine(&self) -> (&'static str, &str) {
        match &self.platform {
            Platform::Linux { arch }
            | Platform::Many { arch, .. }
            | Platform::Musl { arch, .. } => ("Linux", arch),
            Platform::Mac { arch, .. } => ("Darwin", arch),
        }
    }

    /// The tags of all platforms whose wheels it takes, best first: a C library takes what was built for an older one
    /// (PEP 600, PEP 656).
    pub fn platforms(&self) -> Vec<String> {
        match &self.platform {
            Platform::Linux { arch } => vec![format!("linux_{arch}")],
            Platform::Many { version, arch } => {
                let old = ["x86_64", "i686"].contains(&arch.as_str());
                let mut tags = Vec::new();
                for minor in (if old { 5 } else { 17 }..=version.1).rev() {
                    tags.push(format!("manylinux_{}_{minor}_{arch}", version.0));
                    let aliases = ALIASES
                        .iter()
                        .filter(|(_, named)| *named == (version.0, minor));
                    tags.extend(aliases.map(|(alias, _)| format!("{alias}{arch}")));
                }
                tags
            }
            Platform::Musl { version, arch } => (0..=version.1)
                .rev()
                .map(|minor| format!("musllinux_{}_{minor}_{arch}", version.0))
                .collect(),
            // From 11 on only the first number counts.
            Platform::Mac { version, arch } => {
                let news = (11..=version.0).rev().map(|major| (major, 0));
                let olds = (4..=if version.0 == 10 { version.1 } else { 16 }).rev();
                news.chain(olds.map(|minor| (10, minor)))
                    .flat_map(|(major, minor)| {
                        [arch.as_str(), "universal2"]
                            .map(|arch| format!("macosx_{major}_{minor}_{arch}"))
                    })
                    .collect()
            }
        }
    }

    fn takes_python(&self, python: &str, abi: &str) -> bool {
        let own = format!("cp3{}", self.minor);
        if python == own {
            return abi == own || abi == format!("{own}m") || ["abi3", "none"].contains(&abi);
        }
        let minor = |prefix: &str| python.strip_prefix(prefix)?.parse::<u32>().ok();
        match abi {
            "abi3" => minor("cp3").is_some_and(|minor| minor >= 2 && minor <= self.minor),
            "none" => python == "py3" || minor("py3").is_some_and(|minor| minor <= self.minor),
            _ => false,
        }
    }

    fn takes_platform(&self, tag: &str) -> bool {
        use Platform::{Linux, Mac, Many, Musl};
        if tag == "any" {
            return true;
        }
        match (&self.platform, Platform::parse(tag)) {
            // What was built on a machine like the target says no more than `linux`.
            (
                Linux { arch: ours } | Many { arch: ours, .. } | Musl { arch: ours, .. },
                Some(Linux { arch }),
            ) => *ours == arch,
            (
                Many {
                    version: ours,
                    arch: own,
                },
                Some(Many { version, arch }),
            )
            | (
                Musl {
                    version: ours,
                    arch: own,
                },
                Some(Musl { version, arch }),
            ) => *own == arch && version.0 == ours.0 && version.1 <= ours.1,
            (
                Mac {
                    version: ours,
                    arch: own,
                },
                Some(Mac { version, arch }),
            ) => (*own == arch || arch == "universal2") && version <= *ours,
            _ => false,
        }
    }
}

impl Platform {
    fn parse(tag: &str) -> Option<Self> {
        for (alias, version) in ALIASES {
            if let Some(arch) = tag.strip_prefix(alias) {
                let arch = arch.to_owned();
                return Some(Self::Many { version, arch });
            }
        }
        let (kind, rest) = tag.split_once('_')?;
        if kind == "linux" {
            let arch = rest.to_owned();
            return Some(Self::Linux { arch });
        }
        let mut parts = rest.splitn(3, '_');
        let version = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let arch = parts.next()?.to_owned();
        match kind {
            "manylinux" => Some(Self::Many { version, arch }),
            "musllinux" => Some(Self::Musl { version, arch }),
            "macosx" => Some(Self::Mac { version, arch }),
            _ => None,
        }
    }
}

/// Every `[python, abi, platform]` that a wheel's file name stands for; none for what is no wheel.
pub fn wheel_tags(file: &str) -> Vec<[&str; 3]> {
    let mut words = file.strip_suffix(".whl").unwrap_or("").rsplitn(4, '-');
    let (Some(platforms), Some(abis), Some(pythons)) = (words.next(), words.next(), words.next())
    else {
        return Vec::new();
    };
    let mut tags = Vec::new();
    for python in pythons.split('.') {
        for abi in abis.split('.') {
            tags.extend(platforms.split('.').map(|platform| [python, abi, platform]));
        }
    }
    tags
}

/// How well a wheel fits an interpreter that takes `tags`, best first: 0 is best, nothing where it does not.
pub fn wheel_rank(file: &str, tags: &[String]) -> Option<usize> {
    let own: Vec<String> = wheel_tags(file).iter().map(|tags| tags.join("-")).collect();
    tags.iter().position(|tag| own.contains(tag))
}

/// Whether there may be hosts that take a wheel: those of Windows, and of other interpreters than `CPython`, have none.
pub fn some_host_takes(file: &str) -> bool {
    wheel_tags(file).iter().any(|[python, _, platform]| {
        let python = ["cp3", "py3"].iter().any(|known| python.starts_with(known));
        python && (*platform == "any" || Platform::parse(platform).is_some())
    })
}

/// Whether every host takes a wheel: one without compiled code, for any python 3.
pub fn every_host_takes(file: &str) -> bool {
    wheel_tags(file).contains(&["py3", "none", "any"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(target: &str, fit: &[&str], misfit: &[&str]) {
        let target = Target::parse(target).unwrap();
        for tags in fit {
            assert!(target.takes(&format!("a-1.0-{tags}.whl")), "{tags}");
        }
        for tags in misfit {
            assert!(!target.takes(&format!("a-1.0-{tags}.whl")), "{tags}");
        }
    }

    #[test]
    fn pythons_and_their_interfaces() {
        sort(
            "cp311-manylinux_2_36_x86_64",
            &[
                "py3-none-any",
                "py2.py3-none-any",
                "1-py3-none-any",
                "py311-none-any",
                "py39-none-any",
                "cp311-none-any",
                "cp311-cp311-manylinux_2_17_x86_64",
                "cp37-abi3-manylinux_2_17_x86_64",
                "cp39.cp310.cp311-abi3-linux_x86_64",
                "py3-none-manylinux_2_17_x86_64",
            ],
            &[
                "py2-none-any",
                "py312-none-any",
                "cp310-none-any",
                "cp310-cp310-manylinux_2_17_x86_64",
                "cp313-abi3-manylinux_2_17_x86_64",
                "pp311-pypy311_pp73-manylinux_2_17_x86_64",
                "cp311-cp311t-manylinux_2_17_x86_64",
            ],
        );
        assert!(
            !Target::parse("cp311-linux_x86_64")
                .unwrap()
                .takes("a-1.0.tar.gz")
        );
    }

    #[test]
    fn platforms_and_their_older_names() {
        sort(
            "cp311-manylinux_2_17_x86_64",
            &[
                "cp311-cp311-manylinux1_x86_64",
                "cp311-cp311-manylinux2010_x86_64",
                "cp311-cp311-manylinux2014_x86_64",
                "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
                "cp311-cp311-manylinux_2_28_x86_64.manylinux_2_5_x86_64",
                "cp311-cp311-linux_x86_64",
            ],
            &[
                "cp311-cp311-manylinux_2_28_x86_64",
                "cp311-cp311-manylinux2014_aarch64",
                "cp311-cp311-musllinux_1_1_x86_64",
                "cp311-cp311-win_amd64",
                "cp311-cp311-linux_i686",
            ],
        );
        sort(
            "cp312-musllinux_1_2_aarch64",
            &[
                "cp312-cp312-musllinux_1_1_aarch64",
                "cp312-abi3-musllinux_1_2_aarch64",
            ],
            &[
                "cp312-cp312-musllinux_1_3_aarch64",
                "cp312-cp312-manylinux1_aarch64",
            ],
        );
        sort(
            "cp312-macosx_14_0_arm64",
            &[
                "cp312-cp312-macosx_11_0_arm64",
                "cp312-cp312-macosx_10_9_universal2",
            ],
            &[
                "cp312-cp312-macosx_15_0_arm64",
                "cp312-cp312-macosx_11_0_x86_64",
            ],
        );
    }

    #[test]
    fn each_platform_that_a_target_takes_is_named() {
        for (target, count, some) in [
            (
                "cp313-manylinux_2_36_x86_64",
                35,
                &[
                    "manylinux_2_17_x86_64",
                    "manylinux2014_x86_64",
                    "manylinux1_x86_64",
                ] as &[&str],
            ),
            (
                "cp313-manylinux_2_36_aarch64",
                21,
                &["manylinux2014_aarch64"],
            ),
            ("cp313-musllinux_1_2_aarch64", 3, &["musllinux_1_1_aarch64"]),
            (
                "cp313-macosx_14_0_arm64",
                34,
                &["macosx_11_0_arm64", "macosx_10_9_universal2"],
            ),
            ("cp313-linux_x86_64", 1, &["linux_x86_64"]),
        ] {
            let target = Target::parse(target).unwrap();
            let platforms = target.platforms();
            assert_eq!(platforms.len(), count, "{platforms:?}");
            for platform in some {
                assert!(platforms.iter().any(|tag| tag == platform), "{platform}");
            }
            assert!(platforms.iter().all(|tag| target.takes_platform(tag)));
        }
    }

    #[test]
    fn what_is_no_target() {
        for text in [
            "cp311",
            "py3-any",
            "cp311-any",
            "cp3-linux_x86_64",
            "cp311-manylinux_2_x86_64",
        ] {
            assert_eq!(Target::parse(text), None, "{text}");
        }
    }
}
