"""`otel-distro reports waste`: wasted spending, and its certainty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otel_cost_ledger.write.writer import LedgerWriter
from otel_pricing import CostStatus, ModelCall, PricedCall
from otel_pricing.model.billing_reasons import CACHED
from support.ledger_cli import answer, ledger_of, run
from support.otlp_archive import chat_span

SINCE = ("--since", "2026-01-01")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


def span(number: int, *, trace: int | None = None, **attributes: Any) -> dict[str, Any]:
    """A chat call whose attributes use underscores for dots after `gen_ai`."""
    made = chat_span(number, **attributes)
    if trace is not None:
        made["traceId"] = f"{trace:032x}"
    return made


def unknown_usage(number: int, **attributes: Any) -> dict[str, Any]:
    return span(
        number,
        **{"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None, **attributes},
    )


def found(ledger: Path) -> dict[str, tuple[int, int, int]]:
    lines = answer("reports", "waste", *SINCE, "--ledger", ledger)["waste"]
    return {
        line["kind"]: (line["calls"], line["certain_nano_usd"], line["at_most_nano_usd"])
        for line in lines
    }


def test_one_call_wastes_nothing(tmp_path: Path) -> None:
    """The output says so."""
    ledger = ledger_of(tmp_path, chat_span(0))

    assert "nothing found in 1 call" in run("reports", "waste", *SINCE, "--ledger", ledger).stdout


def test_a_repeated_failure_is_a_retry(tmp_path: Path) -> None:
    """The timed-out call may have been charged: a bound, nothing certain."""
    failed = unknown_usage(0, trace=9, **{"error.type": "timeout", "gen_ai.response.model": None})
    ledger = ledger_of(tmp_path, failed, span(5, trace=9))

    ((kind, (calls, certain, at_most)),) = found(ledger).items()

    assert (kind, calls, certain) == ("retries", 1, 0)
    assert at_most > 0


def test_a_failure_in_another_trace_is_not_a_retry(tmp_path: Path) -> None:
    """Another request of the app is unrelated."""
    failed = unknown_usage(0, trace=9, **{"error.type": "timeout", "gen_ai.response.model": None})
    ledger = ledger_of(tmp_path, failed, span(5, trace=10))

    assert list(found(ledger)) == ["failures"]


def test_a_stream_without_usage_is_abandoned(tmp_path: Path) -> None:
    """Its output until then is charged and unknown."""
    ledger = ledger_of(tmp_path, unknown_usage(0, **{"gen_ai.request.stream": True}))

    (calls, certain, at_most) = found(ledger)["abandoned streams"]
    assert (calls, certain) == (1, 0)
    assert at_most > 0


def test_calls_of_one_shape_may_be_repeats(tmp_path: Path) -> None:
    """The second costs 1200 x 2.50 + 300 x 10 = 6000 micro-dollars; the third is too late."""
    ledger = ledger_of(tmp_path, chat_span(0), chat_span(60), chat_span(3660))

    assert found(ledger)["repeats"] == (1, 0, 6_000_000)


def test_the_same_prompt_again_is_known_by_its_fingerprint(tmp_path: Path) -> None:
    """Equal numbers of tokens are not a repeat if the prompts differ."""
    where, when = ({"gen_ai.input.messages": f'["{word}"]'} for word in ("where", "when"))
    ledger = ledger_of(
        tmp_path,
        chat_span(0, **where),
        chat_span(60, **when),
        chat_span(120, **where),
        chat_span(3660, **where),
    )

    report = found(ledger)

    assert report["same prompts"] == (1, 0, 6_000_000)
    assert "repeats" not in report


def test_input_that_a_cache_could_have_served_is_a_bound(tmp_path: Path) -> None:
    """At most 1200 tokens are shared: 1200 x (2.50 - 1.25) = 1500 micro-dollars."""
    ledger = ledger_of(tmp_path, chat_span(0), chat_span(60, **{"gen_ai.usage.input_tokens": 1300}))

    assert found(ledger) == {"uncached prefixes": (1, 0, 1_500_000)}


def test_an_answer_at_its_limit_was_cut_off(tmp_path: Path) -> None:
    """Its use is unknown."""
    ledger = ledger_of(tmp_path, chat_span(0, **{"gen_ai.request.max_tokens": 300}))

    assert found(ledger) == {"cut off": (1, 0, 6_000_000)}


def test_an_unused_limit_is_shown_and_is_not_a_cost(tmp_path: Path) -> None:
    """700 tokens x 10 = 7000 micro-dollars were reserved, not charged."""
    ledger = ledger_of(tmp_path, chat_span(0, **{"gen_ai.request.max_tokens": 1000}))

    report = answer("reports", "waste", *SINCE, "--ledger", ledger)

    assert (report["unused_limit_tokens"], report["unused_limit_nano_usd"]) == (700, 7_000_000)
    assert report["waste"] == []


def test_waste_for_people(tmp_path: Path) -> None:
    """With a description and its share of the cost."""
    ledger = ledger_of(tmp_path, chat_span(0), chat_span(60))

    lines = run("reports", "waste", *SINCE, "--ledger", ledger).stdout.splitlines()

    assert lines[0].split() == [
        "waste",
        "calls",
        "certain",
        "at",
        "most",
        "of",
        "cost",
        "what",
        "it",
        "is",
    ]
    assert "50 %" in lines[1]
    assert lines[-1] == "2 calls, $0.0120"


def test_answers_from_caches_are_counted_apart(tmp_path: Path) -> None:
    """They cost nothing, and the avoided cost is shown."""
    ledger = ledger_of(tmp_path, chat_span(0))
    call = ModelCall(
        trace_id=5,
        span_id=6,
        start_ns=1_790_000_000 * 10**9,
        end_ns=1_790_000_001 * 10**9,
        scope="openinference.instrumentation.langchain",
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
    )
    LedgerWriter(ledger).write(
        [
            PricedCall(
                call=call,
                status=CostStatus.PRICED,
                cost_nano_usd=3_000,
                billed=False,
                billing_reason=CACHED,
            )
        ]
    )

    report = answer("waste", *SINCE, "--ledger", ledger)
    assert report["calls"] == 1
    assert report["cached_answers"] == {"calls": 1, "saved_nano_usd": 3_000}
    shown = run("waste", *SINCE, "--ledger", ledger).stdout
    assert "1 answer from caches of frameworks" in shown
