//! `ankra-helm agent logs`

use std::collections::HashMap;

use super::{Session, failure};
use crate::{
    cli::Failure,
    client::{LogItem, Logs, logs::no_target},
    protocol::{
        Error,
        logs::{LogsRequest, STREAMS_DEFAULT, STREAMS_MAX, Workload},
    },
};

/// Colours of sources, as terminals number them.
const COLORS: [u8; 6] = [36, 32, 33, 35, 34, 31];

/// show or follow the logs of a pod, a workload or all pods with some labels
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// a pod, or a workload such as deploy/web
    #[arg(value_name = "POD|KIND/NAME", conflicts_with = "selector")]
    target: Option<String>,
    /// pods by labels
    #[arg(short = 'l', long, value_name = "string")]
    selector: Option<String>,
    /// go on with new lines, restarts and new pods
    #[arg(short, long)]
    follow: bool,
    /// only this container (can specify multiple)
    #[arg(short, long, value_name = "strings", value_delimiter = ',')]
    container: Vec<String>,
    /// all containers of each pod
    #[arg(long)]
    all_containers: bool,
    /// the log of the container's previous run
    #[arg(short, long, conflicts_with = "follow")]
    previous: bool,
    /// only so many of the last lines of each container; -1 for all
    #[arg(long, value_name = "int", default_value_t = -1, allow_hyphen_values = true)]
    tail: i64,
    /// only lines of the last so long: 30s, 5m, 2h
    #[arg(long, value_name = "duration")]
    since: Option<String>,
    /// only lines from this moment on (RFC 3339)
    #[arg(long, value_name = "time", conflicts_with = "since")]
    since_time: Option<String>,
    /// only lines that match this pattern
    #[arg(long, value_name = "regexp", default_value = "", hide_default_value = true)]
    include: String,
    /// no lines that match this pattern
    #[arg(long, value_name = "regexp", default_value = "", hide_default_value = true)]
    exclude: String,
    /// put the kubelet's timestamp before each line
    #[arg(long)]
    timestamps: bool,
    /// most log streams at one time
    #[arg(long, value_name = "int", default_value_t = STREAMS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=i64::from(STREAMS_MAX)))]
    max_log_requests: u32,
    /// no pod and container before each line
    #[arg(long)]
    no_prefix: bool,
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let request = request(args, session.namespace()).map_err(failure)?;
    // One container needs no name before its lines, as with kubectl.
    let single = !request.pod.is_empty() && !request.all_containers && request.containers.len() < 2;
    let client = session.client().await?;
    let mut logs = Logs::open(&client, request).await.map_err(failure)?;
    let mut lines = Lines { prefix: !args.no_prefix && !single, color: session.cx.printer.color(), ..Lines::default() };
    let mut failed = false;
    let shown = async {
        while let Some(item) = logs.next().await.map_err(failure)? {
            match item {
                LogItem::Lines { src, bytes, partial } => session.cx.printer.bytes(&lines.of(&src, &bytes, partial))?,
                LogItem::Gap(src, reason) => {
                    session.cx.printer.note(&format!("{src}: lines may be missing here: {}", reason.as_str()));
                }
                LogItem::Ended(src, Some(error)) => {
                    failed |= !args.follow;
                    session.cx.printer.note(&format!("{src}: {error}"));
                }
                LogItem::Added(src) if lines.prefix && args.follow => session.cx.printer.note(&format!("+ {src}")),
                LogItem::Ended(src, None) if lines.prefix && args.follow => {
                    session.cx.printer.note(&format!("- {src}"));
                }
                LogItem::Added(_) | LogItem::Ended(_, None) => {}
            }
        }
        Ok(())
    };
    let ended = tokio::select! {
        ended = shown => ended,
        _ = tokio::signal::ctrl_c() => Err(Failure::quiet(130)),
    };
    logs.close().await;
    ended?;
    if failed { Err(Failure::quiet(1)) } else { Ok(()) }
}

fn request(args: &Args, namespace: String) -> Result<LogsRequest, Error> {
    let mut request = LogsRequest {
        namespace,
        follow: args.follow,
        containers: args.container.clone(),
        all_containers: args.all_containers,
        previous: args.previous,
        tail_lines: args.tail,
        since_time: args.since_time.clone().unwrap_or_default(),
        timestamps: args.timestamps,
        max_streams: args.max_log_requests,
        include: args.include.clone(),
        exclude: args.exclude.clone(),
        ..LogsRequest::default()
    };
    if let Some(since) = &args.since {
        request.since_seconds = seconds(since)?;
    }
    match (&args.target, &args.selector) {
        (Some(target), None) => match target.split_once('/') {
            Some(("pod" | "pods" | "po", name)) => request.pod = name.to_owned(),
            Some((kind, name)) => request.workload = Some(Workload { kind: kind.to_owned(), name: name.to_owned() }),
            None => request.pod.clone_from(target),
        },
        (None, Some(selector)) => request.selector.clone_from(selector),
        _ => return Err(no_target()),
    }
    request.check()?;
    Ok(request)
}

/// Go's notation of durations, as far as it makes sense here: `1h30m`.
fn seconds(text: &str) -> Result<i64, Error> {
    let wrong = || Error::invalid(format!("{text:?} is not a duration such as 30s, 5m or 2h"));
    let mut total = 0_i64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0).ok_or_else(wrong)?;
        let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        let factor = match rest.as_bytes()[digits] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            _ => return Err(wrong()),
        };
        total = number.checked_mul(factor).and_then(|more| total.checked_add(more)).ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    if total > 0 { Ok(total) } else { Err(wrong()) }
}

/// Puts the source before each line.
#[derive(Default)]
struct Lines {
    prefix: bool,
    color: bool,
    colors: HashMap<String, u8>,
    /// Sources in the middle of a line.
    open: HashMap<String, bool>,
}

impl Lines {
    fn of(&mut self, src: &str, bytes: &[u8], partial: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 64);
        if self.prefix {
            let prefix = self.prefix_of(src);
            let mut inside = self.open.get(src).copied().unwrap_or(false);
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                if !inside {
                    out.extend_from_slice(prefix.as_bytes());
                }
                out.extend_from_slice(line);
                inside = false;
            }
            self.open.insert(src.to_owned(), partial);
        } else {
            out.extend_from_slice(bytes);
        }
        // A last line without an end must not run into the next source's.
        if !partial && !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        out
    }

    fn prefix_of(&mut self, src: &str) -> String {
        let (pod, container) = src.split_once('/').unwrap_or((src, ""));
        if !self.color {
            return format!("{pod} {container} ");
        }
        let next = COLORS[self.colors.len() % COLORS.len()];
        let color = *self.colors.entry(pod.to_owned()).or_insert(next);
        format!("\x1b[{color}m{pod} \x1b[1m{container}\x1b[0m ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(seconds("1h30m").unwrap(), 5400);
        assert_eq!(seconds("2d").unwrap(), 172_800);
        for bad in ["", "5", "m", "-5s", "5x", "0s", "99999999999999999h"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_line_has_its_source_once() {
        let mut lines = Lines { prefix: true, ..Lines::default() };
        assert_eq!(lines.of("p/c", b"a\nb\n", false), b"p c a\np c b\n");
        assert_eq!(lines.of("p/c", b"long", true), b"p c long");
        assert_eq!(lines.of("p/c", b" line\nx\n", false), b" line\np c x\n");
        assert_eq!(lines.of("p/c", b"end", false), b"p c end\n");
    }
}
