//! Lists page by page, through an agent and straight from the API server.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::Anything;
use super::nats::Nats;
use super::stage::{Agent, Stage};

/// Objects that a page may hold.
pub(super) const LIMIT: usize = 500;
/// Most pages of one list that are measured.
const PAGES: usize = 200;
const TABLE: (&str, &str) = ("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1");

/// The pages of one list.
pub(super) struct Pages {
    pub(super) what: &'static str,
    pub(super) objects: usize,
    pub(super) times: Vec<Duration>,
}

/// All pods in each projection, and as tables straight from the API server.
pub(super) fn measure(stage: &Stage, agent: &Agent, nats: &Nats) -> Anything<Vec<Pages>> {
    let mut all = vec![straight(stage)?];
    for projection in ["table", "meta", "full"] {
        all.push(by_agent(agent, nats, projection)?);
    }
    Ok(all)
}

fn by_agent(agent: &Agent, nats: &Nats, projection: &'static str) -> Anything<Pages> {
    let mut pages = Pages { what: projection, objects: 0, times: Vec::new() };
    let mut token = String::new();
    loop {
        let request = json!({"resource": "pods", "projection": projection, "limit": LIMIT, "page_token": token});
        let (page, took) = nats.request(&agent.request("list"), &request)?;
        pages.add(&page["items"], took);
        token = page["page_token"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() || pages.times.len() >= PAGES {
            return Ok(pages);
        }
    }
}

fn straight(stage: &Stage) -> Anything<Pages> {
    let mut http = stage.http()?;
    let mut pages = Pages { what: "table, straight from the API server", objects: 0, times: Vec::new() };
    let mut token = String::new();
    loop {
        let path = format!("/api/v1/pods?limit={LIMIT}&continue={token}");
        let start = Instant::now();
        let body = http.send("GET", &path, &[TABLE], b"")?.ok()?;
        let took = start.elapsed();
        let page: Value = serde_json::from_slice(&body)?;
        pages.add(&page["rows"], took);
        token = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() || pages.times.len() >= PAGES {
            return Ok(pages);
        }
    }
}

impl Pages {
    fn add(&mut self, objects: &Value, took: Duration) {
        self.objects += objects.as_array().map_or(0, Vec::len);
        self.times.push(took);
    }
}
