"""Imports the libraries of background threads at boot, if the settings need them.

Background threads import no module that an application may use: a library that inspects
`sys.modules` would find a partially imported module.
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
    """Import the optional libraries that background threads need under *settings*.

    A missing one is reported on use, with the package to install.
    """
    for name in _needed(settings):
        try:
            import_module(name)
        except Exception:  # reported by the part that uses it
            continue


def _needed(settings: Settings) -> Iterator[str]:
    if isinstance(settings.ledger, PostgresUrl) or settings.budget_store is not None:
        yield from ("psycopg", "psycopg.adapt")
    if settings.content == "full" and settings.content_key is not None:
        yield from _ENCRYPTION
    if settings.prices is not None:
        yield "tomllib"
