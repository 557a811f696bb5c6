//! Requests that are answered once.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testbed::suite::Outcome;

use crate::scene::{Agents, CLUSTER};

pub(crate) fn info_names_cluster_and_versions(agents: &Agents) -> Outcome {
    let scene = agents.scene("info")?;
    let info = scene.nats.ask("info", &json!({}))?;
    assert_eq!(info["cluster_id"], CLUSTER);
    assert_eq!(info["k8s_version"], "v1.36.3");
    assert_eq!(info["protocol"], json!([1]));
    let uid = agents.plane.kubectl(["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"])?.ok();
    assert_eq!(info["cluster_uid"], uid.as_str());
    let kinds = scene.nats.ask("kinds", &json!({}))?.to_string();
    for kind in ["Pod", "Deployment", "Service", "CustomResourceDefinition"] {
        assert!(kinds.contains(&format!("\"{kind}\"")), "{kind}");
    }
    Ok(())
}

/// 25 pods in pages of 10: each once, none twice.
pub(crate) fn pages_hold_each_pod_once(agents: &Agents) -> Outcome {
    let scene = agents.scene("pages")?;
    let names: Vec<String> = (0..25).map(|number| format!("pod-{number:02}")).collect();
    scene.pods(&names)?;
    let mut request = json!({"resource": "pods", "namespaces": [scene.namespace], "projection": "meta", "limit": 10});
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let page = scene.nats.ask("list", &request)?;
        let items = page["items"].as_array().ok_or("no items")?;
        assert!(items.len() <= 10);
        seen.extend(items.iter().map(|item| item["metadata"]["name"].as_str().unwrap_or_default().to_owned()));
        pages += 1;
        match page["page_token"].as_str() {
            None | Some("") => break,
            Some(token) => request["page_token"] = Value::from(token),
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(seen.len(), 25);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), names.into_iter().collect());
    Ok(())
}

/// The values of a Secret never leave the cluster.
pub(crate) fn objects_are_read_without_secrets(agents: &Agents) -> Outcome {
    let scene = agents.scene("secrets")?;
    let create = ["create", "secret", "generic", "safe", "--from-literal=word=swordfish"];
    let _ = scene.kubectl(&create)?.ok();
    let request = json!({"resource": "secrets", "namespaces": [scene.namespace], "projection": "full"});
    let text = scene.nats.ask("list", &request)?.to_string();
    assert!(text.contains("\"safe\"") && text.contains("\"word\""), "{text}");
    assert!(!text.contains("c3dvcmRmaXNo") && !text.contains("swordfish"), "{text}");
    Ok(())
}

pub(crate) fn what_is_wrong_is_said_with_a_code(agents: &Agents) -> Outcome {
    let scene = agents.scene("wrong")?;
    let code = |verb: &str, body: Value| -> Result<String, Box<dyn std::error::Error>> {
        let answer = scene.nats.ask(verb, &body)?;
        Ok(answer["error"]["code"].as_str().unwrap_or("no error").to_owned())
    };
    assert_eq!(code("list", json!({}))?, "invalid");
    assert_eq!(code("list", json!({"resource": "unicorns"}))?, "not_found");
    assert_eq!(code("list", json!({"resource": "pods", "page_token": "nonsense"}))?, "invalid");
    assert_eq!(code("list", json!({"resource": "pods", "label_selector": "=="}))?, "invalid");
    Ok(())
}
