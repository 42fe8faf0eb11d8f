//! Buildout's own dialect of ini files, line by line.
//!
//! The rules are those of `zc.buildout.configparser.parse`, the same in 4.1.4 to 6.0.1.

/// A configuration file as written: nothing is merged, evaluated or substituted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cfg {
    /// The sections in order; a name may come more than once.
    pub sections: Vec<Section>,
}

/// A `[name]` or `[name: condition]` and the options below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// The expression that must hold for it to count, with its escapes undone.
    pub condition: Option<String>,
    /// Its options in order.
    pub options: Vec<Opt>,
}

/// An option and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opt {
    /// Its name; `<` for macros.
    pub name: String,
    /// How it joins an earlier value.
    pub op: Op,
    /// The value: lines joined by `\n`, indentation of continued lines taken off.
    pub value: String,
    /// Its first line, counted from 1.
    pub line: usize,
    /// Its last line.
    pub end: usize,
}

/// `=`, `+=` or `-=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Replaces.
    Set,
    /// Adds lines.
    Add,
    /// Removes lines.
    Remove,
}

/// A line that buildout would not take either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{text}` is neither a section nor an option")]
pub struct SyntaxError {
    /// The line, counted from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
}

/// Reads a configuration file.
///
/// # Errors
/// Names the first line that is neither section, option, continuation, comment nor blank.
pub fn parse(text: &str) -> Result<Cfg, SyntaxError> {
    let mut cfg = Cfg::default();
    // Continued lines belong to the option above them; a header ends it.
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.starts_with(['#', ';']) {
            continue;
        }
        if open && (line.is_empty() || line.starts_with(char::is_whitespace)) {
            if let Some(option) = last_option(&mut cfg) {
                option.value.push('\n');
                option.value.push_str(line.trim_end());
                if !line.trim().is_empty() {
                    option.end = number;
                }
            }
        } else if let Some(section) = header(line) {
            cfg.sections.push(section);
            open = false;
        } else if let Some(option) = option(line, number)
            && let Some(section) = cfg.sections.last_mut()
        {
            section.options.push(option);
            open = true;
        } else if !line.trim().is_empty() {
            return Err(SyntaxError {
                line: number,
                text: line.trim().to_owned(),
            });
        }
    }
    for option in cfg.sections.iter_mut().flat_map(|s| &mut s.options) {
        option.value = dedent(&option.value);
    }
    Ok(cfg)
}

fn last_option(cfg: &mut Cfg) -> Option<&mut Opt> {
    cfg.sections.last_mut()?.options.last_mut()
}

fn header(line: &str) -> Option<Section> {
    let inner = line.strip_prefix('[')?;
    let end = inner.find([']', ':', '#', ';'])?;
    let name = inner[..end].trim();
    let bad = |c: char| c.is_whitespace() || "#[]:;{}".contains(c);
    if name.is_empty() || name.contains(bad) {
        return None;
    }
    let rest = &inner[end..];
    let comment = |tail: &str| tail.trim().is_empty() || tail.trim().starts_with(['#', ';']);
    let condition = if let Some(rest) = rest.strip_prefix(':') {
        // An expression holds no `#` or `;`, so its bracket is the last one before the comment.
        let code = &rest[..rest.find(['#', ';']).unwrap_or(rest.len())];
        let close = code.rfind(']')?;
        if !comment(&rest[close + 1..]) {
            return None;
        }
        let text = code[..close].trim();
        (!text.is_empty()).then(|| text.replace(r"\x23", "#").replace(r"\x3b", ";"))
    } else if comment(rest.strip_prefix(']')?) {
        None
    } else {
        return None;
    };
    Some(Section {
        name: name.to_owned(),
        condition,
        options: Vec::new(),
    })
}

fn option(line: &str, number: usize) -> Option<Opt> {
    let rewritten;
    let line = if let Some(parts) = line.strip_prefix("=>") {
        rewritten = format!("<part-dependencies> = {parts}");
        &rewritten
    } else {
        line
    };
    let (name, value) = line.split_once('=')?;
    let (name, op) = match name.trim_end() {
        name if name.ends_with('+') => (name.trim_end_matches('+'), Op::Add),
        name if name.ends_with('-') => (name.trim_end_matches('-'), Op::Remove),
        name => (name, Op::Set),
    };
    let name = name.trim_end();
    let bad = |c: char| c.is_whitespace() || "{}[]=:".contains(c);
    if name.is_empty() || name.contains(bad) {
        return None;
    }
    Some(Opt {
        name: name.to_owned(),
        op,
        value: value.trim().to_owned(),
        line: number,
        end: number,
    })
}

/// A value that starts on its own line keeps its inner indentation; any other is a list of stripped lines.
fn dedent(value: &str) -> String {
    let Some((first, rest)) = value.split_once('\n') else {
        return value.to_owned();
    };
    if !first.is_empty() {
        let lines = value.lines().map(str::trim).filter(|line| !line.is_empty());
        return lines.collect::<Vec<_>>().join("\n");
    }
    let lines: Vec<&str> = rest.trim_end().lines().collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let margin = filled.map(indent).min().unwrap_or(0);
    let lines = lines.iter().map(|line| line.get(margin..).unwrap_or(""));
    let kept: Vec<&str> = lines.skip_while(|line| line.is_empty()).collect();
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Vec<(String, Op, String)> {
        let cfg = parse(text).unwrap();
        let options = cfg.sections.into_iter().flat_map(|s| s.options);
        options.map(|o| (o.name, o.op, o.value)).collect()
    }

    #[test]
    fn reads_the_ways_of_writing_a_list() {
        let text =
            "[a]\nx = one two\nx +=\n   three\n# note\n   four\n\n   five\ny = 1\n  2\nz-=q\n";
        let said = |name: &str, op, value: &str| (name.to_owned(), op, value.to_owned());
        assert_eq!(
            options(text),
            [
                said("x", Op::Set, "one two"),
                said("x", Op::Add, "three\nfour\n\nfive"),
                said("y", Op::Set, "1\n2"),
                said("z", Op::Remove, "q"),
            ]
        );
    }

    #[test]
    fn reads_macros_dependencies_and_comments_behind_headers() {
        let cfg = parse("[a] ; note\n<= base\n     other\n=> b c\n[ b ]\n").unwrap();
        assert_eq!(cfg.sections[0].options[0].name, "<");
        assert_eq!(cfg.sections[0].options[0].value, "base\nother");
        assert_eq!(cfg.sections[0].options[1].name, "<part-dependencies>");
        assert_eq!(cfg.sections[1].name, "b");
    }

    #[test]
    fn reads_conditions_with_brackets_and_escapes() {
        let text = "[a: 'x'[0] == \"\\x23\"] # why\n[b:python_version<'3']\n";
        let cfg = parse(text).unwrap();
        let condition = |i: usize| cfg.sections[i].condition.as_deref();
        assert_eq!(condition(0), Some("'x'[0] == \"#\""));
        assert_eq!(condition(1), Some("python_version<'3'"));
    }

    #[test]
    fn keeps_the_shape_of_a_block() {
        let value = &options("[a]\nx =\n    if 1:\n      pass\n")[0].2;
        assert_eq!(value, "if 1:\n  pass");
    }

    #[test]
    fn counts_lines() {
        let cfg = parse("\n[a]\nx =\n  1\n  2\n\ny=3").unwrap();
        let x = &cfg.sections[0].options[0];
        assert_eq!((x.line, x.end), (3, 5));
        assert_eq!(cfg.sections[0].options[1].line, 7);
    }

    #[test]
    fn names_the_line_that_is_wrong() {
        let wrong = |text| parse(text).unwrap_err().line;
        assert_eq!(wrong("x = 1\n"), 1);
        assert_eq!(wrong("[a]\nx = 1\nrubbish\n"), 3);
    }
}
