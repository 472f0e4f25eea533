"""Access to the spool from outside the apps: status, and manual sending."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_distro.export.spool.address import ROOT, Address, read_address
from otel_distro.export.spool.drain import DAMAGED, DrainResult, drain, drain_lock
from otel_distro.export.spool.endpoints import without_credentials
from otel_distro.export.spool.exporter_adapters import ExporterAdapter, adapter_for
from otel_distro.export.spool.segment_folder import in_use, names, waiting_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """Content of one folder of the spool."""

    path: Path
    address: Address
    records: int
    """Spooled spans, log records or metric exports."""
    size_bytes: int
    files: int
    files_in_use: int
    """Number of these that a running process has locked."""
    oldest_ns: int | None
    """Creation time of the oldest file, since the Unix epoch; None if the folder is empty."""
    damaged: tuple[Path, ...]


def folders(state_dir: Path) -> Iterator[tuple[Path, Address]]:
    """Yield every folder of the spool below *state_dir* and its address."""
    root = state_dir / ROOT
    try:
        names = sorted(os.listdir(root))
    except OSError:
        return
    for name in names:
        address = read_address(root / name)
        if address is not None:
            yield root / name, address


def status(state_dir: Path) -> list[FolderStatus]:
    """Return the status of each folder with spooled records."""
    return [_status(path, address) for path, address in folders(state_dir)]


def _status(path: Path, address: Address) -> FolderStatus:
    segments = names(path)
    oldest = segments[0].partition("-")[0] if segments else ""
    return FolderStatus(
        path,
        address,
        records=sum(waiting_in(path / name) for name in segments),
        size_bytes=sum(_size(path / name) for name in segments),
        files=len(segments),
        files_in_use=sum(in_use(path / name) for name in segments),
        oldest_ns=int(oldest) if oldest.isdigit() else None,
        damaged=tuple(sorted(path.glob(f"*{DAMAGED}"))),
    )


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def drain_folder(path: Path, address: Address, port: ExporterAdapter) -> DrainResult | None:
    """Send the records spooled at *path* through *port*; None if another process does."""
    with drain_lock(path) as acquired:
        return drain(path, port.send, joined=address.signal != "metrics") if acquired else None


def configured_adapter(address: Address) -> ExporterAdapter | None:
    """Return the adapter that the OTEL_* variables configure for *address*; None without one."""
    return adapter_for(_exporter(address), address.signal)


def waits(path: Path) -> bool:
    """Whether the folder at *path* has spooled records."""
    return bool(names(path))


def place(port: ExporterAdapter) -> str:
    """Return the endpoint of *port*, without credentials."""
    return without_credentials(port.endpoint)


def goes_there(port: ExporterAdapter, address: Address) -> bool:
    """Whether *port* sends to *address*."""
    return without_credentials(port.endpoint) == address.endpoint


def _exporter(address: Address) -> Any:
    if address.protocol == "grpc":
        return _grpc_exporter(address.signal)
    if address.signal == "traces":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    if address.signal == "metrics":
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter()
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

    return OTLPLogExporter()


def _grpc_exporter(signal: str) -> Any:
    if signal == "traces":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    if signal == "metrics":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter()
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter

    return OTLPLogExporter()
