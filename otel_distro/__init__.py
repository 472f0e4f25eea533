"""The OpenTelemetry distribution for Python programs that call language models.

Names are imported on first use, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_distro.api.budget import BudgetExceeded
    from otel_distro.api.context import feature_flag, session, tenant, user
    from otel_distro.api.events.catalogue import Attribute, define_event
    from otel_distro.api.events.tracking import Event, attach, detach, event_span, track_event
    from otel_distro.api.measuring.business import business_metric
    from otel_distro.api.measuring.graph_nodes import graph_node
    from otel_distro.api.measuring.tallies import Snapshot, reset, snapshot
    from otel_distro.api.measuring.tracing import current_trace_id, measure, traced
    from otel_distro.base.errors import OtelDistroError, Problem, SettingsError
    from otel_distro.bootstrap.configuration import configure
    from otel_distro.pipeline.logs.adapters import loguru_patcher, loguru_sink, structlog_processor

_HOMES = {
    "Attribute": "api.events.catalogue",
    "BudgetExceeded": "api.budget",
    "Event": "api.events.tracking",
    "OtelDistroError": "base.errors",
    "Problem": "base.errors",
    "SettingsError": "base.errors",
    "Snapshot": "api.measuring.tallies",
    "attach": "api.events.tracking",
    "business_metric": "api.measuring.business",
    "configure": "bootstrap.configuration",
    "current_trace_id": "api.measuring.tracing",
    "define_event": "api.events.catalogue",
    "detach": "api.events.tracking",
    "event_span": "api.events.tracking",
    "feature_flag": "api.context",
    "graph_node": "api.measuring.graph_nodes",
    "loguru_patcher": "pipeline.logs.adapters",
    "loguru_sink": "pipeline.logs.adapters",
    "measure": "api.measuring.tracing",
    "reset": "api.measuring.tallies",
    "session": "api.context",
    "snapshot": "api.measuring.tallies",
    "structlog_processor": "pipeline.logs.adapters",
    "tenant": "api.context",
    "traced": "api.measuring.tracing",
    "track_event": "api.events.tracking",
    "user": "api.context",
}

_MODULES = {"budget": "api.budget", "consent": "privacy.consent"}
"""Public modules."""

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
    """Import a public name or module (`budget`, `consent`)."""
    if name in _HOMES:
        value = getattr(import_module(f"otel_distro.{_HOMES[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"otel_distro.{_MODULES[name]}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
