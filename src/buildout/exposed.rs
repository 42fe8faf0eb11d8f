//! What a configuration leaves open to everybody: the password that everybody knows, services on every address.

use super::merge::Sections;

/// Something that is open, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// Where, and what.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// The options in which Zope and ZEO are told where to listen, with what they take when nothing is said.
const LISTEN: [(&str, &str, &str); 2] = [
    ("plone.recipe.zope2instance", "http-address", "8080"),
    ("plone.recipe.zeoserver", "zeo-address", "8100"),
];

/// What `sections` leave open.
pub fn exposed(sections: &Sections) -> Vec<Exposed> {
    let mut found = Vec::new();
    for part in sections.names() {
        let recipe = sections.text(part, "recipe");
        let recipe = recipe.split(':').next().unwrap_or_default();
        if sections.text(part, "user") == "admin:admin" {
            found.push(Exposed {
                what: format!("[{part}] user = admin:admin: everybody knows that password"),
                remedy: "change it on the site, or take another one from a shared file".to_owned(),
            });
        }
        let known = LISTEN.iter().find(|(name, ..)| *name == recipe);
        for (option, value) in sections.options(part) {
            let listens = known.is_some_and(|(_, listens, _)| *listens == option);
            if value.text.contains("0.0.0.0") || (listens && on_every_address(&value.text)) {
                found.push(open(part, option, &value.text));
            }
        }
        if let Some((_, option, default)) = known
            && sections.get(part, option).is_none()
        {
            found.push(open(part, option, default));
        }
    }
    found
}

/// A port alone is one on every address.
fn on_every_address(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    port && ["", "*", "[::]"].contains(&host)
}

fn open(part: &str, option: &str, value: &str) -> Exposed {
    let value = value
        .lines()
        .find(|line| line.contains("0.0.0.0"))
        .unwrap_or(value);
    let port = value
        .rsplit(':')
        .next()
        .filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
        .unwrap_or("PORT");
    Exposed {
        what: format!(
            "[{part}] {option} = {}: everybody can reach it",
            value.trim()
        ),
        remedy: match inner(value) {
            Some(own) => format!("{own} in that line, behind a web server"),
            None => format!("{option} = 127.0.0.1:{port}, behind a web server"),
        },
    }
}

/// The word of a longer line that holds the address, with one that only this machine reaches.
fn inner(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let word = words.find(|word| word.contains("0.0.0.0"))?;
    if word == line.trim() {
        return None;
    }
    let word = word.trim_matches(['[', ']', '(', ')', '"', '\'', ',']);
    Some(word.replace("0.0.0.0", "127.0.0.1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildout::cfg;

    #[test]
    fn what_is_open_and_what_is_not() {
        let text = "[a]\nrecipe = plone.recipe.zope2instance\nuser = admin:admin\nhttp-address = 8080\n\
                    [b]\nrecipe = plone.recipe.zope2instance\nuser = ada:long-word\nhttp-address = 127.0.0.1:8081\n\
                    [c]\nrecipe = plone.recipe.zeoserver\n\
                    [d]\nrecipe = collective.recipe.supervisor\nport = 0.0.0.0:9001\n\
                    [f]\nrecipe = collective.recipe.supervisor\nprograms =\n    10 app bin/serve [--host=0.0.0.0 --port 80]\n    \
                    20 more bin/more [-b 0.0.0.0:8000]\n\
                    [e]\nrecipe = zc.recipe.egg\nzeo-address = 8100\n";
        let sections = Sections::of(&cfg::parse(text).unwrap(), "x.cfg", &mut |_| true);
        let told: Vec<String> = exposed(&sections)
            .into_iter()
            .map(|found| format!("{}; {}\n", found.what, found.remedy))
            .collect();
        insta::assert_snapshot!(told.concat());
    }
}
