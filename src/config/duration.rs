//! Durations: a whole number and a unit, `60s`, `5m`, `2h`.

use crate::release::duration;

/// The seconds that `text` means; `None` for anything but a positive whole number followed by `s`, `m` or `h`.
pub fn seconds(text: &str) -> Option<u64> {
    seconds_or_none(text).filter(|seconds| *seconds > 0)
}

/// As [`seconds`], but the number may be 0.
pub(super) fn seconds_or_none(text: &str) -> Option<u64> {
    // A day is no time that somebody waits for.
    duration(text).filter(|_| !text.ends_with('d'))
}

#[cfg(test)]
mod tests {
    use super::{seconds, seconds_or_none};

    #[test]
    fn a_number_and_a_unit() {
        assert_eq!(seconds("60s"), Some(60));
        assert_eq!(seconds("5m"), Some(300));
        assert_eq!(seconds("2h"), Some(7200));
        for wrong in [
            "",
            "s",
            "60",
            "+1s",
            "1.5m",
            "0s",
            "60 s",
            "1d",
            "99999999999999999999s",
            "5é",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        assert_eq!(seconds_or_none("0m"), Some(0));
        assert_eq!(seconds_or_none("s"), None);
    }
}
