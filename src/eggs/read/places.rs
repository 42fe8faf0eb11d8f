//! Versions outside the packaging files: strings in modules, whole files.

use super::{Folder, PythonValue, Result, VersionSite, assigned};

/// A version's text and where it stands, if it was found.
pub(super) type Version = Option<(String, VersionSite)>;

/// `package.module.NAME`, as setuptools' `attr:` has it; packages lie in `roots`, `src` or the egg's folder.
pub(super) fn attribute(folder: &Folder<'_>, attr: &str, roots: &[String]) -> Result<Version> {
    let (module, name) = attr.rsplit_once('.').unwrap_or(("__init__", attr));
    let stem = module.replace('.', "/");
    let roots = roots.iter().map(String::as_str).chain(["src", ""]);
    let files = roots.flat_map(|root| {
        let root = root.trim_end_matches('/');
        let slash = if root.is_empty() { "" } else { "/" };
        ["/__init__.py", ".py"].map(|end| format!("{root}{slash}{stem}{end}"))
    });
    for file in files {
        let found = in_module(folder, &file, name)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The string that the module `file` sets `name` to.
pub(super) fn in_module(folder: &Folder<'_>, file: &str, name: &str) -> Result<Version> {
    let Some(source) = folder.text(file)? else {
        return Ok(None);
    };
    let Some(PythonValue::Text(range)) = assigned(&source, name) else {
        return Ok(None);
    };
    let (file, name) = (file.to_owned(), name.to_owned());
    Ok(Some((
        source[range].to_owned(),
        VersionSite::Attr { file, name },
    )))
}

/// A file that holds the version and nothing else.
pub(super) fn whole_file(folder: &Folder<'_>, file: &str) -> Result<(String, VersionSite)> {
    let text = folder.text(file)?;
    let text = text.ok_or_else(|| folder.undetermined(file, "version", "the file is not there"))?;
    let file = file.to_owned();
    Ok((text.trim().to_owned(), VersionSite::File { file }))
}
