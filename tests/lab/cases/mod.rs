//! What is tested, and what each needs.

mod bare;
mod boot;
mod chaos;
mod crash;
mod cycle;
mod disks;
mod ends;
mod families;
mod faults;
mod fleets;
mod machine;
mod matrix;
mod owners;
mod plone;
mod pythons;
mod site;
mod trips;
mod trust;
mod used;

pub use ends::{HOLD, hold};

use crate::lab::{self, rootless};
use plone::PLONE;
use std::env;

/// A name, what it needs, and what it does.
pub type Case = (&'static str, Need, fn());

/// What not every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Test hosts.
    Hosts,
    /// The same, booted by systemd.
    Systemd,
    /// The same, and minutes.
    Plone,
    /// Root, to mount a file system that others see, or to give files away.
    Root,
    /// A python 3.13 beside another one.
    Python,
}

impl Need {
    /// Each of them, and what it is called.
    pub const ALL: [(Self, &str); 5] = [
        (Self::Hosts, "on test hosts"),
        (Self::Systemd, "on test hosts with systemd"),
        (Self::Plone, "of Plone on test hosts"),
        (Self::Root, "of root's own: disks, files of others"),
        (Self::Python, "with two pythons"),
    ];

    /// Why it can't be met, if so.
    pub fn missing(self) -> Option<String> {
        match self {
            Self::Plone if env::var_os(PLONE).is_none() => {
                Some("it takes minutes: make plone".to_owned())
            }
            Self::Hosts | Self::Plone => lab::missing(),
            Self::Systemd => lab::missing().or_else(|| {
                let why = "systemd needs control groups of its own, and so real root";
                rootless::folder().map(|_| why.to_owned())
            }),
            Self::Root if rustix::process::geteuid().is_root() => None,
            Self::Root => Some("mounting, and giving files away, takes root".to_owned()),
            Self::Python if pythons::python().is_some() => None,
            Self::Python => Some("there is no python3.13 beside another python3".to_owned()),
        }
    }
}

/// Every case.
pub fn all() -> impl Iterator<Item = Case> {
    [
        machine::CASES,
        faults::CASES,
        bare::CASES,
        boot::CASES,
        families::CASES,
        ends::CASES,
        cycle::CASES,
        disks::CASES,
        owners::CASES,
        pythons::CASES,
        fleets::CASES,
        trips::CASES,
        trust::CASES,
        used::CASES,
        crash::CASES,
        matrix::CASES,
        chaos::CASES,
        plone::CASES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The functions of a file as its cases, by their names; before them what they need, if not test hosts. Those at the end
/// can need something else than the others.
macro_rules! cases {
    ($need:expr; $($case:ident),+ $(,)?) => {
        pub const CASES: &[super::Case] =
            &[$((concat!(module_path!(), "::", stringify!($case)), $need, $case)),+];
    };
    ($($case:ident),+ $(,)?) => {
        cases![super::Need::Hosts; $($case),+];
    };
    ($($case:ident),+; $need:expr; $($other:ident),+ $(,)?) => {
        pub const CASES: &[super::Case] = &[
            $((concat!(module_path!(), "::", stringify!($case)), super::Need::Hosts, $case),)+
            $((concat!(module_path!(), "::", stringify!($other)), $need, $other)),+
        ];
    };
}
use cases;
