//! The same over NATS: an agent at the cluster, a client anywhere else.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command};
use std::thread::JoinHandle;
use std::time::Duration;

use super::stage::Stage;
use super::{chapter, say};
use crate::{Outcome, repository};

/// The name of the chart's archive.
const ARCHIVE: &str = "demo-1.2.0.tgz";

/// Shows what the agent does.
pub(super) fn show(stage: &Stage) -> Outcome {
    chapter("The same over NATS, with ankra-agent");
    say("Start the agent. It connects outward to NATS; nothing connects to it.");
    let agent = stage.start_agent()?;
    stage.helm(&["agent", "info"])?;
    stage.helm(&["agent", "get", "pods"])?;

    say("Serve the chart over HTTP: the agent pulls it itself.");
    let shelf = pack(stage)?;
    let reference = format!("{}/{ARCHIVE}", shelf.url());

    say("Watch the pods from here while the agent installs a second release.");
    let watch =
        Background::start(stage, "watch", &["agent", "watch", "pods", "--watch-only", "--output-watch-events"])?;
    stage.helm(&["agent", "install", "blog", &reference, "--set=replicas=1", "--wait"])?;
    std::thread::sleep(Duration::from_secs(1));
    watch.stop()?;

    say("Follow the log of a pod of it. New lines come as they are written.");
    let pods = stage.kubectl(&[
        "get",
        "pods",
        "--all-namespaces",
        "--selector=app.kubernetes.io/instance=blog",
        "--output=name",
    ])?;
    let pod = pods.stdout.lines().next().ok_or("the release has no pod")?.trim_start_matches("pod/").to_owned();
    let follow = Background::start(stage, &pod, &["agent", "logs", &pod, "--follow", "--tail=3"])?;
    if let Some(plane) = &stage.plane {
        for number in 1..=3 {
            std::thread::sleep(Duration::from_millis(700));
            plane.log([format!("request {number} was answered").as_str()])?;
        }
    }
    std::thread::sleep(Duration::from_secs(1));
    follow.stop()?;

    say("Remove both releases: one through the agent, one from here.");
    stage.helm(&["agent", "uninstall", "blog", "--wait"])?;
    stage.helm(&["uninstall", "shop", "--wait"])?;
    stage.helm(&["list"])?;
    drop(agent);
    Ok(())
}

/// Packs the chart and serves it.
fn pack(stage: &Stage) -> Result<testbed::FileServer, Box<dyn std::error::Error>> {
    let shelf = stage.work.path().join("shelf");
    std::fs::create_dir_all(&shelf)?;
    let charts = repository::root().join("testdata").join("charts");
    let packed = Command::new("tar").arg("-czf").arg(shelf.join(ARCHIVE)).arg("-C").arg(charts).arg("demo").status()?;
    if !packed.success() {
        return Err("tar could not pack the chart".into());
    }
    Ok(stage.serve(&shelf)?)
}

/// A command that goes on while others run; its lines carry its name.
struct Background {
    child: Child,
    printer: JoinHandle<()>,
}

impl Background {
    fn start(stage: &Stage, name: &str, args: &[&str]) -> Result<Self, Box<dyn std::error::Error>> {
        println!("\n$ ankra-helm {} &", args.join(" "));
        let mut child = stage.ours.spawn(args)?;
        let out = child.stdout.take().ok_or("no pipe")?;
        let name = name.to_owned();
        let printer = std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                println!("    {name} | {line}");
            }
        });
        std::thread::sleep(Duration::from_secs(1));
        Ok(Self { child, printer })
    }

    /// Ends it as Ctrl-C does.
    fn stop(mut self) -> Outcome {
        if let Some(status) = self.child.try_wait()? {
            let mut said = String::new();
            if let Some(mut pipe) = self.child.stderr.take() {
                pipe.read_to_string(&mut said)?;
            }
            return Err(format!("it ended by itself ({status}): {said}").into());
        }
        testbed::program::interrupt(&self.child);
        self.child.wait()?;
        self.printer.join().map_err(|_| "the printer failed")?;
        Ok(())
    }
}
