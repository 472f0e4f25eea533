#!/usr/bin/env bash
# The tests that need LangChain, LiteLLM, LangGraph, FastAPI, Django, Quart, Celery, gevent, a notebook
# or ClickHouse's engine, in an environment of their own: some want older versions of what the others want new.
set -euo pipefail
cd "$(dirname "$0")/.."
unset VIRTUAL_ENV PYTHONPATH

venv=$(mktemp -d)/frameworks
python3 -m venv "$venv"
export PATH="$venv/bin:$PATH"
pip install --quiet --disable-pip-version-check --editable '.[test,frameworks]'
python -m pytest -n 2 -m "slow or not slow" tests/examples tests/otel_budget/test_frameworks.py \
  tests/otel_cost_ledger/test_clickhouse_view.py tests/stack/test_clickhouse_schema.py \
  tests/otel_cost_ledger/test_clickhouse_ledger.py tests/otel_distro/test_clickhouse_in_programs.py \
  tests/otel_distro/test_cli_ledger.py tests/otel_distro/test_gevent.py \
  tests/otel_distro/test_gateway_frameworks.py
