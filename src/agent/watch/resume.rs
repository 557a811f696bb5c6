//! Resume tokens: where each source of a watch session stood.
//!
//! Owns their form. A token holds resource versions and a digest of the
//! session's filter, nothing that the agent would have to remember.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::queue::Places;
use crate::protocol::{Error, watch::WatchRequest};

#[derive(Serialize, Deserialize)]
struct Token {
    /// Digest of the filter.
    f: String,
    /// Resource version of each source.
    p: Places,
}

/// Where the sources of a request begin.
pub(super) fn places(request: &WatchRequest, sources: usize) -> Result<Places, Error> {
    if request.resume.is_empty() {
        return Ok(vec![None; sources]);
    }
    let wrong = || Error::invalid("resume is not a token of this agent's");
    let bytes = URL_SAFE_NO_PAD.decode(&request.resume).map_err(|_| wrong())?;
    let token: Token = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if token.f != filter(request) || token.p.len() != sources {
        return Err(Error::invalid("resume belongs to a session with another filter"));
    }
    Ok(token.p)
}

/// The token for `places`; `None` while some source has not been listed.
pub(super) fn token(request: &WatchRequest, places: Option<Places>) -> Option<String> {
    let places = places.filter(|places| places.iter().all(Option::is_some))?;
    let bytes = serde_json::to_vec(&Token { f: filter(request), p: places }).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

fn filter(request: &WatchRequest) -> String {
    let text = format!(
        "{:?}|{:?}|{:?}|{:?}|{:?}|{:?}",
        request.gvks,
        request.resources,
        request.namespaces,
        request.label_selector,
        request.field_selector,
        request.projection
    );
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text.as_bytes())[..9])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_places_and_to_no_others() {
        let mut request = WatchRequest { resources: vec!["pods".into()], ..WatchRequest::default() };
        assert_eq!(places(&request, 2).unwrap(), [None, None]);
        let at = vec![Some("7".to_owned()), Some("8".to_owned())];
        request.resume = token(&request, Some(at.clone())).unwrap();
        assert_eq!(places(&request, 2).unwrap(), at);
        assert!(places(&request, 1).is_err());
        request.label_selector = "a=b".into();
        assert!(places(&request, 2).is_err());
        request.resume = "x".into();
        assert!(places(&request, 2).is_err());
        assert_eq!(token(&request, Some(vec![None])), None);
        assert_eq!(token(&request, None), None);
    }
}
