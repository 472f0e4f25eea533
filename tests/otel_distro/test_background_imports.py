"""Background threads import nothing that an application may have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.otlp_sink import OtlpSink
from support.process import clean_environment, instrumented

pytestmark = pytest.mark.process

PROGRAM = """
import json, sys, threading, time

OURS = ("otel_distro", "otel_pricing", "otel_cost_ledger", "otel_budget", "otel_redaction",
        "otel_host", "otel_wire", "otel_trace_store")
imported = set()

def hook(event, arguments):
    thread = threading.current_thread().name
    if event == "import" and thread.startswith(("otel_distro", "Otel")):
        name = arguments[0].partition(".")[0]
        if name not in OURS and name not in sys.stdlib_module_names:
            imported.add(arguments[0])

sys.addaudithook(hook)

from opentelemetry import trace
from openai import AsyncOpenAI, OpenAI

def call():
    with trace.get_tracer("app").start_as_current_span("chat gpt-4o", attributes={
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o", "user.id": "ada", "mail": "ada@lovelace.example",
        "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}) as span:
        span.record_exception(ValueError("no"))

clients, errors = 0, []

def make_clients():
    global clients
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        try:
            OpenAI(api_key="k"), AsyncOpenAI(api_key="k")
            clients += 1
        except BaseException as error:
            errors.append(repr(error))

threads = [threading.Thread(target=make_clients) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(5):
    call()
    time.sleep(0.1)
for thread in threads:
    thread.join()
trace.get_tracer_provider().force_flush()
print(json.dumps([sorted(imported), clients > 0, errors, "genai_prices" in sys.modules]))
"""


def outcome(tmp_path: Path, sink: OtlpSink, **settings: str) -> list[object]:
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_DISTRO_EXIT_LINE="false",
        OTEL_DISTRO_EXIT_TIMEOUT="10",
        **settings,
    )
    done = instrumented(PROGRAM, environ)
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_clients_made_while_the_first_call_is_priced_find_whole_modules(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """The audit hook sees the imports of all our threads while three others make clients."""
    assert outcome(tmp_path, sink) == [[], True, [], False]
    assert len(sink.spans()) == 5


@pytest.mark.slow
def test_a_price_file_and_budgets_add_no_import(tmp_path: Path, sink: OtlpSink) -> None:
    """Modules for the settings are loaded at boot."""
    prices = tmp_path / "prices.toml"
    prices.write_text('[[price]]\nmodel = "own"\ninput = "1"\noutput = "2"\n')

    found = outcome(
        tmp_path,
        sink,
        OTEL_DISTRO_PRICES=str(prices),
        OTEL_DISTRO_BUDGET_USD_PER_DAY="100",
    )
    assert found == [[], True, [], False]


@pytest.mark.slow
def test_encryption_is_loaded_at_boot(tmp_path: Path, sink: OtlpSink) -> None:
    """Messages are sealed on a background thread."""
    from otel_distro.privacy.content.sealing import new_key_pair

    _, public = new_key_pair()
    found = outcome(tmp_path, sink, OTEL_DISTRO_CONTENT="full", OTEL_DISTRO_CONTENT_KEY=public)
    assert found == [[], True, [], False]
