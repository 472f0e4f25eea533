"""Import triggers of instrumentors, never during the import of the instrumentor itself.

Entry points of one module share a trigger. The import of that module may import the library
(`opentelemetry.instrumentation.httpx` imports httpx), or an app may import the module directly; an
instrumentor triggered during it is activated when the import has ended.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import wrapt

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.util._importlib_metadata import EntryPoint

    Activate = Callable[[], None]


class Trigger:
    """The instrumentors of one module and their triggers; thread-safe."""

    def __init__(self, module_name: str) -> None:
        self._module_name = module_name
        self._lock = threading.RLock()
        self._pending: list[Activate] = []
        if module_name not in sys.modules:
            # Before importing the module, or the hook would be called at once.
            wrapt.register_post_import_hook(self._module_ready, module_name)

    def when_imported(self, library: str, activate: Activate) -> None:
        """Call *activate* when *library* is imported; at once if it already is."""
        if is_imported(library):
            self.now(activate)
        else:
            wrapt.register_post_import_hook(lambda _module: self.now(activate), library)

    def now(self, activate: Activate) -> None:
        """Call *activate*, now or when the import of the module has ended."""
        with self._lock:
            waits = is_being_imported(self._module_name)
            if waits:
                self._pending.append(activate)
        if not waits:
            activate()

    def _module_ready(self, _module: object) -> None:
        while True:
            with self._lock:
                if not self._pending:
                    return
                activate = self._pending.pop(0)
            activate()


_triggers: dict[str, Trigger] = {}


def trigger_of(entry_point: EntryPoint) -> Trigger:
    """Return the trigger of the module of *entry_point*."""
    name = module_of(entry_point)
    found = _triggers.get(name)
    if found is None:
        found = _triggers[name] = Trigger(name)
    return found


def module_of(entry_point: EntryPoint) -> str:
    """Return the module name of *entry_point*."""
    return entry_point.value.partition(":")[0].strip()


def is_imported(name: str) -> bool:
    """Whether the module *name* is completely imported."""
    return name in sys.modules and not is_being_imported(name)


def is_being_imported(name: str) -> bool:
    """Whether the module *name* is being imported, on any thread."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))
