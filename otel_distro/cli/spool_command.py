"""`otel-distro spool`: telemetry spooled to disk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.export.otlp.credentials import hide_malformed_headers
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from pathlib import Path

    from otel_distro.export.spool.address import Address
    from otel_distro.export.spool.drain import DrainResult
    from otel_distro.export.spool.offline import FolderStatus


@click.group("spool", epilog="Example: otel-distro spool status")
def command() -> None:
    """Show or send undelivered telemetry on disk."""


@command.command("status", epilog="Example: otel-distro spool status --json")
@json_option
def status(*, as_json: bool) -> None:
    """Show spooled telemetry by endpoint, with its age."""
    from otel_distro.export.spool import offline

    state_dir = load(process_environment()).settings.state_dir
    folders = offline.status(state_dir)
    if as_json:
        output.print_json({"folders": [_as_json(folder) for folder in folders]})
        return
    waiting = [folder for folder in folders if folder.records or folder.damaged]
    if not waiting:
        click.echo("nothing waits")
        return
    table = output.table(
        [
            ("service", False),
            ("signal", False),
            ("waiting", True),
            ("MB", True),
            ("oldest", True),
            ("endpoint", False),
        ]
    )
    for folder in waiting:
        table.add_row(
            output.printable(folder.address.service),
            output.printable(folder.address.signal),
            f"{folder.records:,}",
            f"{folder.size_bytes / 1e6:.1f}",
            _age(folder.oldest_ns),
            output.printable(folder.address.endpoint),
        )
    notes = [
        f"damaged, set aside: {output.printable(str(path))}"
        for folder in waiting
        for path in folder.damaged
    ]
    output.print_table(table, lines_after=notes)


@command.command("drain", epilog="Example: otel-distro spool drain --service shop")
@click.option("--service", help="Only telemetry of this service.")
@click.option("--anywhere", is_flag=True, help="Also telemetry for other endpoints.")
@json_option
def drain(service: str | None, *, anywhere: bool, as_json: bool) -> None:
    """Send spooled telemetry to the endpoints of the OTEL_EXPORTER_OTLP_* variables.

    Apps do this automatically at start and after an outage. Files in use by a running app are
    skipped. Exit code 1 if any telemetry could not be sent.
    """
    from otel_distro.export.spool import offline

    hide_malformed_headers()
    state_dir = load(process_environment()).settings.state_dir
    results: list[dict[str, Any]] = []
    failed = False
    for path, address in offline.folders(state_dir):
        if (service is not None and address.service != service) or not offline.waits(path):
            continue
        result = _drain(path, address, anywhere=anywhere)
        failed = failed or "problem" in result
        results.append(result)
    if as_json:
        output.print_json({"folders": results})
    elif not results:
        click.echo("nothing waits")
    else:
        for result in results:
            click.echo(output.printable(_sentence(result)))
    if failed:
        raise click.exceptions.Exit(1)


def _drain(path: Path, address: Address, *, anywhere: bool) -> dict[str, Any]:
    from otel_distro.export.spool import offline

    counts: dict[str, Any] = {
        "service": address.service,
        "signal": address.signal,
        "endpoint": address.endpoint,
    }
    port = offline.configured_adapter(address)
    if port is None:
        return {**counts, "problem": "this version of the OTLP exporter is not supported"}
    if not anywhere and not offline.goes_there(port, address):
        return {
            **counts,
            "problem": f"it is for {address.endpoint}, not for {offline.place(port)}; set "
            "OTEL_EXPORTER_OTLP_ENDPOINT, or send it with --anywhere",
        }
    try:
        done = offline.drain_folder(path, address, port)
    except OSError as error:
        return {**counts, "problem": f"cannot use {path}: {error.strerror}"}
    if done is None:
        return {**counts, "problem": "another process is sending it now"}
    return {**counts, **_counts(done)}


def _counts(done: DrainResult) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "sent": done.sent,
        "rejected": done.rejected,
        "damaged": done.damaged,
        "files_in_use": done.in_use,
    }
    if done.refused is not None:
        from otel_distro.export.outages import readable_reason

        counts["problem"] = readable_reason(done.refused.reason)
    return counts


def _sentence(counts: dict[str, Any]) -> str:
    parts = [f"{counts['service']}, {counts['signal']}:"]
    if "sent" in counts:
        parts.append(f"{counts['sent']:,} sent")
    bad = [column for column in ("rejected", "damaged") if counts.get(column)]
    parts += [f"{counts[column]:,} {column}" for column in bad]
    if counts.get("files_in_use"):
        parts.append(f"{counts['files_in_use']:,} files left to the running app")
    if "problem" in counts:
        parts.append(f"not sent: {counts['problem']}")
    return parts[0] + " " + ", ".join(parts[1:])


def _as_json(folder: FolderStatus) -> dict[str, Any]:
    return {
        "path": str(folder.path),
        "service": folder.address.service,
        "signal": folder.address.signal,
        "endpoint": folder.address.endpoint,
        "protocol": folder.address.protocol,
        "records": folder.records,
        "bytes": folder.size_bytes,
        "files": folder.files,
        "files_in_use": folder.files_in_use,
        "oldest_unix_nano": folder.oldest_ns,
        "damaged": [str(path) for path in folder.damaged],
    }


def _age(oldest_ns: int | None) -> str:
    if oldest_ns is None:
        return "-"
    seconds = max(0, time.time_ns() - oldest_ns) // 1_000_000_000
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
