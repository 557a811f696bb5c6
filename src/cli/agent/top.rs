//! `ankra-helm agent top`

use super::{Session, columns::Columns, failure};
use crate::{
    cli::{Failure, Format},
    protocol::inspect::{Top, TopOf, TopRequest},
};

/// show what pods or nodes use
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// pods or nodes
    #[arg(value_enum, default_value_t)]
    of: Of,
    /// show pods of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// show the containers of pods
    #[arg(long)]
    containers: bool,
    /// label selector
    #[arg(short = 'l', long, value_name = "string", default_value = "", hide_default_value = true)]
    selector: String,
    /// prints the output in the specified format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Of {
    /// pods
    #[default]
    #[value(alias = "pod", alias = "po")]
    Pods,
    /// nodes
    #[value(alias = "node", alias = "no")]
    Nodes,
}

pub(super) async fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let pods = args.of == Of::Pods;
    let request = TopRequest {
        of: if pods { TopOf::Pods } else { TopOf::Nodes },
        namespaces: if args.all_namespaces || !pods { Vec::new() } else { vec![session.namespace()] },
        label_selector: args.selector.clone(),
    };
    let top: Top = session.client().await?.request("top", &request).await.map_err(failure)?;
    if args.output != Format::Table {
        return session.structured(args.output, &top);
    }
    let mut heading = vec!["NAME", "CPU(cores)", "MEMORY(bytes)"];
    if pods && args.containers {
        heading = vec!["POD", "NAME", "CPU(cores)", "MEMORY(bytes)"];
    }
    if args.all_namespaces && pods {
        heading.insert(0, "NAMESPACE");
    }
    let mut rows = vec![heading.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for item in top.items {
        let used = |cpu: u64, memory: u64| [format!("{cpu}m"), format!("{}Mi", memory / (1024 * 1024))];
        let place = if args.all_namespaces && pods { vec![item.namespace.clone()] } else { Vec::new() };
        if pods && args.containers {
            for container in item.containers {
                let names = [item.name.clone(), container.name];
                let row = place.iter().cloned().chain(names).chain(used(container.cpu_m, container.memory));
                rows.push(row.collect());
            }
        } else {
            rows.push(place.into_iter().chain([item.name]).chain(used(item.cpu_m, item.memory)).collect());
        }
    }
    session.cx.printer.text(&Columns::default().render(&rows))
}
