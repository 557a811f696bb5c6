//! Drives the engine by hand: `release install|upgrade|rollback|uninstall|list|history|status|diff NAME [CHART]`
//! on the cluster of `$KUBECONFIG`. Events go to the standard output as JSON.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use engine::action::{self, DiffOptions, InstallOptions, RollbackOptions, UninstallOptions, UpgradeOptions};
use engine::{Cluster, ConnectOptions, Engine, Events, Run, WaitStrategy};
use templates_compat::{Compat, Map};

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let run = Run {
        events: Events::new(|e| println!("{}", serde_json::to_string(&e).unwrap_or_default())),
        ..Run::default()
    };
    let cancel = run.cancel.clone();
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        cancel.cancel();
    });
    // Spawned, so that every action's future must be `Send`.
    let done = tokio::spawn(async move { act(&args, &run).await }).await;
    match done {
        Ok(Ok(())) => {}
        Ok(Err(e)) => {
            eprintln!("Error: {e}");
            std::process::exit(1);
        }
        Err(e) => eprintln!("{e}"),
    }
}

fn chart(path: Option<&String>) -> Result<charts::Chart, engine::Error> {
    Ok(charts::load::load(
        std::path::Path::new(path.map_or(".", String::as_str)),
        Compat::Helm4,
        &mut charts::Warnings::new(),
    )?)
}

async fn act(args: &[String], run: &Run) -> Result<(), engine::Error> {
    let flag = |name: &str| args.iter().any(|a| a == name);
    let set: Vec<String> = args.iter().filter_map(|a| a.strip_prefix("--set=").map(str::to_string)).collect();
    let plain: Vec<&String> = args.iter().filter(|a| !a.starts_with("--")).collect();
    let namespace = args.iter().find_map(|a| a.strip_prefix("--namespace=").map(str::to_string));
    let cluster = Cluster::connect(&ConnectOptions { namespace: namespace.clone(), ..Default::default() }).await?;
    let namespace = if flag("--all") { String::new() } else { cluster.default_namespace().to_string() };
    let engine = Engine::new(cluster, namespace);
    let name = plain.get(1).map(|s| s.to_string()).unwrap_or_default();
    let wait = if flag("--wait") { WaitStrategy::Watcher } else { WaitStrategy::HookOnly };
    let seconds = args.iter().find_map(|a| a.strip_prefix("--timeout=")?.parse().ok());
    let timeout = std::time::Duration::from_secs(seconds.unwrap_or(300));
    let values = Map::new();
    for s in &set {
        charts::values::parse_into(s, &values, charts::values::SetKind::Set, Compat::Helm4)
            .map_err(|e| engine::Error::other(engine::Stage::Prepare, e))?;
    }
    let upgrade = UpgradeOptions {
        name: name.clone(),
        install: flag("--install"),
        wait,
        rollback_on_failure: flag("--rollback-on-failure"),
        reuse_values: flag("--reuse-values"),
        timeout,
        ..Default::default()
    };
    match plain.first().map(|s| s.as_str()) {
        Some("install") => {
            let create_namespace = flag("--create-namespace");
            let options = InstallOptions {
                name,
                wait,
                timeout,
                create_namespace,
                rollback_on_failure: flag("--rollback-on-failure"),
                replace: flag("--replace"),
                ..Default::default()
            };
            let applied = action::install(&engine, run, chart(plain.get(2).copied())?, values, &options).await?;
            print!("{}", applied.plan.map(|p| p.to_string()).unwrap_or_default());
        }
        Some("upgrade") => {
            let applied = action::upgrade(&engine, run, chart(plain.get(2).copied())?, values, &upgrade).await?;
            print!("{}", applied.plan.map(|p| p.to_string()).unwrap_or_default());
        }
        Some("diff") => {
            let options = DiffOptions { upgrade, ..Default::default() };
            print!("{}", action::diff(&engine, run, chart(plain.get(2).copied())?, values, &options).await?);
        }
        Some("rollback") => {
            let revision = plain.get(2).and_then(|r| r.parse().ok()).unwrap_or_default();
            let options = RollbackOptions { name, revision, wait, ..Default::default() };
            action::rollback(&engine, run, &options).await?;
        }
        Some("uninstall") => {
            let options = UninstallOptions { name, wait, keep_history: flag("--keep-history"), ..Default::default() };
            println!("{}", action::uninstall(&engine, run, &options).await?.info);
        }
        Some("list") => {
            for r in action::list(&engine, run, &Default::default()).await? {
                println!(
                    "{}\t{}\t{}\t{}\t{}",
                    r.name,
                    r.namespace,
                    r.version,
                    r.info.status,
                    r.chart.name_and_version()
                );
            }
        }
        Some("history") => {
            for r in action::history(&engine, run, &name, &Default::default()).await? {
                println!("{}\t{}\t{}", r.version, r.info.status, r.info.description);
            }
        }
        Some("status") => {
            let release = action::status(&engine, run, &name, 0, false).await?;
            println!("{}\n{}", release.info.status, serde_json::to_string(&release.info.resources).unwrap_or_default());
        }
        Some("get") => {
            let release = action::get(&engine, run, &name, 0).await?;
            println!("{}", String::from_utf8_lossy(&engine::release::codec::to_json(&release).unwrap_or_default()));
        }
        other => println!("unknown verb {other:?}"),
    }
    Ok(())
}
