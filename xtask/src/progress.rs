//! Shows how a long build goes: a bar on a terminal, a line now and then in a
//! file or a pipe.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use testbed::Progress;

/// How often a pipe gets a line.
const PIPE_EVERY: Duration = Duration::from_secs(20);
/// How often a terminal is drawn.
const TERMINAL_EVERY: Duration = Duration::from_millis(100);
/// How wide the bar is.
const WIDTH: usize = 30;

/// Draws the news of a build.
pub(crate) struct Bar {
    terminal: bool,
    drawn: Option<Instant>,
    said_first: bool,
}

impl Bar {
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), drawn: None, said_first: false }
    }

    pub(crate) fn show(&mut self, news: &Progress) {
        match news {
            Progress::Waiting => self.line("another process is building the test servers: waiting for it"),
            Progress::Building { name, version, part, whole, now } => {
                if !self.said_first {
                    self.said_first = true;
                    self.line("building the test servers; this is done once and takes about 12 minutes on 2 cores");
                }
                let every = if self.terminal { TERMINAL_EVERY } else { PIPE_EVERY };
                if self.drawn.is_some_and(|at| at.elapsed() < every) {
                    return;
                }
                self.drawn = Some(Instant::now());
                let percent = whole * 100.0;
                if self.terminal {
                    let now: String = now.chars().take(40).collect();
                    eprint!("\r\x1b[K{} {percent:3.0} %  {name} {version}: {now}", bar(*whole));
                    let _ = std::io::stderr().flush();
                } else {
                    eprintln!("  {percent:3.0} %  {name} {version} ({:.0} %): {now}", part * 100.0);
                }
            }
            Progress::Built { name, version, took } => {
                self.line(&format!("built {name} {version} in {:.0} s", took.as_secs_f32()));
            }
            _ => {}
        }
    }

    fn line(&self, text: &str) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        eprintln!("{clear}{text}");
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the width of a bar")]
fn bar(whole: f32) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let full = ((whole.clamp(0.0, 1.0) * WIDTH as f32) as usize).min(WIDTH);
    format!("[{}{}]", "#".repeat(full), " ".repeat(WIDTH - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_wide_as_it_says() {
        for whole in [-1.0, 0.0, 0.5, 0.99, 1.0, 7.0] {
            assert_eq!(bar(whole).len(), WIDTH + 2);
        }
        assert_eq!(bar(1.0).matches('#').count(), WIDTH);
    }
}
