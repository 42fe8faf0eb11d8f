//! `[health]` as meant: which checks apply, and what belongs to a check that there is not.

use super::check;
use super::combination::{Merger, until};
use super::file::HealthTable;
use super::place::Placed;
use crate::release::Health;

/// How long a health command may run when nothing is said, in seconds.
const COMMAND_TIMEOUT: u64 = 10;

impl Merger<'_, '_> {
    /// `"none"` as address, and an empty text, header or command, go back to no such check where a farther table has one.
    pub(super) fn health(&mut self) -> Health {
        let default = Health::default();
        let http = self.health_key(|table| &table.http, "none", "address", check::http_url);
        if http.is_none() {
            self.only_with_http();
        }
        let command = self.nearest(|layer| layer.health.as_ref()?.command.as_ref());
        Health {
            // What is said of an answer that nobody asks for stays out of the manifest.
            status: http
                .as_ref()
                .and_then(|_| self.nearest(|layer| layer.health.as_ref()?.status.as_ref()))
                .map_or(default.status, |status| status.value),
            text: self
                .health_key(|table| &table.text, "", "text", check::printable)
                .filter(|_| http.is_some()),
            header: self
                .health_key(|table| &table.header, "", "header", check::header)
                .filter(|_| http.is_some()),
            tcp: self.health_key(|table| &table.tcp, "none", "address", check::tcp_address),
            command: command.and_then(|command| command.meant(COMMAND_TIMEOUT)),
            timeout: self
                .nearest(|layer| layer.health.as_ref()?.timeout)
                .unwrap_or(default.timeout),
            interval: self
                .nearest(|layer| layer.health.as_ref()?.interval)
                .unwrap_or(default.interval),
            successes: self
                .nearest(|layer| layer.health.as_ref()?.successes)
                .map_or(default.successes, u64::from),
            stable: self
                .nearest(|layer| layer.health.as_ref()?.stable)
                .unwrap_or(default.stable),
            http,
        }
    }

    fn health_key(
        &mut self,
        key: fn(&HealthTable) -> &Option<Placed<String>>,
        nothing: &str,
        what: &str,
        rule: fn(&str) -> check::Verdict,
    ) -> Option<String> {
        self.nearest(|layer| key(layer.health.as_ref()?).as_ref())
            .filter(|value| value.value != nothing)
            .map(|value| self.checked(what, value, rule))
    }

    /// Reports what is expected of an answer where nothing is asked.
    fn only_with_http(&mut self) {
        let tables: Vec<&HealthTable> = until(
            self.layers,
            |layer| layer.health.as_ref(),
            |table| table.http.is_some(),
        );
        for table in tables {
            let spans = [
                ("status", table.status.as_ref().map(|status| &status.span)),
                ("text", table.text.as_ref().map(|text| &text.span)),
                ("header", table.header.as_ref().map(|header| &header.span)),
            ];
            for (key, span) in spans {
                if span.is_some() {
                    let message = format!("`{key}` means nothing here without `http`");
                    let hint = "name the address that is asked: http = \"http://127.0.0.1:8080/\"";
                    self.problems.add(span, &message, Some(hint.to_owned()));
                }
            }
        }
    }
}
