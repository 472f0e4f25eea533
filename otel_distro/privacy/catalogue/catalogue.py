"""The data catalogue: every exported or stored field, its place, purpose and retention.

Generated from the current configuration and the code that writes the fields, not from a separately
maintained list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_distro.privacy.catalogue import fields
from otel_distro.privacy.catalogue.fields import AS_IS
from otel_distro.privacy.catalogue.places import exports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_cost_ledger.model.location import Location
    from otel_distro.privacy.catalogue.places import Export
    from otel_distro.settings import Settings

THERE = "as set in the receiving system"
NOT_KEPT = "not kept"
REDACTED = "redacted"
OPEN = "NOT redacted: OTEL_DISTRO_REDACTION=false"


@dataclass(frozen=True, slots=True)
class Entry:
    """One field."""

    place: str
    """Its destination or file."""
    name: str
    """Its name; `*` matches names defined by the program."""
    meaning: str
    why: str
    kept: str
    """Its retention."""
    protection: str
    leaves: bool = field(kw_only=True)
    """Whether it leaves this machine's files and console."""


def catalogue(settings: Settings, environ: Mapping[str, str]) -> Iterator[Entry]:
    """Yield every field, exported ones first."""
    if settings.do_not_track:
        return
    for export in exports(environ):
        yield from _exported(export, settings)
    yield from _headers(settings)
    yield from _alerts(settings)
    yield from _kept_here(settings)


def _exported(export: Export, settings: Settings) -> Iterator[Entry]:
    text = REDACTED if settings.redaction else OPEN
    messages = "removed" if settings.content is not None else text
    for name, meaning, why, kind in fields.fields_of_signal(export.signal):
        protection = {fields.TEXT: text, fields.MESSAGE: messages}.get(kind, AS_IS)
        if protection == "removed":
            continue
        yield Entry(
            f"{export.signal} to {export.place}",
            name,
            meaning,
            why,
            THERE if export.leaves else "as long as this machine keeps it",
            protection,
            leaves=export.leaves,
        )


def _headers(settings: Settings) -> Iterator[Entry]:
    def header(name: str, meaning: str, protection: str) -> Entry:
        place = "headers of the program's own requests, where its client is instrumented"
        why = "to join traces across services"
        return Entry(place, name, meaning, why, NOT_KEPT, protection, leaves=True)

    yield header("traceparent", "trace and span id, sampled or not", AS_IS)
    yield header("tracestate", "fields added by tracing systems", AS_IS)
    for key in settings.baggage:
        protection = "keyed pseudonym" if key == "user.id" else "allowed by OTEL_DISTRO_BAGGAGE"
        yield header(f"baggage: {key}", fields.SAID.get(key, ""), protection)
    yield header("baggage: *", "baggage of the program's own", "none")


def _alerts(settings: Settings) -> Iterator[Entry]:
    for url in settings.alert_urls:
        place = f"alerts to {url.partition('://')[0]}, when `otel-distro reports alerts` runs"
        what = "active alerts: counts, budgets, services"
        yield Entry(place, "title, body", what, "to notify people", THERE, AS_IS, leaves=True)


def _kept_here(settings: Settings) -> Iterator[Entry]:
    folder = settings.state_dir
    days = f"{settings.ledger_retention_days} days"
    if settings.ledger is not None:
        yield from _ledger(settings.ledger, days)
    if settings.content == "full":
        yield Entry(
            f"file {folder / 'content.db'}",
            "messages",
            "messages to and from models",
            "OTEL_DISTRO_CONTENT=full",
            f"{settings.content_retention_days or settings.ledger_retention_days} days",
            "redacted, encrypted for the user's key",
            leaves=False,
        )
    if settings.log_file is not None:
        yield Entry(
            f"file {settings.log_file}",
            "log records",
            "all fields of logs",
            "OTEL_DISTRO_LOG_FILE",
            f"{settings.log_file_backups} older parts of {settings.log_file_mb:g} MB",
            REDACTED if settings.redaction else OPEN,
            leaves=False,
        )
    for name, meaning, why, kept, protection in fields.FILES:
        yield Entry(f"file {folder / name}", "*", meaning, why, kept, protection, leaves=False)


def _ledger(location: Location, days: str) -> Iterator[Entry]:
    remote = fields.is_remote(location)
    for name, meaning, protection in fields.ledger():
        yield Entry(
            f"ledger {location}", name, meaning, fields.COSTS, days, protection, leaves=remote
        )
    for name, meaning, protection in fields.BESIDE_CALLS:
        place = f"ledger {location}, beside calls"
        yield Entry(place, name, meaning, fields.COSTS, days, protection, leaves=remote)
    for name, meaning in fields.DAILY_SUMS:
        place = f"ledger {location}, daily sums"
        yield Entry(place, name, meaning, fields.COSTS, "for ever", AS_IS, leaves=remote)
