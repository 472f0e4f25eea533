DROP VIEW daily_costs_v;

CREATE VIEW daily_costs_v AS
SELECT DATE '1970-01-01' + s.day AS day,
       nullif(d.service, '') AS service, nullif(d.provider, '') AS provider,
       nullif(d.model, '') AS model, d.operation, nullif(d.tenant, '') AS tenant,
       sum(s.calls)::bigint AS calls,
       sum(s.cost_nano_usd)::bigint AS cost_nano_usd,
       sum(s.cost_nano_usd) / 1e9::float8 AS cost_usd,
       sum(s.exposure_nano_usd)::bigint AS exposure_nano_usd,
       coalesce(sum(s.calls) FILTER (WHERE r.status = 'unpriced'), 0)::bigint AS unpriced_calls,
       coalesce(sum(s.calls) FILTER (WHERE r.status = 'partial'), 0)::bigint AS partial_calls,
       coalesce(sum(s.calls) FILTER (WHERE r.status = 'estimated'), 0)::bigint AS estimated_calls,
       coalesce(sum(s.calls) FILTER (WHERE r.status = 'reported'), 0)::bigint AS reported_calls,
       coalesce(sum(s.calls) FILTER (WHERE r.status = 'free'), 0)::bigint AS free_calls,
       sum(s.calls * r.failed)::bigint AS failed_calls,
       sum(s.input_tokens)::bigint AS input_tokens, sum(s.output_tokens)::bigint AS output_tokens,
       sum(s.cache_read_tokens)::bigint AS cache_read_tokens,
       sum(s.cache_write_tokens)::bigint AS cache_write_tokens,
       sum(s.reasoning_tokens)::bigint AS reasoning_tokens,
       sum(s.latency_us) / 1e3::float8 / sum(s.calls) AS mean_latency_ms
FROM daily_costs s
JOIN dims d ON d.id = s.dim_id
JOIN outcomes r ON r.id = s.outcome_id
WHERE r.billed = 1
GROUP BY s.day, d.id;

UPDATE meta SET value = '2' WHERE key = 'schema_version';
