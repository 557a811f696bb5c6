//! What must hold, and whether it does.

use crate::Outcome;

/// Something that must hold.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    pub(super) what: String,
    pub(super) wanted: String,
    pub(super) found: String,
    pub(super) holds: bool,
}

impl Bar {
    fn missed(&self) -> String {
        format!("missed: {}: {}, wanted {}", self.what, self.found, self.wanted)
    }
}

/// The table of the document.
pub(super) fn table(bars: &[Bar]) -> String {
    let mut out = String::from("| what | wanted | found | |\n|---|---|---|---|\n");
    for Bar { what, wanted, found, holds } in bars {
        let holds = if *holds { "holds" } else { "**missed**" };
        out.push_str(&format!("| {what} | {wanted} | {found} | {holds} |\n"));
    }
    out
}

/// A line each for the terminal.
pub(super) fn summary(bars: &[Bar]) -> String {
    let lines: Vec<String> = bars.iter().map(|b| format!("{}: {} ({})", b.what, b.found, b.wanted)).collect();
    lines.join("\n")
}

/// Fails with what is `wrong` and with each bar that was missed.
pub(super) fn outcome(bars: &[Bar], mut wrong: Vec<String>) -> Outcome {
    wrong.extend(bars.iter().filter(|bar| !bar.holds).map(Bar::missed));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n       ").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_bar_is_a_failure_and_is_shown() {
        let bar = |holds| Bar { what: "time".into(), wanted: "1 s".into(), found: "2 s".into(), holds };
        assert!(outcome(&[bar(true)], Vec::new()).is_ok());
        assert!(outcome(&[bar(true)], vec!["wrong".into()]).is_err());
        let error = outcome(&[bar(true), bar(false)], Vec::new()).unwrap_err().to_string();
        assert_eq!(error, "missed: time: 2 s, wanted 1 s");
        let lines: Vec<String> = table(&[bar(true), bar(false)]).lines().map(str::to_owned).collect();
        assert_eq!(lines[2..], ["| time | 1 s | 2 s | holds |", "| time | 1 s | 2 s | **missed** |"]);
    }
}
