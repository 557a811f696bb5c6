//! `ankra-helm agent ops`

use super::{Session, columns::Columns, failure, follow};
use crate::cli::{Failure, Format};

/// list, follow and cancel operations
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// list the operations of the last seven days
    Ls {
        /// prints the output in the specified format
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// follow an operation from its first event
    Watch {
        /// id of the operation
        id: String,
        /// prints the output in the specified format
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// ask the agent to stop an operation
    Cancel {
        /// id of the operation
        id: String,
    },
}

pub(super) async fn run(command: &Command, session: &Session<'_>) -> Result<(), Failure> {
    let client = session.client().await?;
    match command {
        Command::Ls { output } => {
            let entries = client.operations().await.map_err(failure)?;
            if *output != Format::Table {
                return session.structured(*output, &entries);
            }
            let heading = ["ID", "VERB", "NAMESPACE", "RELEASE", "STATE", "STARTED", "ACTOR"];
            let mut rows = vec![heading.map(str::to_owned).to_vec()];
            rows.extend(entries.into_iter().map(|entry| {
                let state = format!("{:?}", entry.state).to_lowercase();
                let verb = entry.verb.as_str().to_owned();
                vec![entry.op_id, verb, entry.namespace, entry.release, state, entry.started_at, entry.actor]
            }));
            session.cx.printer.text(&Columns::default().render(&rows))
        }
        Command::Watch { id, output } => {
            // An id that is not known would be waited for for ever.
            client.operation(id).await.map_err(failure)?;
            let following = client.follow(id).await.map_err(failure)?;
            let last = follow::show(session, &client, id, following).await?;
            follow::finish(session, *output, last)
        }
        Command::Cancel { id } => {
            client.cancel(id).await.map_err(failure)?;
            session.cx.printer.line(&format!("operation {id} is asked to stop"))
        }
    }
}
