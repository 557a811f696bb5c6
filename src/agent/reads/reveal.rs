//! `req.reveal`: the values of a Secret, where the agent was told to show them.
//!
//! Owns that right. It is a subject of its own, so that NATS' permissions
//! decide who may use it, and it is off unless `secrets.reveal` is set.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    agent::{
        Agent,
        api::{Accept, Api, client, path::Path},
    },
    protocol::{
        Code, Error,
        inspect::{RevealRequest, Revealed},
        read::{Gvk, KindRef},
    },
};

/// The values of one Secret.
pub(in crate::agent) async fn reveal(agent: &Agent, api: &Api, request: RevealRequest) -> Result<Revealed, Error> {
    #[derive(Deserialize)]
    struct Secret {
        #[serde(default)]
        data: Option<BTreeMap<String, String>>,
    }
    if !agent.settings.secrets_reveal {
        return Err(Error::new(Code::Forbidden, "this agent does not reveal Secrets (secrets.reveal)"));
    }
    request.check()?;
    let gvk = Gvk { group: String::new(), version: "v1".into(), kind: "Secret".into() };
    let kind = api.resolve(&KindRef { gvk: Some(gvk), resource: String::new() }).await?;
    let path = Path::objects(&kind, &request.namespace).segment(&request.name);
    let held = api.get(&path, Accept::Json).await?;
    let secret: Secret = client::parse(&held.bytes)?;
    // Who saw what is in the agent's log; the values are not.
    tracing::info!(namespace = %request.namespace, name = %request.name, "a Secret was revealed");
    Ok(Revealed { data: secret.data.unwrap_or_default() })
}
