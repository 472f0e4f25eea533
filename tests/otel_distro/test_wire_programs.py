"""Programs of real clients, instrumented or not: the ledger equals the provider's account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.charging_provider import ChargingProvider
from wire.run import PROGRAMS, run_program

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.process

EVERYDAY = (
    "aiohttp_post",
    "anthropic_client",
    "forked_workers",
    "http_client",
    "openai_client",
    "requests_post",
    "streams_left_early",
    "urllib_request",
)
"""Programs whose libraries are test requirements; all of them: `python tests/wire/run.py`."""


@pytest.fixture
def provider() -> Iterator[ChargingProvider]:
    with ChargingProvider() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("program", EVERYDAY)
def test_the_ledger_is_the_account_of_the_provider(
    program: str, provider: ChargingProvider
) -> None:
    """The same number of calls, and the same cost to the nano-dollar if it can be known."""
    outcome = run_program(PROGRAMS / f"{program}.py", provider)

    if outcome.skipped:
        pytest.skip(outcome.problem)
    assert outcome.served
    assert outcome.right, outcome


def test_the_ledger_does_not_depend_on_sampling(provider: ChargingProvider) -> None:
    """Under `always_off` nothing is exported, and everything is billed."""
    outcome = run_program(PROGRAMS / "requests_post.py", provider, sampler="always_off")

    assert outcome.served
    assert outcome.right, outcome
