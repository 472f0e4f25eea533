"""Activates instrumentors independently: a failing one does not affect the others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from otel_distro.base.messages import warn_once
from otel_distro.base.startup_phases import INSTRUMENTOR, startup_timer
from otel_distro.bootstrap.instrumentation.triggers import module_of, trigger_of
from otel_pricing.model.instrumentations import GROUP, MODEL_CLIENTS, WAITS_FOR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.util._importlib_metadata import EntryPoint

_OF_MODEL_CLIENTS = frozenset(name for client in MODEL_CLIENTS for name in client.instrumentors)

SYSTEM_METRICS: dict[str, list[str] | None] = {
    "system.cpu.utilization": ["idle", "user", "system", "irq"],
    "system.memory.usage": ["used", "free", "cached"],
    "system.memory.utilization": ["used", "free", "cached"],
    "process.cpu.time": ["user", "system"],
    "process.cpu.utilization": ["user", "system"],
    "process.memory.usage": None,
    "process.memory.virtual": None,
    "process.thread.count": None,
    "process.open_file_descriptor.count": None,
    "cpython.gc.collections": None,
}
"""Host and process metrics; upstream's full set has many more series."""


def load(entry_point: EntryPoint, **kwargs: Any) -> None:
    """Activate the instrumentor of *entry_point*, at once or when its library is imported.

    A program imports only instrumentations of libraries it uses. A library that is not installed is
    skipped; any other error is reported in one line and only that library has no spans.
    """
    trigger = trigger_of(entry_point)
    library = library_of(entry_point)
    activate = partial(_activate_or_report, entry_point, library, **kwargs)
    if library is None:
        trigger.now(activate)
    else:
        trigger.when_imported(library, activate)


def library_of(entry_point: EntryPoint) -> str | None:
    """Return the module whose import activates *entry_point*; None to activate it at start.

    An unknown one waits with a known one of the same module.
    """
    known = WAITS_FOR.get(entry_point.name)
    if known is not None:
        return known
    beside = (other.name for other in _all_instrumentors() if _share_module(other, entry_point))
    return next((WAITS_FOR[name] for name in sorted(beside) if name in WAITS_FOR), None)


def _all_instrumentors() -> Iterable[EntryPoint]:
    # Upstream's function caches its result, and the agent has just called it.
    from opentelemetry.util._importlib_metadata import entry_points

    return entry_points(group=GROUP)


def _share_module(one: EntryPoint, other: EntryPoint) -> bool:
    return module_of(one) == module_of(other)


def _activate_or_report(entry_point: EntryPoint, library: str | None, **kwargs: Any) -> None:
    try:
        _activate(entry_point, **kwargs)
    except ModuleNotFoundError as error:
        # Without a library to wait for, the library itself is not installed. Packages with several
        # instrumentors include those of libraries that an app does not use.
        if library is not None and entry_point.name in _OF_MODEL_CLIENTS:
            warn_once(
                f"{entry_point.name} is imported but not instrumented: module {error.name}, which "
                f"{_package(entry_point)} needs, is missing; run `otel-distro doctor`"
            )
    except ImportError as error:
        _report_failure(entry_point.name, error)


def _package(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist is not None else entry_point.value


def _activate(entry_point: EntryPoint, **kwargs: Any) -> None:
    try:
        with startup_timer(f"{INSTRUMENTOR}{entry_point.name}"):
            instrumentor = entry_point.load()
            if entry_point.name == "system_metrics":
                instrumentor(config=SYSTEM_METRICS).instrument(**kwargs)
                return
            made = instrumentor()
            if not getattr(made, "is_instrumented_by_opentelemetry", False):
                made.instrument(**kwargs)
    except ImportError:
        raise
    except Exception as error:  # the agent would skip all following ones
        _report_failure(entry_point.name, error)


def _report_failure(name: str, error: Exception) -> None:
    warn_once(
        f"instrumentation of {name} failed ({type(error).__name__}: {error}); "
        f"to skip it set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={name}"
    )
