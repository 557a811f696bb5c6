//! A proxy in front of the real API server that lets requests through, holds
//! them, cuts them off or answers in the server's place, as a test tells it,
//! and keeps a list of what went through.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::scene::Scene;

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

/// A request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// Which one it is of those that change something, from 1; 0 for one that
    /// only reads.
    pub(crate) change: usize,
}

impl Seen {
    pub(crate) fn is_watch(&self) -> bool {
        self.path.contains("watch=true")
    }
}

/// What becomes of a request.
pub(crate) enum Act {
    /// The server answers it.
    Pass,
    /// It is answered here.
    Answer(u16, &'static [(&'static str, &'static str)], String),
    /// The connection ends before the server sees it.
    Cut,
    /// The server answers it, and the connection ends before the client reads
    /// that.
    PassAndCut,
    /// It stays unanswered, before or after the server has seen it, and the
    /// test is told.
    Hold { after: bool, tell: Sender<()> },
}

type Rule = Box<dyn FnMut(&Seen) -> Act + Send>;

struct State {
    upstream: kube::Client,
    rule: Mutex<Rule>,
    seen: Mutex<(usize, Vec<Seen>)>,
}

/// A running proxy. Dropping it closes it.
pub(crate) struct Proxy {
    pub(crate) kubeconfig: PathBuf,
    state: Arc<State>,
    _runtime: Runtime,
}

/// The connection is closed without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut off by the test")
    }
}
impl std::error::Error for Cut {}

impl Proxy {
    /// A proxy for a scene's namespace, as the administrator.
    pub(crate) fn start(scene: &Scene<'_>) -> Anything<Proxy> {
        Proxy::start_as(scene, "admin")
    }

    /// The same, as another user.
    pub(crate) fn start_as(scene: &Scene<'_>, user: &str) -> Anything<Proxy> {
        let direct = scene.plane.write_kubeconfig(user, &scene.namespace)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let upstream = runtime.block_on(async {
            let read = Kubeconfig::read_from(&direct)?;
            let mut config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
            // The client's own credentials go through.
            config.auth_info = Default::default();
            config.read_timeout = None;
            Ok::<_, Box<dyn std::error::Error>>(kube::Client::try_from(config)?)
        })?;
        let state = Arc::new(State { upstream, rule: Mutex::new(Box::new(|_| Act::Pass)), seen: Mutex::default() });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let here = format!("http://{}", listener.local_addr()?);
        runtime.spawn(accept(listener, state.clone()));
        let kubeconfig = scene.work.path().join(format!("{user}.proxy.kubeconfig"));
        let text = std::fs::read_to_string(direct)?.replace(&scene.plane.url(), &here);
        std::fs::write(&kubeconfig, text)?;
        Ok(Proxy { kubeconfig, state, _runtime: runtime })
    }

    /// From now on requests are treated like this, and counted anew.
    pub(crate) fn rule(&self, rule: impl FnMut(&Seen) -> Act + Send + 'static) {
        *locked(&self.state.seen) = Default::default();
        *locked(&self.state.rule) = Box::new(rule);
    }

    /// Everything goes through again.
    pub(crate) fn pass(&self) {
        self.rule(|_| Act::Pass);
    }

    /// What arrived since the last rule.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        locked(&self.state.seen).1.clone()
    }
}

/// A test that failed has nothing to hide from the others.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let service = service_fn(move |request| answer(state.clone(), request));
        tokio::spawn(async move {
            // An error is a client that has gone, or one that was cut off.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let act = {
        let mut seen = locked(&state.seen);
        let reads = parts.method == http::Method::GET;
        let change = if reads { 0 } else { seen.0 + 1 };
        seen.0 += usize::from(!reads);
        let this = Seen { method: parts.method.to_string(), path: path.clone(), change };
        seen.1.push(this.clone());
        drop(seen);
        let mut rule = locked(&state.rule);
        rule(&this)
    };
    let forward = async {
        let mut forwarded = Request::builder().method(parts.method.clone()).uri(&path);
        for (name, value) in &parts.headers {
            if name != header::HOST && name != header::CONNECTION && name != header::CONTENT_LENGTH {
                forwarded = forwarded.header(name, value);
            }
        }
        let forwarded = forwarded.body(Body::from(body.to_vec())).map_err(|_| Cut)?;
        state.upstream.send(forwarded).await.map_err(|_| Cut)
    };
    match act {
        Act::Pass => forward.await,
        Act::Cut => Err(Cut),
        Act::PassAndCut => {
            let _ = forward.await?.into_body().collect().await;
            Err(Cut)
        }
        Act::Answer(status, headers, body) => {
            let mut response = Response::new(Body::from(body.into_bytes()));
            *response.status_mut() = StatusCode::from_u16(status).map_err(|_| Cut)?;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            for (name, value) in headers {
                response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            Ok(response)
        }
        Act::Hold { after, tell } => {
            if after {
                let _ = forward.await?.into_body().collect().await;
            }
            let _ = tell.send(());
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Err(Cut)
        }
    }
}
