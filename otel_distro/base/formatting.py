"""Formats numbers and names for tables, the page and the exit line."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NANO: Final = Decimal(1_000_000_000)
UNKNOWN: Final = "unknown"


def printable(text: str) -> str:
    """Return *text* without control characters, which could control the reader's terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def printable_json(document: str) -> str:
    """Return a JSON *document* with terminal control characters escaped; equal to parsers."""
    if document.isprintable():
        return document
    return "".join(c if c == "\n" or c.isprintable() else _escape(c) for c in document)


def _escape(char: str) -> str:
    from json import dumps

    return dumps(char)[1:-1]


def usd(nano: int | None) -> str:
    """Return a readable amount, with enough digits that no call shows as zero."""
    if nano is None:
        return UNKNOWN
    amount = Decimal(nano) / _NANO
    if amount == 0:
        return "$0"
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    if amount >= 1:
        return f"{sign}${amount:,.2f}"
    if amount >= Decimal("0.01"):
        return f"{sign}${amount:.4f}"
    return f"{sign}${amount:.9f}".rstrip("0")


def usd_short(nano: int | None) -> str:
    """Return an amount in three digits or so, for tables of sums."""
    if nano is None or nano == 0 or abs(nano) >= 10_000_000:
        return usd(nano)
    return f"{'-' if nano < 0 else ''}${float(f'{abs(nano) / 1e9:.3g}'):.9f}".rstrip("0")


def cost(
    nano: int,
    *,
    calls: int,
    unpriced: int,
    partial: int = 0,
    shown: Callable[[int], str] = usd,
) -> str:
    """Return the cost of *calls*; unknown is not shown as zero.

    If some have no price the sum is a lower bound; if no other call has a cost it is unknown.
    """
    if cost_is_unknown(nano, calls=calls, unpriced=unpriced):
        return UNKNOWN
    return f"> {shown(nano)}" if unpriced or partial else shown(nano)


def bound(at_most: int, likely: int | None, *, shown: Callable[[int], str] = usd) -> str:
    """Return the unknown part of a cost: a likely amount, if there is one, and a bound."""
    most = f"at most {shown(at_most)} more"
    return most if likely is None else f"likely {shown(likely)} more, {most}"


def cost_is_unknown(nano: int, *, calls: int, unpriced: int) -> bool:
    """Return whether the cost of *calls* is unknown: a sum of 0 would only be a lower bound."""
    return bool(unpriced) and (unpriced >= calls or not nano)


def cost_notes(*, unpriced: int, partial: int = 0, reported: int = 0) -> list[str]:
    """Return the notes on a sum: the number of inexact calls, and the reasons."""
    return [
        f"{counted(number, 'call')} {what}"
        for number, what in (
            (unpriced, "without a known price or usage"),
            (partial, "priced only in part"),
            (reported, "at their reported cost"),
        )
        if number
    ]


def count(value: int | None) -> str:
    """Return a number with thousands separated."""
    return "-" if value is None else f"{value:,}"


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number and its noun: `1 call`, `2 calls`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def home_relative(path: str, environ: Mapping[str, str]) -> str:
    """Return *path* with the home folder of *environ* as `~`."""
    home = environ.get("HOME", "").rstrip("/")
    return "~" + path[len(home) :] if home and path.startswith(home + "/") else path


def compact(value: float) -> str:
    """Return a number in three digits or so: `950`, `12.3k`, `4.56M`, `1.2B`."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        # From 999.5 on three digits would give 1e+03 of the unit below.
        if abs(value) >= 0.9995 * size:
            scaled = value / size
            return f"{scaled:.3g}{unit}" if abs(scaled) < 1000 else f"{scaled:,.0f}{unit}"
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def usd_axis(nano: float) -> str:
    """Return an amount for the axis of a chart, with round values."""
    amount = nano / 1e9
    if amount >= 1000:
        return f"${compact(amount)}"
    text = f"{amount:.9f}".rstrip("0").rstrip(".")
    whole, _, decimals = text.partition(".")
    return f"${whole}.{decimals}0" if len(decimals) == 1 else f"${text}"


def duration(ms: float | None) -> str:
    """Return a duration in a suitable unit, in about three digits."""
    if ms is None:
        return "-"
    if ms >= 60_000:
        return f"{ms / 60_000:,.1f} min"
    if ms >= 1000:
        return f"{ms / 1000:.2f} s" if ms < 10_000 else f"{ms / 1000:.1f} s"
    if 0 < ms < 0.095:
        return f"{ms * 1000:.2g} µs"
    return f"{ms:.0f} ms" if ms >= 10 or ms == 0 else f"{ms:.1f} ms"


def milliseconds_axis(value: float) -> str:
    """Return a duration for the axis of a chart."""
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"


def percent(share: float) -> str:
    """Return a share (0 to 1) as a percentage; only exact values give 0% and 100%."""
    value = 100 * share
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{value:.1f} %" if value < 10 and value != int(value) else f"{value:.0f} %"
