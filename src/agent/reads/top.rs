//! `req.top`: what pods and nodes use, by the metrics API of the cluster.
//!
//! Owns reading Kubernetes' quantities.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    agent::api::{Accept, Api, client, path::Path},
    protocol::{
        Code, Error,
        inspect::{Top, TopOf, TopRequest, Usage},
        read::{Gvk, KindRef},
    },
};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Item {
    metadata: Meta,
    usage: BTreeMap<String, String>,
    containers: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meta {
    name: String,
    namespace: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    name: String,
    usage: BTreeMap<String, String>,
}

/// The use of pods or nodes.
pub(in crate::agent) async fn top(api: &Api, request: TopRequest) -> Result<Top, Error> {
    request.check()?;
    let kind = if request.of == TopOf::Nodes { "NodeMetrics" } else { "PodMetrics" };
    let gvk = Gvk { group: "metrics.k8s.io".into(), version: String::new(), kind: kind.into() };
    let kind = api.resolve(&KindRef { gvk: Some(gvk), resource: String::new() }).await.map_err(|error| {
        if error.code == Code::NotFound {
            return Error::new(Code::Unimplemented, "the cluster has no metrics API (metrics.k8s.io)");
        }
        error
    })?;
    let all = request.namespaces.is_empty() || !kind.namespaced;
    let namespaces = if all { vec![String::new()] } else { request.namespaces };
    let mut items = Vec::new();
    for namespace in &namespaces {
        let mut next = String::new();
        loop {
            let path = Path::objects(&kind, namespace)
                .query("labelSelector", &request.label_selector)
                .query("limit", "500")
                .query("continue", &next);
            let held = api.get(&path, Accept::Json).await?;
            let list: client::List<Item> = client::parse(&held.bytes)?;
            drop(held);
            items.extend(list.items.unwrap_or_default().into_iter().map(usage));
            next = list.metadata.next;
            if next.is_empty() {
                break;
            }
        }
    }
    items.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(Top { items })
}

fn usage(item: Item) -> Usage {
    let one = |name: String, usage: &BTreeMap<String, String>| Usage {
        name,
        cpu_m: usage.get("cpu").map_or(0, |text| quantity(text, 1000.0)),
        memory: usage.get("memory").map_or(0, |text| quantity(text, 1.0)),
        ..Usage::default()
    };
    if item.containers.is_empty() {
        return Usage { namespace: item.metadata.namespace, ..one(item.metadata.name, &item.usage) };
    }
    let containers: Vec<_> = item.containers.into_iter().map(|c| one(c.name, &c.usage)).collect();
    Usage {
        namespace: item.metadata.namespace,
        name: item.metadata.name,
        cpu_m: containers.iter().map(|c| c.cpu_m).sum(),
        memory: containers.iter().map(|c| c.memory).sum(),
        containers,
    }
}

/// A quantity of Kubernetes times `scale`, rounded up; 0 when it is none.
fn quantity(text: &str, scale: f64) -> u64 {
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    // An exponent looks like the unit exa.
    let (number, unit) =
        if unit.len() > 1 && matches!(unit.as_bytes(), [b'e' | b'E', ..]) { (text, "") } else { (number, unit) };
    let factor = match unit {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        "Ei" => 1_152_921_504_606_846_976.0,
        _ => return 0,
    };
    let value = number.parse::<f64>().unwrap_or(0.0) * factor * scale;
    // What is no number of bytes is none.
    format!("{:.0}", (value - 1e-9).ceil().max(0.0)).parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read() {
        for (text, scale, value) in [
            ("12345678n", 1000.0, 13),
            ("250m", 1000.0, 250),
            ("2", 1000.0, 2000),
            ("128Mi", 1.0, 134_217_728),
            ("1e3", 1.0, 1000),
            ("5M", 1.0, 5_000_000),
            ("x", 1.0, 0),
            ("", 1.0, 0),
        ] {
            assert_eq!(quantity(text, scale), value, "{text}");
        }
    }
}
