"""Numbers and names as people read them: in tables, on the page, in the line at exit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_NANO: Final = Decimal(1_000_000_000)
UNKNOWN: Final = "unknown"


def printable(text: str) -> str:
    """Return *text* without control characters, which could steer the reader's terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def usd(nano: int | None) -> str:
    """Return an amount for people: enough digits that no call shows as nothing."""
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


def cost(nano: int, *, calls: int, unpriced: int, partial: int = 0) -> str:
    """Return what *calls* cost, never less than is true: unknown is not zero.

    Where some of them have no price the sum is a lower bound; where none has one it is unknown.
    """
    if calls and unpriced >= calls:
        return UNKNOWN
    return f"> {usd(nano)}" if unpriced or partial else usd(nano)


def milliseconds(value: float | None) -> str:
    """Return a duration for people."""
    if value is None:
        return "-"
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


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
