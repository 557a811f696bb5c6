//! `cargo xtask testbed`: the test servers by hand.

use std::path::Path;

use testbed::server::{Tie, stop_detached};
use testbed::{Binaries, ControlPlane, ControlPlaneOptions, NatsOptions, NatsServer, Node, NodeOptions, stop_node};

use crate::Outcome;
use crate::progress::Bar;

/// Builds what is not in the cache yet.
pub(crate) fn build() -> Result<Binaries, Box<dyn std::error::Error>> {
    let mut bar = Bar::new();
    Ok(testbed::build(|news| bar.show(&news))?)
}

/// Builds only what a cluster and a NATS server need.
pub(crate) fn build_cluster() -> Result<Binaries, Box<dyn std::error::Error>> {
    let mut bar = Bar::new();
    Ok(testbed::build_only(&testbed::tools::CLUSTER, |news| bar.show(&news))?)
}

/// Starts a cluster and a NATS server that outlive this command.
pub(crate) fn up(folder: &Path) -> Outcome {
    let binaries = build_cluster()?;
    std::fs::create_dir_all(folder)?;
    if !stop_detached(folder)?.is_empty() {
        println!("stopped what was running in {}", folder.display());
    }
    // Old data belongs to the old keys and ports.
    for old in ["etcd", "certificates", "jetstream"] {
        let _ = std::fs::remove_dir_all(folder.join(old));
    }
    let (tie, folder) = (Tie::Detached, folder.canonicalize()?);
    let options = ControlPlaneOptions { tie, folder: Some(folder.clone()), ..ControlPlaneOptions::default() };
    let plane = ControlPlane::start(&binaries, options)?;
    let nats = NatsOptions { jetstream: true, tie, folder: Some(folder.clone()), ..NatsOptions::default() };
    let nats = NatsServer::start(&binaries, nats)?;
    std::fs::copy(plane.kubeconfig(), folder.join("kubeconfig"))?;
    let env = format!("export KUBECONFIG={}\nexport NATS_URL={}\n", folder.join("kubeconfig").display(), nats.url());
    std::fs::write(folder.join("env"), &env)?;
    println!("A cluster and a NATS server run; their files and logs are in {}.", folder.display());
    print!("{env}");
    println!("Stop them with: cargo xtask testbed down {}", folder.display());
    Ok(())
}

/// Starts a node with real containers that outlives this command.
pub(crate) fn node_up(folder: &Path) -> Outcome {
    let mut bar = Bar::new();
    let binaries = testbed::build_only(&testbed::tools::NODE, |news| bar.show(&news))?;
    std::fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    if stop_node(&folder)? {
        println!("stopped what was running in {}", folder.display());
    }
    let options = NodeOptions { tie: Tie::Detached, folder: Some(folder.clone()) };
    let node = match Node::start(&binaries, options) {
        Ok(node) => node,
        Err(error) => {
            // Half of a node is of no use, and hard to find.
            stop_node(&folder)?;
            return Err(error.into());
        }
    };
    println!("A node with containers runs; its files and logs are in {}.", folder.display());
    println!("export KUBECONFIG={}", node.kubeconfig().display());
    println!("Stop it with: cargo xtask testbed node down {}", folder.display());
    Ok(())
}

/// Stops what `node up` started in this folder.
pub(crate) fn node_down(folder: &Path) -> Outcome {
    if stop_node(folder)? {
        println!("stopped the node of {}", folder.display());
    } else {
        println!("no node runs in {}", folder.display());
    }
    Ok(())
}

/// Stops what `up` started in this folder.
pub(crate) fn down(folder: &Path) -> Outcome {
    let stopped = stop_detached(folder)?;
    if stopped.is_empty() {
        println!("nothing runs in {}", folder.display());
    } else {
        println!("stopped {}", stopped.join(", "));
    }
    Ok(())
}

/// Prints where the built programs are.
pub(crate) fn env() -> Outcome {
    let binaries = build()?;
    let all = [
        ("KUBE", &binaries.kube),
        ("ETCD", &binaries.etcd),
        ("KWOK", &binaries.kwok),
        ("NATS_SERVER", &binaries.nats_server),
        ("NATS", &binaries.nats),
        ("HELM4", &binaries.helm4),
        ("HELM3", &binaries.helm3),
        ("REGISTRY", &binaries.registry),
    ];
    for (name, path) in all {
        println!("export TESTBED_{name}={}", path.display());
    }
    Ok(())
}
