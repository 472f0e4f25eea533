"""Activates instrumentors, each on its own: one that fails takes no other with it."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import wrapt

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


_WAITS_FOR = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google_genai": "google.genai",
    "langchain": "langchain_core",
    "openai_agents": "agents",
    "botocore": "botocore",
    "vertexai": "vertexai",
}
"""Entry point -> library that its instrumentor would import, a second for some of them."""


def load(entry_point: EntryPoint, **kwargs: Any) -> None:
    """Activate the instrumentor behind *entry_point*, at once or when its library is imported.

    A program that never imports a model client does not pay for importing it. Missing libraries
    stay the agent's business (it skips them quietly); any other error is told in one line and
    that library alone stays without spans.
    """
    library = _WAITS_FOR.get(entry_point.name)
    if library is None or library in sys.modules:
        _activate(entry_point, **kwargs)
        return

    def activate(_module: object) -> None:
        with suppress(ImportError):
            _activate(entry_point, **kwargs)

    wrapt.register_post_import_hook(activate, library)


def _activate(entry_point: EntryPoint, **kwargs: Any) -> None:
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
