{{/* The name that the objects share: that of the release, with `active-passive` behind it unless it is in it. */}}
{{- define "active-passive.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := .Release.Name -}}
{{- /* 52 signs are what a CronJob may have: its Jobs add eleven. A long release is cut, and not the name behind it: the
admission policies know the account by that. A hash of the namespace and the release takes the place of what is cut, so
that the ClusterRoles of two long releases do not get one name. */ -}}
{{- if and (not (contains $name $full)) (le (add (len $full) (len $name)) 51) -}}
{{- $full = printf "%s-%s" $full $name -}}
{{- else if or (not (contains $name $full)) (gt (len $full) 52) -}}
{{- $hash := printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 6 -}}
{{- $room := int (max 1 (sub 44 (len $name))) -}}
{{- $full = printf "%s-%s-%s" (regexReplaceAll "[-.]+$" (trunc $room $full) "") $hash $name -}}
{{- end -}}
{{- regexReplaceAll "[-.]+$" (.Values.fullnameOverride | default $full | trunc 52) "" -}}
{{- end -}}

{{/* The component, as in jobs/. */}}
{{- define "active-passive.component" -}}
{{- eq .Values.kind "Deployment" | ternary "serve" "cronjob" -}}
{{- end -}}

{{/* The name of the account, its rights and its NetworkPolicy: each kind has its own, so that both may run side by side. */}}
{{- define "active-passive.ownName" -}}
{{- $full := include "active-passive.fullname" . -}}
{{- eq .Values.kind "Deployment" | ternary (printf "%s-serve" $full) $full -}}
{{- end -}}

{{- define "active-passive.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "active-passive.ownName" .) "default") -}}
{{- end -}}

{{- define "active-passive.tokenSecretName" -}}
{{- .Values.token.secretName | default (printf "%s-token" (include "active-passive.fullname" .)) -}}
{{- end -}}

{{- define "active-passive.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The labels by which an object means the pods of this release. They never change. */}}
{{- define "active-passive.selectorLabels" -}}
app.kubernetes.io/name: active-passive
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* The labels of every object and of the pods. */}}
{{- define "active-passive.labels" -}}
{{ include "active-passive.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/part-of: active-passive
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* `true` or nothing: whether there are admission policies. */}}
{{- define "active-passive.hasPolicies" -}}
{{- with .Values.admissionPolicies.enabled -}}
{{- if or (eq (toString .) "true") (and (eq (toString .) "auto") $.Values.allNamespaces) }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* `true` or nothing: whether there is a NetworkPolicy. */}}
{{- define "active-passive.hasNetworkPolicy" -}}
{{- with .Values.networkPolicy.enabled -}}
{{- if or (eq (toString .) "true") (and (eq (toString .) "auto") (eq $.Values.kind "Deployment")) }}true{{ end -}}
{{- end -}}
{{- end -}}
