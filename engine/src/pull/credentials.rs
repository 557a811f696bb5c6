//! Registry credentials from Docker-style `config.json` files.
//!
//! Only what stands in the file is used: credential helpers are programs, and
//! this engine starts none. A file that names one for the host gets its own
//! error, so that nobody wonders why the login is not found.

use std::path::Path;

use base64::Engine as _;
use oci_client::secrets::RegistryAuth;

use super::PullError;

/// The largest `config.json` that is read (bytes).
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct DockerConfig {
    auths: std::collections::BTreeMap<String, Auth>,
    #[serde(rename = "credHelpers")]
    cred_helpers: std::collections::BTreeMap<String, String>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    #[serde(rename = "registrytoken")]
    registry_token: String,
}

/// The credentials for a registry host, anonymous when the file is not there
/// or has no entry for it.
pub(super) fn lookup(path: &Path, host: &str) -> Result<RegistryAuth, PullError> {
    let failed = |cause: String| PullError::Config { what: "registry config", path: path.to_path_buf(), cause };
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() > MAX_CONFIG_BYTES => {
            return Err(failed(format!("larger than {MAX_CONFIG_BYTES} bytes")));
        }
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(RegistryAuth::Anonymous),
        Err(e) => return Err(failed(e.to_string())),
    }
    let text = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
    let config: DockerConfig = serde_json::from_slice(&text).map_err(|e| failed(e.to_string()))?;
    let spellings = [host.to_owned(), format!("https://{host}"), format!("https://{host}/v1/"), format!("{host}/")];
    let Some(auth) = spellings.iter().find_map(|s| config.auths.get(s)) else {
        return match config.cred_helpers.get(host) {
            Some(helper) => Err(failed(format!(
                "the credentials of {host} are kept by the program docker-credential-{helper}, which is not started; \
                 give --username and --password"
            ))),
            None => Ok(RegistryAuth::Anonymous),
        };
    };
    if !auth.registry_token.is_empty() {
        return Ok(RegistryAuth::Bearer(auth.registry_token.clone()));
    }
    if !auth.username.is_empty() {
        return Ok(RegistryAuth::Basic(auth.username.clone(), auth.password.clone()));
    }
    if auth.auth.is_empty() {
        return Ok(RegistryAuth::Anonymous);
    }
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(&auth.auth)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.split_once(':').map(|(u, p)| (u.to_owned(), p.trim_end_matches('\0').to_owned())));
    match decoded {
        Some((username, password)) => Ok(RegistryAuth::Basic(username, password)),
        None => Err(failed(format!("the auth of {host} is not base64 of user:password"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_file(text: &str, host: &str) -> Result<RegistryAuth, PullError> {
        let dir = std::env::temp_dir().join(format!("ankra-credentials-{}-{}", std::process::id(), text.len()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("config.json");
        std::fs::write(&file, text).unwrap();
        let found = lookup(&file, host);
        std::fs::remove_dir_all(&dir).unwrap();
        found
    }

    #[test]
    fn finds_each_kind_of_entry() {
        let basic = in_file(r#"{"auths":{"h:5000":{"auth":"dTpwOng="}}}"#, "h:5000").unwrap();
        assert!(basic == RegistryAuth::Basic("u".into(), "p:x".into()));
        let token = in_file(r#"{"auths":{"https://h":{"registrytoken":"t"}}}"#, "h").unwrap();
        assert!(token == RegistryAuth::Bearer("t".into()));
        assert!(in_file("{}", "h").unwrap() == RegistryAuth::Anonymous);
        assert!(in_file(r#"{"auths":{"h":{"auth":"!"}}}"#, "h").is_err());
        let helper = in_file(r#"{"credHelpers":{"h":"pass"}}"#, "h").unwrap_err();
        assert!(helper.to_string().contains("docker-credential-pass"), "{helper}");
    }
}
