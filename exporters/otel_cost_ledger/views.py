"""Read-only SQL views for people and dashboards; the tables below them may change, these stay.

Times are UTC. `*_usd` is a REAL for display, `*_nano_usd` the exact integer. A name that is not
known is NULL. `user` and `session` are keyed pseudonyms. The columns are listed in docs/ledger.md.
"""

from __future__ import annotations

from typing import Final

VIEWS: Final = """
CREATE VIEW calls_v AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', c.start_ns / 1e9, 'unixepoch') AS time,
       c.start_ns, lower(hex(c.trace_id)) AS trace_id,
       printf('%016x', c.span_id) AS span_id,
       CASE WHEN c.parent_span_id IS NOT NULL
            THEN printf('%016x', c.parent_span_id) END AS parent_span_id,
       nullif(d.service, '') AS service, nullif(d.provider, '') AS provider,
       nullif(d.model, '') AS model, nullif(o.request_model, '') AS request_model,
       d.operation, nullif(d.tenant, '') AS tenant,
       CASE WHEN c.user_id IS NOT NULL THEN printf('%012x', c.user_id) END AS user,
       CASE WHEN c.session_id IS NOT NULL THEN printf('%012x', c.session_id) END AS session,
       nullif(o.agent, '') AS agent, nullif(o.feature_flag, '') AS feature_flag,
       o.scope, nullif(o.service_tier, '') AS service_tier,
       CASE o.streamed WHEN -1 THEN NULL ELSE o.streamed END AS streamed,
       r.status, r.reason, r.billed, r.billing_reason,
       nullif(r.price_source, '') AS price_source, r.failed,
       nullif(r.error_type, '') AS error_type,
       nullif(r.http_status_code, 0) AS http_status_code,
       c.cost_nano_usd, c.cost_nano_usd / 1e9 AS cost_usd, c.exposure_nano_usd,
       c.input_tokens, c.output_tokens, c.cache_read_tokens, c.cache_write_tokens,
       c.reasoning_tokens, c.max_output_tokens, c.extra,
       c.latency_us / 1e3 AS latency_ms, c.ttft_us / 1e3 AS time_to_first_token_ms
FROM calls c
JOIN dims d ON d.id = c.dim_id
JOIN origins o ON o.id = c.origin_id
JOIN outcomes r ON r.id = c.outcome_id;

CREATE VIEW daily_costs_v AS
SELECT date(s.day * 86400, 'unixepoch') AS day,
       nullif(d.service, '') AS service, nullif(d.provider, '') AS provider,
       nullif(d.model, '') AS model, d.operation, nullif(d.tenant, '') AS tenant,
       sum(s.calls) AS calls,
       sum(s.cost_nano_usd) AS cost_nano_usd, sum(s.cost_nano_usd) / 1e9 AS cost_usd,
       sum(s.exposure_nano_usd) AS exposure_nano_usd,
       sum(s.calls * (r.status = 'unpriced')) AS unpriced_calls,
       sum(s.calls * (r.status = 'partial')) AS partial_calls,
       sum(s.calls * (r.status = 'estimated')) AS estimated_calls,
       sum(s.calls * (r.status = 'free')) AS free_calls,
       sum(s.calls * r.failed) AS failed_calls,
       sum(s.input_tokens) AS input_tokens, sum(s.output_tokens) AS output_tokens,
       sum(s.cache_read_tokens) AS cache_read_tokens,
       sum(s.cache_write_tokens) AS cache_write_tokens,
       sum(s.reasoning_tokens) AS reasoning_tokens,
       sum(s.latency_us) / 1e3 / sum(s.calls) AS mean_latency_ms
FROM daily_costs s
JOIN dims d ON d.id = s.dim_id
JOIN outcomes r ON r.id = s.outcome_id
WHERE r.billed
GROUP BY s.day, s.dim_id;

CREATE VIEW latency_v AS
SELECT date(h.day * 86400, 'unixepoch') AS day,
       nullif(s.provider, '') AS provider, nullif(s.model, '') AS model, s.operation,
       h.bucket, b.lower_us / 1e3 AS latency_from_ms, h.calls
FROM latency_histogram h
JOIN series s ON s.id = h.series_id
JOIN latency_buckets b ON b.bucket = h.bucket;

CREATE VIEW violations_v AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', at_ns / 1e9, 'unixepoch') AS time, at_ns, operation,
       budget_us / 1e3 AS budget_ms, actual_us / 1e3 AS actual_ms,
       (actual_us - budget_us) / 1e3 AS overage_ms,
       lower(hex(trace_id)) AS trace_id, printf('%016x', span_id) AS span_id
FROM latency_violations;

CREATE VIEW replaced_prices_v AS
SELECT datetime(p.replaced_at, 'unixepoch') AS replaced_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.start_ns / 1e9, 'unixepoch') AS call_time,
       printf('%016x', p.span_id) AS span_id, r.status, r.price_source,
       p.cost_nano_usd, p.cost_nano_usd / 1e9 AS cost_usd
FROM replaced_prices p
JOIN outcomes r ON r.id = p.outcome_id;
"""
