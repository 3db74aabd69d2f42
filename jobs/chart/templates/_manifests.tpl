{{/*
The manifests of jobs/ are the truth: `npm run chart` copies them into files/. These templates read an object of them and
change what the values say.
*/}}

{{/* The object of a kind in a file below files/. Call it with a list: the root, the file, the kind. */}}
{{- define "active-passive.manifest" -}}
{{- $kind := index . 2 -}}
{{- range splitList "\n---\n" ((index . 0).Files.Get (printf "files/%s" (index . 1))) -}}
{{- $object := fromYaml . -}}
{{- if eq (toString $object.kind) $kind -}}
{{ toYaml $object }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Gives an object its name, namespace, labels and annotations. Call it with a dict: root, object, name, component, and
namespace where it is another one than the release's, or `-` where there is none.
*/}}
{{- define "active-passive.describe" -}}
{{- $root := .root -}}
{{- $metadata := .object.metadata | default dict -}}
{{- $labels := fromYaml (include "active-passive.labels" $root) -}}
{{- $_ := set $labels "app.kubernetes.io/component" .component -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{- $_ := set $metadata "labels" (mergeOverwrite ($metadata.labels | default dict) $labels) -}}
{{- with $root.Values.annotations -}}
{{- $_ := set $metadata "annotations" (mergeOverwrite ($metadata.annotations | default dict) .) -}}
{{- end -}}
{{- $_ := set $metadata "name" .name -}}
{{- if ne (toString .namespace) "-" -}}
{{- $_ := set $metadata "namespace" (.namespace | default $root.Release.Namespace) -}}
{{- end -}}
{{- $_ := set .object "metadata" $metadata -}}
{{- end -}}

{{/* The flags of the scope, one a line. */}}
{{- define "active-passive.scope" -}}
{{- if .Values.allNamespaces }}
--all-namespaces
{{- if .Values.optIn }}
--opt-in
{{- end }}
{{- end }}
{{- range .Values.namespaces }}
--namespace={{ . }}
{{- end }}
{{- end -}}

{{/*
The arguments of a container as a list in YAML: those of the manifest, the scope, and the settings, which replace flags of
the manifest. Call it with a dict: root, args, settings.
*/}}
{{- define "active-passive.arguments" -}}
{{- $args := list -}}
{{- range .args -}}
{{- $flag := regexReplaceAll "^--([a-z-]+).*$" . "${1}" -}}
{{- if or (not (hasPrefix "--" .)) (not (hasKey $.settings $flag)) -}}
{{- $args = append $args . -}}
{{- end -}}
{{- end -}}
{{- range splitList "\n" (include "active-passive.scope" .root | trim) -}}
{{- if . }}{{ $args = append $args . }}{{ end -}}
{{- end -}}
{{- if not .root.Values.latch -}}
{{- $args = append $args "--latch=false" -}}
{{- end -}}
{{- if .root.Values.exec -}}
{{- $args = append $args "--allow-exec" -}}
{{- end -}}
{{- range $flag, $value := .settings -}}
{{- range kindIs "slice" $value | ternary $value (list $value) -}}
{{- $args = append $args (printf "--%s=%s" $flag (kindIs "string" . | ternary . (toJson .))) -}}
{{- end -}}
{{- end -}}
{{ toYaml $args }}
{{- end -}}

{{/*
Changes a pod template to what the values say. Call it with a dict: root, template, component, settings.
*/}}
{{- define "active-passive.pod" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $spec := .template.spec -}}
{{- $container := first $spec.containers -}}
{{- $metadata := .template.metadata | default dict -}}
{{- $labels := mergeOverwrite ($metadata.labels | default dict) (fromYaml (include "active-passive.labels" $root)) -}}
{{- $_ := set $labels "app.kubernetes.io/component" .component -}}
{{- $annotations := deepCopy $values.podAnnotations -}}
{{- if $values.mesh -}}
{{- $_ := set $labels "sidecar.istio.io/inject" "false" -}}
{{- $_ := set $annotations "linkerd.io/inject" "disabled" -}}
{{- end -}}
{{- $_ := set $metadata "labels" (mergeOverwrite $labels $values.podLabels) -}}
{{- with $annotations }}{{ $_ := set $metadata "annotations" . }}{{ end -}}
{{- $_ := set .template "metadata" $metadata -}}
{{- $_ := set $spec "serviceAccountName" (include "active-passive.serviceAccountName" $root) -}}
{{- if $values.openshift -}}
{{- $_ := unset $spec.securityContext "runAsUser" -}}
{{- $_ := unset $spec.securityContext "runAsGroup" -}}
{{- end -}}
{{- $_ := set $container "image" (include "active-passive.image" $root) -}}
{{- with $values.image.pullPolicy }}{{ $_ := set $container "imagePullPolicy" . }}{{ end -}}
{{- $_ := set $container "args" (fromYamlArray (include "active-passive.arguments" (dict "root" $root "args" $container.args "settings" .settings))) -}}
{{- $_ := set $container "resources" (mergeOverwrite $container.resources (deepCopy $values.resources)) -}}
{{- $env := $container.env | default list -}}
{{- $mounts := $container.volumeMounts | default list -}}
{{- $volumes := $spec.volumes | default list -}}
{{- with $values.notify.secretName -}}
{{- $folder := "/etc/active-passive-notify" -}}
{{- $env = prepend $env (dict "name" "AP_NOTIFY_URL_FILE" "value" (printf "%s/url" $folder)) -}}
{{- $mounts = prepend $mounts (dict "name" "notify" "mountPath" $folder "readOnly" true) -}}
{{- $volumes = prepend $volumes (dict "name" "notify" "secret" (dict "secretName" . "optional" true)) -}}
{{- end -}}
{{- with concat $env $values.env }}{{ $_ := set $container "env" . }}{{ end -}}
{{- with concat $mounts $values.volumeMounts }}{{ $_ := set $container "volumeMounts" . }}{{ end -}}
{{- with concat $volumes $values.volumes }}{{ $_ := set $spec "volumes" . }}{{ end -}}
{{- range $field := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" -}}
{{- with get $values $field }}{{ $_ := set $spec $field . }}{{ end -}}
{{- end -}}
{{- end -}}
