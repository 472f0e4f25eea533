"""The line at exit: totals of the model calls of a process, on stderr."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otel_distro.demo.provider import FakeProvider
from otel_distro.lifecycle.exit_line import ExitLine, Sums, describe
from otel_distro.settings import Settings
from otel_pricing.model.call import CostStatus, ModelCall, PricedCall, Usage
from support.process import Finished, clean_environment, instrumented

APP = """
import sys, openai
client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="sk-x", max_retries=0)
for _ in range(int(sys.argv[2])):
    client.chat.completions.create(
        model=sys.argv[3], messages=[{"role": "user", "content": "hi"}])
print("the app's own output")
"""


def priced(span_id: int = 1, *, cost: int | None = 6_000_000, billed: bool = True) -> PricedCall:
    call = ModelCall(
        trace_id=1,
        span_id=span_id,
        start_ns=0,
        end_ns=500_000_000,
        scope="s",
        operation="chat",
        provider="openai",
        usage=Usage(input_tokens=1200, output_tokens=300),
    )
    status = CostStatus.PRICED if cost is not None else CostStatus.UNPRICED
    return PricedCall(call=call, status=status, cost_nano_usd=cost, billed=billed)


def printed(line: ExitLine, capsys: pytest.CaptureFixture[str]) -> str:
    line.write(None, {"HOME": "/home/ada"})
    return capsys.readouterr().err


def settings(**more: object) -> Settings:
    return Settings(ledger=Path("/home/ada/.local/state/otel-distro/ledger.db"), **more)  # type: ignore[arg-type]


def test_the_line_has_calls_tokens_cost_latency_and_ledger(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """2 x 6000 micro-dollars."""
    line = ExitLine(settings())
    line.settle([priced(1), priced(2)], [])

    assert printed(line, capsys) == (
        "otel_distro: 2 model calls, 2,400 tokens in, 600 out, cost $0.0120, p95 500 ms; "
        "in ~/.local/state/otel-distro/ledger.db (otel-distro ui)\n"
    )


def test_a_process_without_model_calls_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor does one whose spans are all duplicates."""
    line = ExitLine(settings())
    line.settle([priced(billed=False)], [])

    assert printed(line, capsys) == ""


def test_a_call_that_turns_out_to_repeat_another_is_taken_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its cost and its tokens too."""
    line = ExitLine(settings())
    line.settle([priced(1), priced(2)], [])
    line.settle([], [priced(2, billed=False)])

    assert "1 model call, 1,200 tokens in, 300 out, cost $0.006," in printed(line, capsys)


@pytest.mark.parametrize(
    ("sums", "cost"),
    [
        pytest.param(Sums(calls=2, unpriced=2), "cost unknown (2 unpriced)", id="all unknown"),
        pytest.param(
            Sums(calls=3, unpriced=1, cost_nano_usd=12_000_000, exposure_nano_usd=360_000_000),
            "cost > $0.0120 (1 unpriced, at most $0.3600 more)",
            id="a lower bound",
        ),
        pytest.param(
            Sums(calls=1, partial=1, cost_nano_usd=12_000_000),
            "cost > $0.0120 (1 priced in part)",
            id="partial",
        ),
        pytest.param(Sums(calls=1), "cost $0", id="known to be free"),
    ],
)
def test_unknown_is_shown_and_never_as_zero(sums: Sums, cost: str) -> None:
    """Zero dollars means free."""
    assert describe(sums, None).endswith(cost)


def test_control_characters_of_a_path_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A ledger may have any name."""
    line = ExitLine(Settings(ledger=Path("/tmp/a\x1b[2Jb.db")))
    line.settle([priced()], [])

    assert "\x1b" not in printed(line, capsys)


def run_app(home: Path, calls: int, model: str = "gpt-4o", **variables: str) -> Finished:
    with FakeProvider() as provider:
        environ = clean_environment(home, NO_PROXY="127.0.0.1", **variables)
        environ["OTEL_TRACES_EXPORTER"] = environ["OTEL_METRICS_EXPORTER"] = "none"
        environ["OTEL_LOGS_EXPORTER"] = "none"
        return instrumented(APP, environ, provider.url, str(calls), model)


@pytest.mark.slow
@pytest.mark.process
def test_a_real_program_ends_with_one_line_on_stderr(tmp_path: Path) -> None:
    """Stdout belongs to the program; the tightest budget is named."""
    done = run_app(tmp_path, 2, OTEL_DISTRO_BUDGET_USD_PER_DAY="1")

    assert done.stdout == "the app's own output\n"
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(
        r"otel_distro: 2 model calls, 2,400 tokens in, 600 out, cost \$0\.0120, p95 \d[\d.]* ms; "
        r"budget day: \$0\.9880 of \$1\.00 left; "
        r"in ~/state/otel-distro/ledger\.db \(otel-distro ui\)",
        line,
    )


@pytest.mark.slow
@pytest.mark.process
def test_calls_that_were_not_stored_are_not_reported_as_stored(tmp_path: Path) -> None:
    """Without a writable place they are lost, which is reported."""
    state = tmp_path / "state/otel-distro"
    (state / "ledger.db").mkdir(parents=True)
    (state / "ledger.db.spill.jsonl").mkdir()

    printed = run_app(tmp_path, 2).stderr

    assert "2 not yet in ~/state/otel-distro/ledger.db" in printed
    assert "2 calls could not be stored anywhere and are lost" in printed
    assert "old calls could not be removed" not in printed


@pytest.mark.slow
@pytest.mark.process
def test_the_line_can_be_switched_off(tmp_path: Path) -> None:
    """And a program without model calls never has it."""
    assert run_app(tmp_path, 1, OTEL_DISTRO_EXIT_LINE="false").stderr == ""
    assert run_app(tmp_path, 0).stderr == ""
