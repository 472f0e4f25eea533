"""Installs the hooks of `otel_wire` according to the settings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import wrapt

from otel_distro.base import messages
from otel_distro.pipeline.wire.gateways import hook_gateways

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.settings import Settings
    from otel_wire.record import WireRecord

_CLIENTS: Final = (
    "httpx",
    "httpx2",
    "urllib3",
    "aiohttp",
    "http.client",
    "lm15.transports",
    "dspy._vendor.lm15.transports",
)
"""Same as `otel_wire.clients.HOOKS`, which is imported only with one of them."""


def hook_clients(internal_errors: InternalErrors) -> None:
    """Install the hook of each client library when the program imports it."""
    for name in _CLIENTS:
        wrapt.register_post_import_hook(_Put(internal_errors), name)


class _Put:
    def __init__(self, internal_errors: InternalErrors) -> None:
        self._internal_errors = internal_errors

    def __call__(self, module: Any) -> None:
        try:
            from otel_wire import clients

            clients.install(module)
        except Exception as error:  # the app's import must not fail
            self._internal_errors.record("wire", error)
            messages.warn(
                f"calls through {module.__name__} are not observed, and not stopped by budgets, "
                f"because this version of it cannot be wrapped ({type(error).__name__})"
            )


class WireWatch:
    """The observer of this process, with the hosts and endpoints of the settings."""

    def __init__(self, settings: Settings, internal_errors: InternalErrors) -> None:
        self._settings = settings
        self._internal_errors = internal_errors
        self._installed = False

    def install(self, take: Callable[[WireRecord], None]) -> Callable[[], None]:
        """Pass finished requests to *take* from now on, unless the settings disable it.

        Return a function that stops it.
        """
        if not self._settings.wire:
            return lambda: None
        hosts = self._settings.wire_hosts
        from otel_wire.observer import observer

        observer.configure(
            allowed=[host for host in hosts if not host.startswith("-")],
            denied=[host[1:] for host in hosts if host.startswith("-")],
            endpoints=self._settings.model_endpoints,
        )
        observer.requests_usage = self._settings.stream_usage == "request"
        observer.on_fault = lambda error: self._internal_errors.record("wire", error)
        self._installed = True
        stop = observer.observe(take)
        hook_clients(self._internal_errors)
        hook_gateways(self._internal_errors)
        return stop

    def close(self) -> None:
        """End open requests and pass them on, once."""
        installed, self._installed = self._installed, False
        if installed:
            sys.modules["otel_wire.observer"].observer.end_all()
