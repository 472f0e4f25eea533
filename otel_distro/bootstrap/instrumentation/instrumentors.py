"""Activates instrumentors, each on its own: one that fails takes no other with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry.instrumentation.dependencies import DependencyConflictError

from otel_distro.base.messages import say_once
from otel_distro.base.startup_phases import INSTRUMENTOR, phase
from otel_distro.bootstrap.instrumentation.libraries import WAITS_FOR
from otel_distro.bootstrap.instrumentation.waiting import WaitingActivations

if TYPE_CHECKING:
    from opentelemetry.util._importlib_metadata import EntryPoint

_waiting = WaitingActivations()

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
"""What is measured of host and process; upstream's full set costs many more series."""


def load(entry_point: EntryPoint, **kwargs: Any) -> None:
    """Activate the instrumentor behind *entry_point*, at once or when its library is imported.

    A program pays for importing what it uses itself. Missing libraries stay the agent's business
    (it skips them quietly); any other error is told in one line and that library alone stays
    without spans.
    """
    module = entry_point.module
    _waiting.watch(module)
    library = WAITS_FOR.get(entry_point.name)
    if library is None or library in sys.modules:
        try:
            _activate(entry_point, **kwargs)
        finally:
            _waiting.retry(module)
        return

    def activate() -> None:
        try:
            _activate(entry_point, **kwargs)
        except (ModuleNotFoundError, DependencyConflictError):
            pass  # an optional part of it is not installed, or a version it does not know
        except ImportError as error:
            _tell(entry_point.name, error)

    def imported(_library: object) -> None:
        _waiting.run(module, activate)
        _waiting.retry(module)

    wrapt.register_post_import_hook(imported, library)


def _activate(entry_point: EntryPoint, **kwargs: Any) -> None:
    try:
        with phase(f"{INSTRUMENTOR}{entry_point.name}"):
            instrumentor = entry_point.load()
            if entry_point.name == "system_metrics":
                instrumentor(config=SYSTEM_METRICS).instrument(**kwargs)
            else:
                instrumentor().instrument(**kwargs)
    except (ImportError, DependencyConflictError):
        raise
    except Exception as error:  # noqa: BLE001 - the agent would give up on all that follow
        _tell(entry_point.name, error)


def _tell(name: str, error: Exception) -> None:
    say_once(
        f"instrumentation of {name} failed ({type(error).__name__}: {error}); "
        f"to skip it set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={name}"
    )
