"""Address of spooled telemetry: app, signal and endpoint.

Each address has its own folder, so that no app sends another app's telemetry to a different
endpoint or under other credentials.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_host.private_files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ROOT: Final = "spool"
_ABOUT: Final = "about.json"


@dataclass(frozen=True, slots=True)
class Address:
    """An app, a signal and a destination."""

    signal: str
    """`traces`, `metrics` or `logs`."""
    service: str
    """`service.name`, redacted."""
    endpoint: str
    """Scheme, host, port and path; never user, password or query."""
    protocol: str
    """`http/protobuf` or `grpc`."""
    credentials: str = ""
    """Keyed digest of its credentials; empty without any."""

    @property
    def names(self) -> tuple[str, str]:
        """Names of the folders below the state folder."""
        from hashlib import blake2b

        parts = (self.service, self.endpoint, self.protocol, self.credentials)
        text = "\0".join(parts if self.credentials else parts[:-1])
        key = blake2b(text.encode(errors="replace"), digest_size=6).hexdigest()
        return ROOT, f"{self.signal}-{key}"

    def folder(self, state_dir: Path) -> Path:
        """Return the folder of its telemetry below *state_dir*."""
        return state_dir.joinpath(*self.names)

    def describe(self, folder: Path) -> None:
        """Write the address file of *folder*, unless there is one."""
        path = folder / _ABOUT
        if path.exists():
            return
        about = {
            "signal": self.signal,
            "service": self.service,
            "endpoint": self.endpoint,
            "protocol": self.protocol,
            "credentials": self.credentials,
        }
        with suppress(OSError), replacing(path) as file:
            file.write(json.dumps(about, indent=2).encode())


def digest_of(credentials: Iterable[str], key: bytes | None) -> str:
    """Return a digest that distinguishes *credentials* and hides them; empty without any.

    *key* is the installation's; None, if it cannot be stored, gives a digest unique to this
    process, so that nothing is sent under other credentials.
    """
    from hashlib import blake2b

    secrets = "\0".join(text for text in credentials if text)
    if not secrets:
        return ""
    key = (key or _PROCESS_KEY)[:64]
    return blake2b(secrets.encode(errors="replace"), key=key, digest_size=12).hexdigest()


_PROCESS_KEY: Final = os.urandom(32)


def read_address(folder: Path) -> Address | None:
    """Return the address of *folder*; None without a readable address file."""
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return Address(
            str(about["signal"]),
            str(about["service"]),
            str(about["endpoint"]),
            str(about["protocol"]),
            str(about.get("credentials", "")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
