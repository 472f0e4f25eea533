"""`otel-distro logs`: search the log records stored by `otel-distro serve`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.cli.store_options import (
    attribute_option,
    follow,
    follow_option,
    limit_option,
    microseconds,
    print_json_line,
    reading,
    search_option,
    service_option,
    store_since_option,
)
from otel_trace_store import plain
from otel_trace_store.log_list import LogFilter, find_logs

if TYPE_CHECKING:
    from datetime import datetime

    from otel_trace_store.reader import StoreReader
    from otel_trace_store.records import StoredLog

SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}


@click.command("logs", epilog="Example: otel-distro logs --severity error --follow")
@search_option
@service_option
@click.option(
    "--severity",
    type=click.Choice(list(SEVERITIES)),
    help="Only records of at least this severity.",
)
@click.option("--event", default="", help="Only events with this name.")
@click.option("--trace", "trace_id", default="", metavar="TRACE_ID", help="Only of this trace.")
@attribute_option
@store_since_option
@limit_option
@follow_option
@json_option
def command(
    text: str,
    service: str,
    severity: str | None,
    event: str,
    trace_id: str,
    attribute: str,
    since: datetime | None,
    limit: int,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    """List received log records, the newest last."""
    if trace_id and (
        len(trace_id) != 32 or any(char not in "0123456789abcdef" for char in trace_id)
    ):
        raise click.BadParameter("a trace id has 32 hexadecimal digits", param_hint="--trace")
    log_filter = LogFilter(
        service=service,
        event=event,
        least_severity=SEVERITIES[severity] if severity else 0,
        since_us=microseconds(since),
        trace_id=trace_id,
        text=text,
        attribute=attribute,
    )

    def find(reader: StoreReader) -> list[StoredLog]:
        return find_logs(reader, log_filter, limit=limit).rows

    if follow:
        _follow(find, as_json=as_json)
        return
    with reading() as reader:
        rows = find(reader)
    if as_json:
        output.print_json([plain.log_record(row) for row in rows])
        return
    if not rows:
        output.note("no log record matches")
    for row in reversed(rows):
        click.echo(_line(row))


def _follow(find: Any, *, as_json: bool) -> None:
    def show(row: StoredLog) -> None:
        if as_json:
            print_json_line(plain.log_record(row))
        else:
            click.echo(_line(row))

    follow(find, _key, show)


def _key(row: StoredLog) -> str:
    return repr((row.time_ns, row.service, row.body, row.span_id, row.event_name, row.attributes))


def _line(row: StoredLog) -> str:
    body = row.body
    if isinstance(body, dict | list):
        body = json.dumps(body, ensure_ascii=False, default=repr)
    at = (plain.moment(row.time_ns) or "-")[:23].replace("T", " ")
    message = str(body) if body is not None else row.event_name
    severity = row.severity_text or str(row.severity)
    return output.printable(f"{at}  {severity:<5}  {row.service}  {message}")
