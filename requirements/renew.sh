#!/usr/bin/env bash
# Renews the locks beside this file: exact versions with hashes, for every platform.
#   runtime.txt      what the wheel brings
#   development.txt  what `pip install -e '.[lint]'` brings
# Needs uv (pip install uv). To install from a lock:
#   pip install --require-hashes -r requirements/development.txt && pip install --no-deps -e .
set -euo pipefail
cd "$(dirname "$0")/.."

lock() {
  uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
    --generate-hashes --no-annotate --no-emit-index-url \
    --custom-compile-command requirements/renew.sh --output-file "requirements/$1.txt" "${@:2}"
}
lock runtime
lock development --extra lint
