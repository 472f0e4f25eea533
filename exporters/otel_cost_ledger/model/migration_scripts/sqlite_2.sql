DROP VIEW daily_costs_v;

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
       sum(s.calls * (r.status = 'reported')) AS reported_calls,
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
