"""The user's prices: contents of a file, and its errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from otel_pricing import PriceBook, PriceBookError, price_table, read_price_file

if TYPE_CHECKING:
    from pathlib import Path

TOML = """
[[price]]
model = "gpt-4o"
provider = "azure.ai.openai"
from = 2026-01-01
source = "contract of 2026-01"
input = "2.00"
cache_read = 0.50
output = 8

[[price]]
model = "llama-*"
free = true
"""


def at(day: str) -> int:
    """Return the noon of *day* in nanoseconds."""
    noon = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
    return int(noon.timestamp()) * 1_000_000_000


def rate(book: PriceBook, day: str, model: str = "m", **fields: str) -> str | None:
    """Return the input rate of *model* on *day*."""
    price = book.find(fields.get("provider", "p"), model, at_ns=at(day), tier=fields.get("tier"))
    return str(price.input.usd_per_million) if price and price.input else None


def test_a_toml_file_declares_prices_exactly(tmp_path: Path) -> None:
    """Money in a file is decimal, written as text or as a number."""
    path = tmp_path / "prices.toml"
    path.write_text(TOML)

    book = PriceBook(read_price_file(path))

    price = book.find("azure", "gpt-4o", at_ns=at("2026-05-01"))
    assert price is not None
    assert str(price.cache_read and price.cache_read.usd_per_million) == "0.50"
    assert price.source == "contract of 2026-01: gpt-4o since 2026-01-01"
    free = book.find("ollama", "llama-3", at_ns=at("2026-05-01"))
    assert free is not None
    assert free.is_free
    assert free.source == "prices.toml: llama-*"


def test_a_json_file_does_the_same(tmp_path: Path) -> None:
    """For generated files."""
    path = tmp_path / "prices.json"
    path.write_text('{"price": [{"model": "m", "input": 0.1, "from": "2026-01-31"}]}')

    assert rate(PriceBook(read_price_file(path)), "2026-02-01") == "0.1"


def test_an_override_goes_before_the_list() -> None:
    """The customer knows the contract."""
    book = PriceBook(price_table({"price": [{"model": "gpt-4o", "input": "1", "output": "2"}]}))

    assert rate(book, "2026-05-01", "gpt-4o", provider="openai") == "1"
    assert rate(book, "2026-05-01", "gpt-4o-mini", provider="openai") == "0.15"


def test_an_override_holds_from_its_day_until_the_next() -> None:
    """Old calls keep the price of their day, in any order of the file."""
    book = PriceBook(
        price_table(
            {
                "price": [
                    {"model": "m", "input": "3", "from": "2026-03-01"},
                    {"model": "m", "input": "1", "from": "2026-01-01"},
                ]
            }
        )
    )

    assert rate(book, "2025-12-31") is None
    assert rate(book, "2026-01-01") == "1"
    assert rate(book, "2026-02-28") == "1"
    assert rate(book, "2026-03-01") == "3"


def test_of_two_prices_of_one_day_the_later_in_the_file_holds() -> None:
    """Corrections go to the end."""
    rows: list[dict[str, Any]] = [{"model": "m", "input": "1"}, {"model": "m", "input": "2"}]

    assert rate(PriceBook(price_table(rows)), "2026-01-01") == "2"


def test_an_override_is_for_its_provider_and_tier() -> None:
    """The same model of another provider or tier has another price."""
    book = PriceBook(
        price_table(
            {
                "price": [
                    {"model": "m", "provider": "aws.bedrock", "input": "1"},
                    {"model": "m", "provider": "bedrock", "input": "0.5", "tier": "batch"},
                ]
            }
        )
    )

    assert rate(book, "2026-01-01", provider="aws") == "1"
    assert rate(book, "2026-01-01", provider="aws", tier="batch") == "0.5"
    assert rate(book, "2026-01-01", provider="openai") is None


def test_the_users_standard_price_applies_to_a_tier() -> None:
    """It is nearer to their bill than a list price, and not the price of the tier."""
    book = PriceBook(
        price_table({"price": [{"model": "gpt-5", "input": "1"}, {"model": "f", "free": True}]})
    )

    price = book.find("openai", "gpt-5", at_ns=at("2026-11-20"), tier="flex")
    free = book.find("", "f", at_ns=at("2026-11-20"), tier="flex")

    assert price is not None
    assert not price.tier_is_priced
    assert free is not None
    assert free.is_free


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"input": "1"}, "has no `model`"),
        ({"model": "m"}, "declares no price; give one, or free = true"),
        ({"model": "m", "imput": "1"}, "unknown key 'imput'; allowed: "),
        ({"model": "m", "input": "cheap"}, "`input` must be US dollars from 0 to 1000000"),
        ({"model": "m", "input": "-1"}, "got '-1'"),
        ({"model": "m", "input": "NaN"}, "got 'NaN'"),
        ({"model": "m", "input": True}, "got True"),
        ({"model": "m", "input": [1]}, "got [1]"),
        ({"model": 7, "input": "1"}, "`model` must be text, got 7"),
        ({"model": "m", "input": "1", "from": "soon"}, "`from` must be a day such as 2026-01-31"),
        ({"model": "m", "free": "yes"}, "`free` must be true or false"),
        ({"model": "m", "free": True, "input": "1"}, "is free and has a price for input"),
        ("gpt-4o", "expected a table, got str"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(entry: object, problem: str) -> None:
    """A price that is silently ignored would be a wrong bill."""
    with pytest.raises(PriceBookError, match="price 2: ") as refused:
        price_table({"price": [{"model": "ok", "input": "1"}, entry]}, origin="prices.toml")

    assert problem in str(refused.value)
    assert str(refused.value).startswith("prices.toml: ")


def test_all_problems_are_reported_together() -> None:
    """A file can be fixed in one pass."""
    with pytest.raises(PriceBookError) as refused:
        price_table({"price": [{"model": "a"}, {"model": "b", "input": "x"}]})

    assert "price 1: " in str(refused.value)
    assert "price 2: " in str(refused.value)


@pytest.mark.parametrize("data", [{}, {"price": "x"}, "x", None])
def test_a_table_without_prices_is_refused(data: object) -> None:
    """A typing slip in the section's name would drop every price."""
    with pytest.raises(PriceBookError, match="expected a list named `price`"):
        price_table(data)


@pytest.mark.parametrize("name", ["missing.toml", "broken.toml", "broken.json", "binary.toml"])
def test_an_unreadable_file_is_named(name: str, tmp_path: Path) -> None:
    """And why."""
    path = tmp_path / name
    if name.startswith("broken"):
        path.write_text("[[[")
    if name.startswith("binary"):
        path.write_bytes(b"\xff\xfe")

    with pytest.raises(PriceBookError, match=f"cannot read prices from .*{name}"):
        read_price_file(path)


def test_a_day_may_have_a_time() -> None:
    """TOML has date-times too; prices change by day."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    book = PriceBook(price_table({"price": [{"model": "m", "input": "1", "from": noon}]}))

    assert rate(book, "2026-01-01") == "1"
