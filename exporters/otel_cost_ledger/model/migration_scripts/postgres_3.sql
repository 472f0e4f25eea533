ALTER TABLE origins ADD COLUMN agent_id integer NOT NULL DEFAULT 0;

ALTER TABLE outcomes ADD COLUMN kind_id integer NOT NULL DEFAULT 0;

UPDATE origins
SET agent_id = (SELECT min(o.id) FROM origins o WHERE o.agent = origins.agent);

UPDATE outcomes
SET kind_id = (
    SELECT CASE outcomes.billed WHEN 1 THEN min(o.id) ELSE max(o.id) END FROM outcomes o
    WHERE o.status = outcomes.status AND o.billed = outcomes.billed
      AND o.failed = outcomes.failed
      AND (o.billed = 1 OR o.billing_reason = outcomes.billing_reason));

CREATE INDEX origins_by_agent ON origins (agent, agent_id);

CREATE FUNCTION origin_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.agent_id := coalesce(
        (SELECT o.agent_id FROM origins o WHERE o.agent = NEW.agent LIMIT 1), NEW.id);
    RETURN NEW;
END $$;

CREATE TRIGGER origin_inserted BEFORE INSERT ON origins
FOR EACH ROW EXECUTE FUNCTION origin_inserted();

CREATE FUNCTION outcome_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.kind_id := coalesce(
        (SELECT o.kind_id FROM outcomes o
         WHERE o.status = NEW.status AND o.billed = NEW.billed AND o.failed = NEW.failed
           AND (o.billed = 1 OR o.billing_reason = NEW.billing_reason)
         LIMIT 1),
        NEW.id);
    RETURN NEW;
END $$;

CREATE TRIGGER outcome_inserted BEFORE INSERT ON outcomes
FOR EACH ROW EXECUTE FUNCTION outcome_inserted();

CREATE TABLE summed (
    id integer PRIMARY KEY CHECK (id = 1),
    until_ns bigint NOT NULL,
    days_since_ns bigint NOT NULL,
    hours_since_ns bigint NOT NULL,
    people_hours_since_ns bigint NOT NULL);

INSERT INTO summed (id, until_ns, days_since_ns, hours_since_ns, people_hours_since_ns)
SELECT 1, kept.since_ns, kept.since_ns, kept.since_ns, kept.since_ns
FROM (SELECT coalesce(
    (SELECT value::bigint FROM meta WHERE key = 'rows_kept_since_ns'), 0
) AS since_ns) AS kept;

CREATE TABLE hourly_costs (
    hour integer NOT NULL, dim_id integer NOT NULL, origin_id integer NOT NULL,
    outcome_id integer NOT NULL, calls bigint NOT NULL, cost_nano_usd bigint NOT NULL,
    exposure_nano_usd bigint NOT NULL, input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL, cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL,
    latency_us bigint NOT NULL,
    PRIMARY KEY (hour, dim_id, origin_id, outcome_id)
) WITH (fillfactor = 70);

CREATE TABLE daily_agents (
    day integer NOT NULL, dim_id integer NOT NULL, origin_id integer NOT NULL,
    outcome_id integer NOT NULL, calls bigint NOT NULL, cost_nano_usd bigint NOT NULL,
    exposure_nano_usd bigint NOT NULL, input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL, cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL,
    latency_us bigint NOT NULL,
    PRIMARY KEY (day, dim_id, origin_id, outcome_id)
) WITH (fillfactor = 70);

CREATE TABLE hourly_people (
    hour integer NOT NULL, user_id bigint NOT NULL, session_id bigint NOT NULL,
    outcome_id integer NOT NULL, calls bigint NOT NULL, cost_nano_usd bigint NOT NULL,
    exposure_nano_usd bigint NOT NULL, input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL, cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL,
    latency_us bigint NOT NULL,
    PRIMARY KEY (hour, user_id, session_id, outcome_id)
) WITH (fillfactor = 70);

CREATE TABLE daily_people (
    day integer NOT NULL, user_id bigint NOT NULL, session_id bigint NOT NULL,
    outcome_id integer NOT NULL, calls bigint NOT NULL, cost_nano_usd bigint NOT NULL,
    exposure_nano_usd bigint NOT NULL, input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL, cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL,
    latency_us bigint NOT NULL,
    PRIMARY KEY (day, user_id, session_id, outcome_id)
) WITH (fillfactor = 70);

CREATE FUNCTION summed_call_revised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.start_ns >= (SELECT until_ns FROM summed) THEN
        RETURN NULL;
    END IF;
    INSERT INTO hourly_costs AS s (
        hour, dim_id, origin_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        OLD.start_ns / 3600000000000, OLD.dim_id,
        (SELECT agent_id FROM origins WHERE id = OLD.origin_id), OLD.outcome_id, -1,
        -coalesce(OLD.cost_nano_usd, 0), -coalesce(OLD.exposure_nano_usd, 0),
        -coalesce(OLD.input_tokens, 0), -coalesce(OLD.output_tokens, 0),
        -coalesce(OLD.cache_read_tokens, 0), -coalesce(OLD.cache_write_tokens, 0),
        -coalesce(OLD.reasoning_tokens, 0), -coalesce(OLD.latency_us, 0)
    FROM summed WHERE OLD.start_ns >= hours_since_ns
    ON CONFLICT (hour, dim_id, origin_id, outcome_id) DO UPDATE SET
        calls = s.calls + excluded.calls,
        cost_nano_usd = s.cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = s.exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = s.input_tokens + excluded.input_tokens,
        output_tokens = s.output_tokens + excluded.output_tokens,
        cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = s.reasoning_tokens + excluded.reasoning_tokens,
        latency_us = s.latency_us + excluded.latency_us;

    INSERT INTO daily_agents AS s (
        day, dim_id, origin_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        OLD.start_ns / 86400000000000, OLD.dim_id,
        (SELECT agent_id FROM origins WHERE id = OLD.origin_id), OLD.outcome_id, -1,
        -coalesce(OLD.cost_nano_usd, 0), -coalesce(OLD.exposure_nano_usd, 0),
        -coalesce(OLD.input_tokens, 0), -coalesce(OLD.output_tokens, 0),
        -coalesce(OLD.cache_read_tokens, 0), -coalesce(OLD.cache_write_tokens, 0),
        -coalesce(OLD.reasoning_tokens, 0), -coalesce(OLD.latency_us, 0)
    FROM summed WHERE OLD.start_ns >= days_since_ns
    ON CONFLICT (day, dim_id, origin_id, outcome_id) DO UPDATE SET
        calls = s.calls + excluded.calls,
        cost_nano_usd = s.cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = s.exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = s.input_tokens + excluded.input_tokens,
        output_tokens = s.output_tokens + excluded.output_tokens,
        cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = s.reasoning_tokens + excluded.reasoning_tokens,
        latency_us = s.latency_us + excluded.latency_us;

    INSERT INTO hourly_people AS s (
        hour, user_id, session_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        OLD.start_ns / 3600000000000, coalesce(OLD.user_id, -1), coalesce(OLD.session_id, -1),
        (SELECT kind_id FROM outcomes WHERE id = OLD.outcome_id), -1,
        -coalesce(OLD.cost_nano_usd, 0), -coalesce(OLD.exposure_nano_usd, 0),
        -coalesce(OLD.input_tokens, 0), -coalesce(OLD.output_tokens, 0),
        -coalesce(OLD.cache_read_tokens, 0), -coalesce(OLD.cache_write_tokens, 0),
        -coalesce(OLD.reasoning_tokens, 0), -coalesce(OLD.latency_us, 0)
    FROM summed WHERE OLD.start_ns >= people_hours_since_ns
    ON CONFLICT (hour, user_id, session_id, outcome_id) DO UPDATE SET
        calls = s.calls + excluded.calls,
        cost_nano_usd = s.cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = s.exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = s.input_tokens + excluded.input_tokens,
        output_tokens = s.output_tokens + excluded.output_tokens,
        cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = s.reasoning_tokens + excluded.reasoning_tokens,
        latency_us = s.latency_us + excluded.latency_us;

    INSERT INTO daily_people AS s (
        day, user_id, session_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        OLD.start_ns / 86400000000000, coalesce(OLD.user_id, -1), coalesce(OLD.session_id, -1),
        (SELECT kind_id FROM outcomes WHERE id = OLD.outcome_id), -1,
        -coalesce(OLD.cost_nano_usd, 0), -coalesce(OLD.exposure_nano_usd, 0),
        -coalesce(OLD.input_tokens, 0), -coalesce(OLD.output_tokens, 0),
        -coalesce(OLD.cache_read_tokens, 0), -coalesce(OLD.cache_write_tokens, 0),
        -coalesce(OLD.reasoning_tokens, 0), -coalesce(OLD.latency_us, 0)
    FROM summed WHERE OLD.start_ns >= days_since_ns
    ON CONFLICT (day, user_id, session_id, outcome_id) DO UPDATE SET
        calls = s.calls + excluded.calls,
        cost_nano_usd = s.cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = s.exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = s.input_tokens + excluded.input_tokens,
        output_tokens = s.output_tokens + excluded.output_tokens,
        cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = s.reasoning_tokens + excluded.reasoning_tokens,
        latency_us = s.latency_us + excluded.latency_us;

    INSERT INTO hourly_costs AS s (
        hour, dim_id, origin_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 3600000000000, NEW.dim_id,
        (SELECT agent_id FROM origins WHERE id = NEW.origin_id), NEW.outcome_id, 1,
        coalesce(NEW.cost_nano_usd, 0), coalesce(NEW.exposure_nano_usd, 0),
        coalesce(NEW.input_tokens, 0), coalesce(NEW.output_tokens, 0),
        coalesce(NEW.cache_read_tokens, 0), coalesce(NEW.cache_write_tokens, 0),
        coalesce(NEW.reasoning_tokens, 0), coalesce(NEW.latency_us, 0)
    FROM summed WHERE NEW.start_ns >= hours_since_ns
    ON CONFLICT (hour, dim_id, origin_id, outcome_id) DO UPDATE SET
        calls = s.calls + excluded.calls,
        cost_nano_usd = s.cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = s.exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = s.input_tokens + excluded.input_tokens,
        output_tokens = s.output_tokens + excluded.output_tokens,
        cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = s.reasoning_tokens + excluded.reasoning_tokens,
        latency_us = s.latency_us + excluded.latency_us;

    INSERT INTO daily_agents AS s (
        day, dim_id, origin_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 86400000000000, NEW.dim_id,
        (SELECT agent_id FROM origins WHERE id = NEW.origin_id), NEW.outcome_id, 1,
        coalesce(NEW.cost_nano_usd, 0), coalesce(NEW.exposure_nano_usd, 0),
        coalesce(NEW.input_tokens, 0), coalesce(NEW.output_tokens, 0),
        coalesce(NEW.cache_read_tokens, 0), coalesce(NEW.cache_write_tokens, 0),
        coalesce(NEW.reasoning_tokens, 0), coalesce(NEW.latency_us, 0)
    FROM summed WHERE NEW.start_ns >= days_since_ns
    ON CONFLICT (day, dim_id, origin_id, outcome_id) DO UPDATE SET
        calls = s.calls + excluded.calls,
        cost_nano_usd = s.cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = s.exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = s.input_tokens + excluded.input_tokens,
        output_tokens = s.output_tokens + excluded.output_tokens,
        cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = s.reasoning_tokens + excluded.reasoning_tokens,
        latency_us = s.latency_us + excluded.latency_us;

    INSERT INTO hourly_people AS s (
        hour, user_id, session_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 3600000000000, coalesce(NEW.user_id, -1), coalesce(NEW.session_id, -1),
        (SELECT kind_id FROM outcomes WHERE id = NEW.outcome_id), 1,
        coalesce(NEW.cost_nano_usd, 0), coalesce(NEW.exposure_nano_usd, 0),
        coalesce(NEW.input_tokens, 0), coalesce(NEW.output_tokens, 0),
        coalesce(NEW.cache_read_tokens, 0), coalesce(NEW.cache_write_tokens, 0),
        coalesce(NEW.reasoning_tokens, 0), coalesce(NEW.latency_us, 0)
    FROM summed WHERE NEW.start_ns >= people_hours_since_ns
    ON CONFLICT (hour, user_id, session_id, outcome_id) DO UPDATE SET
        calls = s.calls + excluded.calls,
        cost_nano_usd = s.cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = s.exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = s.input_tokens + excluded.input_tokens,
        output_tokens = s.output_tokens + excluded.output_tokens,
        cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = s.reasoning_tokens + excluded.reasoning_tokens,
        latency_us = s.latency_us + excluded.latency_us;

    INSERT INTO daily_people AS s (
        day, user_id, session_id, outcome_id, calls, cost_nano_usd, exposure_nano_usd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        latency_us)
    SELECT
        NEW.start_ns / 86400000000000, coalesce(NEW.user_id, -1), coalesce(NEW.session_id, -1),
        (SELECT kind_id FROM outcomes WHERE id = NEW.outcome_id), 1,
        coalesce(NEW.cost_nano_usd, 0), coalesce(NEW.exposure_nano_usd, 0),
        coalesce(NEW.input_tokens, 0), coalesce(NEW.output_tokens, 0),
        coalesce(NEW.cache_read_tokens, 0), coalesce(NEW.cache_write_tokens, 0),
        coalesce(NEW.reasoning_tokens, 0), coalesce(NEW.latency_us, 0)
    FROM summed WHERE NEW.start_ns >= days_since_ns
    ON CONFLICT (day, user_id, session_id, outcome_id) DO UPDATE SET
        calls = s.calls + excluded.calls,
        cost_nano_usd = s.cost_nano_usd + excluded.cost_nano_usd,
        exposure_nano_usd = s.exposure_nano_usd + excluded.exposure_nano_usd,
        input_tokens = s.input_tokens + excluded.input_tokens,
        output_tokens = s.output_tokens + excluded.output_tokens,
        cache_read_tokens = s.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = s.cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = s.reasoning_tokens + excluded.reasoning_tokens,
        latency_us = s.latency_us + excluded.latency_us;

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
    RETURN NULL;
END $$;

CREATE TRIGGER summed_call_revised AFTER UPDATE ON calls
FOR EACH ROW EXECUTE FUNCTION summed_call_revised();

CREATE TABLE tools (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text NOT NULL, tool text NOT NULL, agent text NOT NULL, source text NOT NULL,
    error_type text NOT NULL, failed integer NOT NULL,
    UNIQUE (service, tool, agent, source, error_type, failed));

CREATE TABLE tool_calls (
    start_ns bigint NOT NULL, span_id bigint NOT NULL, place integer NOT NULL,
    trace_id bytea NOT NULL, tool_id integer NOT NULL, duration_us bigint,
    PRIMARY KEY (start_ns, span_id, place));

CREATE TABLE daily_tools (
    day integer NOT NULL, tool_id integer NOT NULL,
    calls bigint NOT NULL, timed bigint NOT NULL, duration_us bigint NOT NULL,
    longest_us bigint NOT NULL,
    PRIMARY KEY (day, tool_id));

CREATE FUNCTION tool_call_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO daily_tools AS s (day, tool_id, calls, timed, duration_us, longest_us)
    VALUES (NEW.start_ns / 86400000000000, NEW.tool_id, 1, (NEW.duration_us IS NOT NULL)::integer,
            coalesce(NEW.duration_us, 0), coalesce(NEW.duration_us, 0))
    ON CONFLICT (day, tool_id) DO UPDATE SET
        calls = s.calls + 1, timed = s.timed + excluded.timed,
        duration_us = s.duration_us + excluded.duration_us,
        longest_us = greatest(s.longest_us, excluded.longest_us);
    RETURN NULL;
END $$;

CREATE TRIGGER tool_call_inserted AFTER INSERT ON tool_calls
FOR EACH ROW EXECUTE FUNCTION tool_call_inserted();

CREATE VIEW tools_v AS
SELECT DATE '1970-01-01' + s.day AS day, nullif(t.service, '') AS service, t.tool,
       nullif(t.agent, '') AS agent, t.source, nullif(t.error_type, '') AS error_type, t.failed,
       s.calls, s.duration_us / 1e3::float8 / nullif(s.timed, 0) AS mean_duration_ms,
       CASE WHEN s.timed > 0 THEN s.longest_us / 1e3::float8 END AS longest_ms
FROM daily_tools s
JOIN tools t ON t.id = s.tool_id;

CREATE VIEW hourly_costs_v AS
SELECT to_char(to_timestamp(s.hour * 3600::float8) AT TIME ZONE 'UTC',
               'YYYY-MM-DD"T"HH24:00:00"Z"') AS hour,
       nullif(d.service, '') AS service, nullif(d.provider, '') AS provider,
       nullif(d.model, '') AS model, d.operation, nullif(d.tenant, '') AS tenant,
       nullif(o.agent, '') AS agent,
       sum(s.calls)::bigint AS calls,
       sum(s.cost_nano_usd)::bigint AS cost_nano_usd,
       sum(s.cost_nano_usd) / 1e9::float8 AS cost_usd,
       sum(s.exposure_nano_usd)::bigint AS exposure_nano_usd,
       coalesce(sum(s.calls) FILTER (WHERE r.status = 'unpriced'), 0)::bigint AS unpriced_calls,
       sum(s.calls * r.failed)::bigint AS failed_calls,
       sum(s.input_tokens)::bigint AS input_tokens, sum(s.output_tokens)::bigint AS output_tokens,
       sum(s.cache_read_tokens)::bigint AS cache_read_tokens,
       sum(s.cache_write_tokens)::bigint AS cache_write_tokens,
       sum(s.reasoning_tokens)::bigint AS reasoning_tokens,
       sum(s.latency_us) / 1e3::float8 / sum(s.calls) AS mean_latency_ms
FROM hourly_costs s
JOIN dims d ON d.id = s.dim_id
JOIN origins o ON o.id = s.origin_id
JOIN outcomes r ON r.id = s.outcome_id
WHERE r.billed = 1
GROUP BY s.hour, d.id, o.id;

UPDATE meta SET value = '3' WHERE key = 'schema_version';
