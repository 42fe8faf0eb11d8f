//! Times for people. Machines get RFC 3339.

use jiff::{Timestamp, tz::TimeZone};

const UNITS: [(i64, &str); 5] = [
    (365 * 24 * 3600, "year"),
    (30 * 24 * 3600, "month"),
    (24 * 3600, "day"),
    (3600, "hour"),
    (60, "minute"),
];

/// How far `then` is from `now`, in its largest unit and rounded down: `just now`, `5 minutes ago`, `in 2 days`.
pub fn relative(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    let fitting = |(size, _): &&(i64, &str)| seconds.abs() >= *size;
    let Some((size, unit)) = UNITS.iter().find(fitting) else {
        return "just now".to_owned();
    };
    let count = seconds.abs() / size;
    let plural = if count == 1 { "" } else { "s" };
    if seconds > 0 {
        format!("{count} {unit}{plural} ago")
    } else {
        format!("in {count} {unit}{plural}")
    }
}

/// `then` on the clock of `zone`, to the minute, with the zone's offset: `2026-03-01 14:05 +01:00`, or `UTC`.
pub fn absolute(then: Timestamp, zone: &TimeZone) -> String {
    let local = then.to_zoned(zone.clone());
    let format = if local.offset().is_zero() {
        "%Y-%m-%d %H:%M UTC"
    } else {
        "%Y-%m-%d %H:%M %:z"
    };
    local.strftime(format).to_string()
}

/// Both: `2026-03-01 13:05 UTC (2 days ago)`.
pub fn both(then: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    format!("{} ({})", absolute(then, zone), relative(then, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::offset;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn relative_to_now() {
        let now = at("2026-03-01T12:00:00Z");
        for (then, expected) in [
            ("2026-03-01T12:00:00Z", "just now"),
            ("2026-03-01T11:59:01Z", "just now"),
            ("2026-03-01T11:59:00Z", "1 minute ago"),
            ("2026-03-01T11:00:01Z", "59 minutes ago"),
            ("2026-03-01T10:00:00Z", "2 hours ago"),
            ("2026-02-28T12:00:00Z", "1 day ago"),
            ("2025-12-01T12:00:00Z", "3 months ago"),
            ("2020-03-01T12:00:00Z", "6 years ago"),
            ("2026-03-03T12:00:00Z", "in 2 days"),
        ] {
            assert_eq!(relative(at(then), now), expected, "{then}");
        }
    }

    #[test]
    fn absolute_in_a_zone() {
        let then = at("2026-03-01T13:05:59Z");
        assert_eq!(absolute(then, &TimeZone::UTC), "2026-03-01 13:05 UTC");
        let east = TimeZone::fixed(offset(1));
        assert_eq!(absolute(then, &east), "2026-03-01 14:05 +01:00");
        assert_eq!(
            both(then, at("2026-03-03T13:06:00Z"), &TimeZone::UTC),
            "2026-03-01 13:05 UTC (2 days ago)"
        );
    }
}
