"""`otel-distro metrics`: metrics received, or stored by programs themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from otel_distro.base import formatting as figures
from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.cli.store_options import (
    follow_option,
    microseconds,
    reading_metrics,
    search_option,
    service_option,
    store_since_option,
)
from otel_trace_store import plain
from otel_trace_store.metric_list import list_metrics, read_metric

if TYPE_CHECKING:
    from datetime import datetime

_LOOK_SECONDS = 2.0


@click.command("metrics", epilog="Example: otel-distro metrics http.server.request.duration --json")
@click.argument("name", required=False)
@search_option
@service_option
@store_since_option
@follow_option
@json_option
def command(
    name: str | None,
    text: str,
    service: str,
    since: datetime | None,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    """List stored metrics, or show the series and points of NAME."""
    try:
        while True:
            if name is None:
                _list(text, service, as_json=as_json)
            else:
                _show(name, service, microseconds(since), as_json=as_json)
            if not follow:
                return
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        return


def _list(text: str, service: str, *, as_json: bool) -> None:
    with reading_metrics() as reader:
        rows = list_metrics(reader, service=service, text=text)
    if as_json:
        output.print_json([plain.metric_row(row) for row in rows])
        return
    if not rows:
        output.note("no metric matches")
        return
    table = output.table(
        [("metric", False), ("service", False), ("series", True), ("last", True), ("unit", False)]
    )
    for row in rows:
        table.add_row(
            output.printable(row.name),
            output.printable(row.service),
            str(row.series),
            "-" if row.last is None else figures.compact(row.last),
            output.printable(row.unit),
        )
    output.print_table(table)


def _show(name: str, service: str, since_us: int | None, *, as_json: bool) -> None:
    with reading_metrics() as reader:
        series = read_metric(reader, name, service=service, since_us=since_us or 0)
    if not series:
        raise output.fail(f"there is no metric {name!r}; `otel-distro metrics` lists them")
    if as_json:
        output.print_json([plain.metric_series(one) for one in series])
        return
    for one in series:
        labels = ", ".join(f"{key}={value}" for key, value in one.attributes.items())
        click.echo(output.printable(f"{one.service}  {labels}"))
        for point in one.points[-20:]:
            at = (plain.moment(point.time_us * 1000) or "-")[:19].replace("T", " ")
            value = "-" if point.value is None else f"{point.value:g}"
            count = point.more.get("count")
            click.echo(f"  {at}  {value}" + (f"  ({count} measured)" if count is not None else ""))
