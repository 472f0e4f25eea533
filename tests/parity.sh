#!/usr/bin/env bash
# One program that uses every library with an instrumentation of OpenTelemetry's contrib repository,
# under upstream's distribution and under this one: the spans have to be the same. Builds two
# environments of its own, since upstream's distribution would win over this one where both are.
#
#   tests/parity.sh [PACKAGE ...]      packages to install beside, such as opentelemetry-instrumentation-openai
set -euo pipefail
cd "$(dirname "$0")/.."
unset VIRTUAL_ENV PYTHONPATH

folder=$(mktemp -d)
for name in upstream ours; do
  python3 -m venv "$folder/$name"
  distribution=(--editable .)
  [ "$name" = upstream ] && distribution=('opentelemetry-distro>=0.66b1,<1' opentelemetry-exporter-otlp)
  "$folder/$name/bin/pip" install --quiet --disable-pip-version-check \
    -r tests/parity/instrumentations.txt -r tests/parity/libraries.txt "$@" "${distribution[@]}"
done
"$folder/ours/bin/python" tests/parity/compare.py "$folder/upstream/bin/python" "$folder/ours/bin/python"
