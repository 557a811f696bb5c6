//! Answers that are lost: what the agent wrote arrived, and it does not know.

use std::time::Duration;

use ankra_helm::client::{Access, Client, connect};
use ankra_helm::protocol::command::{Command, State};
use ankra_helm::protocol::subject::BUCKET_OPERATIONS;
use serde_json::json;
use testbed::suite::Outcome;

use crate::faults::nats;
use crate::library::{block_on, last};
use crate::scene::{Agent, Agents, Anything};
use crate::wire::Wire;

/// What an operation writes into its bucket: its entry, its lock, that it
/// runs, the lock again, how it ended.
const WRITES: usize = 5;
/// Longest time for a write to be given up and the operation to end.
const END: Duration = Duration::from_secs(100);

/// Five agents lose the connection after one of the writes of an operation
/// each, before its answer: each operation is done once and ends with its
/// result. What is done is a restart, which shows in the generation how often
/// it was.
pub(crate) fn lost_answers_do_nothing_twice(agents: &Agents) -> Outcome {
    let server = nats(agents)?;
    let scene = agents.scene("answers")?;
    let word = format!("PUB $KV.{BUCKET_OPERATIONS}.");
    let mut beds = Vec::new();
    for nth in 1..=WRITES {
        let cluster = format!("lost-{nth}");
        let _ = scene.kubectl(&["create", "deployment", &cluster, "--image=none", "--replicas=0"])?.ok();
        let wire = Wire::breaking(&server.url(), &word, nth)?;
        let settings = [("NATS_URL", wire.url.as_str()), ("CLUSTER_ID", cluster.as_str())];
        let agent = Agent::start_with(&agents.binaries, &agents.plane, &settings)?;
        beds.push((cluster, wire, agent));
    }
    let generation = |name: &str| {
        scene.kubectl(&["get", "deployment", name, "-o=jsonpath={.metadata.generation}"]).map(|done| done.ok())
    };
    block_on(async {
        let access = Access { nats_url: server.url(), ..Access::default() };
        let connection = connect(&access).await?;
        let one = async |cluster: &str| -> Anything<()> {
            let client = Client::new(connection.clone(), "ah.v1", Some(cluster)).await?;
            let objects = json!({"resource": "deployments", "names": [cluster]});
            let command: Command = serde_json::from_value(json!({"op_id": format!("{}-{cluster}", scene.namespace),
                "verb": "res.restart", "spec": {"namespace": scene.namespace, "objects": objects}}))?;
            let mut following = client.command(&command).await?;
            let ended = last(&mut following, END).await.map_err(|error| format!("{cluster}: {error}"))?;
            assert_eq!(ended.state, State::Succeeded, "{cluster}: {ended:?}");
            assert!(ended.result.is_some(), "{cluster}: the result is lost: {ended:?}");
            let entry = client.operation(&command.op_id).await?;
            assert_eq!((entry.state, entry.attempt), (State::Succeeded, 1), "{cluster}: {entry:?}");
            Ok(())
        };
        let all = futures_util::future::join_all(beds.iter().map(|(cluster, ..)| one(cluster))).await;
        all.into_iter().collect::<Anything<Vec<()>>>()?;
        Ok(())
    })?;
    for (cluster, wire, _) in &beds {
        assert!(wire.broke(), "{cluster}: nothing was lost");
        assert_eq!(generation(cluster)?, "2", "{cluster}: how often it was restarted");
    }
    Ok(())
}
