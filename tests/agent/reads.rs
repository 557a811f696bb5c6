//! Requests that are answered once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::suite::Outcome;

use crate::library::{block_on, client};
use crate::scene::{Agents, CLUSTER, SOON};

/// Pause before something is asked again.
const AGAIN: Duration = Duration::from_millis(500);

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

/// The kinds that everybody expects, and one that nobody knew before, each by
/// its kind, its plural and its singular.
pub(crate) fn kinds_are_known_by_name(agents: &Agents) -> Outcome {
    const KINDS: &str = "Pod ConfigMap Secret Service Endpoints ServiceAccount PersistentVolumeClaim \
        ReplicationController Event LimitRange ResourceQuota Node Namespace PersistentVolume Deployment ReplicaSet \
        StatefulSet DaemonSet ControllerRevision Job CronJob Ingress NetworkPolicy IngressClass \
        HorizontalPodAutoscaler PodDisruptionBudget StorageClass Role RoleBinding ClusterRole ClusterRoleBinding \
        Wheel";
    agents.plane.apply(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: wheels.test.example.org}\n\
         spec: {group: test.example.org, scope: Namespaced, names: {kind: Wheel, plural: wheels, singular: wheel},\n  \
         versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}\n",
    )?;
    let established = ["wait", "--for=condition=Established", "crd/wheels.test.example.org", "--timeout=60s"];
    let _ = agents.plane.kubectl(established)?.ok();
    block_on(async {
        let client = client(&agents.nats).await?;
        for kind in KINDS.split_whitespace() {
            let singular = kind.to_lowercase();
            let plural = match singular.as_str() {
                "endpoints" => singular.clone(),
                _ if singular.ends_with('s') => format!("{singular}es"),
                _ if singular.ends_with("cy") => format!("{}ies", singular.trim_end_matches('y')),
                _ => format!("{singular}s"),
            };
            for name in [kind, &plural, &singular] {
                let (begun, request) = (Instant::now(), json!({"resource": name, "limit": 1}));
                let page = loop {
                    match client.request::<Value>("list", &request).await {
                        Ok(page) => break page,
                        // What is unknown is looked for again, but not at once.
                        Err(_) if kind == "Wheel" && begun.elapsed() < SOON => tokio::time::sleep(AGAIN).await,
                        Err(error) => return Err(format!("{name}: {error}").into()),
                    }
                };
                assert!(page["items"].is_array(), "{name}: {page}");
            }
        }
        Ok(())
    })
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

/// Lists in another order than the API server's: page by page, each object
/// once, whatever is shown of it.
pub(crate) fn lists_are_sorted(agents: &Agents) -> Outcome {
    let scene = agents.scene("sorted")?;
    let (mut manifest, mut expected) = (String::new(), Vec::new());
    for number in 0..23 {
        let (name, rank) = (format!("item-{number:02}"), number * 7 % 5);
        manifest.push_str(&format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {}, labels: {{sorted: \"yes\"}}}}\n\
             data: {{rank: \"{rank}\"}}\n",
            scene.namespace
        ));
        expected.push((rank, name));
    }
    agents.plane.apply(&manifest)?;
    // Descending by rank, then by name.
    expected.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.cmp(y)));
    let expected: Vec<_> = expected.into_iter().map(|(_, name)| name).collect();
    for projection in ["table", "meta", "full"] {
        let mut request = json!({"resource": "cm", "namespaces": [scene.namespace], "label_selector": "sorted=yes",
            "projection": projection, "sort": ["-.data.rank", "name"], "limit": 10});
        let (mut seen, mut left) = (Vec::new(), Vec::new());
        loop {
            let page = scene.nats.ask("list", &request)?;
            let name = |item: &Value| item["name"].as_str().or(item["metadata"]["name"].as_str()).map(str::to_owned);
            seen.extend(page["items"].as_array().ok_or("no items")?.iter().filter_map(name));
            left.extend(page["remaining"].as_u64());
            match page["page_token"].as_str() {
                None => break,
                Some(token) => request["page_token"] = Value::from(token),
            }
        }
        assert_eq!(seen, expected, "{projection}");
        assert_eq!(left, [13, 3], "{projection}");
        request["sort"] = json!(["name"]);
        assert_eq!(scene.nats.ask("list", &request)?["error"]["code"], "invalid", "a token of another order");
    }
    let get = ["agent", "get", "cm", "--namespace", &scene.namespace, "--selector", "sorted=yes", "--chunk-size", "9"];
    let shown = scene.ours.run([&get[..], &["--output", "name", "--sort-by", "-.data.rank,name"]].concat())?.ok();
    assert_eq!(shown.lines().map(|line| line.replace("configmap/", "")).collect::<Vec<_>>(), expected);
    let shown = scene.ours.run([&get[..], &["--no-headers", "--sort-by=-name"]].concat())?.ok();
    let names: Vec<_> = shown.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.is_sorted_by(|a, b| a > b) && names.len() == 23, "{names:?}");
    Ok(())
}

/// Neither the order of Secrets nor a page's token tells their values.
pub(crate) fn order_tells_no_secret(agents: &Agents) -> Outcome {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let scene = agents.scene("order")?;
    for (name, word) in [("one", "swordfish"), ("two", "anchovy")] {
        let _ = scene.kubectl(&["create", "secret", "generic", name, &format!("--from-literal=word={word}")])?.ok();
    }
    let request = json!({"resource": "secrets", "namespaces": [scene.namespace], "sort": [".data.word"], "limit": 1});
    let page = scene.nats.ask("list", &request)?;
    let token = URL_SAFE_NO_PAD.decode(page["page_token"].as_str().ok_or("no token")?)?;
    let token = String::from_utf8(token)?;
    assert!(token.contains("sha256:"), "{token}");
    for secret in ["swordfish", "anchovy", "c3dvcmRmaXNo", "YW5jaG92eQ"] {
        assert!(!token.contains(secret) && !page.to_string().contains(secret), "{token} {page}");
    }
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
