"""The location of a ledger: a file, or a PostgreSQL database whose password is never shown."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMES = frozenset({"postgresql", "postgres"})
EXAMPLE = "postgresql://user@host/database"


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """A PostgreSQL database; `str()` and `repr()` leave the password and all options out."""

    shown: str
    """The URL without anything that could be secret."""
    parameters: Mapping[str, str] = field(repr=False, hash=False)
    """Connection parameters by the names that libpq gives them."""

    @classmethod
    def parse(cls, text: str) -> PostgresUrl:
        """Return the database that *text* names; raises ValueError, which does not quote it."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
            options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        except ValueError:
            raise ValueError(f"not a URL that can be read; for example {EXAMPLE}") from None
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"only files and PostgreSQL are supported; for example {EXAMPLE}")
        if not parts.path.strip("/"):
            raise ValueError(f"names no database; for example {EXAMPLE}")
        named = {
            "host": unquote(parts.hostname or ""),
            "port": str(port or ""),
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "dbname": unquote(parts.path.strip("/")),
        }
        parameters = {**options, **{name: value for name, value in named.items() if value}}
        # A socket's folder can only be given as an option.
        host = named["host"] or options.get("host", "")
        user = f"{named['user']}@" if named["user"] else ""
        at_port = f":{port}" if port else ""
        return cls(f"postgresql://{user}{host}{at_port}/{named['dbname']}", parameters)

    def __str__(self) -> str:
        return self.shown

    def without_password(self, message: str) -> str:
        """Return *message* with the password blotted out, should a library have quoted it."""
        password = self.parameters.get("password")
        return message.replace(password, "***") if password else message


Location = Path | PostgresUrl


def parse_location(text: str) -> Location:
    """Return the file or database that *text* names.

    Raises ValueError for another URL, and for what names no file, such as `/` or nothing.
    """
    if "://" in text:
        return PostgresUrl.parse(text)
    path = Path(text).expanduser()
    if not path.name:
        raise ValueError(f"{text!r} is not the name of a file")
    return path


def spill_path(location: Location, state_dir: Path) -> Path:
    """Return where calls wait while the ledger cannot be written.

    Beside a file; for a database in *state_dir*, under a name of that database.
    """
    if isinstance(location, PostgresUrl):
        mark = hashlib.sha256(location.shown.encode()).hexdigest()[:12]
        return state_dir / f"postgresql-{mark}.spill.jsonl"
    return location.with_name(location.name + ".spill.jsonl")
