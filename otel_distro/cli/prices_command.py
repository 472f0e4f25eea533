"""`otel-distro ledger prices`: the price of a model, or the ledger's models without one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_distro.cli import output
from otel_distro.cli.groups import closest_model
from otel_distro.cli.options import (
    When,
    json_option,
    ledger_option,
    ledger_path,
    nanoseconds,
    price_book,
    since_option,
)
from otel_distro.cli.reading import reading

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import Location
    from otel_distro.reports.analysis.unknown_prices import UnknownPrice
    from otel_pricing import Explanation, Price, PriceBook

_UNITS = {
    "input": "input",
    "cache_read": "cache read",
    "cache_write": "cache write",
    "cache_write_1h": "cache write, 1 h",
    "output": "output",
    "reasoning": "reasoning",
    "citation": "citations",
    **{
        f"{side}_{medium}": f"{medium} {noun}"
        for medium in ("audio", "image", "video")
        for side, noun in (("input", "input"), ("output", "output"), ("cached", "cache read"))
        if (side, medium) != ("cached", "video")
    },
}


@click.command("prices", epilog="Example: otel-distro ledger prices gpt-4o --provider openai")
@click.argument("model", required=False)
@click.option("--unknown", is_flag=True, help="List models of the ledger without a price.")
@since_option("With --unknown: only calls after this.")
@click.option("--provider", help="Provider as spans name it, such as openai or aws.bedrock.")
@click.option("--at", type=When(), metavar="AGE|DATE", help="Price of that day; default today.")
@click.option("--tier", help="Service tier, such as flex, priority or batch.")
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of your own prices, used before the built-in ones.",
)
@ledger_option
@json_option
def command(
    model: str | None,
    since: datetime | None,
    provider: str | None,
    at: datetime | None,
    tier: str | None,
    prices: Path | None,
    ledger: Location | None,
    *,
    unknown: bool,
    as_json: bool,
) -> None:
    """Show the price of MODEL per million tokens, and its source.

    With --unknown: models of the ledger without a price, and aliases to declare.
    """
    moment = at or datetime.now(UTC)
    book = price_book(prices)
    if unknown:
        _list_unknown(book, ledger_path(ledger), since, as_json=as_json)
        return
    if model is None:
        raise click.UsageError("name a MODEL, or ask with --unknown for models without a price")
    explanation = book.explain(model, provider, at_ns=nanoseconds(moment) or 0, tier=tier)
    if as_json:
        output.print_json(_data(explanation, moment))
    elif explanation.price is not None:
        _show(explanation, explanation.price, moment)
    if explanation.price is None:
        tried = ", ".join(explanation.names_tried)
        advice = closest_model(model, book) or "; the file is named by OTEL_DISTRO_PRICES"
        raise output.fail(
            f"no price for {output.printable(model)}: {explanation.reason or 'it is on no list'} "
            f"(looked for {output.printable(tried)}){advice}"
        )


def _list_unknown(
    book: PriceBook, path: Location, since: datetime | None, *, as_json: bool
) -> None:
    from otel_cost_ledger.query.unpriced import answered_models, unpriced_models
    from otel_distro.reports.analysis.unknown_prices import unknown_prices

    with reading(path) as opened:
        unpriced = unknown_prices(unpriced_models(opened, since), answered_models(opened), book)
    if as_json:
        output.print_json({"unknown": [_unknown_data(each) for each in unpriced]})
        return
    if not unpriced:
        output.note(f"every model in {path} has a price")
        return
    right = {"calls", "tokens", "at most"}
    headings = ("model", "provider", "calls", "tokens", "at most", "stands for")
    listing = output.table([(heading, heading in right) for heading in headings])
    for each in unpriced:
        model = each.found
        listing.add_row(
            output.printable(model.model),
            output.printable(model.provider),
            f"{model.calls:,}",
            f"{model.tokens:,}",
            output.usd(model.exposure_nano_usd) if model.exposure_nano_usd else "unknown",
            "priced since: ledger reprice" if each.is_priced_now else each.proposed_model or "?",
        )
    output.print_table(listing)
    aliases = [each.alias for each in unpriced if not each.is_priced_now]
    if aliases:
        output.note("\nAliases for your price file (OTEL_DISTRO_PRICES); check each of them:\n")
        click.echo("\n\n".join(aliases))


def _unknown_data(unknown: UnknownPrice) -> dict[str, Any]:
    return {
        "provider": unknown.found.provider,
        "model": unknown.found.model,
        "request_model": unknown.found.request_model,
        "calls": unknown.found.calls,
        "tokens": unknown.found.tokens,
        "exposure_nano_usd": unknown.found.exposure_nano_usd,
        "is_priced_now": unknown.is_priced_now,
        "proposed_model": unknown.proposed_model or None,
        "proposed_provider": unknown.proposed_provider or None,
        "why": unknown.why or None,
        "alias": unknown.alias,
    }


def _show(explanation: Explanation, price: Price, moment: datetime) -> None:
    from otel_pricing.prices.price import COUNTED_UNITS

    click.echo(f"{explanation.model} on {moment:%Y-%m-%d}, US dollars per million tokens")
    for unit, name in _UNITS.items():
        rate = price.rate(unit)
        if rate is not None:
            steps = "".join(f", {higher} above {start:,}" for start, higher in rate.steps)
            click.echo(f"  {name:<18}{rate.usd_per_million}{steps}")
    for amount, name in (
        (price.usd_per_request, "request"),
        (price.usd_per_web_search, "web search"),
    ):
        if amount is not None:
            click.echo(f"  {name:<18}{amount} each")
    for counted in price.counted:
        noun = COUNTED_UNITS[counted.unit]
        amount = counted.usd * noun.per / counted.per
        click.echo(f"  {noun.noun:<18}{amount} per {noun.key.replace('_', ' ')}")
    if price.is_free:
        click.echo("  free")
    click.echo(f"from {price.source}")
    if explanation.reason:
        click.echo(explanation.reason)


def _data(explanation: Explanation, moment: datetime) -> dict[str, Any]:
    price = explanation.price
    rates = {unit: price.rate(unit) for unit in _UNITS} if price else {}
    return {
        "model": explanation.model,
        "provider": explanation.provider,
        "list_provider": explanation.list_provider,
        "names_tried": explanation.names_tried,
        "at": moment.isoformat(),
        "tier": explanation.tier,
        "usd_per_million_tokens": {
            unit: str(rate.usd_per_million) for unit, rate in rates.items() if rate is not None
        },
        "source": price.source if price else None,
        "reason": explanation.reason,
    }
