"""What stays in force when the set-up of OpenTelemetry, or of this distribution, has failed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from otel_distro.settings import environment_variables as env

if TYPE_CHECKING:
    from collections.abc import Mapping


def make_missing_provider() -> None:
    """Set a global tracer provider without exporters where set-up has left none.

    Costs and budgets are read from spans, and need no exporter.
    """
    from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider, set_tracer_provider

    if isinstance(get_tracer_provider(), ProxyTracerProvider):
        from opentelemetry.sdk.trace import TracerProvider

        set_tracer_provider(TracerProvider(shutdown_on_exit=False))


def close_everything(environ: Mapping[str, str]) -> None:
    """Export nothing, and refuse model calls where *environ* speaks of budgets that refuse.

    The last resort when there is no runtime; never raises.
    """
    for step in (_disarm_globals, partial(_refuse_calls, environ)):
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the app must run
            from otel_distro.base import messages as notices

            notices.say(f"protection is incomplete ({type(error).__name__}); see its set-up above")


def _disarm_globals() -> None:
    from opentelemetry._logs import get_logger_provider
    from opentelemetry.metrics import get_meter_provider
    from opentelemetry.trace import get_tracer_provider

    from otel_distro.pipeline.install import disarm

    for provider in (get_tracer_provider(), get_logger_provider(), get_meter_provider()):
        disarm(provider)


def _refuse_calls(environ: Mapping[str, str]) -> None:
    if not _may_refuse(environ):
        return
    from otel_distro.base.internal_errors import Faults
    from otel_distro.pipeline.wire.watching import hook_clients
    from otel_wire.observer import observer

    observer.admission = _closed_gate()
    hook_clients(Faults())


def _may_refuse(environ: Mapping[str, str]) -> bool:
    """Return whether a budget that refuses may have been meant; settings cannot be asked."""
    if environ.get(env.OTEL_DISTRO_BUDGET_ACTION, "").strip().lower() == "refuse":
        return True
    for variable in (env.OTEL_DISTRO_CONFIG, "OTEL_CONFIG_FILE"):
        name = environ.get(variable, "").strip()
        try:
            if name and "refuse" in Path(name).read_text(encoding="utf-8", errors="replace"):
                return True
        except (OSError, ValueError):
            continue
    return False


def _closed_gate() -> Any:
    from types import SimpleNamespace

    from otel_budget.gate import Gate
    from otel_pricing import PriceBook

    class ClosedGate(Gate):
        def books_of(self, *_arguments: Any) -> NoReturn:
            raise RuntimeError("there are no books")  # the gate refuses on a fault

    books: Any = SimpleNamespace()
    return ClosedGate((), books, PriceBook)
