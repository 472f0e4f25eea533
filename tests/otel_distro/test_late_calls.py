"""Commands that read the ledger first store waiting calls of ended programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_cost_ledger.model.entries import Entry
from otel_cost_ledger.model.privacy import Pseudonyms
from otel_cost_ledger.model.row_maker import RowMaker
from otel_cost_ledger.write.spill import SpillFile
from otel_distro.pipeline.accounting.late_calls import NOT_PRICED
from otel_distro.pipeline.accounting.open_requests import LAYOUT
from otel_pricing import ModelCall, Usage
from otel_pricing.costing.cost import unpriced
from otel_pricing.model.instrumentations import WIRE_SCOPE
from support.ledger_cli import answer, run

if TYPE_CHECKING:
    from pathlib import Path

NOW_NS = 1_790_000_000_000_000_000


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """State folder with waiting calls of programs, and no ledger."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("OTEL_DISTRO_CONSENT_REQUIRED", "DO_NOT_TRACK", "OTEL_DISTRO_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "state" / "otel-distro"
    folder.mkdir(parents=True, mode=0o700)
    return folder


def call(number: int, *, estimate: str = "") -> ModelCall:
    return ModelCall(
        trace_id=number,
        span_id=number,
        start_ns=NOW_NS + number,
        end_ns=NOW_NS + number + 1_000_000,
        scope=WIRE_SCOPE,
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        usage=Usage(input_tokens=1000, output_tokens=100),
        usage_estimate=estimate,
        most_input_tokens=2000 if estimate else None,
    )


def leave(state: Path, *calls: ModelCall, reason: str = NOT_PRICED) -> SpillFile:
    rows = RowMaker(str, Pseudonyms(None))
    spill = SpillFile(state / "ledger.db.spill.jsonl")
    spill.append([Entry("insert", rows.row(unpriced(call, reason))) for call in calls])
    return spill


def test_calls_without_a_price_for_want_of_time_are_stored_and_priced(state: Path) -> None:
    """The program had to end; the commands that read costs have the time."""
    spill = leave(state, call(1), call(2))

    total = answer("costs")["total"]

    assert (total["calls"], total["cost_nano_usd"], total["unpriced_calls"]) == (2, 7_000_000, 0)
    assert not spill.exists()


def test_an_estimate_stays_one_when_it_is_priced_later(state: Path) -> None:
    """With a bound from the request."""
    leave(state, call(1, estimate="the response was broken off"))

    (found,) = answer("calls")["calls"]

    assert found["cost_status"] == "estimated"
    assert found["cost_nano_usd"] == 3_500_000
    assert found["exposure_nano_usd"] > 3_500_000


def test_a_call_unpriced_for_another_reason_stays_unpriced(state: Path) -> None:
    """`otel-distro ledger reprice` is for those."""
    leave(state, call(1), reason="no price for the model")

    assert answer("costs")["total"]["unpriced_calls"] == 1


@pytest.mark.parametrize(
    ("reserved", "charged", "status", "cost", "bound"),
    [
        (0, 0, "unpriced", None, None),
        (9_000, 0, "unpriced", None, 9_000),
        (9_000, 7_001, "reported", 7_000, None),
        (9_000, 1, "free", 0, None),
    ],
    ids=["no budget", "reserved", "charged", "charged with nothing"],
)
def test_requests_of_killed_processes_cost_their_budget_charge(
    state: Path, reserved: int, charged: int, status: str, cost: int | None, bound: int | None
) -> None:
    """They are in the ledger before another program runs, and budgets and costs agree."""
    folder = state / "open-requests"
    folder.mkdir(mode=0o700)
    slot = (NOW_NS, 5, bytes(16), 0, b"api.openai.com", b"/v1/chat/completions", reserved, charged)
    (folder / "999999-0000000000").write_bytes(LAYOUT.pack(*slot))

    assert answer("costs")["not_stored_calls"] == 0
    (found,) = answer("calls")["calls"]
    assert (found["cost_status"], found["cost_nano_usd"]) == (status, cost)
    assert found["exposure_nano_usd"] == bound


def test_nothing_is_stored_without_consent(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls stay in their file, and the command reports that."""
    spill = leave(state, call(1))
    monkeypatch.setenv("DO_NOT_TRACK", "1")

    assert "1 call not counted here" in run("costs").output
    assert spill.exists()


def test_another_ledger_is_only_read(state: Path, tmp_path: Path) -> None:
    """A copy belongs to its owner."""
    answer("costs")
    other = tmp_path / "other.db"
    leave(state, call(1))
    assert run("costs").exit_code == 0
    other.write_bytes((state / "ledger.db").read_bytes())
    spill = SpillFile(tmp_path / "other.db.spill.jsonl")
    spill.append(
        [Entry("insert", RowMaker(str, Pseudonyms(None)).row(unpriced(call(2), NOT_PRICED)))]
    )

    assert "1 call not counted here" in run("costs", "--ledger", other).output
    assert spill.exists()
