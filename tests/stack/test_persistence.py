"""Telemetry accepted by the Collector survives its crash and an outage of Jaeger."""

from __future__ import annotations

import secrets
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from stack.running import Stack, eventually, post_json

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.process]

TRACES = 40
SPANS_A_REQUEST = 50


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.prepare()
    yield stack
    stack.stop()


class Sender:
    """Sends some thousand spans a second, and records accepted ones."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.traces = [secrets.token_hex(16) for _ in range(TRACES)]
        self.accepted: set[str] = set()
        self.refused = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            ids = [secrets.token_hex(8) for _ in range(SPANS_A_REQUEST)]
            try:
                status = post_json(self.url, _request(self.traces[number % TRACES], ids))
            except OSError:
                status = 0
            number += 1
            if status == 200:
                self.accepted.update(ids)
            else:
                self.refused += 1
            time.sleep(0.02)


def _request(trace_id: str, span_ids: list[str]) -> dict[str, Any]:
    now = time.time_ns()
    spans = [
        {
            "traceId": trace_id,
            "spanId": span_id,
            "name": "work",
            "kind": 1,
            "startTimeUnixNano": str(now),
            "endTimeUnixNano": str(now + 1_000_000),
        }
        for span_id in span_ids
    ]
    attribute = {"key": "service.name", "value": {"stringValue": "load"}}
    return {
        "resourceSpans": [
            {"resource": {"attributes": [attribute]}, "scopeSpans": [{"spans": spans}]}
        ]
    }


def stored(stack: Stack, traces: list[str]) -> set[str]:
    """Ids of all spans of *traces* in Jaeger."""
    found: set[str] = set()
    for trace_id in traces:
        try:
            data = stack.ask("jaeger", f"/api/traces/{trace_id}")["data"]
        except AssertionError:  # not there yet
            continue
        found.update(span["spanID"] for trace in data for span in trace["spans"])
    return found


@pytest.mark.slow
def test_nothing_accepted_is_missing_after_the_collector_was_killed(stack: Stack) -> None:
    """Killed twice under load, once with Jaeger down: every accepted span id is in Jaeger."""
    stack.prometheus().start()
    jaeger = stack.jaeger()
    jaeger.start()
    collector = stack.collector(OTELCOL_STORE_PROCESSORS="[]")
    collector.start()

    with Sender(f"{stack.otlp}/v1/traces") as sender:
        assert eventually(lambda: len(sender.accepted) > 1000)
        collector.stop(sig=signal.SIGKILL)
        collector.start()
        before = len(sender.accepted)
        assert eventually(lambda: len(sender.accepted) > before + 1000)
        jaeger.stop()
        before = len(sender.accepted)
        assert eventually(lambda: len(sender.accepted) > before + 1000)
        collector.stop(sig=signal.SIGKILL)
        collector.start()
        before = len(sender.accepted)
        assert eventually(lambda: len(sender.accepted) > before + 500)
    jaeger.start()

    assert sender.refused > 0  # the kills were noticed
    # Retries back off up to 30 s, and gRPC's own reconnecting longer: late is not lost.
    arrived = eventually(
        lambda: not (sender.accepted - stored(stack, sender.traces)), timeout=240, every=2
    )
    missing = len(sender.accepted - stored(stack, sender.traces))
    assert arrived, f"{missing} of {len(sender.accepted)} missing"


def test_pending_sampling_decisions_are_made_when_the_collector_is_stopped(stack: Stack) -> None:
    """An orderly stop (SIGTERM, as docker does) queues traces that are not decided yet."""
    stack.prometheus().start()
    stack.jaeger().start()
    collector = stack.collector(OTELCOL_DECISION_WAIT="60s", OTELCOL_DECISION_WAIT_AFTER_ROOT="60s")
    collector.start()
    ids = [secrets.token_hex(8) for _ in range(5)]
    trace_id = secrets.token_hex(16)

    status = post_json(f"{stack.otlp}/v1/traces", _request(trace_id, ids))
    collector.stop()
    collector.start()

    assert status == 200
    assert eventually(lambda: stored(stack, [trace_id]) == set(ids), timeout=20)


@pytest.mark.slow
def test_an_agent_hands_whole_traces_to_the_gateway_even_after_it_was_killed(stack: Stack) -> None:
    """Program, agent, gateway, Jaeger: accepted spans arrive, although the gateway starts late."""
    agent = stack.agent()
    agent.start()

    with Sender(f"{stack.url('agent_http')}/v1/traces") as sender:
        assert eventually(lambda: len(sender.accepted) > 500)
        agent.stop(sig=signal.SIGKILL)
        agent.start()
        before = len(sender.accepted)
        assert eventually(lambda: len(sender.accepted) > before + 500)
    stack.prometheus().start()
    stack.jaeger().start()
    stack.collector(OTELCOL_STORE_PROCESSORS="[]").start()

    arrived = eventually(
        lambda: not (sender.accepted - stored(stack, sender.traces)), timeout=240, every=2
    )
    missing = len(sender.accepted - stored(stack, sender.traces))
    assert arrived, f"{missing} of {len(sender.accepted)} missing"
