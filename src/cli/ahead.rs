//! A chart that is read while the flags are.
//!
//! Most runs name a chart on this machine, and reading it takes as long as
//! everything before it. So whoever helps begins with what looks like it as soon
//! as the words are there. Nothing depends on the guess: the verb takes
//! what was read only if it asks for the very same, and reads itself if not.

use std::path::{Path, PathBuf};

use charts::load::Loading;
use charts::{Chart, Crew, Warnings};
use templates_compat::Compat;

use super::settings;

/// The verbs that load a chart first of all.
const VERBS: [&str; 3] = ["install", "template", "upgrade"];

/// What came of reading a chart, and what Helm would log on the way.
pub(crate) type Loaded = (Result<Chart, charts::Error>, Warnings);

/// A chart that is being read.
#[derive(Debug)]
pub(super) struct Ahead {
    path: PathBuf,
    compat: Compat,
    loading: Loading,
}

impl Ahead {
    /// Begins to read what these words seem to name.
    pub(super) fn of(words: &[String], crew: &Crew) -> Option<Ahead> {
        let (verb, others) = words.split_first()?;
        if !VERBS.contains(&verb.as_str()) {
            return None;
        }
        let chart = others.iter().find(|word| Path::new(word).join("Chart.yaml").is_file())?;
        let path = charts::load::locate(chart, Compat::Helm4).ok()??;
        let compat = compat_of(others);
        let loading = charts::load::begin(&path, compat, crew);
        Some(Ahead { path, compat, loading })
    }

    /// What was read, if it is this.
    pub(super) fn take(self, path: &Path, compat: Compat) -> Option<Loaded> {
        (self.path == path && self.compat == compat).then(|| self.loading.take())
    }
}

/// Which Helm these words ask for, as far as can be seen so early.
fn compat_of(words: &[String]) -> Compat {
    let flag = words.iter().enumerate().rev().find_map(|(at, word)| match word.strip_prefix("--compat")? {
        "" => words.get(at + 1).cloned(),
        given => given.strip_prefix('=').map(str::to_owned),
    });
    settings::compat(flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead(words: &[&str]) -> Option<Ahead> {
        Ahead::of(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), &Crew::default())
    }

    #[test]
    fn only_the_chart_that_is_asked_for_is_taken() {
        let folder = std::env::temp_dir().join(format!("ankra-ahead-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let chart = folder.to_str().unwrap();
        assert!(ahead(&["template", "web", chart]).is_none(), "no chart");
        std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.0.0\n").unwrap();
        assert!(ahead(&["show", "chart", chart]).is_none(), "another verb");
        let begin = || ahead(&["template", "web", chart, "--compat", "helm3"]).unwrap();
        assert!(begin().take(&folder, Compat::Helm4).is_none(), "another Helm");
        assert!(begin().take(Path::new("/other"), Compat::Helm3).is_none(), "another chart");
        let (loaded, _) = begin().take(&folder, Compat::Helm3).unwrap();
        assert_eq!(loaded.unwrap().name(), "web");
        assert!(ahead(&["template", chart, "--compat=helm3"]).unwrap().take(&folder, Compat::Helm3).is_some());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
