//! `ankra-helm env`

use std::collections::BTreeMap;

use crate::cli::{Context, Failure};

/// helm client environment information
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// print only this variable
    name: Option<String>,
}

/// Prints the settings as variables, in byte order of their names.
///
/// # Errors
/// Only what writing to stdout says.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let variables = variables(cx)?;
    if let Some(name) = &args.name {
        return cx.printer.line(variables.get(name.as_str()).map_or("", String::as_str));
    }
    let text: String = variables.iter().map(|(k, v)| format!("{k}=\"{v}\"\n")).collect();
    cx.printer.text(&text)
}

fn variables(cx: &Context) -> Result<BTreeMap<&'static str, String>, Failure> {
    let s = &cx.settings;
    let args = &s.args;
    let path = |p: &std::path::Path| p.display().to_string();
    let text = |flag: &Option<String>, name: &str| {
        flag.clone().or_else(|| crate::cli::settings::env(name)).unwrap_or_default()
    };
    let kubeconfig = args.kubeconfig.as_deref().map(path).or_else(|| crate::cli::settings::env("KUBECONFIG"));
    let groups = match args.kube_as_group.as_slice() {
        [] => crate::cli::settings::env("HELM_KUBEASGROUPS").unwrap_or_default(),
        groups => groups.join(","),
    };
    let mut all = BTreeMap::from([
        ("HELM_BIN", std::env::args().next().unwrap_or_default()),
        ("HELM_CACHE_HOME", path(&s.homes[0])),
        ("HELM_CONFIG_HOME", path(&s.homes[1])),
        ("HELM_DATA_HOME", path(&s.homes[2])),
        ("HELM_DEBUG", s.debug.to_string()),
        ("HELM_PLUGINS", path(&s.plugins)),
        ("HELM_REGISTRY_CONFIG", path(&s.registry_config)),
        ("HELM_REPOSITORY_CACHE", path(&s.repository_cache)),
        ("HELM_CONTENT_CACHE", path(&s.content_cache)),
        ("HELM_REPOSITORY_CONFIG", path(&s.repository_config)),
        ("HELM_NAMESPACE", cx.namespace()?),
        ("HELM_MAX_HISTORY", s.max_history.to_string()),
        ("HELM_BURST_LIMIT", s.burst_limit.unwrap_or(100).to_string()),
        ("HELM_QPS", format!("{:.2}", s.qps.unwrap_or(0.0))),
        ("HELM_KUBECONTEXT", text(&args.kube_context, "HELM_KUBECONTEXT")),
        ("HELM_KUBETOKEN", text(&args.kube_token, "HELM_KUBETOKEN")),
        ("HELM_KUBEASUSER", text(&args.kube_as_user, "HELM_KUBEASUSER")),
        ("HELM_KUBEASGROUPS", groups),
        ("HELM_KUBEAPISERVER", text(&args.kube_apiserver, "HELM_KUBEAPISERVER")),
        ("HELM_KUBECAFILE", args.kube_ca_file.as_deref().map(path).unwrap_or_default()),
        ("HELM_KUBEINSECURE_SKIP_TLS_VERIFY", args.kube_insecure_skip_tls_verify.to_string()),
        ("HELM_KUBETLS_SERVER_NAME", text(&args.kube_tls_server_name, "HELM_KUBETLS_SERVER_NAME")),
    ]);
    if let Some(kubeconfig) = kubeconfig {
        all.insert("KUBECONFIG", kubeconfig);
    }
    if !s.compat.has_a_content_cache() {
        all.remove("HELM_CONTENT_CACHE");
    }
    Ok(all)
}
