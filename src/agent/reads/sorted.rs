//! `req.list` in another order than the API server's.
//!
//! Owns the pass over all objects that finds one page: the smallest keys
//! behind those of the page before. No more than a page is ever held, and
//! nothing is kept between two pages: the token is the last object's key, so
//! it cannot expire. Each page is of its own moment.

use std::cmp::Ordering;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{
    REPLY_TARGET,
    list::{filter_digest, reply_of},
};
use crate::{
    agent::api::{
        Accept, Api, Resolved,
        client::CONTINUE,
        path::Path,
        project::{self, Item, Page, Shape},
    },
    protocol::{
        Code, Error,
        read::{LIMIT_DEFAULT, ListReply, ListRequest, Projection},
        sort::{SortKey, SortValue},
    },
};

/// Objects of one request to the API server.
const CHUNK: u32 = LIMIT_DEFAULT;
/// The same when they come whole.
const FULL_CHUNK: u32 = 100;

/// Where an object stands: the values of the keys, then what makes it one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    /// The values.
    v: Vec<SortValue>,
    /// `namespace/name`.
    k: String,
}

/// The end of a page.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    /// Digest of the request's filter and order.
    f: String,
    /// Its last object.
    p: Place,
}

/// The order of a request.
struct Order(Vec<SortKey>);

impl Order {
    fn place(&self, object: &Value, key: &str) -> Place {
        Place { v: self.0.iter().map(|key| key.value(object)).collect(), k: key.to_owned() }
    }

    fn compare(&self, a: &Place, b: &Place) -> Ordering {
        let by_keys = self.0.iter().zip(a.v.iter().zip(&b.v)).map(|(key, (a, b))| key.compare(a, b));
        by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| a.k.cmp(&b.k))
    }
}

/// The page that is being found, its objects in order.
struct Best {
    order: Order,
    limit: usize,
    /// Objects up to this one were on pages before.
    after: Option<Place>,
    /// The first object that did not fit: none behind it belongs here.
    before: Option<Place>,
    items: Vec<(Place, Box<RawValue>)>,
    size: usize,
    /// Objects behind `after`.
    count: u64,
}

impl Best {
    fn offer(&mut self, place: Place, json: Box<RawValue>) {
        let behind = |bound: &Option<Place>| bound.as_ref().map(|bound| self.order.compare(&place, bound));
        if behind(&self.after).is_some_and(Ordering::is_le) {
            return;
        }
        self.count += 1;
        if behind(&self.before).is_some_and(Ordering::is_ge) {
            return;
        }
        let at = self.items.partition_point(|(other, _)| self.order.compare(other, &place).is_lt());
        self.size += json.get().len();
        self.items.insert(at, (place, json));
        while self.items.len() > self.limit || (self.size > REPLY_TARGET && self.items.len() > 1) {
            if let Some((place, json)) = self.items.pop() {
                self.size -= json.get().len();
                self.before = Some(place);
            }
        }
    }
}

/// One page.
pub(super) async fn list(
    api: &Api,
    request: &ListRequest,
    kind: &Resolved,
    namespaces: &[String],
) -> Result<ListReply, Error> {
    let order = Order(SortKey::parse_all(&request.sort)?);
    let filter = filter_digest(request);
    let limit = if request.limit == 0 { LIMIT_DEFAULT } else { request.limit } as usize;
    let after = start(request, &filter, order.0.len())?;
    let mut best = Best { order, limit, after, before: None, items: Vec::new(), size: 0, count: 0 };
    let mut reply = reply_of(kind);
    for namespace in namespaces {
        pass(api, request, kind, namespace, &mut best, &mut reply).await?;
    }
    let left = best.count - best.items.len() as u64;
    if left > 0
        && let Some((last, _)) = best.items.last()
    {
        reply.page_token = Some(encode(&Token { f: filter, p: last.clone() })?);
        reply.remaining = Some(left);
    }
    reply.items = best.items.into_iter().map(|(_, json)| json).collect();
    Ok(reply)
}

/// Offers every object of a namespace, or of all.
async fn pass(
    api: &Api,
    request: &ListRequest,
    kind: &Resolved,
    namespace: &str,
    best: &mut Best,
    reply: &mut ListReply,
) -> Result<(), Error> {
    let light = request.projection != Projection::Full && best.order.0.iter().all(SortKey::is_of_metadata);
    let (form, mut chunk) = match request.projection {
        Projection::Table => (Accept::Table, if light { CHUNK } else { FULL_CHUNK }),
        _ if light => (Accept::MetaList, CHUNK),
        _ => (Accept::Json, FULL_CHUNK),
    };
    // Rows of a table come with as much of their objects as is asked for.
    let objects = if request.projection == Projection::Table && !light { "Object" } else { "" };
    let mut next = String::new();
    loop {
        let path = Path::objects(kind, namespace)
            .query("labelSelector", &request.label_selector)
            .query("fieldSelector", &request.field_selector)
            .query("includeObject", objects)
            .query("limit", &chunk.to_string())
            .query("continue", &next);
        let held = match api.get(&path, form).await {
            Ok(held) => held,
            Err(error) if error.code == Code::TooLarge && chunk > 1 => {
                chunk = (chunk / 4).max(1);
                continue;
            }
            // Goes on behind the same name in the present state.
            Err(error) if error.code == Code::Expired && !next.is_empty() => {
                match error.details.get(CONTINUE).and_then(Value::as_str) {
                    Some(renewed) if renewed != next => next = renewed.to_owned(),
                    _ => return Err(error),
                }
                continue;
            }
            Err(error) => return Err(error),
        };
        let page = offered(&held.bytes, kind, request, best)?;
        reply.resource_version = page.rv;
        if reply.columns.is_empty() {
            reply.columns = page.columns;
        }
        if page.next.is_empty() {
            return Ok(());
        }
        next = page.next;
    }
}

/// Offers the objects of one answer, one after the other.
fn offered(bytes: &[u8], kind: &Resolved, request: &ListRequest, best: &mut Best) -> Result<Page, Error> {
    let shape = Shape::from(request.projection);
    project::each(bytes, kind, shape, &mut |source: &RawValue, item: Item| {
        if item.name.contains(&request.name_contains) {
            // What may not be shown may not be told by an order either.
            let object = project::shown(source, kind, Shape::from(Projection::Full))?;
            let place = best.order.place(&object, &item.key);
            best.offer(place, item.json);
        }
        Ok(())
    })
}

fn start(request: &ListRequest, filter: &str, keys: usize) -> Result<Option<Place>, Error> {
    if request.page_token.is_empty() {
        return Ok(None);
    }
    let wrong = || Error::invalid("page_token is not one of this agent's");
    let bytes = URL_SAFE_NO_PAD.decode(&request.page_token).map_err(|_| wrong())?;
    let token: Token = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if token.f != filter {
        return Err(Error::invalid("page_token belongs to a request with another filter or order"));
    }
    if token.p.v.len() != keys {
        return Err(wrong());
    }
    Ok(Some(token.p))
}

fn encode(token: &Token) -> Result<String, Error> {
    let bytes = serde_json::to_vec(token).map_err(|error| Error::internal(format!("writing a page token: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(keys: &[&str]) -> Order {
        Order(keys.iter().map(|key| SortKey::parse(key).unwrap()).collect())
    }

    /// Pages of objects of these sizes, the values in any order.
    fn pages(values: &[(i64, usize)], limit: usize) -> Vec<Vec<i64>> {
        let mut pages = Vec::new();
        let mut after = None;
        loop {
            let mut best =
                Best { order: order(&["-.n"]), limit, after, before: None, items: Vec::new(), size: 0, count: 0 };
            for (n, size) in values {
                let place = best.order.place(&json!({"n": n}), &format!("a/{n}"));
                let json = RawValue::from_string(format!("\"{}\"", "x".repeat(*size))).unwrap();
                best.offer(place, json);
            }
            let number = |place: &Place| place.k.trim_start_matches("a/").parse::<i64>().unwrap();
            pages.push(best.items.iter().map(|(place, _)| number(place)).collect());
            if best.count == best.items.len() as u64 {
                return pages;
            }
            after = best.items.last().map(|(place, _)| place.clone());
        }
    }

    #[test]
    fn pages_are_in_order_and_hold_each_object_once() {
        let values: Vec<_> = (0..100).map(|n| (n * 37 % 100, 10)).collect();
        let found = pages(&values, 7);
        assert_eq!(found.len(), 15);
        assert_eq!(found.concat(), (0..100).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_large_object_ends_its_page_and_nothing_is_left_out() {
        let large = REPLY_TARGET - 40;
        let values = [(1, 10), (9, 10), (5, large), (7, large), (8, 10), (2, REPLY_TARGET * 2), (3, 20), (4, 20)];
        let found = pages(&values, 100);
        assert_eq!(found.concat(), [9, 8, 7, 5, 4, 3, 2, 1]);
        assert!(found.len() > 2, "{found:?}");
    }

    #[test]
    fn equal_values_are_ordered_by_name() {
        let order = order(&[".n", "-name"]);
        let place = |n: i64, key: &str| order.place(&json!({"n": n, "metadata": {"name": "same"}}), key);
        assert!(order.compare(&place(1, "b"), &place(1, "a")).is_gt());
        assert!(order.compare(&place(0, "b"), &place(1, "a")).is_lt());
    }
}
