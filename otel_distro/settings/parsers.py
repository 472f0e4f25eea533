"""Parsers of setting values, one per type. Each raises ValueError with the allowed values."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from otel_budget.cost_budget import MOST_USD
from otel_budget.latency import LatencyBudget
from otel_distro.base.baggage_keys import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_cost_ledger.model.location import Location, PostgresUrl

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})

CONTENT_KEY_PREFIX = "otc1"
"""Prefix of every public content key, to distinguish it from other keys."""
_KEY_BYTES = 32

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50, "off": 60}
"""Severity -> level of the logging module; `off` is above all of them."""


def boolean(value: object) -> bool:
    """Read true/false, on/off, yes/no, 1/0 in any case; raises ValueError."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError("neither true nor false; choose from true, false, on, off")


def number(*, least: float, most: float, example: str) -> Callable[[object], float]:
    """Return a parser of numbers from *least* to *most*."""

    def read(value: object) -> float:
        try:
            result = float(str(value).strip())
        except ValueError:
            raise ValueError(f"not a number; for example {example}") from None
        if not least <= result <= most:
            raise ValueError(f"not between {least:g} and {most:g}; for example {example}")
        return result

    return read


def whole_number(*, least: int, most: int, example: str) -> Callable[[object], int]:
    """Return a parser of whole numbers from *least* to *most*."""
    read_number = number(least=least, most=most, example=example)

    def read(value: object) -> int:
        result = read_number(value)
        if result != int(result):
            raise ValueError(f"not a whole number; for example {example}")
        return int(result)

    return read


def path(value: object) -> Path:
    """Read a file or folder name; `~` is the home folder. Raises ValueError."""
    text = str(value).strip()
    if not text:
        raise ValueError("empty; write a path")
    if "\0" in text:
        raise ValueError("holds a NUL character; write a path")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("there is no home folder for `~`; write the whole path") from None


def ledger(value: object) -> Location | None:
    """Read a ledger location: a path or the URL of a database; None for `none`, no ledger."""
    text = str(value).strip()
    if text.lower() == "none":
        return None
    if "://" not in text:
        if "@" in text and text.lower().startswith(("postgres", "clickhouse")):
            scheme = "clickhouse" if text.lower().startswith("clickhouse") else "postgresql"
            raise ValueError(f"not a URL that can be read; write {scheme}://user@host/database")
        file = path(text)
        if not file.name:
            raise ValueError("not the name of a file; write the path of one")
        return file
    from otel_cost_ledger.model.location import database_of

    return database_of(text)


def budget_store(value: object) -> PostgresUrl | None:
    """Read the budget store: a PostgreSQL URL; None for `file` in the state folder."""
    text = str(value).strip()
    if text.lower() == "file":
        return None
    from otel_cost_ledger.model.location import PostgresUrl

    return PostgresUrl.parse(text)


def usd(value: object) -> Decimal:
    """Read an exact amount in US dollars; raises ValueError."""
    try:
        amount = Decimal(str(value).strip().removeprefix("$"))
    except InvalidOperation:
        raise ValueError("not an amount of US dollars; for example 10 or 0.50") from None
    if isinstance(value, bool) or not amount.is_finite() or not 0 <= amount <= MOST_USD:
        raise ValueError(f"not between 0 and {MOST_USD:f} US dollars; for example 10 or 0.50")
    return amount


def choice(*allowed: str) -> Callable[[object], str]:
    """Return a parser of one of the words *allowed*."""

    def read(value: object) -> str:
        word = str(value).strip().lower()
        if word not in allowed:
            raise ValueError(f"choose from {', '.join(allowed)}")
        return word

    return read


def consent(value: object) -> bool:
    """Return whether consent is `required` or `not_required`; raises ValueError."""
    word = str(value).strip().lower().replace("-", "_")
    if word in {"required", "not_required"}:
        return word == "required"
    try:
        return boolean(value)
    except ValueError:
        raise ValueError("choose from required, not_required; until then it is required") from None


def content_key(value: object) -> str:
    """Read the public content key, checking only its format; raises ValueError."""
    from base64 import urlsafe_b64decode

    text = str(value).strip()
    try:
        # Two padding characters suffice for any length; the decoder ignores excess.
        raw = urlsafe_b64decode(text.removeprefix(CONTENT_KEY_PREFIX) + "==")
    except ValueError:
        raw = b""
    if not text.startswith(CONTENT_KEY_PREFIX) or len(raw) != _KEY_BYTES:
        raise ValueError(
            "not a public key; `otel-distro privacy content keygen FILE` makes and prints one"
        )
    return text


def unknown_model(value: object) -> str | Decimal:
    """Read `allow`, `deny` or a price in US dollars per million tokens; raises ValueError."""
    word = str(value).strip().lower()
    if word in {"allow", "deny"}:
        return word
    try:
        return usd(value)
    except ValueError:
        raise ValueError("choose from allow, deny, or a price such as 15") from None


def names(value: object) -> tuple[str, ...]:
    """Read a comma-separated list, or a list of strings from a file."""
    parts = value if isinstance(value, list | tuple) else str(value).split(",")
    return tuple(text for part in parts if (text := str(part).strip()))


def baggage_keys(value: object) -> tuple[str, ...]:
    """Read the keys to send in baggage; raises ValueError for unknown keys."""
    baggage_names = names(value)
    unknown = [name for name in baggage_names if name not in KEYS]
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}; choose from {', '.join(KEYS)}")
    return baggage_names


def host_names(value: object) -> tuple[str, ...]:
    """Read host names; a leading dot includes all subdomains. Raises ValueError."""
    hosts = tuple(name.lower() for name in names(value))
    for name in hosts:
        if any(char in name for char in "/:@*") or not name.strip("."):
            raise ValueError(f"{name!r} is no host name; for example api.shop.example")
    return hosts


def log_levels(value: object) -> tuple[tuple[str, int], ...]:
    """Read `logger=severity` pairs, or a table from a file."""
    pairs = value.items() if isinstance(value, Mapping) else map(_pair, names(value))
    return tuple((str(name).strip(), _level(str(word))) for name, word in pairs)


def _pair(text: str) -> tuple[str, str]:
    name, equals, word = text.rpartition("=")
    if not equals or not name.strip():
        raise ValueError(f"{text!r} is not logger=severity; for example httpx=warning")
    return name, word


def _level(word: str) -> int:
    level = LEVELS.get(word.strip().lower())
    if level is None:
        raise ValueError(f"unknown severity {word.strip()!r}; choose from {', '.join(LEVELS)}")
    return level


def latency_budgets(value: object) -> tuple[LatencyBudget, ...]:
    """Read `pattern=milliseconds` pairs, or a list of tables from a file."""
    if isinstance(value, list | tuple):
        return tuple(LatencyBudget.from_mapping(entry) for entry in value)
    return tuple(_latency_pair(pair) for pair in names(value))


def _latency_pair(pair: str) -> LatencyBudget:
    pattern, equals, milliseconds = pair.rpartition("=")
    if not equals or not pattern.strip():
        raise ValueError(f"{pair!r} is not pattern=milliseconds; for example chat *=2000")
    return LatencyBudget.from_mapping({"operation": pattern.strip(), "ms": milliseconds.strip()})
