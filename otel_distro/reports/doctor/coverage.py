"""Checks of coverage: the sources of each provider's calls in the ledger."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from otel_distro.base.check import Check
from otel_distro.base.formatting import counted
from otel_distro.bootstrap.instrumentation.model_clients import is_importable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.coverage import CoverageReport, ProviderCoverage

DAYS: Final = 7
"""Days of the ledger that are checked."""
_MOST_PROVIDERS: Final = 12
_MOST_SCOPES: Final = 3

_OVER_GRPC: Final = (
    "over gRPC they are known by spans only, and budgets do not stop them: gRPC is not observed"
)
_OVER_WEBSOCKETS: Final = (
    "over websockets they are known by spans only, and budgets do not stop them: no websocket is "
    "observed"
)
_WEBSOCKETS: Final = (("websockets", "websockets"), ("websocket-client", "websocket"))
"""Library for realtime APIs, and its module."""
UNOBSERVED: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "google-cloud-aiplatform",
        "google.cloud.aiplatform",
        'vertexai.init(api_transport="rest")',
    ),
    (
        "google-generativeai",
        "google.ai.generativelanguage",
        'genai.configure(transport="rest")',
    ),
)
"""Library, its module, and the option that makes it use HTTP."""


def recent(ledger: Location | None) -> CoverageReport | None:
    """Return the coverage of the last `DAYS` days; None without a readable ledger."""
    if ledger is None:
        return None
    from otel_cost_ledger.model.errors import LedgerError
    from otel_cost_ledger.query.coverage import coverage
    from otel_cost_ledger.query.ledger import open_ledger

    try:
        with open_ledger(ledger, missing_ok=True) as opened:
            return coverage(opened, datetime.now(UTC) - timedelta(days=DAYS))
    except (LedgerError, OSError):
        return None  # the ledger check reports the reason


def scopes_of(report: CoverageReport | None) -> Mapping[str, int]:
    """Return the number of calls of all providers by instrumentation scope."""
    counts: Counter[str] = Counter()
    for line in report.providers if report is not None else ():
        counts.update(line.scopes)
    return counts


def check_coverage(report: CoverageReport | None) -> Iterator[Check]:
    """Report for each provider how many calls were seen on the wire, by spans, by both."""
    if report is None:
        return
    lines = [line for line in report.providers if line.calls or line.cached]
    for line in lines[:_MOST_PROVIDERS]:
        yield Check("ok", f"{line.provider or 'unknown provider'} seen", described(line))
    if len(lines) > _MOST_PROVIDERS:
        more = counted(len(lines) - _MOST_PROVIDERS, "more provider")
        yield Check("ok", "coverage", f"and {more}: see `otel-distro doctor --json`")
    if not report.complete:
        text = f"only the latest calls of {counted(DAYS, 'day')} were looked at"
        yield Check("ok", "coverage", text)


def described(line: ProviderCoverage) -> str:
    """Return one line about the calls of one provider."""
    parts = [
        f"{number:,} {what}"
        for number, what in (
            (line.both, "on the wire and by a span"),
            (line.wire_only, "on the wire only"),
            (line.span_only, "by a span only"),
        )
        if number
    ]
    text = f"{counted(line.calls, 'call')} in {counted(DAYS, 'day')}: {', '.join(parts) or 'none'}"
    if line.cached:
        text += f"; {counted(line.cached, 'answer')} from a cache, not billed"
    if line.scopes:
        named = [
            f"{scope or 'no scope'} {calls:,}"
            for scope, calls in line.scopes.most_common(_MOST_SCOPES)
        ]
        text += f"; spans: {', '.join(named)}"
    return text


def as_data(report: CoverageReport | None) -> dict[str, Any]:
    """Return *report* as in `doctor --json`."""
    return {
        "days": DAYS,
        "complete": report is None or report.complete,
        "providers": [
            {
                "provider": line.provider,
                "calls": line.calls,
                "wire_and_span": line.both,
                "wire_only": line.wire_only,
                "span_only": line.span_only,
                "cached_answers": line.cached,
                "scopes": dict(line.scopes.most_common()),
            }
            for line in (report.providers if report is not None else ())
        ],
    }


def check_transports() -> Iterator[Check]:
    """Report the transports that are not observed, and the installed clients that use them."""
    installed = [name for name, module in _WEBSOCKETS if is_importable(module)]
    if installed:
        yield Check(
            "ok", "realtime calls", f"{_OVER_WEBSOCKETS} ({' and '.join(installed)} installed)"
        )
    for library, module, remedy in UNOBSERVED:
        if is_importable(module):
            yield Check("warn", f"{library} calls", _OVER_GRPC, f"{remedy} sends over HTTP")
