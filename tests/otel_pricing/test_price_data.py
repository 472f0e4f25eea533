"""The price data of the library, loaded without libraries that an application may have."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from genai_prices import data_snapshot

from otel_pricing.prices import price_data
from otel_pricing.prices.price_data import PriceData

WHEN = datetime(2026, 11, 1, 12, tzinfo=UTC)
CONTEXTS: tuple[dict[str, str], ...] = (
    {},
    {"processing": "batch"},
    {"service_tier": "flex"},
    {"service_tier": "priority"},
    {"service_tier": "fast"},
    {"speed": "fast"},
)


def prices_of(snapshot: Any) -> dict[tuple[str, str, int], str]:
    return {
        (provider.id, model.id, number): repr(model.get_prices(WHEN, context))
        for provider in snapshot.providers
        for model in provider.models
        for number, context in enumerate(CONTEXTS)
    }


def test_every_price_is_that_of_the_library() -> None:
    """Each model in each tier, as in the public package."""
    our_prices = prices_of(PriceData().snapshot())

    assert len(our_prices) > 6_000
    assert our_prices == prices_of(data_snapshot.get_snapshot())


def test_models_are_found_as_the_library_finds_them() -> None:
    """Names that match a clause rather than an id."""
    our_data, library_data = PriceData().snapshot(), data_snapshot.get_snapshot()

    for name in ("gpt-4o-2024-08-06", "claude-sonnet-4-20250514", "gemini-2.5-flash-image"):
        found = our_data.find_provider_model(name, None, None, None)
        expected = library_data.find_provider_model(name, None, None, None)
        assert [part.id for part in found] == [part.id for part in expected]


def test_loading_adds_only_private_modules() -> None:
    """Neither the package nor its imports stay in `sys.modules`."""
    code = (
        "import sys, importlib.metadata, otel_pricing.prices.price_data as data\n"
        "before = set(sys.modules)\n"
        "data.PriceData().snapshot()\n"
        "print(sorted(name for name in set(sys.modules) - before"
        " if not name.startswith('otel_pricing.prices._data.')"
        " and name.partition('.')[0] not in sys.stdlib_module_names))"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "[]"


def test_the_updater_of_the_application_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices downloaded by the application replace the installed ones."""
    newer = data_snapshot.DataSnapshot(providers=[], from_auto_update=True)
    monkeypatch.setattr(data_snapshot, "_custom_snapshot", newer)

    assert PriceData().snapshot() is newer


def test_a_library_laid_out_otherwise_is_imported_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later version must not lose all prices."""

    def broken() -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(price_data, "_PrivateImports", broken)

    assert PriceData().snapshot() is data_snapshot.get_snapshot()


def test_threads_that_load_at_once_get_the_same_prices() -> None:
    """There is no lock that a forked child could inherit."""
    data = PriceData()
    with ThreadPoolExecutor(8) as pool:
        found = [task.result() for task in [pool.submit(data.snapshot) for _ in range(8)]]

    assert {len(snapshot.providers) for snapshot in found} == {len(found[0].providers)}
    assert data.snapshot() is data.snapshot()


def test_a_missing_library_is_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for any missing package."""
    monkeypatch.setattr(price_data, "find_spec", lambda name: None)
    monkeypatch.setattr(price_data, "import_module", _missing)

    with pytest.raises(ImportError, match="genai_prices"):
        PriceData().snapshot()


def test_code_that_cannot_be_read_is_an_import_error() -> None:
    """A module without Python code, as a compiled one would be."""
    spec: Any = SimpleNamespace(loader=object(), name="genai_prices.types")

    with pytest.raises(ImportError, match=r"genai_prices\.types"):
        price_data._code_of(spec)


def _missing(name: str) -> None:
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_stand_ins_accept_anything_but_special_names() -> None:
    """For imports that prices do not need; `typing` keeps its names."""
    import typing

    stand_in, typed = price_data._StandIn("pydantic"), price_data._Typing("typing")
    assert stand_in.anything(1, two=2) is None
    assert typed.Any is typing.Any
    assert typed.NotYetThere("x") is None
    for module in (stand_in, typed):
        with pytest.raises(AttributeError):
            _ = module.__nothing__
