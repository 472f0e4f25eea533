"""Libraries of background threads, imported at boot where the settings ask for them.

A background thread imports nothing that an application may use as well: a library that peeks into
`sys.modules` would find a module there that is imported by half.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from otel_cost_ledger.model.location import PostgresUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_distro.settings import Settings

_ENCRYPTION = (
    "cryptography.hazmat.primitives.asymmetric.x25519",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.hashes",
    "cryptography.hazmat.primitives.kdf.hkdf",
)


def import_for_background(settings: Settings) -> None:
    """Import the optional libraries that *settings* make background threads use.

    One that is missing is reported where it is needed, with what to install.
    """
    for name in _needed(settings):
        try:
            import_module(name)
        except Exception:  # reported by the part that needs it
            continue


def _needed(settings: Settings) -> Iterator[str]:
    if isinstance(settings.ledger, PostgresUrl) or settings.budget_store is not None:
        yield from ("psycopg", "psycopg.adapt")
    if settings.content == "full" and settings.content_key is not None:
        yield from _ENCRYPTION
    if settings.prices is not None:
        yield "tomllib"
