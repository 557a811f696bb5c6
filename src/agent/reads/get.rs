//! `req.get`: objects by name.
//!
//! Owns the order of the answers and what happens to names that do not exist.

use serde_json::value::RawValue;

use crate::{
    agent::api::{Api, client, path::Path, project},
    protocol::{
        Code, Error,
        read::{GetReply, GetRequest},
    },
};

/// Longest reply, in bytes: what a client may make the agent hold by naming
/// many large objects.
const REPLY_MAX: usize = 8 * 1024 * 1024;

/// The named objects.
pub(in crate::agent) async fn get(api: &Api, request: GetRequest) -> Result<GetReply, Error> {
    request.check()?;
    let kind = api.resolve(&request.kind).await?;
    if !kind.can("get") {
        return Err(Error::invalid(format!("{} cannot be read by name", kind.gvk)));
    }
    if kind.namespaced && request.namespace.is_empty() {
        return Err(Error::invalid(format!("{} live in namespaces: give one", kind.resource)));
    }
    let mut reply = GetReply {
        gvk: kind.gvk.clone(),
        namespaced: kind.namespaced,
        columns: Vec::new(),
        items: Vec::new(),
        missing: Vec::new(),
    };
    let mut size = 0;
    let mut first_missing = None;
    for name in &request.names {
        let path = Path::objects(&kind, &request.namespace).segment(name);
        let held = match api.get(&path, project::object_form(request.projection)).await {
            Ok(held) => held,
            Err(error) if error.code == Code::NotFound => {
                reply.missing.push(name.clone());
                first_missing.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let raw: &RawValue = client::parse(&held.bytes)?;
        let (columns, item) = project::single(raw, &kind, request.projection)?;
        size += item.json.get().len();
        if size > REPLY_MAX {
            return Err(Error::new(Code::TooLarge, format!("the objects are over {REPLY_MAX} bytes: name fewer")));
        }
        reply.columns = columns;
        reply.items.push(item.json);
    }
    match first_missing {
        Some(error) if reply.items.is_empty() => Err(error),
        _ => Ok(reply),
    }
}
