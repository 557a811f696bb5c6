//! Draws the events of an action: one line that is replaced on a terminal,
//! plain lines in a pipe. Everything goes to stderr, so that stdout stays
//! what Helm prints there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::{Event, Events};

use super::printer::Printer;

/// How often a terminal line is redrawn at most.
const REDRAW: Duration = Duration::from_millis(80);

struct State {
    printer: Arc<Printer>,
    debug: bool,
    drawn: Option<Instant>,
    line_open: bool,
}

/// A receiver of events that draws them.
pub(crate) fn events(printer: &Arc<Printer>, debug: bool) -> Events {
    let state = Mutex::new(State { printer: Arc::clone(printer), debug, drawn: None, line_open: false });
    Events::new(move |event| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.draw(&event);
    })
}

impl State {
    fn draw(&mut self, event: &Event) {
        match event {
            Event::Warning { text, details } => {
                self.clear();
                self.printer.log("WARN", text, details);
            }
            Event::Info { text, details } => {
                self.clear();
                self.printer.log("INFO", text, details);
            }
            Event::Line { text } => self.line(text),
            Event::Problem { text, details } => {
                self.clear();
                self.printer.log("ERROR", text, details);
            }
            Event::Debug { text } if self.debug => self.line(&format!("level=DEBUG msg={text:?}")),
            Event::Rendered { objects, hooks } => {
                self.transient(&format!("rendered {objects} objects and {hooks} hooks"));
            }
            // A deprecated chart was told of when it was loaded.
            Event::Planned { .. } | Event::Deprecated => {}
            Event::NamespaceCreated { name } => self.transient(&format!("created namespace {name}")),
            Event::CrdApplied { object } => self.transient(&format!("applied {object}")),
            Event::Applied { object, outcome, done, total } => {
                let words = format!("{outcome:?}").to_lowercase();
                self.transient(&format!("{done}/{total} {words} {object}"));
            }
            Event::HookStarted { event, object, .. } => self.step(&format!("{event} hook {object}: started")),
            Event::HookLog { pod, container, line, .. } => self.line(&format!("{pod}/{container}: {line}")),
            Event::HookFinished { event, object, phase } => self.step(&format!("{event} hook {object}: {phase}")),
            Event::Waiting { object, reason, goal, ready, total } => {
                self.step(&format!("{ready}/{total} {}, waiting for {object}: {reason}", goal.as_str()));
            }
            Event::Cause { object, reason } => self.line(&format!("{object}: {reason}")),
            Event::Ready { object, goal, ready, total } => {
                self.step(&format!("{ready}/{total} {}: {object}", goal.as_str()));
            }
            Event::Recorded { .. } | Event::Done { .. } => self.clear(),
            _ => {}
        }
    }

    /// A state worth a line of its own in a log, and a redraw on a terminal.
    fn step(&mut self, text: &str) {
        if self.printer.is_terminal() {
            self.printer.status_line(text);
            self.line_open = true;
            self.drawn = Some(Instant::now());
        } else {
            self.printer.note(text);
        }
    }

    /// Something that passes by: only a terminal shows it, and not each one.
    fn transient(&mut self, text: &str) {
        let now = Instant::now();
        if self.printer.is_terminal() && self.drawn.is_none_or(|at| now.duration_since(at) >= REDRAW) {
            self.printer.status_line(text);
            self.line_open = true;
            self.drawn = Some(now);
        }
    }

    fn line(&mut self, text: &str) {
        self.clear();
        self.printer.note(text);
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.line_open) {
            self.printer.status_line("");
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.clear();
    }
}
