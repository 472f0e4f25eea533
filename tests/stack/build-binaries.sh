#!/usr/bin/env bash
# Builds the programs of the bundled stack for the tests marked `stack`, into a cache outside the
# repository. What is there already is kept, so a second run takes no time.
#
#   tests/stack/build-binaries.sh [otelcol] [prometheus] [alertmanager] [jaeger] [otelcol-fleet]
#
# Needs Go and its module proxy. The cache is
# $OTEL_STACK_CACHE, else $XDG_CACHE_HOME/otel-distro/stack, else ~/.cache/otel-distro/stack.
# Versions are those of docker-compose.yml (a test compares them).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${OTEL_STACK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/otel-distro/stack}
bin=$cache/bin
work=$cache/work
mkdir -p "$bin" "$work"

OTELCOL_VERSION=0.155.0
OTELCOL_FLEET_VERSION=0.161.0
# Jaeger 2.13.0 and 1.76.0 are one commit; Go can name it only by the tag that fits its module path.
JAEGER_VERSION=2.13.0
JAEGER_MODULE_VERSION=v1.76.0
# Prometheus 3.14.0 as a Go module.
PROMETHEUS_VERSION=3.14.0
PROMETHEUS_MODULE_VERSION=v0.314.0
ALERTMANAGER_VERSION=0.33.1

# -mod=mod resolves what is needed and no more; `go mod tidy` would also fetch the dependencies of
# every dependency's tests.
export GOFLAGS="-mod=mod -trimpath -buildvcs=false" CGO_ENABLED=0

say() { printf '%s\n' "build-binaries: $*" >&2; }

folder_of() {
  go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}

# A module's own go.sum names the checksums of all its dependencies.
take_checksums_of() {
  cat "$(folder_of "$1")/go.sum" >> go.sum
}

# collector NAME VERSION: from NAME-manifest.yaml, by the Collector's own builder.
collector() {
  local name=$1 version=$2 folder=$work/$1
  local target=$bin/$name-$version
  # Built again when a component was added.
  [ -x "$target" ] && cmp -s "$here/$name-manifest.yaml" "$work/$name-$version.manifest" && return
  say "building $name $version"
  rm -rf "$folder" && mkdir -p "$folder/tools"
  GOBIN=$folder/tools GOFLAGS= go install "go.opentelemetry.io/collector/cmd/builder@v$version"
  sed "s|^dist:|dist:\n  output_path: $folder|" "$here/$name-manifest.yaml" > "$folder/manifest.yaml"
  "$folder/tools/builder" --config="$folder/manifest.yaml" --skip-get-modules --skip-compilation >&2
  (
    cd "$folder"
    go mod init local/otelcol 2> /dev/null
    go mod edit -require "go.opentelemetry.io/collector/otelcol@v$version"
    sed -n 's/^ *- \(.* => .*\)$/\1/p' manifest.yaml | sed 's/ => /=/; s/ \(v\)/@\1/' |
      while read -r replacement; do go mod edit -replace "$replacement"; done
    sed -n 's/^ *- gomod: \(.*\) \(v.*\)$/\1@\2/p' manifest.yaml |
      while read -r module; do go mod edit -require "$module"; done
    go build -ldflags="-s -w" -o "$target" .
  )
  cp "$here/$name-manifest.yaml" "$work/$name-$version.manifest"
}

otelcol() { collector otelcol "$OTELCOL_VERSION"; }

otelcol-fleet() { collector otelcol-fleet "$OTELCOL_FLEET_VERSION"; }

jaeger() {
  local target=$bin/jaeger-$JAEGER_VERSION
  [ -x "$target" ] && return
  say "building Jaeger $JAEGER_VERSION"
  rm -rf "$work/jaeger" && mkdir -p "$work/jaeger"
  (
    cd "$work/jaeger"
    go mod init local/jaeger 2> /dev/null
    # Jaeger's own go.mod says this too, but only counts when it is the main module.
    go mod edit -replace github.com/Shopify/sarama=github.com/Shopify/sarama@v1.33.0
    go mod edit -require "github.com/jaegertracing/jaeger@$JAEGER_MODULE_VERSION"
    take_checksums_of "github.com/jaegertracing/jaeger@$JAEGER_MODULE_VERSION"
    go build -ldflags="-s -w -X github.com/jaegertracing/jaeger/internal/version.latestVersion=v$JAEGER_VERSION" \
      -o "$target" github.com/jaegertracing/jaeger/cmd/jaeger
  )
}

prometheus() {
  local target=$bin/prometheus-$PROMETHEUS_VERSION tool=$bin/promtool-$PROMETHEUS_VERSION
  [ -x "$target" ] && [ -x "$tool" ] && return
  say "building Prometheus $PROMETHEUS_VERSION"
  rm -rf "$work/prometheus" && mkdir -p "$work/prometheus"
  (
    cd "$work/prometheus"
    go mod init local/prometheus 2> /dev/null
    go mod edit -replace cloud.google.com/go=cloud.google.com/go@v0.123.0
    go mod edit -require "github.com/prometheus/prometheus@$PROMETHEUS_MODULE_VERSION"
    take_checksums_of "github.com/prometheus/prometheus@$PROMETHEUS_MODULE_VERSION"
    # Without the cloud providers' service discovery; files and fixed targets remain.
    for name in prometheus promtool; do
      go build -tags remove_all_sd -ldflags="-s -w" -o "$bin/$name-$PROMETHEUS_VERSION" \
        "github.com/prometheus/prometheus/cmd/$name"
    done
  )
}

alertmanager() {
  local target=$bin/alertmanager-$ALERTMANAGER_VERSION tool=$bin/amtool-$ALERTMANAGER_VERSION
  [ -x "$target" ] && [ -x "$tool" ] && return
  say "building Alertmanager $ALERTMANAGER_VERSION"
  rm -rf "$work/alertmanager"
  local folder
  folder=$(folder_of "github.com/prometheus/alertmanager@v$ALERTMANAGER_VERSION")
  cp -r "$folder" "$work/alertmanager" && chmod -R u+w "$work/alertmanager"
  (
    cd "$work/alertmanager"
    # Its web page is built with npm at release and not part of the module.
    mkdir -p ui/app/dist && echo "no page in this build" > ui/app/dist/index.html
    for name in alertmanager amtool; do
      go build -ldflags="-s -w" -o "$bin/$name-$ALERTMANAGER_VERSION" "./cmd/$name"
    done
  )
}

if [ "${1:-}" = --one ]; then
  "$2"
  exit
fi
failed=0
[ $# -gt 0 ] || set -- otelcol prometheus alertmanager jaeger otelcol-fleet
for name in "$@"; do
  # In a process of its own, so that one that cannot be built does not cost the others.
  if ! bash "$0" --one "$name"; then
    say "$name could not be made; tests that need it are skipped"
    failed=1
  fi
done
ls "$bin" >&2
exit $failed
