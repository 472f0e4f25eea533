"""The location of a ledger: a file, or a database whose password is never shown."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from otel_cost_ledger.model.errors import NotWrittenHereError

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLE = "postgresql://user@host/database"
CLICKHOUSE_EXAMPLE = "clickhouse://user@host/database"
_CLICKHOUSE_OPTIONS = frozenset({"secure", "verify", "ca_cert"})


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A database; `str()` and `repr()` omit the password and all options."""

    shown: str
    """The URL without potential secrets."""
    parameters: Mapping[str, str] = field(repr=False, hash=False)
    """Connection parameters by their libpq names."""

    def __str__(self) -> str:
        return self.shown

    def without_password(self, message: str) -> str:
        """Return *message* with the password masked, in case a library quoted it."""
        password = self.parameters.get("password")
        return message.replace(password, "***") if password else message


class PostgresUrl(DatabaseUrl):
    """A PostgreSQL database."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> PostgresUrl:
        """Return the database at the URL *text*; raises ValueError, which does not quote it."""
        shown, parameters = _parsed(text, {"postgresql", "postgres"}, "postgresql", EXAMPLE)
        return cls(shown, parameters)


class ClickHouseUrl(DatabaseUrl):
    """A ClickHouse database with its HTTP interface. It is only read: a Collector writes."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ClickHouseUrl:
        """Return the database at the URL *text*; raises ValueError, which does not quote it.

        The options `secure` and `verify` are `true` or `false`, `ca_cert` is a file.
        """
        shown, parameters = _parsed(text, {"clickhouse"}, "clickhouse", CLICKHOUSE_EXAMPLE)
        options = parameters.keys() - {"host", "port", "user", "password", "dbname"}
        if options - _CLICKHOUSE_OPTIONS:
            raise ValueError(f"options can only be {', '.join(sorted(_CLICKHOUSE_OPTIONS))}")
        for name in options & {"secure", "verify"}:
            if parameters[name] not in {"true", "false"}:
                raise ValueError(f"{name} can only be true or false")
        return cls(shown, parameters)

    def arguments(self) -> dict[str, str | int | bool]:
        """Return the parameters by their clickhouse-connect names."""
        named = self.parameters
        secure = named.get("secure") == "true"
        found: dict[str, str | int | bool] = {
            "host": named.get("host", "localhost"),
            "port": int(named.get("port", 8443 if secure else 8123)),
            "username": named.get("user", "default"),
            "password": named.get("password", ""),
            "database": named["dbname"],
            "secure": secure,
            "verify": named.get("verify") != "false",
        }
        return {**found, "ca_cert": named["ca_cert"]} if "ca_cert" in named else found


def _parsed(
    text: str, schemes: set[str], shown_scheme: str, example: str
) -> tuple[str, dict[str, str]]:
    """Return the URL *text* without secrets, and the connection's parameters."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise ValueError(f"not a URL that can be read; for example {example}") from None
    if parts.scheme not in schemes:
        raise ValueError(
            f"only files, PostgreSQL and ClickHouse are supported; for example {example}"
        )
    if not parts.path.strip("/"):
        raise ValueError(f"names no database; for example {example}")
    named = {
        "host": unquote(parts.hostname or ""),
        "port": str(port or ""),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "dbname": unquote(parts.path.strip("/")),
    }
    parameters = {**options, **{name: value for name, value in named.items() if value}}
    # A socket's folder can only be specified as an option.
    host = named["host"] or options.get("host", "")
    user = f"{named['user']}@" if named["user"] else ""
    at_port = f":{port}" if port else ""
    return f"{shown_scheme}://{user}{host}{at_port}/{named['dbname']}", parameters


Location = Path | PostgresUrl | ClickHouseUrl


def parse_location(text: str) -> Location:
    """Return the file or database at *text*, a path or URL.

    Raises ValueError for another URL, and for a text that names no file, such as `/` or "".
    """
    if "://" in text:
        return database_of(text)
    path = Path(text).expanduser()
    if not path.name:
        raise ValueError(f"{text!r} is not the name of a file")
    return path


def database_of(text: str) -> PostgresUrl | ClickHouseUrl:
    """Return the database at a URL; raises ValueError, which does not quote it."""
    if text.strip().startswith("clickhouse:"):
        return ClickHouseUrl.parse(text)
    return PostgresUrl.parse(text)


def written_here(location: Location) -> Path | PostgresUrl:
    """Return *location*; raises `NotWrittenHereError` for ClickHouse, which a Collector writes."""
    if isinstance(location, ClickHouseUrl):
        raise NotWrittenHereError(
            f"{location} is only read: a Collector fills it from the spans of programs "
            "(OTEL_EXPORTER_OTLP_ENDPOINT, docs/backends/clickhouse.md)"
        )
    return location


def spill_path(location: Location, state_dir: Path) -> Path:
    """Return the path of the spill file, for calls queued while the ledger cannot be written.

    It is beside a ledger file; for a database it is in *state_dir*, with the database in its name.
    """
    if isinstance(location, DatabaseUrl):
        mark = hashlib.sha256(location.shown.encode()).hexdigest()[:12]
        scheme = location.shown.partition(":")[0]
        return state_dir / f"{scheme}-{mark}.spill.jsonl"
    return location.with_name(location.name + ".spill.jsonl")
