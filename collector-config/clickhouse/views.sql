-- The ledger's daily costs from the spans themselves: same names, same figures, for a whole fleet.
--
-- Read from otel_traces, so a span that was delivered twice is one call; this takes longer than
-- llm_cost_daily, which is kept as rows arrive. Token counts are as the instrumentation wrote them:
-- a few of them leave cached tokens out of the input, which only the ledger puts right.

CREATE VIEW IF NOT EXISTS otel.daily_costs_v AS
SELECT
    toDate(started, 'UTC') AS day,
    service,
    provider,
    model,
    operation,
    tenant,
    count() AS calls,
    sum(c.cost_nano_usd) AS cost_nano_usd,
    sum(c.cost_nano_usd) / 1e9 AS cost_usd,
    sum(c.exposure_nano_usd) AS exposure_nano_usd,
    countIf(status = 'unpriced') AS unpriced_calls,
    countIf(status = 'partial') AS partial_calls,
    countIf(status = 'estimated') AS estimated_calls,
    countIf(status = 'free') AS free_calls,
    countIf(failed) AS failed_calls,
    sum(c.input_tokens) AS input_tokens,
    sum(c.output_tokens) AS output_tokens,
    sum(c.cache_read_tokens) AS cache_read_tokens,
    sum(c.reasoning_tokens) AS reasoning_tokens,
    avg(duration_ns) / 1e6 AS mean_latency_ms
FROM
(
    SELECT
        TraceId,
        SpanId,
        any(Timestamp) AS started,
        any(Duration) AS duration_ns,
        any(ServiceName) AS service,
        any(if(SpanAttributes['gen_ai.provider.name'] != '', SpanAttributes['gen_ai.provider.name'],
               SpanAttributes['gen_ai.system'])) AS provider,
        any(if(SpanAttributes['gen_ai.response.model'] != '', SpanAttributes['gen_ai.response.model'],
               SpanAttributes['gen_ai.request.model'])) AS model,
        any(SpanAttributes['gen_ai.operation.name']) AS operation,
        any(if(SpanAttributes['tenant.id'] != '', SpanAttributes['tenant.id'],
               SpanAttributes['tenant'])) AS tenant,
        any(SpanAttributes['otel_distro.cost.status']) AS status,
        any(SpanAttributes['error.type'] != '') AS failed,
        any(toInt64OrZero(SpanAttributes['otel_distro.cost.nano_usd'])) AS cost_nano_usd,
        any(toInt64OrZero(SpanAttributes['otel_distro.cost.exposure_nano_usd'])) AS exposure_nano_usd,
        any(toInt64OrZero(SpanAttributes['gen_ai.usage.input_tokens'])) AS input_tokens,
        any(toInt64OrZero(SpanAttributes['gen_ai.usage.output_tokens'])) AS output_tokens,
        any(toInt64OrZero(SpanAttributes['gen_ai.usage.cache_read.input_tokens'])) AS cache_read_tokens,
        any(toInt64OrZero(SpanAttributes['gen_ai.usage.reasoning.output_tokens'])) AS reasoning_tokens
    FROM otel.otel_traces
    WHERE SpanAttributes['otel_distro.billed'] = 'true'
    GROUP BY TraceId, SpanId
) AS c
GROUP BY day, service, provider, model, operation, tenant;
