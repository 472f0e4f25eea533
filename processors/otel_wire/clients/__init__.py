"""Hooks in HTTP client libraries, each installed when its library is imported."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

HOOKS: Final[dict[str, str]] = {
    "httpx": "httpx",
    "httpx2": "httpx",
    "urllib3": "urllib3",
    "aiohttp": "aiohttp",
    "http.client": "http_client",
    "lm15.transports": "lm15",
    "dspy._vendor.lm15.transports": "lm15",
}
"""Library -> module of this package with its hook. requests and botocore send through urllib3."""


def install(module: Any) -> None:
    """Install the hook in the client library *module*; raises if that version is not supported."""
    hook = import_module(f"{__name__}.{HOOKS[module.__name__]}")
    put: Callable[[Any], None] = hook.install
    put(module)
