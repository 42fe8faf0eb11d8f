//! What recipes mean for a host: which start services, which act outside the buildout directory.

use super::Inspected;
use crate::release::Services;

/// Recipes that act outside the buildout directory when they are installed.
const OUTSIDE: &[&str] = &[
    "z3c.recipe.usercrontab",
    "plone.recipe.command",
    "collective.recipe.cmd",
    "collective.recipe.environment",
    "collective.recipe.rsync_datafs",
    "iw.recipe.cmd",
    "gocept.recipe.deploy",
    "zc.recipe.deployment",
    "z3c.recipe.perlpackage",
    "z3c.recipe.runscript",
];

/// Parts whose recipes act outside the buildout directory.
pub fn acting_outside(inspected: &Inspected) -> Vec<String> {
    let parts = inspected.parts.iter();
    parts
        .filter(|part| OUTSIDE.contains(&inspected.recipe(part)))
        .cloned()
        .collect()
}

/// How a buildout's services are started, from its recipes: supervisor before Zope's own scripts, ZEO before its clients.
pub fn services(inspected: &Inspected) -> Services {
    if with(inspected, "collective.recipe.supervisor")
        .next()
        .is_some()
    {
        return Services::Supervisor;
    }
    let servers = with(inspected, "plone.recipe.zeoserver")
        .map(|part| named(inspected, part, "zeo-script-name"));
    let clients = with(inspected, "plone.recipe.zope2instance")
        .map(|part| named(inspected, part, "control-script"));
    let scripts: Vec<String> = servers.chain(clients).collect();
    if scripts.is_empty() {
        Services::None
    } else {
        Services::Zope { scripts }
    }
}

fn with<'a>(inspected: &'a Inspected, recipe: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = inspected.parts.iter().map(String::as_str);
    parts.filter(move |part| inspected.recipe(part) == recipe)
}

/// The script of a part: as an option says, else the part's name.
pub(super) fn named(inspected: &Inspected, part: &str, option: &str) -> String {
    match inspected.option(part, option) {
        "" => part.to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn inspected(parts: &[(&str, &str)]) -> Inspected {
        let section = |recipe: &str| BTreeMap::from([("recipe".to_owned(), recipe.to_owned())]);
        Inspected {
            parts: parts.iter().map(|(part, _)| (*part).to_owned()).collect(),
            sections: parts
                .iter()
                .map(|(part, recipe)| ((*part).to_owned(), section(recipe)))
                .collect(),
            ..Inspected::default()
        }
    }

    #[test]
    fn zeo_starts_before_its_clients() {
        let parts = [
            ("client", "plone.recipe.zope2instance"),
            ("zeo", "plone.recipe.zeoserver"),
            ("x", "zc.recipe.egg:scripts"),
        ];
        let scripts = vec!["zeo".to_owned(), "client".to_owned()];
        assert_eq!(services(&inspected(&parts)), Services::Zope { scripts });
    }

    #[test]
    fn supervisor_supervises_zope() {
        let parts = [
            ("zeo", "plone.recipe.zeoserver"),
            ("s", "collective.recipe.supervisor"),
        ];
        assert_eq!(services(&inspected(&parts)), Services::Supervisor);
        assert_eq!(
            services(&inspected(&[("x", "zc.recipe.egg")])),
            Services::None
        );
    }

    #[test]
    fn knows_recipes_that_act_outside() {
        let parts = [("cron", "z3c.recipe.usercrontab"), ("x", "zc.recipe.egg")];
        assert_eq!(acting_outside(&inspected(&parts)), ["cron"]);
    }
}
