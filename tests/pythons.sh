#!/usr/bin/env bash
# The core of the suite on the other Pythons that the classifiers name, each in an environment of
# its own. Interpreters that are not installed here are named and skipped.
# Usage: tests/pythons.sh [INTERPRETER]...     such as python3.13
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset VIRTUAL_ENV PYTHONPATH
if [ $# = 0 ]; then
  mapfile -t named < <(
    sed -n 's/.*"Programming Language :: Python :: \(3\.1[2-9]\)",/python\1/p' pyproject.toml
  )
  set -- "${named[@]}"
fi
tests=(
  tests/otel_cost_ledger tests/otel_pricing tests/otel_budget/test_owners.py
  tests/otel_budget/test_leases.py tests/otel_host tests/otel_distro/test_guard.py
  tests/otel_distro/test_gateway_calls.py tests/otel_distro/test_late_calls.py
  tests/otel_distro/test_exits.py tests/otel_distro/test_forks.py
)

for python in "$@"; do
  if ! "$python" -c pass 2> /dev/null; then
    printf '\n== %s is not installed: skipped\n' "$python"
    continue
  fi
  environment=$(mktemp -d -p "$work")
  "$python" -m venv "$environment"
  timeout 400 "$environment/bin/pip" install --quiet --disable-pip-version-check --editable '.[test]'
  printf '\n== %s\n' "$("$environment/bin/python" --version)"
  run() { timeout 600 "$environment/bin/python" -m pytest -q -o cache_dir="$work/cache" "$@"; }
  PATH="$environment/bin:$PATH" run -n 2 "${tests[@]}" || {
    printf '\n== what failed, by itself\n'
    PATH="$environment/bin:$PATH" run --last-failed --last-failed-no-failures none "${tests[@]}"
  }
done
