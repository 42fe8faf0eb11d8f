//! Events of the edge, as a person sees them.

use crate::{
    event::Event,
    ui::{Progress, Total, Ui},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Shows events: sentences, and a bar for each count.
pub struct Show<'a> {
    ui: &'a Ui,
    bars: Mutex<BTreeMap<String, (Progress<'a>, u64)>>,
}

impl<'a> Show<'a> {
    pub(super) fn new(ui: &'a Ui) -> Self {
        Self {
            ui,
            bars: Mutex::new(BTreeMap::new()),
        }
    }

    /// Shows one event.
    pub fn on(&self, event: Event) {
        match event {
            Event::Begin(text) => {
                self.end_bars(&text);
                self.ui.status(&text);
            }
            Event::Detail(text) => {
                self.end_bars(&text);
                self.ui.detail(&text);
            }
            Event::Warning(text) => self.ui.warn(&text),
            Event::Progress {
                label,
                done,
                total,
                bytes,
            } => self.count(label, done, total, bytes),
        }
    }

    /// A host that begins something else counts no further: not all that was to be counted need be there (eggs that buildout
    /// itself makes).
    fn end_bars(&self, text: &str) {
        if let Some((host, _)) = text.split_once(": ") {
            let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
            let others = |label: &str| {
                label
                    .split_once(": ")
                    .is_none_or(|(other, _)| other != host)
            };
            bars.retain(|label, _| others(label));
        }
    }

    fn count(&self, label: String, done: u64, total: u64, bytes: bool) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let (bar, before) = bars.remove(&label).unwrap_or_else(|| {
            let total = if bytes {
                Total::Bytes(total)
            } else {
                Total::Count(total)
            };
            (self.ui.progress(&label, total), 0)
        });
        bar.inc(done.saturating_sub(before));
        if done >= total {
            bar.finish();
        } else {
            bars.insert(label, (bar, done));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Options;

    #[test]
    fn a_host_that_goes_on_has_no_bar_left() {
        let ui = Ui::new(Options::default());
        let show = Show::new(&ui);
        for host in ["web1", "web2"] {
            show.on(Event::Progress {
                label: format!("{host}: eggs"),
                done: 1,
                total: 6,
                bytes: false,
            });
        }
        show.on(Event::Detail("web1: buildout".to_owned()));
        let bars = show.bars.lock().unwrap();
        assert_eq!(bars.keys().collect::<Vec<_>>(), ["web2: eggs"]);
    }
}
