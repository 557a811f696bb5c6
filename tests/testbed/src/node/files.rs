//! The configuration of the container runtime, the pods' network and the
//! kubelet.

use std::path::Path;

use super::machine::CNI_PLUGINS;

/// The address of the bridge that pods hang on, which is the node's own.
pub(crate) const BRIDGE: &str = "10.77.0.1";

/// The pods' network.
pub(crate) const PODS: &str = "10.77.0.0/24";

/// The addresses of services.
pub(crate) const SERVICES: &str = "10.97.0.0/16";

/// The image that holds a pod's network.
pub(crate) const PAUSE: &str = "registry.k8s.io/pause:3.10";

/// containerd's configuration. `snapshotter` keeps the layers of images.
pub(crate) fn containerd(folder: &Path, snapshotter: &str) -> String {
    let cni = folder.join("cni");
    format!(
        r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  stream_server_address = "127.0.0.1"
  disable_apparmor = true
  enable_selinux = false
  # To lower a process's score takes a right that root in a container lacks.
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{CNI_PLUGINS}"
  conf_dir = "{}"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "{snapshotter}"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
"#,
        cni.display()
    )
}

/// How pods are put on the bridge.
pub(crate) fn network() -> String {
    format!(
        r#"{{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {{
      "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
      "ipam": {{
        "type": "host-local", "dataDir": "/run/addresses",
        "ranges": [[{{"subnet": "{PODS}", "gateway": "{BRIDGE}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]
      }}
    }},
    {{"type": "portmap", "capabilities": {{"portMappings": true}}}}
  ]
}}
"#
    )
}

/// The kubelet's configuration. `cgroup` is the group that pods' groups are
/// made in.
pub(crate) fn kubelet(cgroup: &str) -> String {
    format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /{cgroup}
failCgroupV1: false
failSwapOn: false
# Nobody but this node's API server can reach it.
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
readOnlyPort: 0
# There are no names in this network.
resolvConf: ''
clusterDNS: []
# A disk that others have filled is no reason to drive pods away.
evictionHard: {{memory.available: 50Mi, nodefs.available: 20Mi, imagefs.available: 20Mi, nodefs.inodesFree: 0.1%}}
# Images that nobody can pull again are not thrown away.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
nodeStatusUpdateFrequency: 5s
# Logs are rotated soon enough to be seen by a test.
containerLogMaxSize: 1Mi
containerLogMaxFiles: 5
containerLogMonitorInterval: 3s
serializeImagePulls: false
"
    )
}
