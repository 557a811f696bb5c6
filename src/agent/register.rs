//! The registration at `config.ankra_url`: who the cluster is, and NATS
//! credentials that end and are renewed.
//!
//! Owns the HTTP request, the pauses between attempts and the moment of the
//! renewal. A platform that refuses the token is asked more and more seldom;
//! the reason is on `/ready`.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    credentials::Credentials,
    link::{Link, REFUSED_PAUSE, REFUSED_PAUSE_MAX, Way, doubled, jittered},
    metrics::{Metrics, add},
    settings::Settings,
    status::Status,
};
use crate::{
    client::{Access, Secret},
    protocol::{
        ClusterId, Code, Error, VERSION,
        register::{REGISTER_PATH, REPLY_MAX, RegisterReply, RegisterRequest},
    },
};

/// Longest time for one registration.
const TIMEOUT: Duration = Duration::from_secs(30);
/// First and longest pause while the platform is away.
const AWAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Part of their life after which credentials are renewed.
const RENEW_AT: f64 = 0.8;
/// Shortest life that credentials are taken to have.
const LIFE_MIN: Duration = Duration::from_secs(5);
/// Longest wait for a renewal: what is said to live for years is asked for
/// again each day.
const RENEW_MAX: Duration = Duration::from_secs(24 * 3600);
/// Time after a registration in which a refusal by NATS starts no new one.
const SETTLE: Duration = Duration::from_secs(5);

/// Registers the agent, again and again.
pub(super) struct Registrar {
    http: reqwest::Client,
    url: reqwest::Url,
    token: Secret,
    request: RegisterRequest,
    /// NATS settings that the registration does not bring: certificates.
    access: Access,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    /// The credentials that connections prove themselves with.
    credentials: Credentials,
}

/// What a registration brought.
pub(super) struct Grant {
    /// The cluster's name in subjects.
    pub(super) cluster: ClusterId,
    /// Prefix of subjects, when the platform names one.
    pub(super) prefix: Option<String>,
    /// How to reach NATS now.
    pub(super) way: Way,
    /// When to register again.
    renew: Instant,
}

/// Checks the settings of a registration, and gives its URL.
///
/// # Errors
/// Without a token, or with a URL that would show it to others.
pub(super) fn url(settings: &Settings) -> Result<reqwest::Url, Error> {
    if settings.token.is_empty() {
        return Err(Error::invalid(
            "no way to NATS is named: set TOKEN (config.token) to register at ANKRA_URL, or NATS_URL (nats.url)",
        ));
    }
    let wrong = || Error::invalid("ANKRA_URL is not of the form https://host");
    let mut url: reqwest::Url = settings.ankra_url.trim_end_matches('/').parse().map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?;
    let here = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    if url.scheme() != "https" && !(url.scheme() == "http" && here) {
        return Err(Error::invalid("ANKRA_URL must be https://, because the token is sent to it"));
    }
    let path = format!("{}{REGISTER_PATH}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

impl Registrar {
    /// A registrar for the cluster with this UID.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub(super) fn new(
        settings: &Settings,
        cluster_uid: String,
        instance: String,
        status: Arc<Status>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        engine::tls::install_provider();
        let http = reqwest::Client::builder()
            .user_agent(concat!("ankra-agent/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            // The token is for this host and no other.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::internal(format!("making an HTTP client: {error}")))?;
        let request = RegisterRequest {
            cluster_uid,
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            k8s_version: status.snapshot().k8s_version.unwrap_or_default(),
            instance,
            protocol: vec![VERSION],
        };
        Ok(Registrar {
            http,
            url: url(settings)?,
            token: settings.token.clone(),
            request,
            access: settings.nats.clone(),
            status,
            metrics,
            credentials: Credentials::default(),
        })
    }

    /// Registers until it is granted; `None` when stopped.
    pub(super) async fn granted(&self, stop: &CancellationToken) -> Option<Grant> {
        let (mut refusals, mut absences) = (0, 0);
        loop {
            let error = tokio::select! {
                () = stop.cancelled() => return None,
                granted = self.once() => match granted {
                    Ok(grant) => {
                        self.status.registered(Ok(()));
                        return Some(grant);
                    }
                    Err(error) => error,
                },
            };
            add(&self.metrics.register_failures, 1);
            tracing::warn!(%error, code = %error.code, "the registration failed");
            let whole = if error.retryable {
                refusals = 0;
                absences += 1;
                doubled(AWAY.0, absences - 1, AWAY.1)
            } else {
                absences = 0;
                refusals += 1;
                doubled(REFUSED_PAUSE, refusals - 1, REFUSED_PAUSE_MAX)
            };
            let asked = Duration::from_millis(error.retry_after_ms).min(REFUSED_PAUSE_MAX);
            self.status.registered(Err(error.message));
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(jittered(whole, rand::random()).max(asked)) => {}
            }
        }
    }

    async fn once(&self) -> Result<Grant, Error> {
        let body = serde_json::to_vec(&self.request).map_err(|error| Error::internal(error.to_string()))?;
        // What reqwest says of a failure names the URL, which has no secret.
        let away = |error: reqwest::Error| {
            Error::new(Code::Upstream, format!("the registration cannot be sent: {}", causes(&error)))
        };
        let mut answer = self
            .http
            .post(self.url.clone())
            .bearer_auth(self.token.reveal())
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await
            .map_err(away)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(refusal(status, answer.headers()));
        }
        let mut text = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(away)? {
            if text.len() + piece.len() > REPLY_MAX {
                return Err(Error::invalid(format!("the reply to the registration is over {REPLY_MAX} bytes")));
            }
            text.extend_from_slice(&piece);
        }
        // What serde says of a wrong reply could repeat a part of it.
        let reply: RegisterReply = serde_json::from_slice(&text)
            .map_err(|_| Error::invalid("the reply to the registration is not of its form"))?;
        self.grant(&reply)
    }

    fn grant(&self, reply: &RegisterReply) -> Result<Grant, Error> {
        let cluster = reply.check()?;
        let access = Access {
            nats_url: reply.nats_urls.join(","),
            nats_inbox_prefix: reply.inbox_prefix.clone(),
            nats_ca: self.access.nats_ca.clone(),
            nats_cert: self.access.nats_cert.clone(),
            nats_key: self.access.nats_key.clone(),
            ..Access::default()
        };
        access.servers()?;
        let renew = Instant::now() + renew_in(&reply.expires_at);
        self.credentials.set(&reply.creds)?;
        add(&self.metrics.registrations, 1);
        tracing::info!(%cluster, expires_at = %reply.expires_at, "registered");
        Ok(Grant {
            cluster,
            prefix: Some(reply.subject_prefix.clone()).filter(|prefix| !prefix.is_empty()),
            way: Way { access, credentials: Some(self.credentials.clone()) },
            renew,
        })
    }

    /// Renews the credentials in time, or when NATS refuses them, until the
    /// agent stops.
    pub(super) async fn keep(self, mut grant: Grant, link: Arc<Link>, stop: CancellationToken) {
        loop {
            let settled = Instant::now() + SETTLE;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(grant.renew) => {}
                () = link.refused() => {
                    tracing::warn!("NATS refuses the credentials: registering again");
                    tokio::time::sleep_until(settled).await;
                }
            }
            let Some(new) = self.granted(&stop).await else { return };
            if new.cluster != grant.cluster {
                let (old, new) = (&grant.cluster, &new.cluster);
                let error = format!("the platform calls this cluster {new} now, and not {old}: restart the agent");
                tracing::error!("{error}");
                self.status.registered(Err(error));
                grant.renew = Instant::now() + REFUSED_PAUSE_MAX;
                continue;
            }
            grant = new;
            if let Err(error) = link.replace(&grant.way).await {
                // The old connection takes the new credentials when it comes
                // back; a new one is tried soon.
                tracing::warn!(%error, "the connection was not replaced");
                grant.renew = grant.renew.min(Instant::now() + AWAY.1);
            }
        }
    }
}

/// What a status that is no success means.
fn refusal(status: http::StatusCode, headers: &http::HeaderMap) -> Error {
    let code = match status.as_u16() {
        401 => Code::Unauthenticated,
        403 => Code::Forbidden,
        404 | 410 => Code::NotFound,
        429 => Code::RateLimited,
        500..=599 => Code::Upstream,
        _ => Code::Invalid,
    };
    let what = match code {
        Code::Unauthenticated => "the token is not accepted",
        Code::Forbidden => "the token may not register this cluster",
        Code::NotFound => "the platform does not know the registration or the cluster",
        _ => "the registration is refused",
    };
    let mut error = Error::new(code, format!("{what} (HTTP {status})"));
    let seconds = headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    error.retry_after_ms = seconds.unwrap_or(0).saturating_mul(1000);
    error
}

/// Time until the renewal of credentials that end at `expires_at`.
fn renew_in(expires_at: &str) -> Duration {
    let Ok(end) = expires_at.parse::<jiff::Timestamp>() else { return RENEW_MAX };
    let life = Duration::try_from(end.duration_since(jiff::Timestamp::now())).unwrap_or_default();
    life.max(LIFE_MIN).mul_f64(RENEW_AT).min(RENEW_MAX)
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn settings(args: &[&str]) -> Settings {
        Settings::try_parse_from([&["ankra-agent"], args].concat()).unwrap()
    }

    #[test]
    fn a_token_goes_to_https_only() {
        let ok = url(&settings(&["--token", "t", "--ankra-url", "https://h/base/"])).unwrap();
        assert_eq!(ok.as_str(), "https://h/base/agent/v1/register");
        assert!(url(&settings(&["--token", "t", "--ankra-url", "http://127.0.0.1:80"])).is_ok());
        for bad in ["http://h", "ftp://h", "h", "https://"] {
            assert!(url(&settings(&["--token", "t", "--ankra-url", bad])).is_err(), "{bad}");
        }
        assert!(url(&settings(&["--token", ""])).unwrap_err().message.contains("TOKEN"));
    }

    #[test]
    fn credentials_are_renewed_at_four_fifths_of_their_life() {
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(1000);
        let after = renew_in(&end.to_string()).as_secs();
        assert!((798..=800).contains(&after), "{after}");
        assert_eq!(renew_in(""), RENEW_MAX);
        assert_eq!(renew_in("2000-01-01T00:00:00Z"), LIFE_MIN.mul_f64(RENEW_AT));
    }

    #[test]
    fn a_refusal_is_told_from_an_absence() {
        let headers = http::HeaderMap::new();
        assert!(!refusal(http::StatusCode::UNAUTHORIZED, &headers).retryable);
        assert!(refusal(http::StatusCode::BAD_GATEWAY, &headers).retryable);
        assert!(refusal(http::StatusCode::TOO_MANY_REQUESTS, &headers).retryable);
    }
}
