"""`otel-distro ledger prices MODEL`: what a model costs and where that is known from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_distro.cli import output
from otel_distro.cli.options import When, json_option, nanoseconds
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from otel_pricing import Explanation, Price

_UNITS = {
    "input": "input",
    "cache_read": "cache read",
    "cache_write": "cache write",
    "cache_write_1h": "cache write, 1 h",
    "output": "output",
    "reasoning": "reasoning",
    "input_audio": "audio input",
    "output_audio": "audio output",
}


@click.command("prices", epilog="Example: otel-distro ledger prices gpt-4o --provider openai")
@click.argument("model")
@click.option("--provider", help="Provider as spans name it, such as openai or aws.bedrock.")
@click.option("--at", type=When(), metavar="AGE|DATE", help="Price of that day; default today.")
@click.option("--tier", help="Service tier, such as flex, priority or batch.")
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of your own prices, used before the built-in ones.",
)
@json_option
def command(
    model: str,
    provider: str | None,
    at: datetime | None,
    tier: str | None,
    prices: Path | None,
    *,
    as_json: bool,
) -> None:
    """Show what MODEL costs per million tokens, and where that price comes from."""
    from otel_pricing import PriceBook, PriceBookError, read_price_file

    prices = prices or load(process_environment()).settings.prices
    moment = at or datetime.now(UTC)
    try:
        book = PriceBook(read_price_file(prices)) if prices else PriceBook()
    except PriceBookError as error:
        raise output.fail(str(error)) from error
    found = book.explain(model, provider, at_ns=nanoseconds(moment) or 0, tier=tier)
    if as_json:
        output.print_json(_data(found, moment))
    elif found.price is not None:
        _show(found, found.price, moment)
    if found.price is None:
        tried = ", ".join(found.names_tried)
        raise output.fail(
            f"no price for {output.printable(model)}: {found.reason or 'it is on no list'} "
            f"(looked for {output.printable(tried)}); declare one in a file and name it in "
            "OTEL_DISTRO_PRICES"
        )


def _show(found: Explanation, price: Price, moment: datetime) -> None:
    click.echo(f"{found.model} on {moment:%Y-%m-%d}, US dollars per million tokens")
    for unit, name in _UNITS.items():
        rate = price.rate(unit)
        if rate is not None:
            steps = "".join(f", {dearer} above {start:,}" for start, dearer in rate.steps)
            click.echo(f"  {name:<18}{rate.usd_per_million}{steps}")
    for amount, name in (
        (price.usd_per_request, "request"),
        (price.usd_per_web_search, "web search"),
    ):
        if amount is not None:
            click.echo(f"  {name:<18}{amount} each")
    if price.is_free:
        click.echo("  free")
    click.echo(f"from {price.source}")
    if found.reason:
        click.echo(found.reason)


def _data(found: Explanation, moment: datetime) -> dict[str, Any]:
    price = found.price
    rates = {unit: price.rate(unit) for unit in _UNITS} if price else {}
    return {
        "model": found.model,
        "provider": found.provider,
        "list_provider": found.list_provider,
        "names_tried": found.names_tried,
        "at": moment.isoformat(),
        "tier": found.tier,
        "usd_per_million_tokens": {
            unit: str(rate.usd_per_million) for unit, rate in rates.items() if rate is not None
        },
        "source": price.source if price else None,
        "reason": found.reason,
    }
