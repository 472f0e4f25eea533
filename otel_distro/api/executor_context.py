"""Propagates session, user, tenant, feature flag and budget scope to thread pools.

Pools are `ThreadPoolExecutor`, also used by `run_in_executor`, and the `ThreadPool` of
`multiprocessing`. A thread started by a program keeps its own context: it may serve other work
later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import wrapt

from otel_distro.api import budget
from otel_distro.api.budget import current_scope
from otel_distro.api.context import BaggageScope, local_baggage

if TYPE_CHECKING:
    from collections.abc import Callable

_MODULE: Final = "concurrent.futures.thread"
_POOL_MODULE: Final = "multiprocessing.pool"
_OF_POOL: Final = ("apply_async", "_map_async", "imap", "imap_unordered")
"""Methods of a `ThreadPool` that take a function; all others use these."""


def install() -> None:
    """Wrap both kinds of pools, once, as soon as their modules are loaded."""
    wrapt.register_post_import_hook(_wrap, _MODULE)
    wrapt.register_post_import_hook(_wrap_pool, _POOL_MODULE)


def _wrap(module: Any) -> None:
    if not isinstance(module.ThreadPoolExecutor.submit, wrapt.ObjectProxy):
        wrapt.wrap_function_wrapper(module, "ThreadPoolExecutor.submit", _submit)


def _wrap_pool(module: Any) -> None:
    # On the subclass: functions for other processes could not be pickled.
    for name in _OF_POOL:
        own = vars(module.ThreadPool).get(name)
        if not isinstance(own, wrapt.ObjectProxy):
            inherited = getattr(module.ThreadPool, name)
            setattr(module.ThreadPool, name, wrapt.FunctionWrapper(inherited, _submit))


def _submit(original: Callable[..., Any], _pool: Any, arguments: Any, named: Any) -> Any:
    try:
        local_values = local_baggage()
        scope = current_scope()
        if (local_values or scope) and arguments:
            arguments = (_carrying(arguments[0], dict(local_values), dict(scope)), *arguments[1:])
    except Exception:  # the app's task runs without it
        pass
    return original(*arguments, **named)


def _carrying(
    function: Callable[..., Any], local_values: dict[str, str], scope: dict[str, str]
) -> Callable[..., Any]:
    def run(*arguments: Any, **named: Any) -> Any:
        with BaggageScope(local_values, ""), budget.scope(**scope):
            return function(*arguments, **named)

    return run
