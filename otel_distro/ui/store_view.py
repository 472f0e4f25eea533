"""Window and filters of the pages of traces and logs, all in the URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from otel_trace_store.log_list import LogFilter
from otel_trace_store.trace_filter import TraceFilter
from otel_trace_store.trace_list import Sort, is_sort

if TYPE_CHECKING:
    from collections.abc import Mapping

WINDOWS: Final = {
    "15m": ("Last 15 minutes", timedelta(minutes=15)),
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "all": ("All stored data", None),
}
DEFAULT_WINDOW: Final = "all"
SORTS: Final = {
    "newest": "newest first",
    "slowest": "slowest first",
    "dearest": "most expensive first",
    "largest": "most spans first",
}
SEVERITIES: Final = {"": 0, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
_TEXTS: Final = (
    "service", "operation", "model", "session", "agent", "event", "q", "attribute", "metric",
)  # fmt: skip
_LONGEST: Final = 300
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_MS: Final = 10**10
_NANO: Final = 10**9


@dataclass(frozen=True, slots=True)
class StoreView:
    """A window and filters over the trace store."""

    now: datetime
    window: str = DEFAULT_WINDOW
    texts: dict[str, str] = field(default_factory=dict)
    failed: bool = False
    min_ms: str = ""
    max_ms: str = ""
    min_usd: str = ""
    severity: str = ""
    sort: Sort = "newest"
    live: bool = True
    before: str = ""
    trace: str = ""
    problems: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> str:
        """Return the text of a filter; empty if not set."""
        return self.texts.get(name, "")

    @property
    def since_us(self) -> int | None:
        """The start of the window; None for all time."""
        length = WINDOWS[self.window][1]
        return None if length is None else microseconds(self.now - length)

    @property
    def until_us(self) -> int:
        """The end of the window: now, with tolerance for clocks that are ahead."""
        return microseconds(self.now + timedelta(days=1))

    @property
    def title(self) -> str:
        """The window as text."""
        return WINDOWS[self.window][0]

    def trace_filter(self) -> TraceFilter:
        """Return the query of traces."""
        least = _decimal(self.min_usd)
        return TraceFilter(
            service=self["service"],
            operation=self["operation"],
            model=self["model"],
            session=self["session"],
            agent=self["agent"],
            failed=self.failed,
            least_us=_us(self.min_ms),
            most_us=_us(self.max_ms),
            least_nano_usd=None if least is None else int(least * _NANO),
            since_us=self.since_us,
            text=self["q"],
            attribute=self["attribute"],
        )

    def log_filter(self) -> LogFilter:
        """Return the query of log records."""
        return LogFilter(
            service=self["service"],
            event=self["event"],
            session=self["session"],
            least_severity=SEVERITIES[self.severity],
            since_us=self.since_us,
            trace_id=self.trace,
            text=self["q"],
            attribute=self["attribute"],
        )

    def parameters(self) -> dict[str, str]:
        """Return this view as URL parameters, without those at their defaults."""
        parameters_found = dict(self.texts)
        if self.window != DEFAULT_WINDOW:
            parameters_found["window"] = self.window
        if self.failed:
            parameters_found["failed"] = "1"
        for name in ("min_ms", "max_ms", "min_usd", "severity", "trace"):
            if value := getattr(self, name):
                parameters_found[name] = value
        if self.sort != "newest":
            parameters_found["sort"] = self.sort
        if not self.live:
            parameters_found["live"] = "0"
        return parameters_found

    def url(self, path: str, **changes: str | None) -> str:
        """Return *path* with this view's parameters and *changes*; None removes one."""
        merged = {**self.parameters(), **changes}
        query = urlencode({name: value for name, value in merged.items() if value})
        return f"{path}?{query}" if query else path

    def chips(self, path: str) -> list[tuple[str, str, str]]:
        """Return each active filter as (name, value, URL without it)."""
        names = {"q": "search", "min_ms": "at least ms", "max_ms": "at most ms"}
        names |= {"min_usd": "at least USD", "failed": "errors"}
        hidden = {"window", "sort", "live"}
        return [
            (names.get(name, name), value, self.url(path, **{name: None}))
            for name, value in self.parameters().items()
            if name not in hidden
        ]


def read_store_view(query: Mapping[str, str], now: datetime) -> StoreView:
    """Return the view of a URL's *query*; invalid parameters are reported in `problems`."""
    problems: list[str] = []
    window = query.get("window", "") or DEFAULT_WINDOW
    if window not in WINDOWS:
        problems.append(f"Unknown window {window[:40]!r}; use one of {', '.join(WINDOWS)}.")
        window = DEFAULT_WINDOW
    sort_name = query.get("sort", "") or "newest"
    sort: Sort = sort_name if is_sort(sort_name) else "newest"
    if sort != sort_name:
        problems.append(f"Unknown order {sort_name[:40]!r}; sorted by newest first.")
    severity = query.get("severity", "")
    if severity not in SEVERITIES:
        problems.append(f"Unknown severity {severity[:40]!r}.")
        severity = ""
    numbers = {}
    for name in ("min_ms", "max_ms", "min_usd"):
        value = query.get(name, "").strip()[:20]
        if value and _decimal(value) is None:
            problems.append(f"{name} is a number, such as 250 or 0.05.")
            value = ""
        numbers[name] = value
    attribute = query.get("attribute", "").strip()
    if attribute and not attribute.partition("=")[0].strip():
        problems.append("Write an attribute as key=value, or key alone.")
        attribute = ""
    texts = {
        name: value[:_LONGEST]
        for name in _TEXTS
        if (value := query.get(name, "").strip()) and name != "attribute"
    }
    if attribute:
        texts["attribute"] = attribute[:_LONGEST]
    return StoreView(
        now=now,
        window=window,
        texts=texts,
        failed=query.get("failed") == "1",
        severity=severity,
        sort=sort,
        live=query.get("live") != "0",
        before=query.get("before", "")[:100],
        trace=trace_id_in(query.get("trace", "")),
        problems=tuple(problems),
        **numbers,
    )


def microseconds(moment: datetime) -> int:
    """Return *moment* in microseconds since the Unix epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def is_trace_id(text: str) -> bool:
    """Return whether *text* is a trace id: 32 hexadecimal digits, in lower case."""
    return len(text) == 32 and all(char in "0123456789abcdef" for char in text)


def trace_id_in(text: str) -> str:
    """Return *text* in lower case if it is a trace id; empty otherwise."""
    text = text.strip().lower()
    return text if is_trace_id(text) else ""


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value < _MOST_MS else None


def _us(text: str) -> int | None:
    value = _decimal(text)
    return None if value is None else int(value * 1000)
