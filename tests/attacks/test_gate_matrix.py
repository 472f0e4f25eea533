"""Client x body x spelling of the endpoint x response: each call is counted or refused."""

from __future__ import annotations

import gzip
import http.client as http_client
import itertools
import json
import tempfile
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2
import pytest
import urllib3

from attacks.provider import CALL_NANO_USD, MODEL, SHAPES, Provider
from attacks.request_clients import CLIENTS, HEADERS, generator
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import Action, CostBudget
from otel_budget.gate import Gate
from otel_pricing import PriceBook
from otel_wire import clients
from otel_wire.observer import observer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_wire.record import WireRecord

PRICES = PriceBook()
CALL: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 300,
}
TEXT = json.dumps(CALL)
_REST = TEXT[1:]
DEEP = '{"x": ' + "[" * 3000 + "]" * 3000 + ", " + _REST
HUGE = '{"x": ' + "9" * 5000 + ", " + _REST
GZIPPED = {"content-encoding": "gzip"}


def _file(content: bytes) -> Any:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the client closes it, or its collection
    file.write(content)
    file.seek(0)
    return file


BODIES: dict[str, tuple[Callable[[], Any], dict[str, str]]] = {
    "bytes": (TEXT.encode, {}),
    "text": (lambda: TEXT, {}),
    "generator": (lambda: generator(TEXT.encode()), {}),
    "BytesIO": (lambda: BytesIO(TEXT.encode()), {}),
    "file": (lambda: _file(TEXT.encode()), {}),
    "gzip": (lambda: gzip.compress(TEXT.encode()), GZIPPED),
    "gzip generator": (lambda: generator(gzip.compress(TEXT.encode())), GZIPPED),
    "Latin-1": (lambda: TEXT.replace("hi", "é").encode("latin-1"), {}),
    "huge integer": (HUGE.encode, {}),
    "deep": (DEEP.encode, {}),
    "byte order mark": (lambda: b"\xef\xbb\xbf" + TEXT.encode(), {}),
    "UTF-16": (lambda: TEXT.encode("utf-16"), {}),
    "no JSON": (lambda: b"\x00\x01 nothing", {}),
}
PATHS = [
    "/v1/chat/completions",
    "/v1/chat/completions/",
    "/v1//chat/completions",
    "/v1/chat/completions?api-version=1",
    "/v1/chat%2Fcompletions",
    "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
    "/V1/Chat/Completions",
]
READINGS = ["whole", "pieces", "a part", "nothing"]
PLAIN_BODIES = ("bytes", "generator")
CELLS = sorted(
    {
        *itertools.product(CLIENTS, BODIES, PATHS[:1], ["json"], ["whole"]),
        *itertools.product(CLIENTS, ["bytes", "gzip"], PATHS, ["json"], ["whole"]),
        *itertools.product(CLIENTS, PLAIN_BODIES, PATHS[:1], SHAPES, READINGS),
    }
)


class Account:
    """A gate over all calls of the test, and what it has charged."""

    def __init__(self, folder: Path, usd: str) -> None:
        self.accounts = BudgetAccounts(folder)
        self.gate = Gate(
            [CostBudget.per_day(Decimal(usd), Action.REFUSE)], self.accounts, lambda: PRICES
        )
        observer.admission = self.gate

    def spent(self) -> tuple[int, int]:
        account = self.gate.budgets["day"].account({}, self.gate.now_ns())
        assert account is not None
        state = self.accounts.state(account)
        return state.spent, state.reserved

    def close(self) -> None:
        observer.admission = None
        self.accounts.close()


@pytest.fixture(scope="module", autouse=True)
def hooks() -> None:
    for module in (httpx2, urllib3, aiohttp, http_client):
        clients.install(module)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as made:
        yield made


@pytest.fixture(scope="module")
def large_budget(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = Account(tmp_path_factory.mktemp("plenty"), "1000000")
    yield account
    account.close()


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = Account(tmp_path_factory.mktemp("nothing"), "0")
    yield account
    account.close()


def test_there_are_enough_cells() -> None:
    """And all are different."""
    assert len(CELLS) >= 400


def send(client: str, body: str, url: str, reading: str) -> int | None:
    make, headers = BODIES[body]
    made = make()
    try:
        return CLIENTS[client](url, made, {**HEADERS, **headers}, reading)
    except Exception:  # a response that is cut off; each client has its own error
        return None
    finally:
        if hasattr(made, "close"):
            made.close()


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_each_call_that_is_served_is_counted(
    client: str, provider: Provider, large_budget: Account
) -> None:
    """To the nano-dollar where the response reports usage; never as zero."""
    observer.admission = large_budget.gate
    wrong: list[Any] = []
    for cell in (cell for cell in CELLS if cell[0] == client):
        _, body, path, shape, reading = cell
        provider.shape = shape
        served, (before, _) = len(provider.served), large_budget.spent()
        send(client, body, provider.url + path, reading)
        spent, reserved = large_budget.spent()
        calls, cost = len(provider.served) - served, spent - before
        is_read = reading in {"whole", "pieces"} and SHAPES[shape][0] == 200
        says_it = shape in {"json", "chunked json", "gzip json", "stream", "gzip stream"}
        if reserved or calls != 1:
            wrong.append((cell, calls, cost, "reserved", reserved))
        elif shape == "error":
            if cost:
                wrong.append((cell, calls, cost, "an error costs nothing"))
        elif is_read and says_it:
            if cost != CALL_NANO_USD:
                wrong.append((cell, calls, cost, "not exact"))
        elif shape.endswith("stream without usage") or "stream" in shape:
            if cost <= 0:
                wrong.append((cell, calls, cost, "not counted"))
        elif cost < CALL_NANO_USD // 2:
            wrong.append((cell, calls, cost, "not counted at what it may cost"))

    assert wrong == []


@pytest.mark.parametrize("client", CLIENTS)
def test_without_budget_no_call_reaches_the_provider(
    client: str, provider: Provider, nothing: Account
) -> None:
    """For every form of body and spelling of the path."""
    observer.admission = nothing.gate
    passed = []
    for cell in (cell for cell in CELLS if cell[0] == client and cell[3:] == ("json", "whole")):
        served = len(provider.served)
        status = send(client, cell[1], provider.url + cell[2], "whole")
        if status != 402 or len(provider.served) != served:
            passed.append((cell, status))

    assert passed == []


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_each_call_is_observed_without_a_budget(client: str, provider: Provider) -> None:
    """Once, by one client, with its usage if the response reports it."""
    observer.admission = None
    records: list[WireRecord] = []
    stop = observer.observe(records.append)
    wrong: list[Any] = []
    try:
        for cell in (cell for cell in CELLS if cell[0] == client):
            _, body, path, shape, reading = cell
            provider.shape = shape
            send(client, body, provider.url + path, reading)
            observer.drain()
            if len(records) != 1:
                wrong.append((cell, len(records)))
            elif reading in {"whole", "pieces"} and shape in {"json", "stream", "gzip stream"}:
                usage = records[0].answer.usage
                if usage is None or (usage.input_tokens, usage.output_tokens) != (1200, 300):
                    wrong.append((cell, records[0]))
            records.clear()
    finally:
        stop()

    assert wrong == []
