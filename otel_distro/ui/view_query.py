"""Parses the view of a URL, with the problems that the page shows."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.filters import EPOCH, LATEST, Filters
from otel_distro.ui.steps import floor
from otel_distro.ui.view import BY, DAYS, FILTERS, WINDOWS, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_cost_ledger.query.timeline import Extent


_LONGEST_VALUE: Final = 200


def read_view(query: Mapping[str, str], now: datetime, extent: Extent) -> View:
    """Return the view of a URL's *query*; never raises.

    Invalid parameters are reported in `problems` and replaced by defaults. The default window is
    the smallest one that contains all calls, or the latest ones.
    """
    problems: list[str] = []
    name = query.get("window", "")
    chosen = name in WINDOWS
    if name and not chosen:
        problems.append(f"Unknown window {name[:40]!r}; use one of {', '.join(WINDOWS)}.")
    since, until = _custom(query, problems)
    if since is not None:
        name, chosen = "custom", True
    elif not chosen:
        name = fitting_window(now, extent)
    by = query.get("by", BY[0])
    if by not in BY:
        problems.append(f"Spend cannot be broken down by {by[:40]!r}; it is shown by {BY[0]}.")
        by = BY[0]
    return View(
        window_name=name,
        since=since or _since(name, now, extent),
        until=until,
        now=now,
        by=by,
        filters=_filters(query, problems),
        live=query.get("live") != "0",
        chosen=chosen,
        problems=tuple(problems),
    )


def fitting_window(now: datetime, extent: Extent) -> str:
    """Return the default window."""
    if extent.calls == 0 or extent.first_day_ns is None:
        return "24h"
    last = _moment(extent.last_ns if extent.last_ns is not None else extent.first_day_ns)
    first = _moment(extent.first_ns if extent.first_ns is not None else extent.first_day_ns)
    if now - last > timedelta(days=30):
        return "all"
    for name, length in (("24h", timedelta(hours=24)), ("7d", timedelta(days=7))):
        if now - first <= length:
            return name
    return "30d" if now - last <= timedelta(days=29) else "90d"


def _since(name: str, now: datetime, extent: Extent) -> datetime:
    if name == "1h":
        return floor(now, "minute") - timedelta(minutes=59)
    if name == "24h":
        return floor(now, "hour") - timedelta(hours=23)
    today = floor(now, "day")
    if name in DAYS:
        return today - timedelta(days=DAYS[name] - 1)
    first = extent.first_day_ns
    return min(today, _moment(first)) if first is not None else today


def _custom(
    query: Mapping[str, str], problems: list[str]
) -> tuple[datetime, datetime] | tuple[None, None]:
    if not query.get("since"):
        return None, None
    try:
        since = _midnight(date.fromisoformat(query["since"]))
        last = query.get("until") or query["since"]
        until = _midnight(date.fromisoformat(last)) + timedelta(days=1)
        if not EPOCH <= since < until <= LATEST:
            raise ValueError(last)
    except (ValueError, OverflowError):
        problems.append(
            "since and until are dates such as 2026-01-31, the earlier one first, from 1970 on; "
            "the default window is shown."
        )
        return None, None
    return since, until


def _filters(query: Mapping[str, str], problems: list[str]) -> Filters:
    values: dict[str, Any] = {
        name: value[:_LONGEST_VALUE] for name in FILTERS if (value := query.get(name, "").strip())
    }
    for name in ("user", "session"):
        if name in values and not _is_pseudonym(str(values[name])):
            problems.append(
                f"Filter by the {name}'s pseudonym of twelve hexadecimal digits, as in the tables."
            )
            del values[name]
    if query.get("failed") == "1":
        values["failed"] = True
    known = {field.name for field in fields(Filters)}
    return Filters(**{name: value for name, value in values.items() if name in known})


def _is_pseudonym(text: str) -> bool:
    return len(text) == 12 and all(char in "0123456789abcdef" for char in text)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _moment(ns: int) -> datetime:
    return EPOCH + timedelta(microseconds=ns // 1000)
