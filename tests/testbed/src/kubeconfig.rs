//! The files that tell a client where a control plane is and who is calling.

use std::path::Path;

use crate::{Error, Result};

/// Who calls, and from which namespace.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The name of the context, the cluster and the user in the file.
    pub context: &'a str,
    /// The bearer token.
    pub token: &'a str,
    /// The namespace of commands that name none.
    pub namespace: &'a str,
}

/// Writes a kubeconfig. `authority` is the file that holds the certificate
/// which the server's own must be signed by.
///
/// # Errors
/// When the file cannot be written.
pub fn write(file: &Path, server: &str, authority: &Path, caller: Caller<'_>) -> Result<()> {
    let Caller { context, token, namespace } = caller;
    let authority = authority.display();
    let text = format!(
        "apiVersion: v1
kind: Config
current-context: {context}
clusters:
- name: {context}
  cluster:
    server: {server}
    certificate-authority: {authority}
users:
- name: {context}
  user:
    token: {token}
contexts:
- name: {context}
  context:
    cluster: {context}
    user: {context}
    namespace: {namespace}
"
    );
    write_private(file, &text)
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// When the file cannot be written.
pub fn write_private(file: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(text.as_bytes()))
        .map_err(Error::io(format!("write {}", file.display())))
}
