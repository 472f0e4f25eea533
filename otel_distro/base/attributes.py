"""Every attribute, metric and event name the distribution itself writes.

Names missing from the semantic conventions have our prefix. The attributes of cost live in
`otel_pricing.attributes`, those of budgets in `otel_budget.attributes`.
"""

DISTRO_NAME = "otel_distro"
"""Name of our distro and configurator entry points, and `telemetry.distro.name`."""

METER_NAME = "otel_distro"
"""Instrumentation scope of our metrics and log records."""

REDACTIONS = "otel_distro.redactions"
"""Counter of values redacted, by `otel_distro.redaction.kind` and `otel_distro.signal`."""
REDACTION_FAILURES = "otel_distro.redaction.failures"
"""Counter of records whose content was withheld because redaction failed."""
VALUES_CHANGED = "otel_distro.values.changed"
"""Counter of values that were cut or replaced because telemetry cannot carry them, by
`otel_distro.reason`."""
GUARD_OK = "otel_distro.guard.ok"
"""Gauge: 1 while the guard is installed and its canary was masked, else 0."""
EXPORT_EMITTED = "otel_distro.export.emitted"
"""Counter of spans, log records and metric exports accepted for export, by signal.

Always equal to delivered + spooled + dropped + waiting."""
EXPORT_DELIVERED = "otel_distro.export.delivered"
"""Counter of delivered records, by signal."""
EXPORT_SPOOLED = "otel_distro.export.spooled"
"""Counter of spooled records, by signal."""
EXPORT_DROPPED = "otel_distro.export.dropped"
"""Counter of dropped records, by signal and reason."""
EXPORT_WAITING = "otel_distro.export.waiting"
"""Gauge of records in memory, by signal."""
SPOOL_RESENT = "otel_distro.spool.resent"
"""Counter of records delivered from disk, including those of earlier processes, by signal."""
SPOOL_DROPPED = "otel_distro.spool.dropped"
"""Counter of spooled records that were lost, by signal and reason."""

KIND = "otel_distro.redaction.kind"
SIGNAL = "otel_distro.signal"
ERROR_TYPE = "error.type"
REASON = "otel_distro.reason"

CALLS = "otel_distro.calls"
"""Counter of billed model calls, by model and `otel_distro.cost.status`."""
COST = "otel_distro.cost"
"""Counter of cost in integer nano-US-dollars, so that it can equal the ledger exactly."""
CALL_COST = "otel_distro.call.cost"
"""Histogram of the cost of one call in US dollars."""

ERRORS = "otel_distro.errors"
"""Counter of spans that ended in an error, by category and `error.type`."""
ERROR_CATEGORY = "otel_distro.error.category"
"""Category of an error by its remedy: transient, configuration, data, resource or unknown.
It accompanies `error.type`, which does not change."""

API_SCOPE = "otel_distro.api"
"""Instrumentation scope of telemetry recorded through our API."""
OPERATION_NAME = "otel_distro.operation.name"
COMPONENT = "otel_distro.component"
"""The part of the app that an operation belongs to."""
OPERATION_DURATION = "otel_distro.operation.duration"
"""Histogram of the duration of measured operations, in seconds."""
OPERATIONS_ACTIVE = "otel_distro.operation.active"
"""Up-down counter of running measured operations."""
OPERATION_ITEMS = "otel_distro.operation.items"
"""Number of items that a measured generator yielded."""
MEMORY_DELTA = "otel_distro.process.memory.delta_bytes"
"""Change of resident memory while an operation ran, in bytes."""

GEN_AI_OPERATION = "gen_ai.operation.name"
AGENT_NAME = "gen_ai.agent.name"
GRAPH_NODE = "otel_distro.graph.node"
"""The node of an agent's graph that a span describes."""
GRAPH_INPUT_KEYS = "otel_distro.graph.input_keys"
"""Keys of a node's input state; never their values."""
GRAPH_OUTPUT_KEYS = "otel_distro.graph.output_keys"
"""Keys of the state that a node has changed; never their values."""

EVENTS = "otel_distro.events"
"""Counter of tracked events, by `event.name`."""
EVENT_NAME = "event.name"
EVENT_DURATION_MS = "otel_distro.event.duration_ms"
EVENT_INPUT_LENGTH = "otel_distro.event.input_length"
EVENT_OUTPUT_LENGTH = "otel_distro.event.output_length"

UNCAUGHT_EVENT = "otel_distro.uncaught_exception"
"""Name of the log record of an uncaught exception."""
UNCAUGHT_IN = "otel_distro.uncaught.in"
"""Origin of the exception: main, thread or task."""

LINK_KIND = "otel_distro.link.kind"
"""Type of a span link: `session.previous`, the previous trace of the session."""
