"""Calls of a killed process are in the ledger as unknown, not missing."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.context import Context

from otel_distro.pipeline.accounting.killed_requests import KILLED, left_behind, recover
from otel_distro.pipeline.accounting.open_requests import LAYOUT, SLOTS, OpenRequests
from support.charging_provider import ChargingProvider
from support.process import BIN, clean_environment, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_pricing import PricedCall

NOW_NS = 1_790_000_000_000_000_000
ASK = """
import os, httpx2
def ask():
    httpx2.post(
        os.environ["PROVIDER_URL"] + "/v1/chat/completions",
        json={"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]},
        timeout=60,
    )
"""


def exchange(host: str = "api.openai.com", path: str = "/v1/chat/completions") -> Any:
    return SimpleNamespace(host=host, path=path, start_ns=NOW_NS, context=Context())


def killed(requests: OpenRequests) -> None:
    """Release the lock of *requests*, as if their process had ended."""
    import fcntl

    owner = requests._owner
    assert owner is not None
    fcntl.flock(owner._own.number, fcntl.LOCK_UN)


@pytest.fixture
def requests(tmp_path: Path) -> OpenRequests:
    return OpenRequests(tmp_path / "open-requests", lambda: True)


def test_open_requests_of_a_live_process_are_left_to_it(
    requests: OpenRequests, tmp_path: Path
) -> None:
    """That process stores them."""
    assert requests.begin(exchange())

    assert list(left_behind(tmp_path / "open-requests")) == []


def test_unstored_requests_are_left_and_taken_over_once(
    requests: OpenRequests, tmp_path: Path
) -> None:
    """With all known facts; stored calls are not among them."""
    stored, left = (
        requests.begin(exchange()),
        requests.begin(
            exchange("bedrock-runtime.eu-west-1.amazonaws.com", "/model/eu.amazon.nova/converse")
        ),
    )
    requests.end([stored])
    killed(requests)
    taken: list[PricedCall] = []

    def take(calls: Sequence[PricedCall]) -> bool:
        taken.extend(calls)
        return True

    for _ in range(2):
        recover(tmp_path / "open-requests", take)

    (priced,) = taken
    call = priced.call
    assert (call.span_id, call.start_ns, call.error_type) == (left, NOW_NS, KILLED)
    assert (call.provider, call.operation) == ("aws.bedrock", "chat")
    assert priced.status == "unpriced"
    assert priced.cost_nano_usd is None


def test_calls_that_cannot_be_stored_stay(requests: OpenRequests, tmp_path: Path) -> None:
    """Until a process can store them."""
    requests.begin(exchange())
    killed(requests)

    assert recover(tmp_path / "open-requests", lambda _calls: False) == 0
    assert recover(tmp_path / "open-requests", lambda _calls: True) == 1


def test_more_requests_than_slots_are_still_sent(
    requests: OpenRequests,
) -> None:
    """They are not recorded, and freed slots are reused."""
    ids = [requests.begin(exchange()) for _ in range(SLOTS)]

    assert all(ids)
    assert requests.begin(exchange()) == 0
    requests.end(ids[:1])
    assert requests.begin(exchange())


def test_nothing_is_written_without_consent(tmp_path: Path) -> None:
    """Not even the fact of a request."""
    requests = OpenRequests(tmp_path / "open-requests", lambda: False)

    assert requests.begin(exchange()) == 0
    assert not (tmp_path / "open-requests").exists()


def test_a_folder_that_cannot_be_created_disturbs_no_app(tmp_path: Path) -> None:
    """The request is sent."""
    (tmp_path / "file").write_text("")

    assert OpenRequests(tmp_path / "file" / "open-requests", lambda: True).begin(exchange()) == 0


def test_files_of_another_kind_are_not_requests(tmp_path: Path) -> None:
    """Half a file, or one of noise, raises nothing."""
    folder = tmp_path / "open-requests"
    folder.mkdir(mode=0o700)
    (folder / "1-0000000000").write_bytes(b"\xff" * (LAYOUT.size + 5))
    (folder / "2-0000000000").write_bytes(b"\1" * LAYOUT.size)

    assert sum(len(left.requests) for left in left_behind(folder)) == 1


@pytest.mark.slow
@pytest.mark.process
def test_calls_of_killed_processes_are_unknown_and_never_missing(tmp_path: Path) -> None:
    """The provider's count equals the exact and the unknown calls of the ledger.

    One process ends itself at once, one after its child has sent a call; both are taken over by
    the next one, whose own call is exact.
    """
    at_once = ASK + "\nask(); ask(); os.kill(os.getpid(), 9)"
    forked = ASK + (
        "\nask()\npid = os.fork()\n"
        "if pid == 0:\n    ask()\n    os.kill(os.getpid(), 9)\n"
        "os.waitpid(pid, 0)\n"
    )
    with ChargingProvider() as provider:
        environ = clean_environment(
            tmp_path,
            PROVIDER_URL=provider.url,
            NO_PROXY="127.0.0.1",
            OTEL_DISTRO_EXIT_TIMEOUT="30",
            **{f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")},
        )
        for program in (at_once, forked, ASK + "\nask()"):
            run([str(BIN / "otel-distro"), "run", sys.executable, "-c", program], environ)
        served = provider.account.served()
    done = run([str(BIN / "otel-distro"), "calls", "--json"], environ)
    calls = json.loads(done.stdout)["calls"]

    assert len(calls) == len(served) == 5
    unknown = [call for call in calls if call["error_type"] == KILLED]
    assert [call["cost_status"] for call in unknown] == ["unpriced"] * 3
    exact = {call["cost_nano_usd"] for call in calls if call not in unknown}
    assert exact <= {request.nano_usd for request in served}
    assert len(exact) == 2
    assert not any(os.scandir(next(tmp_path.rglob("open-requests"))))
