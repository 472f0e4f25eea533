"""Every attribute, metric and event name the distribution itself writes.

Names that the semantic conventions lack carry our prefix. The attributes of cost live in
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
GUARD_OK = "otel_distro.guard.ok"
"""Gauge: 1 while the guard is installed and its canary came out masked, else 0."""
EXPORT_DROPPED = "otel_distro.export.dropped"
"""Counter of spans and log records that were not delivered, by signal and reason."""

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
