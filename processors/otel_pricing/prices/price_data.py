"""Data of genai-prices, loaded without importing third-party libraries.

`import genai_prices` also imports an HTTP client (for its updater) and pydantic (for other formats
of its data). Prices are first needed on a background thread, and a library that inspects
`sys.modules` must not find a module there that this thread has only partially imported. Therefore
the data modules are executed under private names, with substitutes for the two libraries, which are
not needed for price look-ups.
"""

from __future__ import annotations

import builtins
import sys
import typing
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import version
from importlib.util import find_spec, resolve_name
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from genai_prices.data_snapshot import DataSnapshot

_LIBRARY: Final = "genai_prices"
_SNAPSHOT: Final = f"{_LIBRARY}.data_snapshot"
_PRIVATE: Final = f"{__package__}._data"
"""Prefix of the names in `sys.modules`, where `dataclasses` looks for a class's module."""


class PriceData:
    """The prices of the installed genai-prices; loaded at the first look-up.

    Without a lock, because a forked child would wait for the thread that held it: two threads may
    both load the data, and the first to finish provides it.
    """

    def __init__(self) -> None:
        self._bundled: DataSnapshot | None = None
        self._version = ""

    def snapshot(self) -> DataSnapshot:
        """Return the current prices: the application's own, if it runs the updater.

        Raises ImportError if genai-prices is not installed.
        """
        public = sys.modules.get(_SNAPSHOT)
        custom: DataSnapshot | None = getattr(public, "_custom_snapshot", None)
        if custom is not None:
            return custom
        if self._bundled is None:
            loaded = _load()
            self._bundled = self._bundled or loaded
        return self._bundled

    def version(self) -> str:
        """Return the version of the installed genai-prices."""
        if not self._version:
            self._version = version("genai-prices")
        return self._version


PRICE_DATA: Final = PriceData()
"""The price data of this process."""


def _load() -> DataSnapshot:
    try:
        snapshot: DataSnapshot = _PrivateImports().load(_SNAPSHOT).get_snapshot()
    except Exception:  # noqa: BLE001 - unknown layout of the package: use its own import
        snapshot = import_module(_SNAPSHOT).get_snapshot()
    return snapshot


class _PrivateImports:
    """One private copy of the library's modules, and the `__import__` that they use."""

    def __init__(self) -> None:
        library = find_spec(_LIBRARY)
        if library is None or library.submodule_search_locations is None:
            raise ModuleNotFoundError(f"No module named {_LIBRARY!r}", name=_LIBRARY)
        self._places = list(library.submodule_search_locations)
        package = ModuleType(_PRIVATE)
        package.__path__ = []
        self._modules: dict[str, ModuleType] = {
            _LIBRARY: package,
            "pydantic": _StandIn("pydantic"),
            "typing_extensions": _Typing("typing_extensions"),
        }
        self._builtins = {**vars(builtins), "__import__": self._import}

    def load(self, name: str) -> ModuleType:
        """Return the private copy of the library's module *name*."""
        known = self._modules.get(name)
        if known is not None:
            return known
        spec = PathFinder.find_spec(name, self._places)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        module = ModuleType(name.replace(_LIBRARY, _PRIVATE, 1))
        vars(module).update(__builtins__=self._builtins, __package__=_LIBRARY, __file__=spec.origin)
        self._modules[name] = module
        sys.modules[module.__name__] = module
        exec(_code_of(spec), vars(module))  # noqa: S102 - the code of an installed library
        setattr(self._modules[_LIBRARY], name.rpartition(".")[2], module)
        return module

    def _import(
        self,
        name: str,
        variables: Mapping[str, Any] | None = None,
        local: Mapping[str, Any] | None = None,
        wanted: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        full = resolve_name("." * level + name, _LIBRARY) if level else name
        if full == _LIBRARY and wanted:
            for each in wanted:
                self.load(f"{_LIBRARY}.{each}")
            return self._modules[_LIBRARY]
        if full in self._modules or full.startswith(f"{_LIBRARY}."):
            module = self.load(full)
            return module if wanted else self._modules[full.partition(".")[0]]
        return builtins.__import__(name, variables, local, wanted or (), level)


def _code_of(spec: ModuleSpec) -> Any:
    get_code = getattr(spec.loader, "get_code", None)
    code = None if get_code is None else get_code(spec.name)
    if code is None:
        raise ImportError(f"the code of {spec.name} cannot be read", name=spec.name)
    return code


class _StandIn(ModuleType):
    """A module in which every attribute is a function that accepts anything."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _accept


class _Typing(ModuleType):
    """`typing`, with substitutes for names that older versions lack."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(typing, name, _accept)


def _accept(*_values: Any, **_named: Any) -> Any:
    return None
