//! Signal numbers of this machine as the names the ssh protocol uses.

use rustix::process::Signal;

/// The name of `number` without `SIG` (RFC 4254, 6.10), or the number itself for a real-time signal.
pub fn name(number: i32) -> String {
    let Some(signal) = Signal::from_named_raw(number) else {
        return number.to_string();
    };
    let name = match signal {
        Signal::ABORT => "ABRT",
        Signal::ALARM => "ALRM",
        Signal::BUS => "BUS",
        Signal::FPE => "FPE",
        Signal::HUP => "HUP",
        Signal::ILL => "ILL",
        Signal::INT => "INT",
        Signal::KILL => "KILL",
        Signal::PIPE => "PIPE",
        Signal::QUIT => "QUIT",
        Signal::SEGV => "SEGV",
        Signal::SYS => "SYS",
        Signal::TERM => "TERM",
        Signal::TRAP => "TRAP",
        Signal::USR1 => "USR1",
        Signal::USR2 => "USR2",
        Signal::XCPU => "XCPU",
        Signal::XFSZ => "XFSZ",
        _ => return number.to_string(),
    };
    name.to_owned()
}
