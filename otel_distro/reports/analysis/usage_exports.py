"""Readers of providers' usage and cost exports; the header identifies the format.

| file | needs the columns |
|---|---|
| OpenAI usage | `start_time_iso` or `start_time`, `model`, `input_tokens`, `output_tokens` |
| OpenAI cost | `start_time_iso` or `start_time`, `amount_value`, `line_item` |
| Anthropic usage | `usage_date_utc`, `model_version`, `usage_output_tokens` |
| Anthropic cost | `usage_date_utc`, `model` or `model_version`, `cost_usd` |

The columns are those of the usage and cost APIs and of the console exports.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from otel_distro.base.errors import OtelDistroError
from otel_pricing import NANO_PER_USD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class UnreadableExportError(OtelDistroError):
    """The file is no supported usage or cost export."""


@dataclass(slots=True)
class Charge:
    """A provider's figures for one day and model."""

    requests: int | None = None
    input_tokens: int | None = None
    """All of them, cached ones included."""
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano_usd: int | None = None

    def add(self, name: str, value: int) -> None:
        """Add *value* to the field *name*, which may be None so far."""
        setattr(self, name, (getattr(self, name) or 0) + value)


@dataclass(frozen=True, slots=True)
class Export:
    """A file, summed by day and model."""

    provider: str
    """As spans name it: openai or anthropic."""
    kind: str
    """usage or cost."""
    charges: dict[tuple[str, str], Charge]
    """(ISO day, model without its date) -> the charge."""


_DATED: Final = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|latest)$")


_NEW_ORDER: Final = re.compile(r"\A(claude)-(haiku|sonnet|opus)-([1-3](?:-\d)?)\Z")
"""Claude models up to version 3 have the version first, except in display names."""


def family(model: str) -> str:
    """Return *model* without a date, since a refused call only names the family.

    `Claude Haiku 3.5` of a cost file and `claude-3-5-haiku-20241022` are one family.
    """
    return _NEW_ORDER.sub(r"\1-\3-\2", _DATED.sub("", model.strip()))


def read_export(path: Path) -> Export:
    """Return the figures in the file at *path*; raises UnreadableExportError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            columns = {_plain(name) for name in reader.fieldnames or ()}
            provider, kind, read = _format(path, columns)
            charges: dict[tuple[str, str], Charge] = {}
            for number, row in enumerate(reader, start=2):
                cells = {_plain(name): (cell or "").strip() for name, cell in row.items() if name}
                try:
                    read(cells, charges)
                except (ValueError, KeyError, InvalidOperation, OverflowError) as error:
                    what = "a column is missing" if isinstance(error, KeyError) else error
                    raise UnreadableExportError(f"{path}, line {number}: {what}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableExportError(f"cannot read {path}: {error}") from error
    return Export(provider, kind, charges)


def _format(path: Path, columns: set[str]) -> tuple[str, str, Callable[..., None]]:
    timed = bool(columns & {"start_time_iso", "start_time"})
    if timed and {"model", "input_tokens", "output_tokens"} <= columns:
        return "openai", "usage", _openai_usage
    if timed and {"amount_value", "line_item"} <= columns:
        return "openai", "cost", _openai_cost
    if {"usage_date_utc", "model_version", "usage_output_tokens"} <= columns:
        return "anthropic", "usage", _anthropic_usage
    if {"usage_date_utc", "cost_usd"} <= columns and columns & {"model", "model_version"}:
        return "anthropic", "cost", _anthropic_cost
    found = ", ".join(sorted(columns)[:8]) or "none"
    raise UnreadableExportError(
        f"{path} is no supported usage or cost export of OpenAI or Anthropic; it has the "
        f"columns {found}; export it as CSV, by day and grouped by model"
    )


def _openai_usage(row: Mapping[str, str], charges: dict[tuple[str, str], Charge]) -> None:
    if not row["model"]:
        raise ValueError("no model; export the usage grouped by model")
    charge = charges.setdefault((_openai_day(row), family(row["model"])), Charge())
    charge.add("input_tokens", _count(row, "input_tokens"))
    charge.add("output_tokens", _count(row, "output_tokens"))
    if "input_cached_tokens" in row:
        charge.add("cache_read_tokens", _count(row, "input_cached_tokens"))
    if "num_model_requests" in row:
        charge.add("requests", _count(row, "num_model_requests"))


def _openai_cost(row: Mapping[str, str], charges: dict[tuple[str, str], Charge]) -> None:
    currency = row.get("amount_currency", "usd") or "usd"
    if currency.lower() != "usd":
        raise ValueError(f"the currency is {currency}; only usd can be compared")
    # A line item is "model, kind of token"; an item without a model is shown under its own name.
    model = row["line_item"].split(",")[0]
    charge = charges.setdefault((_openai_day(row), family(model)), Charge())
    charge.add("cost_nano_usd", _money(row["amount_value"]))


def _anthropic_usage(row: Mapping[str, str], charges: dict[tuple[str, str], Charge]) -> None:
    fresh = _count(row, "usage_input_tokens_no_cache")
    written = sum(_count(row, f"usage_input_tokens_cache_write_{age}") for age in ("5m", "1h"))
    read = _count(row, "usage_input_tokens_cache_read")
    day = datetime.fromisoformat(row["usage_date_utc"]).date().isoformat()
    charge = charges.setdefault((day, family(row["model_version"])), Charge())
    charge.add("input_tokens", fresh + written + read)
    charge.add("cache_read_tokens", read)
    charge.add("cache_write_tokens", written)
    charge.add("output_tokens", _count(row, "usage_output_tokens"))


def _anthropic_cost(row: Mapping[str, str], charges: dict[tuple[str, str], Charge]) -> None:
    day = datetime.fromisoformat(row["usage_date_utc"]).date().isoformat()
    model = row.get("model_version") or row.get("model") or "(no model)"
    charges.setdefault((day, family(_slug(model))), Charge()).add(
        "cost_nano_usd", _money(row["cost_usd"])
    )


def _slug(model: str) -> str:
    """Return a model's identifier: cost files may show its name, `Claude Sonnet 4.5`."""
    return re.sub(r"[\s.]+", "-", model.strip().lower())


def _openai_day(row: Mapping[str, str]) -> str:
    if iso := row.get("start_time_iso"):
        moment = datetime.fromisoformat(iso)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date().isoformat()
    return datetime.fromtimestamp(int(row["start_time"]), UTC).date().isoformat()


def _plain(name: str) -> str:
    return name.strip().lower().replace(".", "_").replace(" ", "_")


def _count(row: Mapping[str, str], column: str) -> int:
    return int(Decimal(row.get(column, "").replace(",", "") or "0"))


def _money(text: str) -> int:
    amount = Decimal(text.replace("$", "").replace(",", "") or "0")
    if not amount.is_finite():
        raise ValueError(f"{text!r} is not an amount")
    return int((amount * NANO_PER_USD).to_integral_value())
