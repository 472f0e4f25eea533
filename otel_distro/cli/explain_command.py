"""`otel-distro explain TRACE_ID`: which spans of a trace are billed, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otel_distro.cli import output
from otel_distro.cli.options import ParamType, json_option, ledger_option, ledger_path
from otel_distro.cli.reading import reading

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import Location
    from otel_distro.reports.analysis.explanation import Node

_HEX = frozenset("0123456789abcdef")


class TraceId(ParamType):
    """A trace id in hexadecimal, with or without 0x."""

    name = "trace id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the id as a number."""
        if isinstance(value, int):
            return value
        digits = str(value).strip().lower().removeprefix("0x")
        if not digits or len(digits) > 32 or not _HEX.issuperset(digits):
            self.fail(f"{value!r} is not a trace id of up to 32 hexadecimal digits", param, ctx)
        return int(digits, 16)


@click.command("explain", epilog="Example: otel-distro explain 4bf92f3577b34da6a3ce929d0e0e4736")
@click.argument("trace_id", type=TraceId())
@ledger_option
@json_option
def command(trace_id: int, ledger: Location | None, *, as_json: bool) -> None:
    """Show the model calls of a trace as a tree, which are billed, and why.

    Trace ids are in the last column of `otel-distro calls`, and in every trace viewer.
    """
    from otel_cost_ledger.query.calls import find_trace
    from otel_distro.reports.analysis.explanation import tree

    path = ledger_path(ledger)
    with reading(path) as opened:
        roots = tree(find_trace(opened, trace_id))
    if not roots:
        raise output.fail(f"no model call of trace {trace_id:032x} in {path}")
    if as_json:
        output.print_json({"trace_id": f"{trace_id:032x}", "calls": [_data(n) for n in roots]})
        return
    click.echo(f"trace {trace_id:032x}")
    for node in roots:
        _show(node, 0)


def _show(node: Node, depth: int) -> None:
    indent = "  " * depth
    call = node.stored.priced.call
    click.echo(
        f"{indent}{node.verdict:<10}  {node.cost:>12}  "
        f"{output.printable(call.model) or '-'}  {output.printable(call.scope)}  "
        f"{node.stored.latency_ms:,.0f} ms"
    )
    click.echo(f"{indent}            evidence: {node.evidence}")
    for reason in node.reasons:
        click.echo(f"{indent}            {output.printable(reason)}")
    for child in node.children:
        _show(child, depth + 1)


def _data(node: Node) -> dict[str, Any]:
    priced = node.stored.priced
    return {
        "span_id": f"{priced.call.span_id % (1 << 64):016x}",
        "scope": priced.call.scope,
        "model": priced.call.model,
        "evidence": node.evidence,
        "billed": priced.billed,
        "billing_reason": priced.billing_reason,
        "cost_status": priced.status.value,
        "cost_nano_usd": priced.cost_nano_usd,
        "reason": priced.reason,
        "price_source": priced.price_source,
        "calls": [_data(child) for child in node.children],
    }
