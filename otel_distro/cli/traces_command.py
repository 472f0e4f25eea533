"""`otel-distro traces`: search the traces stored by `otel-distro serve`, or show one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_distro.base import formatting as figures
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
from otel_trace_store.one_trace import read_trace, read_trace_costs
from otel_trace_store.trace_filter import TraceFilter
from otel_trace_store.trace_list import SORTS, Sort, TraceRow, find_traces

if TYPE_CHECKING:
    from datetime import datetime

    from otel_trace_store.reader import StoreReader

_TRACE_DIGITS = 32


@click.command(
    "traces", epilog='Example: otel-distro traces --search "timed out" --failed --since 24h'
)
@click.argument("trace_id", required=False)
@search_option
@service_option
@click.option("--operation", default="", help="Only with a span of this name.")
@click.option("--model", default="", help="Only with a call of this model.")
@click.option("--session", default="", help="Only of this session or conversation.")
@attribute_option
@click.option("--failed", is_flag=True, help="Only with an error.")
@click.option("--min-ms", type=click.FloatRange(0), help="Only those that took at least this long.")
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    default="newest",
    show_default=True,
    help="Order of the traces.",
)
@store_since_option
@limit_option
@follow_option
@json_option
def command(
    trace_id: str | None,
    text: str,
    service: str,
    operation: str,
    model: str,
    session: str,
    attribute: str,
    min_ms: float | None,
    sort: Sort,
    since: datetime | None,
    limit: int,
    *,
    failed: bool,
    follow: bool,
    as_json: bool,
) -> None:
    """List received traces, or show the spans of TRACE_ID."""
    if trace_id is not None:
        _show_trace(trace_id, as_json=as_json)
        return
    trace_filter = TraceFilter(
        service=service,
        operation=operation,
        model=model,
        session=session,
        failed=failed,
        least_us=None if min_ms is None else int(min_ms * 1000),
        since_us=microseconds(since),
        text=text,
        attribute=attribute,
    )
    if follow:
        _follow(trace_filter, limit, as_json=as_json)
        return
    with reading() as reader:
        trace_list = find_traces(reader, trace_filter, sort=sort, limit=limit)
    if not trace_list.complete:
        output.note("the search took too long and was ended; older traces were not searched")
    if as_json:
        output.print_json([plain.trace_row(row) for row in trace_list.rows])
    elif not trace_list.rows:
        output.note("no trace matches")
    else:
        _print_rows(trace_list.rows)


def _follow(trace_filter: TraceFilter, limit: int, *, as_json: bool) -> None:
    def find(reader: StoreReader) -> list[TraceRow]:
        return find_traces(reader, trace_filter, limit=limit).rows

    def show(row: TraceRow) -> None:
        if as_json:
            print_json_line(plain.trace_row(row))
        else:
            click.echo("  ".join(_cells(row)))

    follow(find, lambda row: row.trace_id, show)


def _print_rows(rows: list[TraceRow]) -> None:
    table = output.table(
        [
            ("trace", True),
            ("began (UTC)", True),
            ("took", True),
            ("spans", True),
            ("errors", True),
            ("cost", True),
            ("service", False),
            ("name", False),
        ]
    )
    for row in rows:
        table.add_row(*_cells(row))
    output.print_table(table)


def _cells(row: TraceRow) -> list[str]:
    cost = ""
    if row.calls:
        cost = figures.cost(row.nano_usd or 0, calls=row.calls, unpriced=row.unpriced)
    began = (plain.moment(row.start_us * 1000) or "-")[:19].replace("T", " ")
    return [
        row.trace_id,
        began,
        figures.duration((row.end_us - row.start_us) / 1000),
        str(row.spans),
        str(row.errors or ""),
        cost,
        output.printable(row.service),
        output.printable(row.name),
    ]


def _show_trace(trace_id: str, *, as_json: bool) -> None:
    text = trace_id.strip().lower()
    if len(text) != _TRACE_DIGITS or any(char not in "0123456789abcdef" for char in text):
        raise click.BadParameter("a trace id has 32 hexadecimal digits", param_hint="'TRACE_ID'")
    trace_bytes = bytes.fromhex(text)
    with reading() as reader:
        spans = read_trace(reader, trace_bytes)
        costs = read_trace_costs(reader, trace_bytes)
    if not spans:
        raise output.fail(f"no span of trace {text} is stored")
    if as_json:
        output.print_json([plain.span(span) for span in spans])
        return
    from otel_distro.ui.trace_tree import build_tree

    tree = build_tree(spans, costs)
    for node in tree.order:
        cost = figures.usd(node.nano_below) if node.calls_below else ""
        mark = "x " if node.span.failed else ""
        name = output.printable(f"{'  ' * node.depth}{mark}{node.span.name}")
        service = output.printable(node.span.service)
        click.echo(
            f"{figures.duration(node.duration_ns / 1e6):>9}  {cost:>12}  {name}  [{service}]"
        )
