ALTER TABLE origins ADD COLUMN agent_id INTEGER NOT NULL DEFAULT 0;

ALTER TABLE outcomes ADD COLUMN kind_id INTEGER NOT NULL DEFAULT 0;

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

UPDATE origins
SET agent_id = (SELECT min(o.id) FROM origins o WHERE o.agent = origins.agent);

UPDATE outcomes
SET kind_id = (
    SELECT CASE billed WHEN 1 THEN min(o.id) ELSE max(o.id) END FROM outcomes o
    WHERE o.status = outcomes.status AND o.billed = outcomes.billed
      AND o.failed = outcomes.failed
      AND (o.billed = 1 OR o.billing_reason = outcomes.billing_reason));

CREATE TABLE summed (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    until_ns INTEGER NOT NULL,
    days_since_ns INTEGER NOT NULL,
    hours_since_ns INTEGER NOT NULL,
    people_hours_since_ns INTEGER NOT NULL
) STRICT;

INSERT INTO summed (id, until_ns, days_since_ns, hours_since_ns, people_hours_since_ns)
SELECT 1, kept.since_ns, kept.since_ns, kept.since_ns, kept.since_ns
FROM (SELECT coalesce(
    (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'rows_kept_since_ns'), 0
) AS since_ns) AS kept;

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
