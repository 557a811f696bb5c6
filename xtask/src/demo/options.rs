//! The demo's own flags.

/// What the person who runs it wants.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Leave everything running at the end.
    pub(crate) keep: bool,
    /// A context of the person's own kubeconfig, instead of a new cluster.
    pub(crate) context: Option<String>,
    /// Stop what an earlier `--keep` has left running, and nothing else.
    pub(crate) stop: bool,
}

impl Options {
    /// Reads the flags.
    pub(crate) fn parse(args: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(&arg) = args.next() {
            match arg.split_once('=').unwrap_or((arg, "")) {
                ("--keep", "") => options.keep = true,
                ("--stop", "") => options.stop = true,
                ("--context", "") => {
                    let name = args.next().ok_or("--context needs the name of a context")?;
                    options.context = Some((*name).to_owned());
                }
                ("--context", name) => options.context = Some(name.to_owned()),
                _ => return Err(format!("the demo knows --keep, --stop and --context NAME, not {arg}")),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn flags_are_read() {
        let both = Options { keep: true, context: Some("mine".to_owned()), stop: false };
        assert_eq!(Options::parse(&["--keep", "--context", "mine"]).unwrap(), both);
        assert_eq!(Options::parse(&["--context=mine", "--keep"]).unwrap(), both);
        assert_eq!(Options::parse(&[]).unwrap(), Options::default());
        assert!(Options::parse(&["--context"]).is_err());
        assert!(Options::parse(&["--kep"]).is_err());
    }
}
