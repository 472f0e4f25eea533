"""Growth of hot paths: Python instructions per operation, beside the last recorded figures.

    python -m benchmarks.regress            # exit 1 if one grew by more than a tenth
    python -m benchmarks.regress --record   # record the figures of this Python version

Instructions are counted, not timed, so that a busy machine changes nothing. What C does (regular
expressions, SQLite, JSON) is not counted; the other benchmarks time it. Every figure is of the
calling thread. Python versions differ in their instructions, so each has its own figures, and a
version without recorded ones is only reported.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from benchmarks import guard, metrics, pricing
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import Action, CostBudget
from otel_budget.gate import Gate
from otel_cost_ledger import LedgerWriter
from otel_distro.pipeline import metrics as metric_guard
from otel_pricing import (
    BillingWindow,
    PriceBook,
    from_readable_span,
    is_model_call,
    price_call,
    read_call,
)
from otel_redaction import Policy, Redactor
from otel_redaction.shield import Shield
from otel_wire import clients
from otel_wire.observer import observer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

RECORDED = Path(__file__).with_name("regress.json")
GROWTH = 1.10
"""How much a figure may grow before the run fails."""
REPEATS = 20
PROSE = "The quick brown fox jumps over the lazy dog and reads 12 lines about the sea. " * 50
LOG = "\n".join(
    f"2026-11-29 10:00:{n:02},123 INFO worker[{n}] GET /items/{n} {n} ms" for n in range(50)
)


def instructions(work: Callable[[], object]) -> float:
    """Return how many instructions one *work* runs in this thread, as a mean of many."""
    for _ in range(REPEATS):
        work()  # caches fill, specialised instructions settle
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        if event == "call":
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        elif event == "opcode":
            count += 1
        return trace

    previous = sys.gettrace()
    gc.collect()
    gc.disable()  # callbacks of a collection would count for the operation it falls into
    sys.settrace(trace)
    try:
        for _ in range(REPEATS):
            work()
    finally:
        sys.settrace(previous)
        gc.enable()
    return count / REPEATS


def figures(folder: Path) -> Iterator[tuple[str, float]]:
    """Yield the name and the instructions of each hot path."""
    yield from _spans()
    yield from _measurements()
    yield from _texts()
    yield from _accounting(folder)
    yield from _requests(folder)
    yield "modules after start-up", _modules(folder)


def _spans() -> Iterator[tuple[str, float]]:
    bare_sdk = guard.BareSdk()
    bare, guarded = guard.tracer(1, guarded=False), guard.tracer(1, guarded=True)

    def span(tracer: Any) -> Callable[[], object]:
        return lambda: tracer.start_span("work", attributes=guard.ATTRIBUTES).end()

    with bare_sdk:
        without = instructions(span(bare))
    yield "guard: added to a span of ten attributes", instructions(span(guarded)) - without


def _measurements() -> Iterator[tuple[str, float]]:
    provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    metric_guard.guard_meter_provider(provider, Shield(Redactor(Policy())))
    counter = provider.get_meter("benchmark").create_counter("requests")
    attributes: dict[str, Any] = metrics.SETS[0]
    yield "guard: a measurement", instructions(lambda: counter.add(1, attributes))


def _texts() -> Iterator[tuple[str, float]]:
    redactor = Redactor()
    yield "redaction: 4 KB of prose", instructions(lambda: redactor.text(PROSE))
    yield (
        "redaction: 4 KB of prose, people",
        instructions(lambda: redactor.text(PROSE, content=True)),
    )
    yield "redaction: 50 lines of a log", instructions(lambda: redactor.text(LOG))


def _accounting(folder: Path) -> Iterator[tuple[str, float]]:
    book = PriceBook()
    span = pricing.finished(pricing.CHAT, "opentelemetry.instrumentation.openai_v2")
    web = pricing.finished(pricing.WEB, "opentelemetry.instrumentation.flask")
    yield (
        "pricing: a web span is looked at",
        instructions(lambda: is_model_call(web.attributes or {})),
    )
    record = from_readable_span(span)
    call = read_call(record)
    if call is None:
        raise AssertionError("the benchmark's own span is no model call any more")
    yield "pricing: a span is read", instructions(lambda: read_call(record))
    yield "pricing: a call is priced", instructions(lambda: price_call(call, book))
    priced = price_call(call, book)
    yield "billing: a call is decided", instructions(lambda: BillingWindow().offer(priced))
    writer = LedgerWriter(folder / "ledger.db", pseudonym_key=b"k" * 32)
    batch = pricing.many(100, stacked=False)
    yield "ledger: a hundred calls are written", instructions(lambda: writer.write(batch))


def _requests(folder: Path) -> Iterator[tuple[str, float]]:
    clients.install(httpx2)
    answer = json.dumps({"id": "c", "model": "gpt-4o", "choices": [], "usage": {
        "prompt_tokens": 1200, "completion_tokens": 300}}).encode()  # fmt: skip
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, content=answer))
    body = json.dumps({"model": "gpt-4o", "max_tokens": 300, "messages": [
        {"role": "user", "content": "hi " * 200}]}).encode()  # fmt: skip
    client = httpx2.Client(transport=transport)

    def post(path: str) -> Callable[[], object]:
        return lambda: client.post(f"http://a.example{path}", content=body)

    chat, other = post("/v1/chat/completions"), post("/orders/17")
    without, without_other = instructions(chat), instructions(other)
    stop = observer.observe(lambda _record: None)
    watched = instructions(chat)
    yield "wire: added to a model call", watched - without
    yield "wire: added to another request", instructions(other) - without_other
    budget = CostBudget.per_day(Decimal(1_000_000), Action.REFUSE)
    prices = PriceBook()
    observer.admission = Gate([budget], BudgetAccounts(folder / "budget"), lambda: prices)
    yield "gate: added to a model call", instructions(chat) - watched
    observer.admission = None
    stop()
    client.close()


def _modules(folder: Path) -> float:
    program = [sys.executable, "-c", "import sys; print(len(sys.modules))"]
    launcher = Path(sys.executable).with_name("otel-distro")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "OTEL_TRACES_EXPORTER": "otlp"}
    done = subprocess.run(
        [launcher, "run", *program],
        env=environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--record", action="store_true", help="write the figures down")
    record = parser.parse_args().record
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    recorded: dict[str, dict[str, int]] = json.loads(RECORDED.read_text())
    known = recorded.get(version, {})
    grown = []
    with tempfile.TemporaryDirectory() as scratch:
        found = {name: round(figure) for name, figure in figures(Path(scratch))}
    print(
        f"{'instructions an operation, Python ' + version:<45}"
        f"{'now':>10}{'recorded':>10}{'ratio':>8}"
    )
    for name, now in found.items():
        before = known.get(name)
        ratio = f"{now / before:.2f}" if before else "-"
        print(f"{name:<45}{now:>10,}{before or 0:>10,}{ratio:>8}")
        if before and now > before * GROWTH:
            grown.append(name)
    if record:
        recorded[version] = found
        RECORDED.write_text(json.dumps(recorded, indent=2) + "\n")
    elif grown:
        sys.exit(
            f"grown by more than a tenth: {', '.join(grown)}. Make it cheaper, or record the new "
            "figures with --record and say in the commit what they buy"
        )


if __name__ == "__main__":
    main()
