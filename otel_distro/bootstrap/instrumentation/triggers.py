"""What activates instrumentors: the import of a library, and never the middle of their own import.

Entry points that share a module share a trigger. The import of that module may itself import the
library (`opentelemetry.instrumentation.httpx` imports httpx), or an app may import the module by
hand; an instrumentor that is due in the middle of it is activated when the import has ended.
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
    """The instrumentors of one module, and when each of them is due; thread-safe."""

    def __init__(self, module_name: str) -> None:
        self._module_name = module_name
        self._lock = threading.RLock()
        self._pending: list[Activate] = []
        if module_name not in sys.modules:
            # Before the module is imported, or the hook would be called at once.
            wrapt.register_post_import_hook(self._module_ready, module_name)

    def when_imported(self, library: str, activate: Activate) -> None:
        """Call *activate* when *library* is imported; at once if it is already."""
        if is_imported(library):
            self.now(activate)
        else:
            wrapt.register_post_import_hook(lambda _module: self.now(activate), library)

    def now(self, activate: Activate) -> None:
        """Call *activate*, or have it called when the import of the module has ended."""
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
    """Return the trigger of the module that *entry_point* is in."""
    name = module_of(entry_point)
    found = _triggers.get(name)
    if found is None:
        found = _triggers[name] = Trigger(name)
    return found


def module_of(entry_point: EntryPoint) -> str:
    """Return the name of the module that *entry_point* is in."""
    return entry_point.value.partition(":")[0].strip()


def is_imported(name: str) -> bool:
    """Whether the module *name* is imported to its end."""
    return name in sys.modules and not is_being_imported(name)


def is_being_imported(name: str) -> bool:
    """Whether the module *name* is in the middle of its import, on any thread."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))
