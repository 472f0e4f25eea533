#!/usr/bin/env bash
# Whether the oldest versions that pyproject.toml allows will do: installs them in an environment of
# their own and runs what stands or falls with them. Usage: tests/oldest.sh [environment to make]
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
environment=${1:-$work/venv}
python3 -m venv "$environment"
# The commands as a user's shell finds them: other programs start with what is installed here.
export PATH="$environment/bin:$PATH"
unset VIRTUAL_ENV PYTHONPATH

timeout 300 pip install --quiet --disable-pip-version-check --constraint requirements/oldest.txt \
  --editable '.[config,content,ui]' flask gunicorn hypothesis pytest pytest-randomly pytest-timeout pyyaml

tests=(
  tests/otel_distro/test_private_names.py
  tests/otel_distro/test_install.py tests/otel_distro/test_guard.py
  tests/otel_distro/test_fail_closed.py tests/otel_distro/test_metric_guard.py
  tests/otel_distro/test_boot.py tests/otel_distro/test_configure.py
  tests/otel_distro/test_exits.py tests/otel_distro/test_forks.py
  tests/otel_distro/spool/test_spooling_transport.py
  tests/otel_pricing/test_dialects.py tests/otel_pricing/test_prices.py
)
run() { timeout 300 python -m pytest -q -o cache_dir="$work/cache" "$@"; }
run "${tests[@]}" || {
  printf '\n== what failed, by itself\n'
  run --last-failed --last-failed-no-failures none "${tests[@]}"
}

# Click changes between versions what its own test client does, so: as a shell runs them.
export XDG_STATE_HOME="$work/state"
for command in "doctor" "costs" "calls" "stats" "whatif --help" "explain --help" "privacy"; do
  # shellcheck disable=SC2086 # several words
  otel-distro $command > "$work/out" 2>&1 || { [ "$command" = doctor ] && [ $? = 1 ]; } \
    || { cat "$work/out"; exit 1; }
  ! grep -q Traceback "$work/out" || { cat "$work/out"; exit 1; }
done
