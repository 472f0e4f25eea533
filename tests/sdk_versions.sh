#!/usr/bin/env bash
# Whether versions of the SDK that are allowed will do, the newest by default: each is installed in
# an environment of its own, and the tests of the private names that the code uses, and of what
# stands on them, run there. The oldest versions have more tests: tests/oldest.sh.
# Usage: tests/sdk_versions.sh [SDK-VERSION CONTRIB-VERSION]...     such as 1.45.0 0.66b0
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset VIRTUAL_ENV PYTHONPATH
tests=(
  tests/otel_distro/test_private_names.py tests/otel_distro/test_install.py
  tests/otel_distro/test_guard.py tests/otel_distro/test_fail_closed.py
  tests/otel_distro/test_metric_guard.py tests/otel_distro/test_configure.py
  tests/otel_distro/spool/test_spooling_transport.py
)

# check NAME REQUIREMENT...: the tests, with these requirements beside those of pyproject.toml
check() {
  local environment=$work/$1
  shift
  python3 -m venv "$environment"
  timeout 300 "$environment/bin/pip" install --quiet --disable-pip-version-check --upgrade \
    --editable '.[config]' "$@" flask hypothesis pytest pytest-randomly pytest-timeout pyyaml
  printf '\n== %s\n' "$("$environment/bin/pip" list 2> /dev/null | grep -E '^opentelemetry-sdk ')"
  PATH="$environment/bin:$PATH" timeout 300 "$environment/bin/python" -m pytest -q \
    -o cache_dir="$work/cache" "${tests[@]}"
}

if [ $# = 0 ]; then
  check newest opentelemetry-sdk opentelemetry-exporter-otlp opentelemetry-instrumentation
fi
while [ $# -gt 1 ]; do
  check "$1" "opentelemetry-sdk==$1" "opentelemetry-api==$1" "opentelemetry-exporter-otlp==$1" \
    "opentelemetry-instrumentation==$2" "opentelemetry-semantic-conventions==$2"
  shift 2
done
