"""Checks of the collector and the ledger."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from otel_distro.base.check import Check
from otel_distro.base.formatting import counted
from otel_distro.export.otlp.credentials import sent_in_the_clear

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_cost_ledger.model.location import Location

_TIMEOUT_SECONDS = 1.0
_PORTS = {"http": 80, "https": 443}


def check_collector(endpoint: str, environ: Mapping[str, str]) -> Iterator[Check]:
    """Try to connect to the telemetry endpoint."""
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "localhost", parts.port or _PORTS.get(parts.scheme, 4318)
    place = f"{parts.scheme}://{host}:{port}"
    began = time.monotonic()
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT_SECONDS).close()
    except OSError as error:
        yield Check(
            "warn",
            "collector",
            f"{place} does not answer ({error.strerror or error}); telemetry waits on disk "
            "unless OTEL_DISTRO_SPOOL=none, the ledger is not affected",
            "otel-distro serve, or set OTEL_EXPORTER_OTLP_ENDPOINT",
        )
        return
    yield Check("ok", "collector", f"{place}, {(time.monotonic() - began) * 1000:.0f} ms")
    for plain in sent_in_the_clear(environ):
        yield Check(
            "warn",
            "collector",
            f"headers are sent to {plain} unencrypted",
            "use an https endpoint",
        )


def check_state_dir(state_dir: Path) -> Iterator[Check]:
    """Warn if files are kept in a temporary folder, without a home folder."""
    from otel_cost_ledger.model.state_folder import needs_no_home

    if needs_no_home(state_dir):
        yield Check(
            "warn",
            "state folder",
            f"there is no writable home folder, so {state_dir} is used; "
            "it may be emptied when the host or container restarts",
            "set OTEL_DISTRO_STATE_DIR to a folder that stays",
        )


def check_ledger(path: Location | None, state_dir: Path) -> Iterator[Check]:
    """Check the ledger, its calls and the calls waiting for it."""
    if path is None:
        yield Check("ok", "ledger", "none is kept (OTEL_DISTRO_LEDGER=none)")
        return
    from otel_cost_ledger.model.errors import LedgerError, LedgerNotFoundError
    from otel_cost_ledger.model.location import DatabaseUrl, spill_path
    from otel_cost_ledger.query.costs import costs
    from otel_cost_ledger.query.ledger import open_ledger
    from otel_cost_ledger.write.spill import entries_waiting

    is_file = not isinstance(path, DatabaseUrl)
    try:
        with open_ledger(path) as ledger:
            total = costs(ledger).total
    except LedgerNotFoundError:
        yield _check_future(path)
        return
    except LedgerError as error:
        remedy = f"move {path} away; a new one is made" if is_file else "see the server's message"
        yield Check("fail", "ledger", str(error), remedy)
        return
    size = "" if isinstance(path, DatabaseUrl) else f", {path.stat().st_size / 1e6:.1f} MB"
    yield Check("ok", "ledger", f"{path}, {total.calls:,} calls{size}")
    if waiting := entries_waiting(spill := spill_path(path, state_dir)):
        detail = f"{counted(waiting, 'call')} in {spill}: the ledger could not be written"
        yield Check("warn", "ledger", detail, "the next program with a model call stores them")


def _check_future(path: Location) -> Check:
    """Check whether a missing ledger can be created."""
    if isinstance(path, Path):
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            detail = f"{path} cannot be made: {folder} is not a writable folder"
            return Check(
                "fail", "ledger", detail, "set OTEL_DISTRO_STATE_DIR or OTEL_DISTRO_LEDGER"
            )
    return Check("ok", "ledger", f"{path}, made at the first model call")


def check_spool(state_dir: Path, mode: str) -> Iterator[Check]:
    """Check spooled telemetry and today's export counters."""
    from otel_distro.export.daily_delivery_counts import today
    from otel_distro.export.spool.offline import status
    from otel_distro.reports.health.deliveries import sentence

    for signal, columns in sorted(today(state_dir).items()):
        lost = columns.get("dropped") or columns.get("spool_dropped")
        yield Check("warn" if lost else "ok", signal, sentence(columns))
    folders = status(state_dir)
    records = sum(folder.records for folder in folders)
    if records:
        megabytes = sum(folder.size_bytes for folder in folders) / 1e6
        yield Check(
            "warn",
            "spool",
            f"{records:,} records wait on disk, {megabytes:.1f} MB",
            "otel-distro spool status",
        )
    elif mode == "none":
        yield Check(
            "ok",
            "spool",
            "off (OTEL_DISTRO_SPOOL=none), so an exit without a collector loses telemetry",
        )
    else:
        yield Check("ok", "spool", "nothing waits on disk")
    for folder in folders:
        for path in folder.damaged:
            yield Check("warn", "spool", f"damaged, set aside: {path}", f"rm {path}")


def check_prices() -> Iterator[Check]:
    """Check the installed price data."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        yield Check("ok", "prices", f"genai-prices {version('genai-prices')}, used offline")
    except PackageNotFoundError:
        yield Check(
            "fail",
            "prices",
            "genai-prices is not installed, so every call is unpriced",
            "pip install genai-prices",
        )
