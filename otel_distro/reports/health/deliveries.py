"""Delivery checks: today's export counters of this host, and spooled telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.reports.health.checks import HealthCheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from otel_distro.export.spool.offline import FolderStatus


def check_deliveries(today: Mapping[str, Mapping[str, Any]]) -> Iterator[HealthCheck]:
    """Check each signal by the share of its records dropped today (UTC)."""
    for signal, columns in sorted(today.items()):
        dropped = sum(columns.get("dropped", {}).values())
        lost = dropped + sum(columns.get("spool_dropped", {}).values())
        status = "warning" if lost else "healthy"
        yield HealthCheck(signal, status, sentence(columns), lost)


def check_spool(folders: Sequence[FolderStatus]) -> HealthCheck:
    """Check the spool, which is empty while deliveries succeed."""
    records = sum(folder.records for folder in folders)
    damaged = sum(len(folder.damaged) for folder in folders)
    detail = f"{records:,} records wait on disk"
    if damaged:
        detail += f", {damaged} damaged files are set aside"
    return HealthCheck("spool", "warning" if records or damaged else "healthy", detail, records)


def sentence(columns: Mapping[str, Any]) -> str:
    """Return the counters of one signal as text; they add up to the emitted records."""
    emitted, delivered = columns.get("emitted", 0), columns.get("delivered", 0)
    spooled, dropped = columns.get("spooled", 0), columns.get("dropped", {})
    lost = sum(dropped.values())
    parts = [f"{delivered:,} delivered", f"{spooled:,} spooled", f"{lost:,} dropped"]
    if dropped:
        parts[-1] += f" ({_reasons(dropped)})"
    if open_items := emitted - delivered - spooled - lost:
        parts.append(f"{open_items:,} in memory or ended with their process")
    text = f"today {emitted:,} emitted = {' + '.join(parts)}"
    if resent := columns.get("resent", 0):
        text += f"; {resent:,} sent from disk"
    if spool_lost := columns.get("spool_dropped", {}):
        text += f"; lost from disk: {_reasons(spool_lost)}"
    return text


def _reasons(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items()))
