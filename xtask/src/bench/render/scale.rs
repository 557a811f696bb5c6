//! Charts that are made to grow: does the time grow with them, and no faster?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::super::stats::growth;
use super::super::{Anything, stats};
use super::cases::{Both, Sample, sample};

/// What grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A chart of this many subcharts.
    Umbrella,
    /// A chart that calls `tpl` this many times, each time with another text.
    Tpl,
}

/// One kind, measured at all its sizes.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) kind: Kind,
    /// Size, Helm's medians, ours.
    pub(super) points: Vec<(u32, Sample, Sample)>,
}

impl Kind {
    pub(super) const BOTH: [Self; 2] = [Self::Umbrella, Self::Tpl];

    fn sizes(self) -> [u32; 4] {
        match self {
            Self::Umbrella => [10, 25, 50, 100],
            Self::Tpl => [1000, 2500, 5000, 10_000],
        }
    }

    /// What is counted.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Umbrella => "subcharts",
            Self::Tpl => "calls of tpl",
        }
    }

    fn make(self, size: u32, below: &Path) -> Anything<PathBuf> {
        let chart = below.join(format!("{self:?}-{size}").to_lowercase());
        match self {
            Self::Umbrella => umbrella(&chart, size)?,
            Self::Tpl => tpl(&chart, size)?,
        }
        Ok(chart)
    }
}

impl Series {
    /// The power with which our time grows with the size, beyond what a
    /// process takes to start.
    pub(super) fn growth(&self, start: std::time::Duration) -> f64 {
        let beyond = |wall: std::time::Duration| wall.saturating_sub(start).as_secs_f64().max(1e-6);
        growth(&self.points.iter().map(|(size, _, ours)| (f64::from(*size), beyond(ours.wall))).collect::<Vec<_>>())
    }

    /// How much faster ours is at the largest size.
    pub(super) fn ratio_at_largest(&self) -> f64 {
        self.points.last().map_or(0.0, |(_, helm, ours)| stats::ratio(helm.wall, ours.wall))
    }
}

/// Makes the charts of one kind and measures them; both programs must print
/// the same.
pub(super) fn measure(kind: Kind, both: &Both, runs: usize, below: &Path) -> Anything<Series> {
    let mut points = Vec::new();
    for size in kind.sizes() {
        let chart = kind.make(size, below)?;
        let args = ["template".to_owned(), "rel".to_owned(), chart.display().to_string()];
        let (helm, ours) = both.alternate(&args, runs)?;
        for run in helm.iter().chain(&ours) {
            if run.code != 0 || run.stdout != helm[0].stdout || run.stdout.len() < size as usize {
                let stderr = String::from_utf8_lossy(&run.stderr);
                return Err(format!("{size} {}: the outputs differ\n{stderr}", kind.unit()).into());
            }
        }
        points.push((size, sample(&helm), sample(&ours)));
    }
    Ok(Series { kind, points })
}

fn write(path: PathBuf, text: &str) -> Anything<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(std::fs::write(path, text)?)
}

fn umbrella(chart: &Path, size: u32) -> Anything<()> {
    let mut about = "apiVersion: v2\nname: umbrella\nversion: 1.0.0\ndependencies:\n".to_owned();
    let mut values = "global:\n  registry: registry.example\n".to_owned();
    for i in 0..size {
        write!(about, "  - name: part{i}\n    version: 1.0.0\n    condition: part{i}.enabled\n")?;
        write!(values, "part{i}:\n  enabled: true\n  replicas: {}\n", i % 5 + 1)?;
        let part = chart.join("charts").join(format!("part{i}"));
        write(
            part.join("Chart.yaml"),
            &format!("apiVersion: v2\nname: part{i}\nversion: 1.0.0\nappVersion: \"{i}\"\n"),
        )?;
        write(part.join("values.yaml"), PART_VALUES)?;
        write(part.join("templates/_helpers.tpl"), &PART_HELPERS.replace("PART", &format!("part{i}")))?;
        write(part.join("templates/deployment.yaml"), &PART_DEPLOYMENT.replace("PART", &format!("part{i}")))?;
        write(part.join("templates/service.yaml"), &PART_SERVICE.replace("PART", &format!("part{i}")))?;
    }
    write(chart.join("Chart.yaml"), &about)?;
    write(chart.join("values.yaml"), &values)
}

fn tpl(chart: &Path, size: u32) -> Anything<()> {
    write(chart.join("Chart.yaml"), "apiVersion: v2\nname: calls\nversion: 1.0.0\n")?;
    write(
        chart.join("values.yaml"),
        &format!("count: {size}\nname: web\nlabels:\n  app: \"{{{{ .Values.name }}}}\"\n"),
    )?;
    write(chart.join("templates/calls.yaml"), TPL_TEMPLATE)
}

const PART_VALUES: &str = "\
enabled: true
replicas: 1
image: {repository: web, tag: \"\"}
service: {type: ClusterIP, port: 80}
resources:
  limits: {cpu: 100m, memory: 128Mi}
podAnnotations: {checksum: \"none\"}
env:
  - {name: MODE, value: production}
  - {name: LEVEL, value: info}
";
const PART_HELPERS: &str = r#"{{- define "PART.name" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end }}
{{- define "PART.labels" -}}
app.kubernetes.io/name: {{ include "PART.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}
"#;
const PART_DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "PART.name" . }}
  labels:
    {{- include "PART.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      {{- include "PART.labels" . | nindent 6 }}
  template:
    metadata:
      {{- with .Values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      labels:
        {{- include "PART.labels" . | nindent 8 }}
    spec:
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.global.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          env:
            {{- range .Values.env }}
            - name: {{ .name }}
              value: {{ .value | quote }}
            {{- end }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
"#;
const PART_SERVICE: &str = r#"apiVersion: v1
kind: Service
metadata:
  name: {{ include "PART.name" . }}
  labels:
    {{- include "PART.labels" . | nindent 4 }}
spec:
  type: {{ .Values.service.type }}
  ports:
    - port: {{ .Values.service.port }}
"#;
const TPL_TEMPLATE: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: calls
data:
{{- range $i := until (int .Values.count) }}
  key{{ $i }}: {{ tpl (printf "{{ .Values.name }}-%d{{ with .Values.labels }}-{{ .app | len }}{{ end }}" $i) $ | quote }}
{{- end }}
"#;
