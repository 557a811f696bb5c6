//! `req.list`: pages of objects, read live.
//!
//! Owns the page token and the size of a page. A token wraps the API server's
//! own; when that is too old the list goes on behind the same name in the
//! present state. No state is kept between two pages.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{REPLY_TARGET, sorted};
use crate::{
    agent::api::{
        Api, Resolved,
        client::CONTINUE,
        path::Path,
        project::{self, Item, Page},
    },
    protocol::{
        Code, Error,
        read::{CacheInfo, LIMIT_DEFAULT, ListReply, ListRequest, Projection},
    },
};

/// Objects of one request to the API server when they come whole: about as
/// many pods as fit into one reply.
const FULL_CHUNK: u32 = 64;
/// Most requests to the API server for one page, when a name filter leaves
/// little of each.
const SCANS_MAX: u32 = 20;

/// Where a list goes on.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Token {
    /// Digest of the request's filter.
    f: String,
    /// Which of the request's namespaces.
    n: usize,
    /// The API server's own token.
    c: String,
    /// Objects of one request to the API server.
    s: u32,
}

/// One page.
pub(in crate::agent) async fn list(api: &Api, request: ListRequest) -> Result<ListReply, Error> {
    request.check()?;
    let kind = api.resolve(&request.kind).await?;
    if !kind.can("list") {
        return Err(Error::invalid(format!("{} cannot be listed", kind.gvk)));
    }
    let namespaces = if kind.namespaced && !request.namespaces.is_empty() {
        request.namespaces.clone()
    } else {
        vec![String::new()]
    };
    if !request.sort.is_empty() {
        return sorted::list(api, &request, &kind, &namespaces).await;
    }
    let filter = filter_digest(&request);
    let mut at = start(&request, &filter, namespaces.len())?;
    let mut reply = reply_of(&kind);
    let limit = if request.limit == 0 { LIMIT_DEFAULT } else { request.limit } as usize;
    let mut size = 0;
    for _ in 0..SCANS_MAX {
        let room = limit - reply.items.len();
        let namespace = namespaces.get(at.n).map_or("", String::as_str);
        let (first, usual) = (size == 0, at.s);
        let page = fitting_page(api, &kind, &request, namespace, &mut at, room, REPLY_TARGET - size).await?;
        if !first {
            // What fits behind others says nothing about the next page.
            at.s = usual;
        }
        reply.resource_version = page.rv;
        reply.remaining = page.remaining;
        if reply.columns.is_empty() {
            reply.columns = page.columns;
        }
        for item in page.items {
            size += item.json.get().len();
            reply.items.push(item.json);
        }
        at.c = page.next;
        if at.c.is_empty() {
            at.n += 1;
            if at.n >= namespaces.len() {
                return Ok(reply);
            }
        }
        // Another object of middle size would not fit.
        let full = size + size / reply.items.len().max(1) >= REPLY_TARGET;
        if reply.items.len() >= limit || full {
            break;
        }
    }
    reply.page_token = Some(encode(&at)?);
    Ok(reply)
}

/// A reply without objects.
pub(super) fn reply_of(kind: &Resolved) -> ListReply {
    ListReply {
        gvk: kind.gvk.clone(),
        namespaced: kind.namespaced,
        columns: Vec::new(),
        items: Vec::new(),
        page_token: None,
        remaining: None,
        resource_version: String::new(),
        cache: CacheInfo::default(),
    }
}

/// A page of the API server of which at most `room` objects are wanted, and
/// these fit into `bytes`, or it has one object. When it does not fit it is
/// asked for again with as many objects as did, so that the server's token
/// stands right behind the last one.
async fn fitting_page(
    api: &Api,
    kind: &Resolved,
    request: &ListRequest,
    namespace: &str,
    at: &mut Token,
    room: usize,
    bytes: usize,
) -> Result<Page, Error> {
    let wanted = |item: &Item| request.name_contains.is_empty() || item.name.contains(&request.name_contains);
    // A filter may leave little of a page, so then more is asked for.
    let room_chunk = if request.name_contains.is_empty() { u32::try_from(room).unwrap_or(u32::MAX) } else { u32::MAX };
    let mut chunk = at.s.min(room_chunk).max(1);
    let mut renewed = false;
    loop {
        let mut page = match read_page(api, kind, request, namespace, &at.c, chunk).await {
            Err(error) if error.code == Code::TooLarge && chunk > 1 => {
                chunk = (chunk / 4).max(1);
                at.s = chunk;
                continue;
            }
            // The server has forgotten the state that the list began with, and
            // gives a token that goes on behind the same name in the present one.
            Err(error) if error.code == Code::Expired && !renewed => {
                let Some(next) = error.details.get(CONTINUE).and_then(Value::as_str) else { return Err(error) };
                at.c = next.to_owned();
                renewed = true;
                continue;
            }
            page => page?,
        };
        let (mut size, mut count) = (0, 0);
        let fits = page.items.iter().take_while(|item| {
            if wanted(item) {
                size += item.json.get().len();
                count += 1;
            }
            size <= bytes && count <= room
        });
        let fits = fits.count();
        if fits == page.items.len() || chunk == 1 {
            page.items.retain(wanted);
            return Ok(page);
        }
        // Strictly fewer each time, so this ends.
        chunk = u32::try_from(fits).unwrap_or(1).clamp(1, chunk - 1);
        at.s = chunk;
    }
}

async fn read_page(
    api: &Api,
    kind: &Resolved,
    request: &ListRequest,
    namespace: &str,
    next: &str,
    chunk: u32,
) -> Result<Page, Error> {
    let path = Path::objects(kind, namespace)
        .query("labelSelector", &request.label_selector)
        .query("fieldSelector", &request.field_selector)
        .query("limit", &chunk.to_string())
        .query("continue", next);
    let held = api.get(&path, project::list_form(request.projection)).await?;
    project::page(&held.bytes, kind, request.projection)
}

fn start(request: &ListRequest, filter: &str, namespaces: usize) -> Result<Token, Error> {
    if request.page_token.is_empty() {
        let chunk = if request.projection == Projection::Full { FULL_CHUNK } else { LIMIT_DEFAULT };
        return Ok(Token { f: filter.to_owned(), s: chunk, ..Token::default() });
    }
    let wrong = || Error::invalid("page_token is not one of this agent's");
    let bytes = URL_SAFE_NO_PAD.decode(&request.page_token).map_err(|_| wrong())?;
    let token: Token = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if token.f != filter {
        return Err(Error::invalid("page_token belongs to a request with another filter"));
    }
    if token.n >= namespaces || token.s == 0 || token.s > LIMIT_DEFAULT {
        return Err(wrong());
    }
    Ok(token)
}

fn encode(token: &Token) -> Result<String, Error> {
    let bytes = serde_json::to_vec(token).map_err(|error| Error::internal(format!("writing a page token: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A short digest of all that decides which objects belong to the list, and of
/// their order.
pub(super) fn filter_digest(request: &ListRequest) -> String {
    let kind = (&request.kind.gvk, &request.kind.resource);
    let text = format!(
        "{kind:?}|{:?}|{:?}|{:?}|{:?}|{:?}",
        request.namespaces, request.name_contains, request.label_selector, request.field_selector, request.sort
    );
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text.as_bytes())[..9])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::read::KindRef;

    #[test]
    fn a_token_is_only_good_for_its_own_request() {
        let mut request = ListRequest { kind: KindRef::resource("pods"), ..ListRequest::default() };
        let filter = filter_digest(&request);
        let token = Token { f: filter.clone(), n: 0, c: "server".into(), s: 10 };
        request.page_token = encode(&token).unwrap();
        assert_eq!(start(&request, &filter, 1).unwrap(), token);
        request.label_selector = "a=b".into();
        assert!(start(&request, &filter_digest(&request), 1).is_err());
        for (bad, namespaces) in [("%%%", 1), ("e30", 1), (request.page_token.clone().as_str(), 0)] {
            request.page_token = bad.to_owned();
            assert_eq!(start(&request, &filter, namespaces).unwrap_err().code, Code::Invalid, "{bad}");
        }
    }
}
