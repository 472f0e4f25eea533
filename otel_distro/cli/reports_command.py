"""`otel-distro reports`: reports on model calls, and alerts."""

from __future__ import annotations

import click

from otel_distro.cli.groups import LazyGroup

_FILES = {
    "alerts": ("alerts", "what is wrong now, sent once to OTEL_DISTRO_ALERT_URLS"),
    "digest": ("digest", "a day, a week or a month, against the one before"),
    "health": ("health", "whether memory, errors, latency and budgets are well"),
    "report": ("report", "volume, errors, latency and cost as text or one HTML file"),
    "stats": ("stats", "error rate, latency, speed and time to first token"),
    "tools": ("tools", "how often tools ran, how long, and how many failed"),
    "top": ("top", "watch calls, spend, budgets, latency and errors on a terminal"),
    "violations": ("violations", "spans that exceeded their latency budgets"),
    "waste": ("waste", "what retries, abandoned streams and missed caches cost"),
    "whatif": ("whatif", "what the same calls would cost with another model"),
}


@click.group("reports", cls=LazyGroup, files=_FILES, epilog="Example: otel-distro reports stats")
def command() -> None:
    """Errors, latency, waste, alerts and summaries of a period."""
