//! What is tested on hosts.

mod bare;
mod boot;
mod chaos;
mod crash;
mod cycle;
mod ends;
mod faults;
mod fleets;
mod machine;
mod matrix;
mod plone;
mod site;
mod trips;
mod trust;

pub use ends::{HOLD, hold};
pub use plone::PLONE;

/// A name, and what it does.
pub type Case = (&'static str, fn());

/// Every case.
pub fn all() -> impl Iterator<Item = Case> {
    [
        machine::CASES,
        faults::CASES,
        bare::CASES,
        boot::CASES,
        ends::CASES,
        cycle::CASES,
        fleets::CASES,
        trips::CASES,
        trust::CASES,
        crash::CASES,
        matrix::CASES,
        chaos::CASES,
        plone::CASES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The functions of a file as its cases, by their names.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        pub const CASES: &[super::Case] = &[$((concat!(module_path!(), "::", stringify!($case)), $case)),+];
    };
}
use cases;
