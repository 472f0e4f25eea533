"""Attribute, metric and event names that budgets write. None is in the semantic conventions."""

EXCEEDED = "otel_distro.budget.exceeded"
"""Whether the span took longer than its latency budget."""
LIMIT_MS = "otel_distro.budget.limit_ms"
ACTUAL_MS = "otel_distro.budget.actual_ms"
OVERAGE_MS = "otel_distro.budget.overage_ms"
OVERAGE_PERCENT = "otel_distro.budget.overage_percent"
MARGIN_MS = "otel_distro.budget.margin_ms"
OPERATION = "otel_distro.budget.operation"
PRIORITY = "otel_distro.budget.priority"

VIOLATIONS = "otel_distro.budget.violations"
"""Counter of spans that exceeded their latency budget, by operation."""

EXCEEDED_EVENT = "otel_distro.budget.exceeded"
MET_EVENT = "otel_distro.budget.met"
"""Names of the log records that tell of a verdict."""

SCOPE = "otel_distro.budget"
"""Instrumentation scope of what budgets emit."""
