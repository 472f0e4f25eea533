"""Activations that wait until the instrumentor's own module is imported.

An instrumentor's module imports the library it instruments. The import hook of that library
then fires while the instrumentor's module is half imported, and has nothing to activate yet. The
same happens when another thread is importing the instrumentor's module.
"""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

import wrapt

if TYPE_CHECKING:
    from collections.abc import Callable


class WaitingActivations:
    """Runs activations of a module when its import is over, each once; thread-safe."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._watched: set[str] = set()
        self._imported: set[str] = set()
        # Reentrant: a garbage collection inside may import, and so call us again.
        self._lock = threading.RLock()

    def watch(self, module: str) -> None:
        """Learn when the import of *module* ends; called before anything may import it."""
        with self._lock:
            if module in self._watched:
                return
            self._watched.add(module)
        if not _is_being_imported(module):
            wrapt.register_post_import_hook(lambda _module: self._is_imported(module), module)

    def run(self, module: str, activate: Callable[[], None]) -> None:
        """Call *activate* now, or when the import of *module* that is going on has ended."""
        with self._lock:
            if module not in self._imported and _is_being_imported(module):
                self._waiting[module].append(activate)
                return
        activate()

    def retry(self, module: str) -> None:
        """Run what waits for *module* if it waits for nothing any more.

        For an import that failed: no hook fires after it.
        """
        with self._lock:
            if module not in self._imported and _is_being_imported(module):
                return
        self._run_waiting(module)

    def _is_imported(self, module: str) -> None:
        # The import system still calls the module half imported while hooks run.
        with self._lock:
            self._imported.add(module)
        self._run_waiting(module)

    def _run_waiting(self, module: str) -> None:
        with self._lock:
            activations = self._waiting.pop(module, [])
        for activate in activations:
            activate()


def _is_being_imported(module: str) -> bool:
    # What the import system itself asks; there is no public way to.
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))
