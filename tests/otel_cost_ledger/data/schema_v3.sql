CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL, model TEXT NOT NULL, operation TEXT NOT NULL,
    UNIQUE (provider, model, operation)
) STRICT;
CREATE TABLE dims (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    operation TEXT NOT NULL, tenant TEXT NOT NULL,
    series_id INTEGER NOT NULL REFERENCES series (id),
    UNIQUE (service, provider, model, operation, tenant)
) STRICT;
CREATE TABLE origins (
    id INTEGER PRIMARY KEY,
    scope TEXT NOT NULL, request_model TEXT NOT NULL, agent TEXT NOT NULL,
    feature_flag TEXT NOT NULL, service_tier TEXT NOT NULL,
    streamed INTEGER NOT NULL, agent_id INTEGER NOT NULL DEFAULT 0,
    UNIQUE (scope, request_model, agent, feature_flag, service_tier, streamed)
) STRICT;
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL, billed INTEGER NOT NULL, failed INTEGER NOT NULL,
    reason TEXT NOT NULL, billing_reason TEXT NOT NULL, price_source TEXT NOT NULL,
    error_type TEXT NOT NULL, http_status_code INTEGER NOT NULL, kind_id INTEGER NOT NULL DEFAULT 0,
    UNIQUE (status, billed, failed, reason, billing_reason, price_source, error_type,
            http_status_code),
    CHECK ((id > 0) = billed)
) STRICT;
CREATE TABLE calls (
    start_ns INTEGER NOT NULL, span_id INTEGER NOT NULL,
    trace_id BLOB NOT NULL, parent_span_id INTEGER,
    dim_id INTEGER NOT NULL, origin_id INTEGER NOT NULL, outcome_id INTEGER NOT NULL,
    user_id INTEGER, session_id INTEGER,
    latency_us INTEGER NOT NULL, ttft_us INTEGER,
    input_tokens INTEGER, output_tokens INTEGER,
    cache_read_tokens INTEGER, cache_write_tokens INTEGER, reasoning_tokens INTEGER,
    cost_nano_usd INTEGER, exposure_nano_usd INTEGER,
    max_output_tokens INTEGER, response_fingerprint INTEGER,
    extra TEXT,
    PRIMARY KEY (start_ns, span_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE daily_costs (
    day INTEGER NOT NULL, dim_id INTEGER NOT NULL, outcome_id INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL, exposure_nano_usd INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL, latency_us INTEGER NOT NULL,
    PRIMARY KEY (day, dim_id, outcome_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE latency_buckets (
    lower_us INTEGER PRIMARY KEY, bucket INTEGER NOT NULL
) STRICT;
CREATE TABLE latency_histogram (
    day INTEGER NOT NULL, series_id INTEGER NOT NULL, bucket INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (day, series_id, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE replaced_prices (
    id INTEGER PRIMARY KEY,
    start_ns INTEGER NOT NULL, span_id INTEGER NOT NULL,
    outcome_id INTEGER NOT NULL, cost_nano_usd INTEGER, exposure_nano_usd INTEGER,
    replaced_at INTEGER NOT NULL
) STRICT;
CREATE TABLE latency_violations (
    at_ns INTEGER NOT NULL, span_id INTEGER NOT NULL, operation TEXT NOT NULL,
    trace_id BLOB NOT NULL, budget_us INTEGER NOT NULL, actual_us INTEGER NOT NULL,
    PRIMARY KEY (at_ns, span_id, operation)
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TRIGGER calls_inserted AFTER INSERT ON calls BEGIN
    
    INSERT INTO daily_costs (day, dim_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, latency_us)
    VALUES (NEW.start_ns / 86400000000000, NEW.dim_id, NEW.outcome_id, 1, ifnull(NEW.cost_nano_usd, 0), ifnull(NEW.exposure_nano_usd, 0), ifnull(NEW.input_tokens, 0), ifnull(NEW.output_tokens, 0), ifnull(NEW.cache_read_tokens, 0), ifnull(NEW.cache_write_tokens, 0), ifnull(NEW.reasoning_tokens, 0), NEW.latency_us)
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd, exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd, input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens, cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens, cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens, reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, latency_us = latency_us + excluded.latency_us;

    INSERT INTO latency_histogram (day, series_id, bucket, calls)
    SELECT NEW.start_ns / 86400000000000, (SELECT series_id FROM dims WHERE id = NEW.dim_id),
           (SELECT bucket FROM latency_buckets
            WHERE lower_us <= NEW.latency_us ORDER BY lower_us DESC LIMIT 1),
           1
    WHERE NEW.outcome_id > 0
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls;
    
END;
CREATE TRIGGER calls_revised AFTER UPDATE ON calls BEGIN
    
    INSERT INTO daily_costs (day, dim_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, latency_us)
    VALUES (OLD.start_ns / 86400000000000, OLD.dim_id, OLD.outcome_id, -1, -ifnull(OLD.cost_nano_usd, 0), -ifnull(OLD.exposure_nano_usd, 0), -ifnull(OLD.input_tokens, 0), -ifnull(OLD.output_tokens, 0), -ifnull(OLD.cache_read_tokens, 0), -ifnull(OLD.cache_write_tokens, 0), -ifnull(OLD.reasoning_tokens, 0), -OLD.latency_us)
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd, exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd, input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens, cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens, cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens, reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, latency_us = latency_us + excluded.latency_us;

    INSERT INTO latency_histogram (day, series_id, bucket, calls)
    SELECT OLD.start_ns / 86400000000000, (SELECT series_id FROM dims WHERE id = OLD.dim_id),
           (SELECT bucket FROM latency_buckets
            WHERE lower_us <= OLD.latency_us ORDER BY lower_us DESC LIMIT 1),
           -1
    WHERE OLD.outcome_id > 0
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls;
    
    
    INSERT INTO daily_costs (day, dim_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, latency_us)
    VALUES (NEW.start_ns / 86400000000000, NEW.dim_id, NEW.outcome_id, 1, ifnull(NEW.cost_nano_usd, 0), ifnull(NEW.exposure_nano_usd, 0), ifnull(NEW.input_tokens, 0), ifnull(NEW.output_tokens, 0), ifnull(NEW.cache_read_tokens, 0), ifnull(NEW.cache_write_tokens, 0), ifnull(NEW.reasoning_tokens, 0), NEW.latency_us)
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd, exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd, input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens, cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens, cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens, reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, latency_us = latency_us + excluded.latency_us;

    INSERT INTO latency_histogram (day, series_id, bucket, calls)
    SELECT NEW.start_ns / 86400000000000, (SELECT series_id FROM dims WHERE id = NEW.dim_id),
           (SELECT bucket FROM latency_buckets
            WHERE lower_us <= NEW.latency_us ORDER BY lower_us DESC LIMIT 1),
           1
    WHERE NEW.outcome_id > 0
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls;
    
    DELETE FROM daily_costs
    WHERE day = OLD.start_ns / 86400000000000 AND dim_id = OLD.dim_id
      AND outcome_id = OLD.outcome_id AND calls = 0;
    DELETE FROM latency_histogram
    WHERE day = OLD.start_ns / 86400000000000 AND calls = 0
      AND series_id = (SELECT series_id FROM dims WHERE id = OLD.dim_id);
END;
CREATE TRIGGER price_replaced AFTER UPDATE ON calls
WHEN OLD.cost_nano_usd IS NOT NEW.cost_nano_usd
BEGIN
    INSERT INTO replaced_prices
        (start_ns, span_id, outcome_id, cost_nano_usd, exposure_nano_usd, replaced_at)
    VALUES (OLD.start_ns, OLD.span_id, OLD.outcome_id, OLD.cost_nano_usd,
            OLD.exposure_nano_usd, CAST(strftime('%s', 'now') AS INTEGER));
END;
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
CREATE INDEX origins_by_agent ON origins (agent, agent_id);
CREATE TRIGGER origin_inserted AFTER INSERT ON origins BEGIN
    UPDATE origins
    SET agent_id = coalesce(
        (SELECT o.agent_id FROM origins o WHERE o.agent = NEW.agent AND o.agent_id > 0 LIMIT 1),
        NEW.id)
    WHERE id = NEW.id;
END;
CREATE TRIGGER outcome_inserted AFTER INSERT ON outcomes BEGIN
    UPDATE outcomes
    SET kind_id = coalesce(
        (SELECT o.kind_id FROM outcomes o
         WHERE o.status = NEW.status AND o.billed = NEW.billed AND o.failed = NEW.failed
           AND (o.billed = 1 OR o.billing_reason = NEW.billing_reason) AND o.kind_id <> 0
         LIMIT 1),
        NEW.id)
    WHERE id = NEW.id;
END;
CREATE TABLE summed (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    until_ns INTEGER NOT NULL,
    days_since_ns INTEGER NOT NULL,
    hours_since_ns INTEGER NOT NULL,
    people_hours_since_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE hourly_costs (
    hour INTEGER NOT NULL, dim_id INTEGER NOT NULL, origin_id INTEGER NOT NULL,
    outcome_id INTEGER NOT NULL, calls INTEGER NOT NULL, cost_nano_usd INTEGER NOT NULL,
    exposure_nano_usd INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
    latency_us INTEGER NOT NULL,
    PRIMARY KEY (hour, dim_id, origin_id, outcome_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE daily_agents (
    day INTEGER NOT NULL, dim_id INTEGER NOT NULL, origin_id INTEGER NOT NULL,
    outcome_id INTEGER NOT NULL, calls INTEGER NOT NULL, cost_nano_usd INTEGER NOT NULL,
    exposure_nano_usd INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
    latency_us INTEGER NOT NULL,
    PRIMARY KEY (day, dim_id, origin_id, outcome_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE hourly_people (
    hour INTEGER NOT NULL, user_id INTEGER NOT NULL, session_id INTEGER NOT NULL,
    outcome_id INTEGER NOT NULL, calls INTEGER NOT NULL, cost_nano_usd INTEGER NOT NULL,
    exposure_nano_usd INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
    latency_us INTEGER NOT NULL,
    PRIMARY KEY (hour, user_id, session_id, outcome_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE daily_people (
    day INTEGER NOT NULL, user_id INTEGER NOT NULL, session_id INTEGER NOT NULL,
    outcome_id INTEGER NOT NULL, calls INTEGER NOT NULL, cost_nano_usd INTEGER NOT NULL,
    exposure_nano_usd INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
    latency_us INTEGER NOT NULL,
    PRIMARY KEY (day, user_id, session_id, outcome_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER late_call_inserted AFTER INSERT ON calls
WHEN NEW.start_ns < (SELECT until_ns FROM summed)
BEGIN
    INSERT INTO hourly_costs (
        hour, dim_id, origin_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 3600000000000, NEW.dim_id,
        (SELECT agent_id FROM origins WHERE id = NEW.origin_id), NEW.outcome_id, 1,
        ifnull(NEW.cost_nano_usd, 0), ifnull(NEW.exposure_nano_usd, 0),
        ifnull(NEW.input_tokens, 0), ifnull(NEW.output_tokens, 0),
        ifnull(NEW.cache_read_tokens, 0), ifnull(NEW.cache_write_tokens, 0),
        ifnull(NEW.reasoning_tokens, 0), NEW.latency_us
    FROM summed WHERE NEW.start_ns >= hours_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    INSERT INTO daily_agents (
        day, dim_id, origin_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 86400000000000, NEW.dim_id,
        (SELECT agent_id FROM origins WHERE id = NEW.origin_id), NEW.outcome_id, 1,
        ifnull(NEW.cost_nano_usd, 0), ifnull(NEW.exposure_nano_usd, 0),
        ifnull(NEW.input_tokens, 0), ifnull(NEW.output_tokens, 0),
        ifnull(NEW.cache_read_tokens, 0), ifnull(NEW.cache_write_tokens, 0),
        ifnull(NEW.reasoning_tokens, 0), NEW.latency_us
    FROM summed WHERE NEW.start_ns >= days_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    INSERT INTO hourly_people (
        hour, user_id, session_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 3600000000000, coalesce(NEW.user_id, -1), coalesce(NEW.session_id, -1),
        (SELECT kind_id FROM outcomes WHERE id = NEW.outcome_id), 1,
        ifnull(NEW.cost_nano_usd, 0), ifnull(NEW.exposure_nano_usd, 0),
        ifnull(NEW.input_tokens, 0), ifnull(NEW.output_tokens, 0),
        ifnull(NEW.cache_read_tokens, 0), ifnull(NEW.cache_write_tokens, 0),
        ifnull(NEW.reasoning_tokens, 0), NEW.latency_us
    FROM summed WHERE NEW.start_ns >= people_hours_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    INSERT INTO daily_people (
        day, user_id, session_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 86400000000000, coalesce(NEW.user_id, -1), coalesce(NEW.session_id, -1),
        (SELECT kind_id FROM outcomes WHERE id = NEW.outcome_id), 1,
        ifnull(NEW.cost_nano_usd, 0), ifnull(NEW.exposure_nano_usd, 0),
        ifnull(NEW.input_tokens, 0), ifnull(NEW.output_tokens, 0),
        ifnull(NEW.cache_read_tokens, 0), ifnull(NEW.cache_write_tokens, 0),
        ifnull(NEW.reasoning_tokens, 0), NEW.latency_us
    FROM summed WHERE NEW.start_ns >= days_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;
END;
CREATE TRIGGER summed_call_revised AFTER UPDATE ON calls
WHEN OLD.start_ns < (SELECT until_ns FROM summed)
BEGIN
    INSERT INTO hourly_costs (
        hour, dim_id, origin_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        OLD.start_ns / 3600000000000, OLD.dim_id,
        (SELECT agent_id FROM origins WHERE id = OLD.origin_id), OLD.outcome_id, -1,
        -ifnull(OLD.cost_nano_usd, 0), -ifnull(OLD.exposure_nano_usd, 0),
        -ifnull(OLD.input_tokens, 0), -ifnull(OLD.output_tokens, 0),
        -ifnull(OLD.cache_read_tokens, 0), -ifnull(OLD.cache_write_tokens, 0),
        -ifnull(OLD.reasoning_tokens, 0), -OLD.latency_us
    FROM summed WHERE OLD.start_ns >= hours_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    INSERT INTO daily_agents (
        day, dim_id, origin_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        OLD.start_ns / 86400000000000, OLD.dim_id,
        (SELECT agent_id FROM origins WHERE id = OLD.origin_id), OLD.outcome_id, -1,
        -ifnull(OLD.cost_nano_usd, 0), -ifnull(OLD.exposure_nano_usd, 0),
        -ifnull(OLD.input_tokens, 0), -ifnull(OLD.output_tokens, 0),
        -ifnull(OLD.cache_read_tokens, 0), -ifnull(OLD.cache_write_tokens, 0),
        -ifnull(OLD.reasoning_tokens, 0), -OLD.latency_us
    FROM summed WHERE OLD.start_ns >= days_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    INSERT INTO hourly_people (
        hour, user_id, session_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        OLD.start_ns / 3600000000000, coalesce(OLD.user_id, -1), coalesce(OLD.session_id, -1),
        (SELECT kind_id FROM outcomes WHERE id = OLD.outcome_id), -1,
        -ifnull(OLD.cost_nano_usd, 0), -ifnull(OLD.exposure_nano_usd, 0),
        -ifnull(OLD.input_tokens, 0), -ifnull(OLD.output_tokens, 0),
        -ifnull(OLD.cache_read_tokens, 0), -ifnull(OLD.cache_write_tokens, 0),
        -ifnull(OLD.reasoning_tokens, 0), -OLD.latency_us
    FROM summed WHERE OLD.start_ns >= people_hours_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    INSERT INTO daily_people (
        day, user_id, session_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        OLD.start_ns / 86400000000000, coalesce(OLD.user_id, -1), coalesce(OLD.session_id, -1),
        (SELECT kind_id FROM outcomes WHERE id = OLD.outcome_id), -1,
        -ifnull(OLD.cost_nano_usd, 0), -ifnull(OLD.exposure_nano_usd, 0),
        -ifnull(OLD.input_tokens, 0), -ifnull(OLD.output_tokens, 0),
        -ifnull(OLD.cache_read_tokens, 0), -ifnull(OLD.cache_write_tokens, 0),
        -ifnull(OLD.reasoning_tokens, 0), -OLD.latency_us
    FROM summed WHERE OLD.start_ns >= days_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    INSERT INTO hourly_costs (
        hour, dim_id, origin_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 3600000000000, NEW.dim_id,
        (SELECT agent_id FROM origins WHERE id = NEW.origin_id), NEW.outcome_id, 1,
        ifnull(NEW.cost_nano_usd, 0), ifnull(NEW.exposure_nano_usd, 0),
        ifnull(NEW.input_tokens, 0), ifnull(NEW.output_tokens, 0),
        ifnull(NEW.cache_read_tokens, 0), ifnull(NEW.cache_write_tokens, 0),
        ifnull(NEW.reasoning_tokens, 0), NEW.latency_us
    FROM summed WHERE NEW.start_ns >= hours_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    INSERT INTO daily_agents (
        day, dim_id, origin_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 86400000000000, NEW.dim_id,
        (SELECT agent_id FROM origins WHERE id = NEW.origin_id), NEW.outcome_id, 1,
        ifnull(NEW.cost_nano_usd, 0), ifnull(NEW.exposure_nano_usd, 0),
        ifnull(NEW.input_tokens, 0), ifnull(NEW.output_tokens, 0),
        ifnull(NEW.cache_read_tokens, 0), ifnull(NEW.cache_write_tokens, 0),
        ifnull(NEW.reasoning_tokens, 0), NEW.latency_us
    FROM summed WHERE NEW.start_ns >= days_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    INSERT INTO hourly_people (
        hour, user_id, session_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 3600000000000, coalesce(NEW.user_id, -1), coalesce(NEW.session_id, -1),
        (SELECT kind_id FROM outcomes WHERE id = NEW.outcome_id), 1,
        ifnull(NEW.cost_nano_usd, 0), ifnull(NEW.exposure_nano_usd, 0),
        ifnull(NEW.input_tokens, 0), ifnull(NEW.output_tokens, 0),
        ifnull(NEW.cache_read_tokens, 0), ifnull(NEW.cache_write_tokens, 0),
        ifnull(NEW.reasoning_tokens, 0), NEW.latency_us
    FROM summed WHERE NEW.start_ns >= people_hours_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    INSERT INTO daily_people (
        day, user_id, session_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 86400000000000, coalesce(NEW.user_id, -1), coalesce(NEW.session_id, -1),
        (SELECT kind_id FROM outcomes WHERE id = NEW.outcome_id), 1,
        ifnull(NEW.cost_nano_usd, 0), ifnull(NEW.exposure_nano_usd, 0),
        ifnull(NEW.input_tokens, 0), ifnull(NEW.output_tokens, 0),
        ifnull(NEW.cache_read_tokens, 0), ifnull(NEW.cache_write_tokens, 0),
        ifnull(NEW.reasoning_tokens, 0), NEW.latency_us
    FROM summed WHERE NEW.start_ns >= days_since_ns
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
        latency_us = latency_us + excluded.latency_us;

    DELETE FROM hourly_costs
    WHERE hour = OLD.start_ns / 3600000000000
      AND dim_id = OLD.dim_id
      AND origin_id = (SELECT agent_id FROM origins WHERE id = OLD.origin_id)
      AND outcome_id = OLD.outcome_id
      AND calls = 0;
    DELETE FROM daily_agents
    WHERE day = OLD.start_ns / 86400000000000
      AND dim_id = OLD.dim_id
      AND origin_id = (SELECT agent_id FROM origins WHERE id = OLD.origin_id)
      AND outcome_id = OLD.outcome_id
      AND calls = 0;
    DELETE FROM hourly_people
    WHERE hour = OLD.start_ns / 3600000000000
      AND user_id = coalesce(OLD.user_id, -1)
      AND session_id = coalesce(OLD.session_id, -1)
      AND outcome_id = (SELECT kind_id FROM outcomes WHERE id = OLD.outcome_id)
      AND calls = 0;
    DELETE FROM daily_people
    WHERE day = OLD.start_ns / 86400000000000
      AND user_id = coalesce(OLD.user_id, -1)
      AND session_id = coalesce(OLD.session_id, -1)
      AND outcome_id = (SELECT kind_id FROM outcomes WHERE id = OLD.outcome_id)
      AND calls = 0;
END;
CREATE TABLE tools (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL, tool TEXT NOT NULL, agent TEXT NOT NULL, source TEXT NOT NULL,
    error_type TEXT NOT NULL, failed INTEGER NOT NULL,
    UNIQUE (service, tool, agent, source, error_type, failed)
) STRICT;
CREATE TABLE tool_calls (
    start_ns INTEGER NOT NULL, span_id INTEGER NOT NULL, place INTEGER NOT NULL,
    trace_id BLOB NOT NULL, tool_id INTEGER NOT NULL, duration_us INTEGER,
    PRIMARY KEY (start_ns, span_id, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE daily_tools (
    day INTEGER NOT NULL, tool_id INTEGER NOT NULL,
    calls INTEGER NOT NULL, timed INTEGER NOT NULL, duration_us INTEGER NOT NULL,
    longest_us INTEGER NOT NULL,
    PRIMARY KEY (day, tool_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER tool_call_inserted AFTER INSERT ON tool_calls BEGIN
    INSERT INTO daily_tools (day, tool_id, calls, timed, duration_us, longest_us)
    VALUES (NEW.start_ns / 86400000000000, NEW.tool_id, 1, NEW.duration_us IS NOT NULL,
            ifnull(NEW.duration_us, 0), ifnull(NEW.duration_us, 0))
    ON CONFLICT DO UPDATE SET
        calls = calls + 1, timed = timed + excluded.timed,
        duration_us = duration_us + excluded.duration_us,
        longest_us = max(longest_us, excluded.longest_us);
END;
CREATE VIEW tools_v AS
SELECT date(s.day * 86400, 'unixepoch') AS day, nullif(t.service, '') AS service, t.tool,
       nullif(t.agent, '') AS agent, t.source, nullif(t.error_type, '') AS error_type, t.failed,
       s.calls, s.duration_us / 1e3 / nullif(s.timed, 0) AS mean_duration_ms,
       CASE WHEN s.timed > 0 THEN s.longest_us / 1e3 END AS longest_ms
FROM daily_tools s
JOIN tools t ON t.id = s.tool_id;
CREATE VIEW hourly_costs_v AS
SELECT strftime('%Y-%m-%dT%H:00:00Z', s.hour * 3600, 'unixepoch') AS hour,
       nullif(d.service, '') AS service, nullif(d.provider, '') AS provider,
       nullif(d.model, '') AS model, d.operation, nullif(d.tenant, '') AS tenant,
       nullif(o.agent, '') AS agent,
       sum(s.calls) AS calls,
       sum(s.cost_nano_usd) AS cost_nano_usd, sum(s.cost_nano_usd) / 1e9 AS cost_usd,
       sum(s.exposure_nano_usd) AS exposure_nano_usd,
       sum(s.calls * (r.status = 'unpriced')) AS unpriced_calls,
       sum(s.calls * r.failed) AS failed_calls,
       sum(s.input_tokens) AS input_tokens, sum(s.output_tokens) AS output_tokens,
       sum(s.cache_read_tokens) AS cache_read_tokens,
       sum(s.cache_write_tokens) AS cache_write_tokens,
       sum(s.reasoning_tokens) AS reasoning_tokens,
       sum(s.latency_us) / 1e3 / sum(s.calls) AS mean_latency_ms
FROM hourly_costs s
JOIN dims d ON d.id = s.dim_id
JOIN origins o ON o.id = s.origin_id
JOIN outcomes r ON r.id = s.outcome_id
WHERE r.billed
GROUP BY s.hour, s.dim_id, s.origin_id;
