//! What has to be put right on hosts before anything else can be planned.

use super::{Action, Plan};
use crate::facts::Host;

/// Jobs that were cut off on `hosts` are put right, and nothing else: what comes after depends on how they end. Nothing
/// where none was.
pub fn recover(stage: &str, hosts: &[Host]) -> Option<Plan> {
    let steps: Vec<_> = hosts
        .iter()
        .filter_map(|host| {
            let deployment = host.cut_off.clone()?;
            Some((Some(host.name.clone()), Action::Recover { deployment }))
        })
        .collect();
    let summary = format!("Put right what was cut off on {stage}.");
    let note = "what comes after is planned when this is done".to_owned();
    (!steps.is_empty()).then(|| Plan::new(summary, vec![note], steps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::EntryId;

    #[test]
    fn only_what_was_cut_off_is_put_right() {
        let whole = Host::unknown("web1");
        let mut down = Host::unknown("web2");
        down.cut_off = Some(EntryId("8e6f79f83626d68a".to_owned()));
        assert_eq!(recover("staging", std::slice::from_ref(&whole)), None);
        assert_eq!(
            recover("staging", &[whole, down]).unwrap().to_string(),
            "Put right what was cut off on staging.\n  - what comes after is planned when this is done\n   \
             1  web2  recover   deployment 8e6f79f83626d68a, which was cut off: back to what was live before\n"
        );
    }
}
