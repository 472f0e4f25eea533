"""Instruments the model clients of a program that runs without the agent.

Each is instrumented on import. A failure is reported in one line, unless the client's requests are
observed.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import wrapt

from otel_distro.base.messages import warn_once
from otel_distro.bootstrap.instrumentation.instrumentors import load
from otel_distro.bootstrap.instrumentation.model_clients import conflict_of, instrumentors
from otel_distro.bootstrap.instrumentation.triggers import is_imported
from otel_pricing.model.instrumentations import MODEL_CLIENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.util._importlib_metadata import EntryPoint

    from otel_pricing.model.instrumentations import Instrumentation

_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_FOR_OTHER_PURPOSES: Final = frozenset({"boto3", "huggingface_hub"})
"""Libraries that most programs use without calling a model; not reported."""


def instrument_model_clients(
    environ: Mapping[str, str], *, observed: bool, **providers: Any
) -> None:
    """Activate the instrumentors of model clients, each when its client is imported.

    *observed*: whether requests to model providers are observed. *providers* are passed to the
    instrumentors: `tracer_provider`, `logger_provider`, `meter_provider`.
    """
    disabled = {name.strip() for name in environ.get(_DISABLED, "").split(",")}
    if "*" in disabled:
        return
    entry_points = instrumentors()
    active: set[str] = set()
    for client in MODEL_CLIENTS:
        if client.instrumentors & disabled:
            continue
        theirs = [entry for entry in entry_points if entry.name in client.instrumentors]
        usable = [entry for entry in theirs if conflict_of(entry) is None]
        for entry in usable:
            when_imported = partial(load, entry, skip_dep_check=True, **providers)
            wrapt.register_post_import_hook(_hook(when_imported), client.module)
        if usable:
            active.add(client.module)
        elif not observed and not client.makes_spans and client.name not in _FOR_OTHER_PURPOSES:
            report = partial(_report, client, theirs, active)
            wrapt.register_post_import_hook(_hook(report), client.module)
    _quiet_second_activation()


def _hook(action: Any) -> Any:
    return lambda _module: action()


def _report(client: Instrumentation, instrumentors: Sequence[EntryPoint], active: set[str]) -> None:
    if any(is_imported(module) for module in active):
        return  # a library above this one emits the spans
    why = "; ".join(filter(None, (conflict_of(entry) for entry in instrumentors)))
    if why:
        what = f"({why})"
    elif client.package:
        what = f"until you run: pip install {client.package}"
    else:
        what = "(no instrumentation of it is known)"
    warn_once(f"{client.name} is imported, but its calls have no spans {what}")


def _quiet_second_activation() -> None:
    """Drop the warning that upstream logs when the program activates an instrumentor again."""
    logger = logging.getLogger("opentelemetry.instrumentation.instrumentor")
    if _is_news not in logger.filters:
        logger.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return "already instrumented" not in record.getMessage()
