"""Import time of pricing in a program without model calls."""

from __future__ import annotations

import subprocess
import sys

import pytest

import otel_pricing

HEAVY = ("genai_prices", "pydantic", "httpx", "httpx2", "opentelemetry")


def test_importing_pricing_loads_no_price_data_and_no_sdk() -> None:
    """Prices load at the first call that needs one, on the thread that prices it."""
    code = f"import sys, otel_pricing; print([m for m in {HEAVY!r} if m in sys.modules])"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "[]"


def test_a_price_of_the_users_own_needs_no_price_list() -> None:
    """A declared price saves loading the list."""
    code = (
        "import sys; from otel_pricing import PriceBook, price_table;"
        "t = price_table({'price': [{'model': 'm', 'input': '1'}]});"
        "assert PriceBook(t).find('vllm', 'm', at_ns=0);"
        "print(any('genai_prices' in m or 'prices._data' in m for m in sys.modules))"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "False"


@pytest.mark.parametrize("name", otel_pricing.__all__)
def test_every_public_name_exists_and_is_described(name: str) -> None:
    """Every name in `__all__`, with a docstring where Python allows one."""
    member = getattr(otel_pricing, name)
    assert isinstance(member, int) or member.__doc__
