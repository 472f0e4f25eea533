"""`otel-distro reports`: reports on model calls, and alerts."""

from __future__ import annotations

import click

from otel_distro.cli.groups import LazyGroup

_FILES = {
    "alerts": ("alerts", "current alerts, each sent once to OTEL_DISTRO_ALERT_URLS"),
    "digest": ("digest", "a day, a week or a month, compared with the one before"),
    "health": ("health", "health of memory, errors, latency and budgets"),
    "report": ("report", "volume, errors, latency and cost as text or one HTML file"),
    "stats": ("stats", "error rate, latency, speed and time to first token"),
    "tools": ("tools", "how often tools ran, how long, and how many failed"),
    "top": ("top", "watch calls, spend, budgets, latency and errors on a terminal"),
    "violations": ("violations", "spans that exceeded their latency budgets"),
    "waste": ("waste", "cost of retries, abandoned streams and missed caches"),
    "whatif": ("whatif", "cost of the same calls with another model"),
}


@click.group("reports", cls=LazyGroup, files=_FILES, epilog="Example: otel-distro reports stats")
def command() -> None:
    """Errors, latency, waste, alerts and summaries of a period."""
