"""Options shared by several commands, and their parsing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_distro.cli.output import fail
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.model.privacy import Person
    from otel_pricing import PriceBook

    ParamType = click.ParamType[Any]  # generic only in the newest click
else:
    ParamType = click.ParamType

_AGE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([mhdw])\s*$")
_WHOLE_DAYS = frozenset("dw")
_PERSONS: tuple[Person, ...] = ("user", "session")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class When(ParamType):
    """A time: an age such as 24h or 7d, or a date or time in ISO 8601 (UTC by default).

    Minutes and hours are exact. Days and weeks begin at midnight UTC, so the daily sums answer at
    once for any number of calls.
    """

    name = "when"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return an aware datetime."""
        if isinstance(value, datetime):
            return value
        if match := _AGE.match(str(value)):
            try:
                moment = datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: float(match[1])})
            except OverflowError:
                self.fail(f"{value!r} is too long ago", param, ctx)
            if match[2] in _WHOLE_DAYS:
                moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
            return _within_unix_time(moment)
        try:
            moment = datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(
                f"{value!r} is neither an age such as 30m, 24h, 7d, 2w "
                "nor a date such as 2026-01-31",
                param,
                ctx,
            )
        return _within_unix_time(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _within_unix_time(moment: datetime) -> datetime:
    """Return *moment* clamped to 1970 to 2262: no call is older, and nanoseconds end there."""
    from otel_cost_ledger.model.filters import EPOCH, LATEST

    # Comparing never overflows; converting the earliest date to another zone does.
    return min(max(moment, EPOCH), LATEST)


def since_option(help_text: str) -> Callable[[Any], Any]:
    """Return the `--since` option."""
    return click.option("--since", type=When(), metavar="AGE|DATE", help=help_text)


until_option = click.option(
    "--until", type=When(), metavar="AGE|DATE", help="Only those that began before this."
)


def _cost_status(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from otel_distro.cli.groups import closest
    from otel_pricing import CostStatus

    names = {status.value: status.value for status in CostStatus}
    if value not in names:
        raise click.BadParameter(
            f"{value!r} is not among {', '.join(names)}{closest(value, names)}", ctx, param
        )
    return value


_FILTERS = {
    **{
        name: click.option(f"--{name}", help=f"Only calls of this {name}.")
        for name in ("model", "provider", "service", "tenant", "agent", "operation")
    },
    "user": click.option("--user", help="Only calls of this user, by id or pseudonym."),
    "session": click.option("--session", help="Only calls of this session, by id or pseudonym."),
    "status": click.option(
        "--status", callback=_cost_status, help="Only calls with this cost status, like unpriced."
    ),
    "failed": click.option("--failed", is_flag=True, help="Only calls that failed."),
}
"""Filter -> the option that sets it."""


def filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select calls; the command gets them as one `filters` argument."""
    return _with_filters(function, _FILTERS)


def filter_options_but_model(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select calls to a command whose `--model` has another meaning."""
    return _with_filters(function, {name: _FILTERS[name] for name in _FILTERS if name != "model"})


def _with_filters(
    function: Callable[..., Any], options: Mapping[str, Callable[..., Any]]
) -> Callable[..., Any]:
    @wraps(function)
    def with_filters(**parameters: Any) -> Any:
        from otel_cost_ledger.model.filters import Filters

        chosen = {name: parameters.pop(name) for name in options}
        chosen["failed"] = chosen["failed"] or None
        for person in _PERSONS:
            chosen[person] = pseudonym_of(person, chosen[person])
        return function(filters=Filters(**chosen), **parameters)

    decorated: Callable[..., Any] = with_filters
    for option in reversed([*options.values()]):
        decorated = option(decorated)
    return decorated


class LedgerLocation(ParamType):
    """A ledger: a file, or the URL of a database."""

    name = "ledger"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Location:
        """Return a path, or a URL that hides its password."""
        if not isinstance(value, str):
            location: Location = value
            return location
        from otel_cost_ledger.model.location import parse_location

        try:
            return parse_location(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


ledger_option = click.option(
    "--ledger",
    type=LedgerLocation(),
    metavar="PATH|URL",
    help="Ledger file, postgresql:// or clickhouse:// URL; by default OTEL_DISTRO_LEDGER.",
)

prices_option = click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of your own prices, used before the built-in ones.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def ledger_path(location: Location | None, *, may_be_new: bool = False) -> Location:
    """Return the ledger to use; ends with a message if the settings have none.

    A file named by `--ledger` must exist unless it *may_be_new*: a typo must not look like a ledger
    without calls.
    """
    if location is not None:
        if not may_be_new and isinstance(location, Path) and not location.exists():
            from otel_distro.cli.groups import closest

            files = {
                file.name: str(location.with_name(file.name)) for file in _files_beside(location)
            }
            raise click.BadParameter(
                f"there is no ledger at {location}{closest(location.name, files)}",
                param_hint="--ledger",
            )
        return location
    loaded = load(process_environment())
    if loaded.settings.ledger is None:
        raise fail("OTEL_DISTRO_LEDGER=none, so no ledger is kept; name one with --ledger PATH")
    return loaded.settings.ledger


def _files_beside(path: Path) -> list[Path]:
    try:
        return [file for file in path.absolute().parent.iterdir() if file.is_file()]
    except OSError:
        return []


def pseudonym_of(person: Person, value: str | None) -> str | None:
    """Return the ledger's pseudonym of a user or session, or *value* if it is one.

    Ends with a message without a key, as no user was ever stored then.
    """
    if value is None:
        return None
    from otel_cost_ledger.model.privacy import parse_person_name, pseudonym
    from otel_distro.base.installation_key import existing_key

    if parse_person_name(f"user_{value}") is not None:
        return value
    key = existing_key(load(process_environment()).settings.state_dir)
    if key is None:
        raise fail("no user or session was ever stored here: there is no pseudonym.key")
    return pseudonym(key, person, value)


def price_book(path: Path | None) -> PriceBook:
    """Return the prices to use; ends with a message if the file cannot be read."""
    from otel_pricing import PriceBook, PriceBookError, read_price_file

    file = path or load(process_environment()).settings.prices
    try:
        return PriceBook(read_price_file(file)) if file else PriceBook()
    except PriceBookError as error:
        raise fail(str(error)) from error


def nanoseconds(moment: datetime | None) -> int | None:
    """Return *moment* in exact nanoseconds since the Unix epoch, or None."""
    if moment is None:
        return None
    from otel_cost_ledger.model.filters import to_ns

    return to_ns(moment)
