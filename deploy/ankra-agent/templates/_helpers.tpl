{{- define "ankra-agent.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "ankra-agent.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "ankra-agent.selector" -}}
app.kubernetes.io/name: ankra-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ankra-agent.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The ClusterRole that the agent is bound to. */}}
{{- define "ankra-agent.cluster-role" -}}
{{- if eq .Values.rbac.mode "custom" -}}
{{ required "rbac.custom_cluster_role is needed with rbac.mode custom" .Values.rbac.custom_cluster_role }}
{{- else -}}
{{ .Values.rbac.mode }}
{{- end -}}
{{- end }}

{{/* Stops what could never work, in words. */}}
{{- define "ankra-agent.check" -}}
{{- if not (or .Values.config.token .Values.config.existing_secret_name .Values.nats.url) -}}
{{- fail "set config.token, or config.existing_secret_name and config.secret_key, or nats.url" -}}
{{- end -}}
{{- if and .Values.config.existing_secret_name (not .Values.config.secret_key) -}}
{{- fail "config.existing_secret_name needs config.secret_key" -}}
{{- end -}}
{{- if and (eq .Values.rbac.mode "cluster-admin") .Values.rbac.namespaces -}}
{{- fail "rbac.namespaces cannot limit rbac.mode cluster-admin" -}}
{{- end -}}
{{- end }}
