"""The bundled dashboards.

Dollars come from `otel_distro_cost_total`, a counter of integer nano-dollars that the programs
themselves send: it counts every billed call once, independent of sampling.
"""

from __future__ import annotations

from tools.panels import Dashboard, Panel, Query, Row

_CHOSEN = 'job=~"$service", gen_ai_request_model=~"$model"'
_SERVICE = ("service", "label_values(otel_distro_calls_total, job)")
_MODEL = ("model", "label_values(otel_distro_calls_total, gen_ai_request_model)")


_MODEL_KEY = "gen_ai_request_model"


def both_generations(function: str, metric: str, chosen: str, window: str) -> str:
    """Return *function* over a client's histogram by the names of both generations.

    The conventions moved these metrics to `gen_ai.client.inference`. A program that sends both
    gives equal series, of which `or` keeps one.
    """
    return " or ".join(
        f"{function}(gen_ai_client_{generation}{metric}{{{chosen}}}[{window}])"
        for generation in ("inference_", "")
    )


def _tokens(window: str, kind: str, by: str = "") -> str:
    """Return the tokens of *kind*, `input` or `output`, in *window*, by both generations' names.

    One counter a kind, or one histogram with the kind as a label; of a job that sends both, the
    counter counts.
    """
    by_job = f"job, {by}" if by else "job"
    counter = f"increase(gen_ai_client_inference_usage_{kind}_tokens_total{{{_CHOSEN}}}[{window}])"
    of_kind = f'{_CHOSEN}, gen_ai_token_type="{kind}"'
    histogram = f"increase(gen_ai_client_token_usage_sum{{{of_kind}}}[{window}])"
    return (
        f"{'sum by (' + by + ')' if by else 'sum'} "
        f"(sum by ({by_job}) ({counter}) or sum by ({by_job}) ({histogram}))"
    )


def _grown(series: str, window: str, by: str = "") -> str:
    """Return by how much counters that start at nothing grew in *window*, exactly.

    rules/cost.yml explains why this is not increase().
    """
    grouping = f" by ({by})" if by else ""
    now = f"last_over_time({series}[{window}])"
    before = f"last_over_time({series}[1h] offset {window})"
    return f"sum{grouping} ({now} - {before} or {now})"


def _usd(window: str, by: str = "") -> str:
    return f"{_grown(f'otel_distro_cost_total{{{_CHOSEN}}}', window, by)} / 1e9"


def _calls(window: str, by: str = "", more: str = "") -> str:
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (increase(otel_distro_calls_total{{{_CHOSEN}{more}}}[{window}]))"


_COST = Dashboard(
    uid="llm-cost",
    title="Model costs",
    description="What model calls cost. `otel-distro costs` shows the same from the local ledger.",
    variables=(_SERVICE, _MODEL),
    rows=(
        Row(
            (
                Panel("In this range", "stat", (Query(_usd("$__range")),), "currencyUSD"),
                Panel("Last 24 hours", "stat", (Query(_usd("24h")),), "currencyUSD"),
                Panel("Last 30 days", "stat", (Query(_usd("30d")),), "currencyUSD"),
                Panel("Calls", "stat", (Query(_calls("$__range")),)),
                Panel(
                    "Per call",
                    "stat",
                    (Query(f"{_usd('$__range')} / {_calls('$__range')}"),),
                    "currencyUSD",
                ),
                Panel(
                    "Calls without a complete price",
                    "stat",
                    (
                        Query(
                            _calls(
                                "$__range",
                                more=', otel_distro_cost_status=~"unpriced|partial"',
                            )
                            + " or vector(0)"
                        ),
                    ),
                    warn_at=1,
                    description="The totals are too low by these.",
                ),
            ),
            height=4,
        ),
        Row(
            (
                Panel(
                    "By model",
                    "timeseries",
                    (
                        Query(
                            _usd("$__interval", "gen_ai_request_model"), "{{gen_ai_request_model}}"
                        ),
                    ),
                    "currencyUSD",
                    stacked=True,
                    min_step="2m",
                ),
                Panel(
                    "By service",
                    "timeseries",
                    (Query(_usd("$__interval", "job"), "{{job}}"),),
                    "currencyUSD",
                    stacked=True,
                    min_step="2m",
                ),
            ),
        ),
        Row(
            (
                Panel(
                    "Most expensive",
                    "table",
                    (
                        Query(
                            "topk(20, "
                            + _usd(
                                "$__range",
                                "job, gen_ai_provider_name, gen_ai_request_model, "
                                "gen_ai_operation_name",
                            )
                            + ")"
                        ),
                    ),
                    "currencyUSD",
                ),
                Panel(
                    "Per 1,000 tokens",
                    "bargauge",
                    (
                        Query(
                            f"1000 * {_usd('$__range', 'gen_ai_request_model')} / on "
                            f"(gen_ai_request_model) ({_tokens('$__range', 'input', _MODEL_KEY)}"
                            f" + on (gen_ai_request_model)"
                            f" {_tokens('$__range', 'output', _MODEL_KEY)})",
                            "{{gen_ai_request_model}}",
                        ),
                    ),
                    "currencyUSD",
                ),
                Panel(
                    "Cost of a call",
                    "timeseries",
                    tuple(
                        Query(
                            f"histogram_quantile({quantile}, sum by (le) "
                            f"(rate(otel_distro_call_cost_bucket{{{_CHOSEN}}}[$__rate_interval])))",
                            f"{quantile:g}",
                            exemplars=True,
                        )
                        for quantile in (0.5, 0.95, 0.99)
                    ),
                    "currencyUSD",
                ),
            ),
        ),
    ),
)

_BUDGETS = Dashboard(
    uid="llm-budgets",
    title="Model budgets",
    description="Budgets are the series llm_budget_limit_usd of rules/budgets.yml, for 30 days.",
    since="now-7d",
    rows=(
        Row(
            (
                Panel(
                    "Spent of the budget",
                    "bargauge",
                    (Query("llm:budget:spent_ratio", "{{job}}"),),
                    "percentunit",
                    warn_at=1,
                ),
                Panel(
                    "Left of the budget",
                    "stat",
                    (Query("llm_budget_limit_usd - on (job) llm:cost_usd:increase30d", "{{job}}"),),
                    "currencyUSD",
                ),
                Panel(
                    "This month at the pace of the last day",
                    "stat",
                    (Query("llm:cost_usd:forecast_month", "{{job}}"),),
                    "currencyUSD",
                ),
            ),
            height=6,
        ),
        Row(
            (
                Panel(
                    "Burn-down",
                    "timeseries",
                    (
                        Query("llm_budget_limit_usd", "limit {{job}}"),
                        Query("llm:cost_usd:increase30d", "spent {{job}}"),
                        Query("llm:cost_usd:forecast_month", "forecast {{job}}"),
                    ),
                    "currencyUSD",
                ),
                Panel(
                    "Burn rate",
                    "timeseries",
                    (
                        Query("llm:budget:burn_rate1h", "1 h {{job}}"),
                        Query("llm:budget:burn_rate6h", "6 h {{job}}"),
                        Query("llm:budget:burn_rate3d", "3 d {{job}}"),
                    ),
                    warn_at=14.4,
                    description="1 spends exactly the budget; 14.4 spends 2 % of it in an hour.",
                ),
            ),
        ),
        Row(
            (
                Panel(
                    "Latency budgets exceeded",
                    "timeseries",
                    (
                        Query(
                            "sum by (job, otel_distro_budget_operation) "
                            "(increase(otel_distro_budget_violations_total[$__rate_interval]))",
                            "{{job}} {{otel_distro_budget_operation}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)

_DURATION = "operation_duration_seconds_bucket"
_FIRST = "operation_time_to_first_chunk_seconds_bucket"


def _quantiles(metric: str) -> tuple[Query, ...]:
    return tuple(
        Query(
            f"histogram_quantile({quantile}, sum by (le) "
            f"({both_generations('rate', metric, _CHOSEN, '$__rate_interval')}))",
            f"{quantile:g}",
            exemplars=True,
        )
        for quantile in (0.5, 0.95, 0.99)
    )


_CALLS = Dashboard(
    uid="llm-calls",
    title="Model calls",
    description="How many, how fast, and what went wrong. Points on the panels lead to traces.",
    variables=(_SERVICE, _MODEL),
    since="now-3h",
    rows=(
        Row(
            (
                Panel(
                    "Calls",
                    "timeseries",
                    (
                        Query(
                            "sum by (gen_ai_request_model) (rate("
                            f"otel_distro_calls_total{{{_CHOSEN}}}[$__rate_interval]))",
                            "{{gen_ai_request_model}}",
                        ),
                    ),
                    "reqps",
                ),
                Panel(
                    "Failed calls by class",
                    "timeseries",
                    (
                        Query(
                            "sum by (error_type) (rate(otel_distro_calls_total"
                            f'{{{_CHOSEN}, error_type!=""}}[$__rate_interval]))',
                            "{{error_type}}",
                        ),
                    ),
                    "reqps",
                    stacked=True,
                ),
                Panel(
                    "Share that fails",
                    "timeseries",
                    (Query('llm:calls:error_ratio5m{job=~"$service"}', "{{job}}"),),
                    "percentunit",
                    warn_at=0.05,
                ),
            ),
        ),
        Row(
            (
                Panel("Duration of a call", "timeseries", _quantiles(_DURATION), "s"),
                Panel("Time to the first chunk", "timeseries", _quantiles(_FIRST), "s"),
            ),
        ),
        Row(
            (
                Panel(
                    "Durations",
                    "heatmap",
                    (
                        Query(
                            "sum by (le) ("
                            + both_generations("increase", _DURATION, _CHOSEN, "$__rate_interval")
                            + ")",
                            "{{le}}",
                            exemplars=True,
                        ),
                    ),
                    "s",
                ),
                Panel(
                    "Slowest operations by their spans",
                    "table",
                    (
                        Query(
                            "topk(20, histogram_quantile(0.95, "
                            "sum by (service_name, span_name, le) "
                            "(rate(traces_span_metrics_duration_seconds_bucket[$__range]))))"
                        ),
                    ),
                    "s",
                ),
            ),
        ),
    ),
)


_SPAN_CACHED = _grown(f"otel_distro_span_cached_tokens_total{{{_CHOSEN}}}", "$__range")
_SPAN_INPUT = _grown(f"otel_distro_span_input_tokens_total{{{_CHOSEN}}}", "$__range")
_MASKED = "otel_distro_second_line_masked_total"

_TOKENS = Dashboard(
    uid="llm-tokens",
    title="Model tokens",
    description="Tokens in and out, and how much of the input came from a cache.",
    variables=(_SERVICE, _MODEL),
    rows=(
        Row(
            (
                Panel("Input tokens", "stat", (Query(_tokens("$__range", "input")),)),
                Panel("Output tokens", "stat", (Query(_tokens("$__range", "output")),)),
                Panel(
                    "Input from a cache",
                    "stat",
                    (Query(f"{_SPAN_CACHED} / {_SPAN_INPUT}"),),
                    "percentunit",
                ),
            ),
            height=4,
        ),
        Row(
            tuple(
                Panel(
                    f"{kind.capitalize()} tokens by model",
                    "timeseries",
                    (
                        Query(
                            _tokens("$__rate_interval", kind, "gen_ai_request_model"),
                            "{{gen_ai_request_model}}",
                        ),
                    ),
                    stacked=True,
                )
                for kind in ("input", "output")
            ),
        ),
    ),
)

_PRIVACY = Dashboard(
    uid="llm-privacy",
    title="Privacy",
    description="What was redacted, by which line. The second should find nothing.",
    variables=(_SERVICE,),
    rows=(
        Row(
            (
                Panel(
                    "Processes whose guard is in place",
                    "stat",
                    (Query('min(otel_distro_guard_ok{job=~"$service"})'),),
                    description="1: in all of them.",
                ),
                Panel(
                    "Masked by the second line",
                    "stat",
                    (Query(f"{_grown(_MASKED, '$__range')} or vector(0)"),),
                    warn_at=1,
                ),
                Panel(
                    "Records withheld because redaction failed",
                    "stat",
                    (
                        Query(
                            'sum(increase(otel_distro_redaction_failures_total{job=~"$service"}'
                            "[$__range])) or vector(0)"
                        ),
                    ),
                    warn_at=1,
                ),
            ),
            height=4,
        ),
        Row(
            (
                Panel(
                    "Redacted in the process, by kind",
                    "timeseries",
                    (
                        Query(
                            "sum by (otel_distro_redaction_kind) (increase("
                            'otel_distro_redactions_total{job=~"$service"}[$__rate_interval]))',
                            "{{otel_distro_redaction_kind}}",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Redacted in the process, by signal",
                    "timeseries",
                    (
                        Query(
                            "sum by (otel_distro_signal) (increase("
                            'otel_distro_redactions_total{job=~"$service"}[$__rate_interval]))',
                            "{{otel_distro_signal}}",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Masked by the second line, by service",
                    "timeseries",
                    (Query(_grown(_MASKED, "$__interval", "job"), "{{job}}"),),
                    stacked=True,
                    min_step="2m",
                ),
            ),
        ),
    ),
)

_PIPELINE = Dashboard(
    uid="llm-pipeline",
    title="Telemetry pipeline",
    description="Whether telemetry arrives, and what the stack itself needs.",
    since="now-3h",
    rows=(
        Row(
            (
                Panel("Up", "stat", (Query("up", "{{job}}"),), description="1: reachable."),
                Panel(
                    "Queues",
                    "bargauge",
                    (
                        Query(
                            "otelcol_exporter_queue_size / otelcol_exporter_queue_capacity",
                            "{{exporter}} {{data_type}}",
                        ),
                    ),
                    "percentunit",
                    warn_at=0.8,
                ),
            ),
            height=5,
        ),
        Row(
            (
                Panel(
                    "Accepted by the Collector",
                    "timeseries",
                    tuple(
                        Query(
                            f"sum(rate(otelcol_receiver_accepted_{signal}[$__rate_interval]))",
                            signal,
                        )
                        for signal in ("spans", "metric_points", "log_records")
                    ),
                    "cps",
                ),
                Panel(
                    "Dropped in the programs",
                    "timeseries",
                    (
                        Query(
                            "sum by (job, otel_distro_signal, otel_distro_reason) "
                            "(increase(otel_distro_export_dropped_total[$__rate_interval]))",
                            "{{job}} {{otel_distro_signal}} {{otel_distro_reason}}",
                        ),
                    ),
                    warn_at=1,
                ),
                Panel(
                    "Lost by the Collector",
                    "timeseries",
                    tuple(
                        Query(
                            f"sum by (exporter) (rate(otelcol_exporter_{way}_failed_{signal}"
                            "[$__rate_interval]))",
                            f"{{{{exporter}}}} {way} {signal}",
                        )
                        for way in ("enqueue", "send")
                        for signal in ("spans", "metric_points")
                    ),
                    "cps",
                ),
            ),
        ),
        Row(
            (
                Panel(
                    "Traces kept and left out by sampling",
                    "timeseries",
                    (
                        Query(
                            "sum by (sampled) (rate("
                            "otelcol_processor_tail_sampling_global_count_traces_sampled"
                            "[$__rate_interval]))",
                            "sampled: {{sampled}}",
                        ),
                    ),
                    "cps",
                ),
                Panel(
                    "Memory",
                    "timeseries",
                    (
                        Query("otelcol_process_memory_rss", "collector"),
                        Query('process_resident_memory_bytes{job="prometheus"}', "prometheus"),
                    ),
                    "bytes",
                ),
                Panel(
                    "Series in Prometheus",
                    "timeseries",
                    (Query("prometheus_tsdb_head_series", "series"),),
                ),
            ),
        ),
    ),
)

DASHBOARDS = {
    "cost.json": _COST,
    "budgets.json": _BUDGETS,
    "calls.json": _CALLS,
    "tokens.json": _TOKENS,
    "privacy.json": _PRIVACY,
    "pipeline.json": _PIPELINE,
}
"""File name in collector-config/grafana/dashboards -> its dashboard."""
