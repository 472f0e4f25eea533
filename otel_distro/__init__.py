"""The OpenTelemetry distribution for Python programs that call language models.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_distro.budget import BudgetExceeded
    from otel_distro.configuration import configure
    from otel_distro.contexts import feature_flag, session, tenant, user
    from otel_distro.errors import OtelDistroError, Problem, SettingsError
    from otel_distro.events.catalogue import Attribute, define_event
    from otel_distro.events.tracking import Event, attach, detach, event_span, track_event
    from otel_distro.logs.adapters import loguru_patcher, loguru_sink, structlog_processor
    from otel_distro.measuring.business import business_metric
    from otel_distro.measuring.graph_nodes import graph_node
    from otel_distro.measuring.tallies import Snapshot, reset, snapshot
    from otel_distro.measuring.tracing import current_trace_id, measure, traced

_HOMES = {
    "Attribute": "events.catalogue",
    "BudgetExceeded": "budget",
    "Event": "events.tracking",
    "OtelDistroError": "errors",
    "Problem": "errors",
    "SettingsError": "errors",
    "Snapshot": "measuring.tallies",
    "attach": "events.tracking",
    "business_metric": "measuring.business",
    "configure": "configuration",
    "current_trace_id": "measuring.tracing",
    "define_event": "events.catalogue",
    "detach": "events.tracking",
    "event_span": "events.tracking",
    "feature_flag": "contexts",
    "graph_node": "measuring.graph_nodes",
    "loguru_patcher": "logs.adapters",
    "loguru_sink": "logs.adapters",
    "measure": "measuring.tracing",
    "reset": "measuring.tallies",
    "session": "contexts",
    "snapshot": "measuring.tallies",
    "structlog_processor": "logs.adapters",
    "tenant": "contexts",
    "traced": "measuring.tracing",
    "track_event": "events.tracking",
    "user": "contexts",
}

__all__ = [
    "Attribute",
    "BudgetExceeded",
    "Event",
    "OtelDistroError",
    "Problem",
    "SettingsError",
    "Snapshot",
    "attach",
    "business_metric",
    "configure",
    "current_trace_id",
    "define_event",
    "detach",
    "event_span",
    "feature_flag",
    "graph_node",
    "loguru_patcher",
    "loguru_sink",
    "measure",
    "reset",
    "session",
    "snapshot",
    "structlog_processor",
    "tenant",
    "traced",
    "track_event",
    "user",
]


def __getattr__(name: str) -> Any:
    """Load a public name, or a module that is meant to be used as one (`budget`, `consent`)."""
    if name in _HOMES:
        found = getattr(import_module(f"otel_distro.{_HOMES[name]}"), name)
    elif name in {"budget", "consent"}:
        found = import_module(f"otel_distro.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found
