"""The tables of a ledger in PostgreSQL: the same names and columns as in SQLite.

They live in a schema of their own, `otel_distro`. `calls` is partitioned by month of the call, so
that retention drops whole months. New calls are added to the sums by the statement that inserts
them; a trigger moves them when they are revised, whoever does it.
"""

from __future__ import annotations

from typing import Final

from otel_cost_ledger.histogram import LATENCY_BUCKETS
from otel_cost_ledger.schema import COUNTERS, NS_PER_DAY, SCHEMA_VERSION

SCHEMA: Final = "otel_distro"

_COUNTER_COLUMNS: Final = ", ".join(f"{name} bigint NOT NULL" for name in COUNTERS)
_ADD: Final = ", ".join(f"{name} = s.{name} + excluded.{name}" for name in COUNTERS)
_OF_CALL: Final = ", ".join(
    ["sign", *(f"sign * coalesce(c.{name}, 0)" for name in COUNTERS[1:])],
)

BUCKET: Final = (
    "(SELECT b.bucket FROM latency_buckets b WHERE b.lower_us <= c.latency_us"
    " ORDER BY b.lower_us DESC LIMIT 1)"
)

_TABLES: Final = f"""
CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);

CREATE TABLE series (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text NOT NULL, model text NOT NULL, operation text NOT NULL,
    UNIQUE (provider, model, operation));

CREATE TABLE dims (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text NOT NULL, provider text NOT NULL, model text NOT NULL,
    operation text NOT NULL, tenant text NOT NULL,
    series_id integer NOT NULL REFERENCES series (id),
    UNIQUE (service, provider, model, operation, tenant));

CREATE TABLE origins (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope text NOT NULL, request_model text NOT NULL, agent text NOT NULL,
    feature_flag text NOT NULL, service_tier text NOT NULL, streamed integer NOT NULL,
    UNIQUE (scope, request_model, agent, feature_flag, service_tier, streamed));

CREATE SEQUENCE outcome_ids AS integer;
CREATE TABLE outcomes (
    id integer PRIMARY KEY,
    status text NOT NULL, billed integer NOT NULL, failed integer NOT NULL,
    reason text NOT NULL, billing_reason text NOT NULL, price_source text NOT NULL,
    error_type text NOT NULL, http_status_code integer NOT NULL,
    UNIQUE (status, billed, failed, reason, billing_reason, price_source, error_type,
            http_status_code),
    CHECK ((id > 0) = (billed = 1)));

CREATE TABLE calls (
    start_ns bigint NOT NULL, span_id bigint NOT NULL,
    trace_id bytea NOT NULL, parent_span_id bigint,
    dim_id integer NOT NULL, origin_id integer NOT NULL, outcome_id integer NOT NULL,
    user_id bigint, session_id bigint,
    latency_us bigint NOT NULL, ttft_us bigint,
    input_tokens bigint, output_tokens bigint,
    cache_read_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint,
    cost_nano_usd bigint, exposure_nano_usd bigint,
    max_output_tokens bigint, response_fingerprint integer,
    extra text,
    PRIMARY KEY (start_ns, span_id)) PARTITION BY RANGE (start_ns);

CREATE TABLE daily_costs (
    day integer NOT NULL, dim_id integer NOT NULL, outcome_id integer NOT NULL,
    {_COUNTER_COLUMNS},
    PRIMARY KEY (day, dim_id, outcome_id)) WITH (fillfactor = 70);

CREATE TABLE latency_buckets (lower_us bigint PRIMARY KEY, bucket integer NOT NULL);

CREATE TABLE latency_histogram (
    day integer NOT NULL, series_id integer NOT NULL, bucket integer NOT NULL,
    calls bigint NOT NULL,
    PRIMARY KEY (day, series_id, bucket)) WITH (fillfactor = 70);

CREATE TABLE replaced_prices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    start_ns bigint NOT NULL, span_id bigint NOT NULL,
    outcome_id integer NOT NULL, cost_nano_usd bigint, exposure_nano_usd bigint,
    replaced_at bigint NOT NULL);

CREATE TABLE latency_violations (
    at_ns bigint NOT NULL, span_id bigint NOT NULL, operation text NOT NULL,
    trace_id bytea NOT NULL, budget_us bigint NOT NULL, actual_us bigint NOT NULL,
    PRIMARY KEY (at_ns, span_id, operation));
"""

_TRIGGER: Final = f"""
CREATE FUNCTION add_to_sums(c calls, sign integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO daily_costs AS s (day, dim_id, outcome_id, {", ".join(COUNTERS)})
    VALUES (c.start_ns / {NS_PER_DAY}, c.dim_id, c.outcome_id, {_OF_CALL})
    ON CONFLICT (day, dim_id, outcome_id) DO UPDATE SET {_ADD};
    INSERT INTO latency_histogram AS s (day, series_id, bucket, calls)
    SELECT c.start_ns / {NS_PER_DAY}, (SELECT series_id FROM dims WHERE id = c.dim_id),
           {BUCKET}, sign
    WHERE c.outcome_id > 0
    ON CONFLICT (day, series_id, bucket) DO UPDATE SET calls = s.calls + excluded.calls;
$$;

CREATE FUNCTION call_revised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_to_sums(OLD, -1);
    PERFORM add_to_sums(NEW, 1);
    DELETE FROM daily_costs
    WHERE day = OLD.start_ns / {NS_PER_DAY} AND dim_id = OLD.dim_id
      AND outcome_id = OLD.outcome_id AND calls = 0;
    DELETE FROM latency_histogram
    WHERE day = OLD.start_ns / {NS_PER_DAY} AND calls = 0
      AND series_id = (SELECT series_id FROM dims WHERE id = OLD.dim_id);
    IF OLD.cost_nano_usd IS DISTINCT FROM NEW.cost_nano_usd THEN
        INSERT INTO replaced_prices
            (start_ns, span_id, outcome_id, cost_nano_usd, exposure_nano_usd, replaced_at)
        VALUES (OLD.start_ns, OLD.span_id, OLD.outcome_id, OLD.cost_nano_usd,
                OLD.exposure_nano_usd, extract(epoch FROM now())::bigint);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER calls_revised AFTER UPDATE ON calls
FOR EACH ROW EXECUTE FUNCTION call_revised();
"""  # noqa: S608 - made of constants

_VIEWS: Final = """
CREATE VIEW calls_v AS
SELECT to_char(to_timestamp(c.start_ns / 1000000 / 1e3) AT TIME ZONE 'UTC',
               'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time,
       c.start_ns, encode(c.trace_id, 'hex') AS trace_id,
       lpad(to_hex(c.span_id), 16, '0') AS span_id,
       lpad(to_hex(c.parent_span_id), 16, '0') AS parent_span_id,
       nullif(d.service, '') AS service, nullif(d.provider, '') AS provider,
       nullif(d.model, '') AS model, nullif(o.request_model, '') AS request_model,
       d.operation, nullif(d.tenant, '') AS tenant,
       lpad(to_hex(c.user_id), 12, '0') AS "user",
       lpad(to_hex(c.session_id), 12, '0') AS session,
       nullif(o.agent, '') AS agent, nullif(o.feature_flag, '') AS feature_flag,
       o.scope, nullif(o.service_tier, '') AS service_tier,
       nullif(o.streamed, -1) AS streamed,
       r.status, r.reason, r.billed, r.billing_reason,
       nullif(r.price_source, '') AS price_source, r.failed,
       nullif(r.error_type, '') AS error_type,
       nullif(r.http_status_code, 0) AS http_status_code,
       c.cost_nano_usd, c.cost_nano_usd / 1e9::float8 AS cost_usd, c.exposure_nano_usd,
       c.input_tokens, c.output_tokens, c.cache_read_tokens, c.cache_write_tokens,
       c.reasoning_tokens, c.max_output_tokens, c.extra,
       c.latency_us / 1e3::float8 AS latency_ms, c.ttft_us / 1e3::float8 AS time_to_first_token_ms
FROM calls c
JOIN dims d ON d.id = c.dim_id
JOIN origins o ON o.id = c.origin_id
JOIN outcomes r ON r.id = c.outcome_id;

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
"""

_BUCKET_ROWS: Final = ", ".join(f"({lower}, {bucket})" for lower, bucket in LATENCY_BUCKETS)

CREATE: Final = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
SET search_path TO {SCHEMA};
{_TABLES}
{_TRIGGER}
{_VIEWS}
INSERT INTO latency_buckets (lower_us, bucket) VALUES {_BUCKET_ROWS};
INSERT INTO meta (key, value) VALUES ('schema_version', '{SCHEMA_VERSION}');
"""  # noqa: S608 - made of constants
