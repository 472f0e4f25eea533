"""`otel-distro calls`: single model calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from otel_distro.cli import output
from otel_distro.cli.options import (
    filter_options,
    json_option,
    ledger_option,
    ledger_path,
    since_option,
    until_option,
)
from otel_distro.cli.reading import note_empty, reading

if TYPE_CHECKING:
    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.calls import StoredCall

_OPTIONAL = ("input", "output", "latency", "error", "status")


@click.command("calls", epilog="Example: otel-distro calls --model gpt-4o --limit 20")
@since_option("Only calls that began after this, such as 24h, 7d or 2026-01-31.")
@until_option
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="Number of calls to list, newest first.",
)
@filter_options
@click.option("--all", "unbilled", is_flag=True, help="Also spans that repeat another span's call.")
@ledger_option
@json_option
def command(
    since: datetime | None,
    until: datetime | None,
    limit: int,
    filters: Filters,
    ledger: Location | None,
    *,
    unbilled: bool,
    as_json: bool,
) -> None:
    """List single model calls, newest first."""
    from otel_cost_ledger.query.calls import calls

    path = ledger_path(ledger)
    with reading(path) as opened:
        stored_calls = calls(
            opened, since, until, filters=filters, limit=limit, billed_only=not unbilled
        )
    if as_json:
        output.print_json({"calls": [_data(stored) for stored in stored_calls]})
    elif not stored_calls:
        note_empty(path)
    else:
        output.print_table(_table(stored_calls), optional=_OPTIONAL)


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def _data(stored: StoredCall) -> dict[str, Any]:
    priced, call = stored.priced, stored.priced.call
    usage = call.usage
    return {
        "start": _moment(call.start_ns).isoformat(),
        "trace_id": f"{call.trace_id:032x}",
        "span_id": f"{call.span_id % (1 << 64):016x}",
        "service": call.service,
        "provider": call.provider,
        "request_model": call.request_model,
        "response_model": call.response_model,
        "operation": call.operation,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cache_read_tokens": usage.cache_read_tokens if usage else None,
        "cost_nano_usd": priced.cost_nano_usd,
        "cost_status": priced.status.value,
        "reason": priced.reason,
        "price_source": priced.price_source,
        "exposure_nano_usd": priced.exposure_nano_usd,
        "billed": priced.billed,
        "billing_reason": priced.billing_reason,
        "latency_ms": round(stored.latency_ms, 3),
        "error_type": call.error_type,
        "tenant": call.tenant,
        "user": call.user,
        "session": call.session,
        "agent": call.agent,
    }


def _table(stored_calls: tuple[StoredCall, ...]) -> Any:
    table = output.table(
        [
            ("start (UTC)", False),
            ("model", False),
            ("input", True),
            ("output", True),
            ("cost", True),
            ("status", False),
            ("latency", True),
            ("error", False),
            ("trace", False),
        ]
    )
    for stored in stored_calls:
        priced, call = stored.priced, stored.priced.call
        usage = call.usage
        table.add_row(
            f"{_moment(call.start_ns):%m-%d %H:%M:%S}",
            output.printable(call.model) or "-",
            output.count(usage.input_tokens if usage else None),
            output.count(usage.output_tokens if usage else None),
            output.usd(priced.cost_nano_usd),
            priced.status.value if priced.billed else "not billed",
            output.milliseconds(stored.latency_ms),
            output.printable(call.error_type or ""),
            f"{call.trace_id:032x}",
        )
    return table
