"""Names of metrics in Prometheus: dots become underscores, units and `_total` suffixes.

A unit in braces (`{nano_usd}`) leaves no trace in the name; `s` becomes `_seconds`. Rules and
dashboards may only use names listed here; the end-to-end test meets each of them in a real
Prometheus.
"""

from __future__ import annotations

import re

FROM_PROGRAMS = frozenset(
    {
        "gen_ai_client_operation_duration_seconds_bucket",
        "gen_ai_client_operation_time_to_first_chunk_seconds_bucket",
        "gen_ai_client_token_usage_sum",
        "otel_distro_call_cost_bucket",
        "otel_distro_calls_total",
        "otel_distro_cost_total",
        "otel_distro_guard_ok",
        "otel_distro_redactions_total",
    }
)
"""Sent by every program under the distribution."""

OF_LATER_CONVENTIONS = frozenset(
    {
        "gen_ai_client_inference_operation_duration_seconds_bucket",
        "gen_ai_client_inference_operation_time_to_first_chunk_seconds_bucket",
        "gen_ai_client_inference_usage_input_tokens_total",
        "gen_ai_client_inference_usage_output_tokens_total",
    }
)
"""Sent by instrumentations of the next generation of the GenAI conventions, in place of these."""

FROM_PROGRAMS_IN_TROUBLE = frozenset(
    {
        "otel_distro_budget_violations_total",
        "otel_distro_events_total",
        "otel_distro_export_dropped_total",
        "otel_distro_redaction_failures_total",
    }
)
"""Sent only after a fault or an event of the app."""

FROM_SPANS = frozenset(
    {
        "otel_distro_span_cached_tokens_total",
        "otel_distro_span_cost_total",
        "otel_distro_span_input_tokens_total",
        "otel_distro_span_output_tokens_total",
        "traces_span_metrics_calls_total",
        "traces_span_metrics_duration_seconds_bucket",
    }
)
"""Created by the Collector, before sampling."""

FROM_THE_SECOND_LINE = frozenset(
    {"otel_distro_second_line_masked_total", "otel_distro_second_line_masked_logs_total"}
)
"""Created by the Collector when it masks a value."""

FROM_THE_STACK = frozenset(
    {
        "otelcol_deltatocumulative_datapoints",
        "otelcol_exporter_queue_capacity",
        "otelcol_exporter_queue_size",
        "otelcol_process_memory_rss",
        "otelcol_processor_tail_sampling_global_count_traces_sampled",
        "otelcol_receiver_accepted_log_records",
        "otelcol_receiver_accepted_metric_points",
        "otelcol_receiver_accepted_spans",
        "otelcol_receiver_refused_log_records",
        "otelcol_receiver_refused_metric_points",
        "otelcol_receiver_refused_spans",
        "process_resident_memory_bytes",
        "prometheus_rule_evaluation_failures_total",
        "prometheus_tsdb_head_series",
        "prometheus_tsdb_too_old_samples_total",
        "up",
    }
)
"""Scraped from the parts of the stack."""

FROM_THE_STACK_IN_TROUBLE = frozenset(
    {
        "otelcol_exporter_enqueue_failed_metric_points",
        "otelcol_exporter_enqueue_failed_spans",
        "otelcol_exporter_send_failed_log_records",
        "otelcol_exporter_send_failed_metric_points",
        "otelcol_exporter_send_failed_spans",
    }
)
"""Metrics of the Collector, created at the first failure."""

KNOWN = (
    FROM_PROGRAMS
    | OF_LATER_CONVENTIONS
    | FROM_PROGRAMS_IN_TROUBLE
    | FROM_SPANS
    | FROM_THE_SECOND_LINE
    | FROM_THE_STACK
    | FROM_THE_STACK_IN_TROUBLE
    | {"llm_budget_limit_usd"}
)

_STRINGS = re.compile(r'"[^"]*"')
_SELECTORS = re.compile(r"\{[^}]*\}|\[[^\]]*\]")
_LABEL_LISTS = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)")
_WORD = re.compile(r"(?<![\w.:])[a-zA-Z_:][\w:]*\b(?!\s*\()")
_KEYWORDS = frozenset({"and", "or", "unless", "offset", "bool"})


def names_in(expr: str) -> set[str]:
    """Return the metric names that a PromQL expression reads."""
    bare = _SELECTORS.sub(" ", _STRINGS.sub('""', expr))
    bare = re.sub(r"\boffset\s+\$?\w+", " ", _LABEL_LISTS.sub(" ", bare))
    return set(_WORD.findall(bare)) - _KEYWORDS
