//! Statuses of HTTP answers: `200`, or a range, `200-299`.

use crate::release::Statuses;

/// The statuses that `text` means; `None` for anything but one or two of 100 to 599, the smaller first.
pub(super) fn statuses(text: &str) -> Option<Statuses> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let status = |text: &str| -> Option<u16> {
        let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok()?;
        (digits && (100..600).contains(&number)).then_some(number)
    };
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some(Statuses(first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_a_range() {
        assert_eq!(statuses("200"), Some(Statuses(200, 200)));
        assert_eq!(statuses("200-399"), Some(Statuses(200, 399)));
        for wrong in [
            "",
            "20",
            "600",
            "+20",
            "299-200",
            "200-",
            "200 - 299",
            "2xx",
        ] {
            assert_eq!(statuses(wrong), None, "{wrong}");
        }
    }
}
