"""`otel-distro reports whatif`: the cost of the same calls with another model or more caching."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from otel_distro.cli import output
from otel_distro.cli.groups import closest, closest_model
from otel_distro.cli.options import (
    ParamType,
    filter_options_but_model,
    json_option,
    ledger_option,
    ledger_path,
    price_book,
    prices_option,
    since_option,
    until_option,
)
from otel_distro.cli.reading import note_empty, reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.calls import StoredCall
    from otel_distro.reports.analysis.whatif import Comparison
    from otel_pricing import PriceBook

_DEFAULT_DAYS = 30


class Share(ParamType):
    """A percentage: 60% or 60."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return a number from 0 to 1."""
        if isinstance(value, float):
            return value
        try:
            percent = float(str(value).strip().removesuffix("%"))
        except ValueError:
            self.fail(f"{value!r} is not a percentage such as 60%", param, ctx)
        if not 0 <= percent <= 100:
            self.fail(f"{value!r} is not between 0% and 100%", param, ctx)
        return percent / 100


@click.command("whatif", epilog="Example: otel-distro reports whatif --model gpt-4o=gpt-4o-mini")
@click.option(
    "--model", "models", multiple=True, metavar="A=B", help="B instead of A; may be repeated."
)
@click.option(
    "--cache-hit", type=Share(), metavar="PERCENT", help="Share of the input read from the cache."
)
@since_option("Only calls that began after this; by default the last 30 days.")
@until_option
@filter_options_but_model
@prices_option
@ledger_option
@json_option
def command(
    models: tuple[str, ...],
    cache_hit: float | None,
    since: datetime | None,
    until: datetime | None,
    filters: Filters,
    prices: Path | None,
    ledger: Location | None,
    *,
    as_json: bool,
) -> None:
    """Price the calls of the ledger under other assumptions; changes nothing.

    Token counts are the ledger's: another model tokenizes and answers differently.
    """
    from otel_cost_ledger.query.calls import each_call
    from otel_cost_ledger.query.model_names import model_names
    from otel_distro.reports.analysis.whatif import Change, compare

    change = Change(_pairs(models), cache_hit)
    if not change.models and cache_hit is None:
        raise click.UsageError("name a change: --model A=B, --cache-hit 60%, or both")
    path = ledger_path(ledger)
    since = since or datetime.now(UTC) - timedelta(days=_DEFAULT_DAYS)
    with reading(path) as opened:
        seen: set[str] = set()
        stored_calls = _noting(each_call(opened, since, until, filters=filters), seen)
        book = price_book(prices)
        lines = compare(stored_calls, change, book, model_names(opened).of)
    _check_models(change.models, seen)
    _check_prices(change.models, lines, book)
    if as_json:
        output.print_json({"total": _total(lines), "by_model": [_data(line) for line in lines]})
    elif not lines:
        note_empty(path, f" since {since:%Y-%m-%d %H:%M} UTC")
    else:
        _show(lines)


def _noting(calls: Iterable[StoredCall], seen: set[str]) -> Iterator[StoredCall]:
    for stored in calls:
        call = stored.priced.call
        seen.update((call.model, call.request_model))
        yield stored


def _check_models(models: Mapping[str, str], seen: set[str]) -> None:
    """End with the closest name if the ledger has no call of a replaced model."""
    names = {name: name for name in sorted(seen) if name}
    for model in models:
        if names and model not in names:
            raise click.BadParameter(
                f"the ledger has no call of {model!r} in this window{closest(model, names)}",
                param_hint="--model",
            )


def _check_prices(models: Mapping[str, str], lines: Sequence[Comparison], book: PriceBook) -> None:
    """End if an assumed model has no price and its name is close to a priced one.

    Calls with another unknown model are left out of both sums.
    """
    for model in models.values():
        left_out = any(line.not_comparable for line in lines if line.instead == model)
        if left_out and book.find(None, model, at_ns=time.time_ns()) is None:
            near = closest_model(model, book)
            if near:
                raise click.BadParameter(
                    f"no price is known for {model!r}{near}", param_hint="--model"
                )


def _pairs(models: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in models:
        before, equals, after = (part.strip() for part in text.partition("="))
        if not (before and equals and after):
            raise click.BadParameter(f"{text!r} is not A=B", param_hint="--model")
        pairs[before] = after
    return pairs


def _total(lines: Sequence[Comparison]) -> dict[str, int]:
    return {
        "calls": sum(line.calls for line in lines),
        "before_nano_usd": sum(line.before_nano_usd for line in lines),
        "after_nano_usd": sum(line.after_nano_usd for line in lines),
        "not_comparable": sum(line.not_comparable for line in lines),
    }


def _data(line: Comparison) -> dict[str, Any]:
    return {
        "model": line.model,
        "instead": line.instead,
        "calls": line.calls,
        "before_nano_usd": line.before_nano_usd,
        "after_nano_usd": line.after_nano_usd,
        "not_comparable": line.not_comparable,
    }


def _show(lines: Sequence[Comparison]) -> None:
    table = output.table(
        [
            ("model", False),
            ("instead", False),
            ("calls", True),
            ("before", True),
            ("after", True),
            ("change", True),
        ]
    )
    for line in lines:
        same = line.instead == line.model
        table.add_row(
            output.printable(line.model) or "-",
            "same" if same else output.printable(line.instead),
            *_cells(line.calls, line.before_nano_usd, line.after_nano_usd),
        )
    total = _total(lines)
    figures = (total["calls"], total["before_nano_usd"], total["after_nano_usd"])
    table.add_row("total", "", *_cells(*figures), style="bold")
    left_out = total["not_comparable"]
    after = [f"{left_out:,} calls left out: no price for one of the two"] if left_out else []
    output.print_table(table, lines_after=after)


def _cells(calls: int, before: int, after: int) -> list[str]:
    change = f"{100 * (after - before) / before:+.1f} %" if before else "-"
    return [output.count(calls), output.usd(before), output.usd(after), change]
