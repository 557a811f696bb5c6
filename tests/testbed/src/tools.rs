//! The programs that the testbed is made of: which, in which version, and from
//! where in the Go module proxy.

/// One program that Go builds for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// What the program is called here.
    pub name: &'static str,
    /// Its version; part of its place in the cache.
    pub version: &'static str,
    /// Where its code is.
    pub source: Source,
    /// What the linker sets, as `importpath.name=value`.
    pub variables: &'static [&'static str],
    /// About how many packages are compiled; a progress bar is measured by it.
    pub packages: u32,
}

/// Where the code of a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A module of ours, by its folder below `go/`, and the package in it.
    Module(&'static str, &'static str),
    /// A published command, by its import path.
    Published(&'static str),
}

/// Keeps a server from outliving who started it; see [`crate::server`].
pub const LEASH: Tool =
    Tool { name: "leash", version: "1", source: Source::Module("leash", "."), variables: &[], packages: 60 };

/// The Kubernetes servers and kubectl in one binary.
pub const KUBE: Tool = Tool {
    name: "kube",
    version: "v1.36.3",
    source: Source::Module(".", "./kube"),
    // Clients refuse a server that does not say its version.
    variables: &[
        "k8s.io/component-base/version.gitVersion=v1.36.3",
        "k8s.io/component-base/version.gitMajor=1",
        "k8s.io/component-base/version.gitMinor=36",
        "k8s.io/component-base/version.gitTreeState=clean",
    ],
    packages: 2200,
};

/// The database behind the API server.
pub const ETCD: Tool =
    Tool { name: "etcd", version: "v3.6.8", source: Source::Module(".", "./etcd"), variables: &[], packages: 540 };

/// Plays the nodes: runs pods without containers.
pub const KWOK: Tool = Tool {
    name: "kwok",
    version: "v0.8.0",
    source: Source::Published("sigs.k8s.io/kwok/cmd/kwok"),
    variables: &[],
    packages: 1100,
};

/// The NATS server.
pub const NATS_SERVER: Tool = Tool {
    name: "nats-server",
    version: "v2.15.2",
    source: Source::Published("github.com/nats-io/nats-server/v2"),
    variables: &[],
    packages: 270,
};

/// NATS's own command-line client.
pub const NATS: Tool = Tool {
    name: "nats",
    version: "v0.5.1",
    source: Source::Published("github.com/nats-io/natscli/nats"),
    variables: &[],
    packages: 480,
};

/// Real Helm 4, the living reference.
pub const HELM4: Tool = Tool {
    name: "helm4",
    version: "v4.3.1",
    source: Source::Published("helm.sh/helm/v4/cmd/helm"),
    variables: &["helm.sh/helm/v4/internal/version.version=v4.3.1"],
    packages: 1000,
};

/// Real Helm 3. Its published builds are told the Kubernetes version that its
/// client library belongs to; Helm 4 finds that out by itself.
pub const HELM3: Tool = Tool {
    name: "helm3",
    version: "v3.22.0",
    source: Source::Published("helm.sh/helm/v3/cmd/helm"),
    variables: &[
        "helm.sh/helm/v3/internal/version.version=v3.22.0",
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1",
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37",
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1",
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=37",
    ],
    packages: 1000,
};

/// The OCI registry.
pub const REGISTRY: Tool = Tool {
    name: "registry",
    version: "v3.1.2",
    source: Source::Module("registry", "."),
    variables: &[],
    packages: 500,
};

/// An HTTP server for chart repositories.
pub const FILESERVER: Tool =
    Tool { name: "fileserver", version: "1", source: Source::Module("fileserver", "."), variables: &[], packages: 120 };

/// Passes connections on between network namespaces.
pub const RELAY: Tool =
    Tool { name: "relay", version: "1", source: Source::Module("relay", "."), variables: &[], packages: 60 };

/// All of them, the quick ones first.
pub const ALL: [Tool; 11] = [LEASH, RELAY, FILESERVER, NATS_SERVER, ETCD, HELM4, HELM3, KUBE, KWOK, REGISTRY, NATS];

/// What a cluster and a NATS server need, and what serves a chart to them.
pub const CLUSTER: [Tool; 6] = [LEASH, FILESERVER, NATS_SERVER, ETCD, KUBE, KWOK];

/// What a node with real containers needs; see [`crate::node`].
pub const NODE: [Tool; 5] = [LEASH, RELAY, NATS_SERVER, ETCD, KUBE];
