"""Activates instrumentors, each on its own: one that fails takes no other with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.notices import say_once

if TYPE_CHECKING:
    from opentelemetry.util._importlib_metadata import EntryPoint

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
    """Activate the instrumentor behind *entry_point*.

    Missing libraries stay the agent's business (it skips them quietly); any other error is told
    in one line and that library alone stays without spans.
    """
    try:
        instrumentor = entry_point.load()
        if entry_point.name == "system_metrics":
            instrumentor(config=SYSTEM_METRICS).instrument(**kwargs)
        else:
            instrumentor().instrument(**kwargs)
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001 - the agent would give up on all that follow
        say_once(
            f"instrumentation of {entry_point.name} failed ({type(error).__name__}: {error}); "
            f"to skip it set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={entry_point.name}"
        )
