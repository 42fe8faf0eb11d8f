//! A wheel of somebody else's.

use super::Sandbox;
use std::path::Path;

/// Writes a wheel of version 1.0 with one module, called as the distribution is, and perhaps one member more.
const WHEEL: &str = "\
import sys, zipfile
folder, name, words, *extra = sys.argv[1:]
module = name.replace('.', '_')
info = module + '-1.0.dist-info/'
with zipfile.ZipFile(f'{folder}/{module}-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr(module + '.py', words)
    for member in extra:
        wheel.writestr(member, 'evil')
    wheel.writestr(info + 'METADATA', f'Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
";

/// Writes a wheel of `name` 1.0 into a folder: its module holds `words`; `extra` are further members.
pub fn write_wheel(sandbox: &Sandbox, folder: &Path, name: &str, words: &str, extra: &[&str]) {
    std::fs::create_dir_all(folder).unwrap();
    let mut command = sandbox.command("python3", folder);
    command.args(["-c", WHEEL]).arg(folder).args([name, words]);
    assert!(command.args(extra).status().unwrap().success());
}
