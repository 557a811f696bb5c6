//! How to reach NATS: servers, credentials, certificates.
//!
//! Owns the flags and variables that the daemon and the client share, and the
//! way from them to a connection's options. It connects nothing itself.

use std::{fmt, path::PathBuf};

use async_nats::{ConnectOptions, ServerAddr};
use clap::Args;

use crate::protocol::{Code, Error, subject::check_prefix};

/// A text that must not be shown: its `Debug` says nothing.
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret(text.trim().to_owned())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret(text.trim().to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "(none)" } else { "(hidden)" })
    }
}

/// How to reach NATS.
#[derive(Clone, Debug, Default, Args)]
pub struct Access {
    /// NATS servers, separated by commas (nats://, tls://, ws:// or wss://)
    #[arg(
        long,
        global = true,
        env = "NATS_URL",
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub nats_url: String,
    /// File with NATS credentials (a JWT and its seed)
    #[arg(long, global = true, env = "NATS_CREDS_FILE")]
    pub nats_creds: Option<PathBuf>,
    /// Seed of an nkey for NATS
    #[arg(
        long,
        global = true,
        env = "NATS_NKEY_SEED",
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub nats_nkey: Secret,
    /// User for NATS
    #[arg(
        long,
        global = true,
        env = "NATS_USER",
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub nats_user: String,
    /// Password for NATS
    #[arg(
        long,
        global = true,
        env = "NATS_PASSWORD",
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub nats_password: Secret,
    /// Token for NATS
    #[arg(
        long,
        global = true,
        env = "NATS_TOKEN",
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub nats_token: Secret,
    /// HTTP proxy before NATS (http://host:port), or none; without it
    /// HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are used
    #[arg(
        long,
        global = true,
        env = "NATS_PROXY",
        default_value = "",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub nats_proxy: Secret,
    /// File with the CA certificates that NATS servers are checked against
    #[arg(long, global = true, env = "NATS_CA_FILE")]
    pub nats_ca: Option<PathBuf>,
    /// File with the client certificate for NATS
    #[arg(long, global = true, env = "NATS_CERT_FILE", requires = "nats_key")]
    pub nats_cert: Option<PathBuf>,
    /// File with the key of the client certificate for NATS
    #[arg(long, global = true, env = "NATS_KEY_FILE", requires = "nats_cert")]
    pub nats_key: Option<PathBuf>,
    /// Prefix of the inboxes that replies come to
    #[arg(long, global = true, env = "NATS_INBOX_PREFIX", default_value = "_INBOX", hide_default_value = true)]
    pub nats_inbox_prefix: String,
}

impl Access {
    /// The servers.
    ///
    /// # Errors
    /// When none is named, or one is no URL.
    pub fn servers(&self) -> Result<Vec<ServerAddr>, Error> {
        let named = self.nats_url.split(',').map(str::trim).filter(|url| !url.is_empty());
        let servers = named
            .map(|url| {
                // The URL may hold a password, so it is not repeated.
                url.parse::<ServerAddr>().map_err(|_| Error::invalid("a NATS URL is not of the form nats://host:port"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if servers.is_empty() {
            return Err(Error::invalid("no NATS server is named: set --nats-url or NATS_URL"));
        }
        Ok(servers)
    }

    /// Options of a connection with these credentials and certificates.
    ///
    /// # Errors
    /// When a file cannot be read, or more than one credential is given.
    pub async fn options(&self) -> Result<ConnectOptions, Error> {
        let mut options = self.transport(ConnectOptions::new())?;
        let given = [
            self.nats_creds.is_some(),
            !self.nats_nkey.is_empty(),
            !self.nats_user.is_empty(),
            !self.nats_token.is_empty(),
        ];
        if given.iter().filter(|given| **given).count() > 1 {
            return Err(Error::invalid("give one of NATS credentials file, nkey, user and token, not several"));
        }
        if let Some(path) = &self.nats_creds {
            let text = tokio::fs::read_to_string(path)
                .await
                .map_err(|error| Error::invalid(format!("reading NATS credentials {}: {error}", path.display())))?;
            options = options.credentials(&text).map_err(|_| {
                Error::new(Code::Invalid, format!("{} holds no NATS credentials (a JWT and a seed)", path.display()))
            })?;
        } else if !self.nats_nkey.is_empty() {
            options = options.nkey(self.nats_nkey.reveal().to_owned());
        } else if !self.nats_user.is_empty() {
            options = options.user_and_password(self.nats_user.clone(), self.nats_password.reveal().to_owned());
        } else if !self.nats_token.is_empty() {
            options = options.token(self.nats_token.reveal().to_owned());
        }
        Ok(options)
    }

    /// `options` with the inbox prefix and the certificates, but without
    /// credentials.
    ///
    /// # Errors
    /// When the inbox prefix cannot be one.
    pub fn transport(&self, mut options: ConnectOptions) -> Result<ConnectOptions, Error> {
        if !self.nats_inbox_prefix.is_empty() {
            check_prefix(&self.nats_inbox_prefix)?;
            options = options.custom_inbox_prefix(&self.nats_inbox_prefix);
        }
        if let Some(path) = &self.nats_ca {
            options = options.add_root_certificates(path.clone());
        }
        if let (Some(cert), Some(key)) = (&self.nats_cert, &self.nats_key) {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_parsed_and_a_wrong_one_is_not_repeated() {
        let access = |url: &str| Access { nats_url: url.to_owned(), ..Access::default() };
        assert_eq!(access("nats://a:4222, wss://b:443").servers().unwrap().len(), 2);
        assert!(access("").servers().is_err());
        let error = access("http://me:hunter2@host").servers().unwrap_err();
        assert!(!error.message.contains("hunter2"));
    }

    #[tokio::test]
    async fn two_credentials_are_one_too_many() {
        let access = Access { nats_user: "u".into(), nats_token: "t".into(), ..Access::default() };
        assert!(access.options().await.is_err());
        let odd = Access { nats_inbox_prefix: "a.>".into(), ..Access::default() };
        assert!(odd.options().await.is_err());
        let missing = Access { nats_creds: Some("/nonexistent.creds".into()), ..Access::default() };
        assert!(missing.options().await.unwrap_err().message.contains("/nonexistent.creds"));
    }
}
