"""One limit for models of every maker, over one client: provider, ledger and budget agree."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.charging_provider import ChargingProvider
from support.process import BIN, clean_environment, run

pytestmark = [pytest.mark.slow, pytest.mark.process]

APP = """
import asyncio, openai, os, sys
model, way = sys.argv[1:]
url = os.environ["PROVIDER"] + "/v1"
question = {"model": model, "max_tokens": 300, "messages": [{"role": "user", "content": "hi"}]}

def outcome(ask, *arguments, **more):
    try:
        ask(*arguments, **more)
        return 200
    except openai.APIStatusError as error:
        return error.status_code

async def outcome_of(client):
    try:
        await client.chat.completions.create(**question)
        return 200
    except openai.APIStatusError as error:
        return error.status_code

async def at_once():
    client = openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0)
    return await asyncio.gather(*(outcome_of(client) for _ in range(20)))

client = openai.OpenAI(base_url=url, api_key="k", max_retries=0)
if way == "async":
    statuses = asyncio.run(at_once())
elif way == "images":
    statuses = [outcome(client.images.generate, model=model, prompt="a cat") for _ in range(12)]
else:
    statuses = [outcome(client.chat.completions.create, **question) for _ in range(20)]
print(statuses.count(200), statuses.count(402))
"""


@pytest.fixture
def provider() -> Iterator[ChargingProvider]:
    with ChargingProvider() as running:
        yield running


def asked(command: str, environ: dict[str, str]) -> Any:
    return json.loads(run([str(BIN / "otel-distro"), command, "--json"], environ).stdout)


@pytest.mark.parametrize(
    ("model", "way", "limit"),
    [
        ("claude-sonnet-4-5", "sync", "0.01"),
        ("claude-sonnet-4-5", "async", "0.02"),
        ("gemini-2.5-flash", "sync", "0.002"),
        ("mistral-large-latest", "sync", "0.01"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "sync", "0.02"),
        ("gpt-4o", "async", "0.02"),
    ],
)
def test_a_limit_holds_for_models_of_every_maker(
    model: str, way: str, limit: str, provider: ChargingProvider, tmp_path: Path
) -> None:
    """Admitted calls are within the limit, refused calls are not counted, and prices agree."""
    environ = limited(tmp_path, provider, limit)
    done = run(["otel-distro", "run", "--", sys.executable, "-c", APP, model, way], environ)
    served = [request.nano_usd or 0 for request in provider.account.served()]
    total, (budget,) = asked("costs", environ)["total"], asked("budgets", environ)["budgets"]

    assert done.returncode == 0, done.stderr
    assert served
    assert done.stdout.split() == [str(len(served)), str(20 - len(served))]
    assert sum(served) <= budget["limit"]
    assert (total["calls"], total["cost_nano_usd"]) == (len(served), sum(served))
    assert (budget["spent"], budget["reserved"]) == (sum(served), 0)


def test_images_do_not_pass_a_limit_below_their_price(
    provider: ChargingProvider, tmp_path: Path
) -> None:
    """No image goes through, and none is in the ledger."""
    environ = limited(tmp_path, provider, "0.03")
    app = [sys.executable, "-c", APP, "gpt-image-1", "images"]
    done = run(["otel-distro", "run", "--", *app], environ)

    assert (done.returncode, done.stdout.split()) == (0, ["0", "12"]), done.stderr
    assert provider.account.served() == []
    assert asked("costs", environ)["total"]["calls"] == 0


def limited(home: Path, provider: ChargingProvider, limit: str) -> dict[str, str]:
    return clean_environment(
        home,
        PROVIDER=provider.url,
        NO_PROXY="127.0.0.1",
        OTEL_DISTRO_BUDGET_USD_PER_DAY=limit,
        OTEL_DISTRO_BUDGET_ACTION="refuse",
        OTEL_DISTRO_EXIT_TIMEOUT="30",
        **{f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")},
    )
