//! Charts in OCI registries: tags as versions, Helm's media types, layers
//! checked against their digests.

use std::pin::Pin;
use std::task::{Context, Poll};

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{OciDescriptor, OciImageManifest, OciManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use templates_compat::Compat;
use templates_compat::semver::{Constraints, Version};
use tokio::io::AsyncWrite;

use super::{
    CONNECT_TIMEOUT, MAX_ARCHIVE_BYTES, NoProvenance, PullError, PullOptions, Pulled, READ_TIMEOUT, credentials, http,
};
use crate::provenance::MAX_PROVENANCE_BYTES;

/// Helm's config blob: `Chart.yaml` as JSON.
const CONFIG_MEDIA_TYPE: &str = "application/vnd.cncf.helm.config.v1+json";
/// The chart archive.
const CHART_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// The chart archive as Helm 3.0 to 3.6 named it.
const LEGACY_CHART_MEDIA_TYPE: &str = "application/tar+gzip";

/// What was signed for the archive.
const PROVENANCE_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// Tags asked for at once, and the most pages that are read.
const TAGS_PER_PAGE: usize = 1000;
const MAX_TAG_PAGES: usize = 100;

/// Where in a registry a chart came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciOrigin {
    /// `host/path:tag` or `host/path@digest`
    pub reference: String,
    /// `sha256:<hex>` of the manifest.
    pub digest: String,
}

impl OciOrigin {
    /// What Helm says of it.
    pub(super) fn text(&self) -> String {
        let OciOrigin { reference, digest } = self;
        let mut text = format!("Pulled: {reference}\nDigest: {digest}");
        if reference.contains('_') {
            text.push_str(&format!(
                "\n{reference} contains an underscore.\n\n\
                 OCI artifact references (e.g. tags) do not support the plus sign (+). To support\n\
                 storing semantic versions, Helm adopts the convention of changing plus (+) to\n\
                 an underscore (_) in chart version tags when pushing to a registry and back to\n\
                 a plus (+) when pulling from a registry."
            ));
        }
        text
    }
}

/// Fetches a chart by `oci://host/path[:tag][@digest]` and `--version`.
pub(super) async fn pull(reference: &str, options: &PullOptions) -> Result<Pulled, PullError> {
    let (repository, tag, digest) = split(reference)?;
    let base: Reference = repository.parse().map_err(|_| PullError::BadReference(repository.to_owned()))?;
    let client = client(options)?;
    let auth = auth(&base, options)?;
    let image = match (digest, tag) {
        (Some(digest), _) => Reference::with_digest(base.registry().into(), base.repository().into(), digest.into()),
        (None, Some(tag)) => {
            let wanted = options.wanted_version();
            let plain = tag.replace('_', "+");
            if !wanted.is_empty() && wanted != plain {
                return Err(PullError::BadReference(format!(
                    "chart reference and version mismatch: {wanted} is not {plain}"
                )));
            }
            tagged(&base, tag)
        }
        (None, None) => tagged(&base, &choose(&client, &base, &auth, options).await?),
    };
    fetch(&client, &image, &auth, options.provenance).await
}

/// `host/path`, tag and digest of a reference. `+` cannot stand in a tag, so
/// Helm writes `_` for it.
fn split(reference: &str) -> Result<(&str, Option<&str>, Option<&str>), PullError> {
    let rest = reference.strip_prefix("oci://").unwrap_or(reference).trim_end_matches('/');
    let (rest, digest) = match rest.rsplit_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (rest, None),
    };
    let (repository, tag) = match rest.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') && repository.contains('/') => (repository, Some(tag)),
        _ => (rest, None),
    };
    match repository.split_once('/') {
        Some((host, path)) if !host.is_empty() && !path.is_empty() => Ok((repository, tag, digest)),
        _ => Err(PullError::BadReference(reference.into())),
    }
}

fn tagged(base: &Reference, tag: &str) -> Reference {
    Reference::with_tag(base.registry().into(), base.repository().into(), tag.replace('+', "_"))
}

fn client(options: &PullOptions) -> Result<Client, PullError> {
    crate::tls::install_provider();
    let mut extra_root_certificates = Vec::new();
    if let Some(path) = &options.ca_file {
        let data = std::fs::read(path).map_err(|e| PullError::Tls(format!("{}: {e}", path.display())))?;
        extra_root_certificates
            .push(oci_client::client::Certificate { encoding: oci_client::client::CertificateEncoding::Pem, data });
    }
    if options.cert_file.is_some() || options.key_file.is_some() {
        return Err(PullError::Tls("client certificates are not supported for OCI registries".into()));
    }
    Ok(Client::new(ClientConfig {
        protocol: if options.plain_http { ClientProtocol::Http } else { ClientProtocol::Https },
        accept_invalid_certificates: options.insecure_skip_tls_verify,
        extra_root_certificates,
        platform_resolver: None,
        read_timeout: Some(READ_TIMEOUT),
        connect_timeout: Some(CONNECT_TIMEOUT),
        user_agent: http::USER_AGENT,
        ..ClientConfig::default()
    }))
}

fn auth(image: &Reference, options: &PullOptions) -> Result<RegistryAuth, PullError> {
    if let (Some(username), Some(password)) = (&options.username, &options.password) {
        return Ok(RegistryAuth::Basic(username.clone(), password.clone()));
    }
    match &options.registry_config {
        Some(path) => credentials::lookup(path, image.registry()),
        None => Ok(RegistryAuth::Anonymous),
    }
}

/// The tag of the newest version that satisfies `--version`.
async fn choose(
    client: &Client,
    base: &Reference,
    auth: &RegistryAuth,
    options: &PullOptions,
) -> Result<String, PullError> {
    let wanted = options.wanted_version();
    // A full version names its tag; no list is needed, and a registry that
    // refuses to list still serves it.
    if Version::parse_strict(wanted, Compat::default()).is_ok() {
        return Ok(wanted.replace('+', "_"));
    }
    let versions = all_versions(client, base, auth).await?;
    let constraint = Constraints::parse(if wanted.is_empty() { "*" } else { wanted }, Compat::default())
        .map_err(|e| PullError::NotAChart(e.to_string()))?;
    versions
        .into_iter()
        .find(|(version, _)| constraint.check(version))
        .map(|(_, tag)| tag)
        .ok_or_else(|| PullError::NoMatchingTag(wanted.into()))
}

/// The versions of a chart, newest first, each in its own words.
pub(super) async fn versions(reference: &str, options: &PullOptions) -> Result<Vec<(Version, String)>, PullError> {
    let (repository, _, _) = split(reference)?;
    let base: Reference = repository.parse().map_err(|_| PullError::BadReference(repository.to_owned()))?;
    let versions = all_versions(&client(options)?, &base, &auth(&base, options)?).await?;
    Ok(versions.into_iter().map(|(version, tag)| (version, tag.replace('_', "+"))).collect())
}

/// Every tag that is a version, newest first.
async fn all_versions(
    client: &Client,
    base: &Reference,
    auth: &RegistryAuth,
) -> Result<Vec<(Version, String)>, PullError> {
    let mut versions = Vec::new();
    let mut last: Option<String> = None;
    for _ in 0..MAX_TAG_PAGES {
        let page = client
            .list_tags(base, auth, Some(TAGS_PER_PAGE), last.as_deref())
            .await
            .map_err(|e| registry_error("FetchTags", base, &e))?;
        let full = page.tags.len() >= TAGS_PER_PAGE;
        last = page.tags.last().cloned();
        versions.extend(
            page.tags
                .into_iter()
                .filter_map(|tag| Version::parse(tag.replace('_', "+"), Compat::default()).ok().map(|v| (v, tag))),
        );
        if !full {
            break;
        }
    }
    versions.sort_by(|(a, _), (b, _)| b.compare(a));
    Ok(versions)
}

async fn fetch(client: &Client, image: &Reference, auth: &RegistryAuth, prov: bool) -> Result<Pulled, PullError> {
    let (manifest, digest) =
        client.pull_manifest(image, auth).await.map_err(|e| registry_error("FetchReference", image, &e))?;
    let manifest = match manifest {
        OciManifest::Image(manifest) => manifest,
        OciManifest::ImageIndex(index) => {
            // An index may hold the chart beside its signatures: take the
            // first entry that is a chart.
            let mut chart = None;
            for entry in &index.manifests {
                let entry = image.clone_with_digest(entry.digest.clone());
                if let (OciManifest::Image(manifest), _) = client
                    .pull_manifest(&entry, auth)
                    .await
                    .map_err(|e| registry_error("FetchReference", &entry, &e))?
                    && manifest.config.media_type == CONFIG_MEDIA_TYPE
                {
                    chart = Some(manifest);
                    break;
                }
            }
            chart.ok_or_else(|| not_a_chart(CONFIG_MEDIA_TYPE))?
        }
    };
    let layer = chart_layer(&manifest)?;
    let bytes = blob(client, image, layer, MAX_ARCHIVE_BYTES).await?;
    let provenance = if prov {
        let found = manifest.layers.iter().find(|l| l.media_type == PROVENANCE_MEDIA_TYPE);
        let fetched = match found {
            Some(layer) => blob(client, image, layer, MAX_PROVENANCE_BYTES).await,
            None => Err(not_a_chart(PROVENANCE_MEDIA_TYPE)),
        };
        Some(fetched.map_err(|e| NoProvenance::new(format!("oci://{image}.prov"), &e)))
    } else {
        None
    };
    let mut warnings = Vec::new();
    if layer.media_type == LEGACY_CHART_MEDIA_TYPE {
        warnings.push(format!("Warning: chart media type {LEGACY_CHART_MEDIA_TYPE} is deprecated"));
    }
    Ok(Pulled {
        digest: format!("sha256:{}", http::sha256(&bytes)),
        bytes,
        source: format!("oci://{image}"),
        name: archive_name(image),
        provenance,
        oci: Some(OciOrigin { reference: image.to_string(), digest }),
        warnings,
    })
}

/// `name-version.tgz`, as Helm names what comes from a registry.
fn archive_name(image: &Reference) -> String {
    let name = image.repository().rsplit('/').next().unwrap_or_default();
    format!("{name}-{}.tgz", image.tag().unwrap_or_default().replace('_', "+"))
}

async fn blob(client: &Client, image: &Reference, layer: &OciDescriptor, limit: u64) -> Result<Vec<u8>, PullError> {
    let mut bytes = Vec::new();
    if u64::try_from(layer.size).is_ok_and(|size| size > limit) {
        return Err(PullError::TooLarge { url: image.to_string(), limit });
    }
    let pulled = client.pull_blob(image, layer, Limited { bytes: &mut bytes, limit }).await;
    pulled.map_err(|e| registry_error("FetchBlob", image, &e))?;
    Ok(bytes)
}

fn chart_layer(manifest: &OciImageManifest) -> Result<&OciDescriptor, PullError> {
    if manifest.config.media_type != CONFIG_MEDIA_TYPE {
        return Err(PullError::NotAChart(format!("could not load config with mediatype {CONFIG_MEDIA_TYPE}")));
    }
    manifest
        .layers
        .iter()
        .find(|l| l.media_type == CHART_MEDIA_TYPE || l.media_type == LEGACY_CHART_MEDIA_TYPE)
        .ok_or_else(|| not_a_chart(CHART_MEDIA_TYPE))
}

fn not_a_chart(media_type: &str) -> PullError {
    PullError::NotAChart(format!("manifest does not contain a layer with mediatype {media_type}"))
}

fn registry_error(operation: &'static str, image: &Reference, error: &OciDistributionError) -> PullError {
    let cause = match error {
        OciDistributionError::RequestError(e) => http::cause(e),
        OciDistributionError::ImageManifestNotFoundError(_) => "not found".into(),
        other => other.to_string(),
    };
    PullError::Registry { operation, reference: image.to_string(), cause }
}

/// A sink that refuses more than it may have, whatever length the registry
/// announced.
struct Limited<'a> {
    bytes: &'a mut Vec<u8>,
    limit: u64,
}

impl AsyncWrite for Limited<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        if (self.bytes.len() + buf.len()) as u64 > self.limit {
            let words = format!("larger than the limit of {} bytes", self.limit);
            return Poll::Ready(Err(std::io::Error::other(words)));
        }
        self.bytes.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        assert_eq!(split("oci://h:5000/a/b").unwrap(), ("h:5000/a/b", None, None));
        assert_eq!(split("oci://h:5000/a/b:1.0_x").unwrap(), ("h:5000/a/b", Some("1.0_x"), None));
        assert_eq!(split("oci://h/b@sha256:ab").unwrap(), ("h/b", None, Some("sha256:ab")));
        assert_eq!(split("oci://h/b:1@sha256:ab").unwrap(), ("h/b", Some("1"), Some("sha256:ab")));
        assert!(split("oci://h:5000").is_err());
        assert!(split("oci:///x").is_err());
    }
}
