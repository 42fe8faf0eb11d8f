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
            Event::Begin(text) => self.ui.status(&text),
            Event::Detail(text) => self.ui.detail(&text),
            Event::Warning(text) => self.ui.warn(&text),
            Event::Progress {
                label,
                done,
                total,
                bytes,
            } => self.count(label, done, total, bytes),
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
