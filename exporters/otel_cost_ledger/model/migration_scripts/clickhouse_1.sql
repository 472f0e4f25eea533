-- The ledger of a fleet: rows of model calls from the spans that the Collector stores.
--
-- ledger_spans keeps nothing: materialized views on it fill the tables below. All keep every
-- delivery and count each span once, the last delivery of it. Money is an integer: attribute
-- values are text, and a small double written as 1e-10 would be cut to zero by a decimal column.

CREATE TABLE IF NOT EXISTS ledger_meta (key String, value String, at DateTime64(3) DEFAULT now64(3))
ENGINE = ReplacingMergeTree(at) ORDER BY key;

CREATE TABLE IF NOT EXISTS otel_traces
(
    Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested
    (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    Links Nested
    (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
TTL toDateTime(Timestamp) + INTERVAL {rows_days} DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS otel_traces_trace_id_ts
(
    TraceId String CODEC(ZSTD(1)),
    Start DateTime CODEC(Delta, ZSTD(1)),
    End DateTime CODEC(Delta, ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(Start)
ORDER BY (TraceId, Start)
TTL Start + INTERVAL {rows_days} DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_trace_id_ts_mv
TO otel_traces_trace_id_ts AS
SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End
FROM otel_traces
WHERE TraceId != ''
GROUP BY TraceId;

CREATE TABLE IF NOT EXISTS otel_logs
(
    Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)),
    TimestampTime DateTime DEFAULT toDateTime(Timestamp),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName String CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
)
ENGINE = MergeTree
PARTITION BY toDate(TimestampTime)
ORDER BY (ServiceName, TimestampTime, Timestamp)
TTL TimestampTime + INTERVAL {rows_days} DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS ledger_calls
(
    start_ns Int64 CODEC(Delta, ZSTD(1)),
    span_id Int64 CODEC(NONE),
    trace_id FixedString(16) CODEC(NONE),
    parent_span_id Nullable(Int64) CODEC(ZSTD(1)),
    dim_id Int64 CODEC(ZSTD(1)),
    series_id Int64 CODEC(ZSTD(1)),
    origin_id Int64 CODEC(ZSTD(1)),
    agent_id Int64 CODEC(ZSTD(1)),
    outcome_id Int64 CODEC(ZSTD(1)),
    kind_id Int64 CODEC(ZSTD(1)),
    user_id Nullable(Int64) CODEC(ZSTD(1)),
    session_id Nullable(Int64) CODEC(ZSTD(1)),
    latency_us Int64 CODEC(ZSTD(1)),
    ttft_us Nullable(Int64) CODEC(ZSTD(1)),
    input_tokens Nullable(Int64) CODEC(ZSTD(1)),
    output_tokens Nullable(Int64) CODEC(ZSTD(1)),
    cache_read_tokens Nullable(Int64) CODEC(ZSTD(1)),
    cache_write_tokens Nullable(Int64) CODEC(ZSTD(1)),
    reasoning_tokens Nullable(Int64) CODEC(ZSTD(1)),
    cost_nano_usd Nullable(Int64) CODEC(ZSTD(1)),
    exposure_nano_usd Nullable(Int64) CODEC(ZSTD(1)),
    max_output_tokens Nullable(Int64) CODEC(ZSTD(1)),
    response_fingerprint Nullable(Int32) CODEC(ZSTD(1)),
    response_key UInt64 CODEC(ZSTD(1)),
    emitter UInt64 CODEC(ZSTD(1)),
    extra Nullable(String) CODEC(ZSTD(1)),
    arrived Int64 DEFAULT toUnixTimestamp64Nano(now64(9)) CODEC(Delta, ZSTD(1)),
    bucket Int16 DEFAULT if(latency_us < 1, -1, toInt16(floor(16 * log2(greatest(latency_us, 1)))))
        CODEC(ZSTD(1)),
    ttft_bucket Nullable(Int16)
        DEFAULT multiIf(ttft_us IS NULL, NULL, ttft_us < 1, -1,
            toInt16(floor(16 * log2(greatest(coalesce(ttft_us, 1), 1))))) CODEC(ZSTD(1)),
    INDEX trace_ids trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(arrived)
PARTITION BY intDiv(start_ns, 86400000000000)
ORDER BY (start_ns, span_id)
TTL toDateTime(intDiv(start_ns, 1000000000)) + INTERVAL {rows_days} DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS ledger_dims
(
    id Int64, series_id Int64,
    service String, provider String, model String, operation String, tenant String
)
ENGINE = ReplacingMergeTree ORDER BY id;

CREATE TABLE IF NOT EXISTS ledger_origins
(
    id Int64,
    scope String, request_model String, agent String, feature_flag String, service_tier String,
    streamed Int8
)
ENGINE = ReplacingMergeTree ORDER BY id;

CREATE TABLE IF NOT EXISTS ledger_outcomes
(
    id Int64,
    status String, billed UInt8, failed UInt8, reason String, billing_reason String,
    price_source String, error_type String, http_status_code UInt16
)
ENGINE = ReplacingMergeTree ORDER BY id;

CREATE TABLE IF NOT EXISTS ledger_spans
(
    start_ns Int64, span_id Int64, trace_id FixedString(16), parent_span_id Nullable(Int64),
    service String, provider String, model String, operation String, tenant String,
    scope String, request_model String, agent String, feature_flag String, service_tier String,
    streamed Int8,
    status String, billed UInt8, failed UInt8, reason String, billing_reason String,
    price_source String, error_type String, http_status_code UInt16,
    user String, session String,
    latency_us Int64, ttft_us Nullable(Int64),
    input_tokens Nullable(Int64), output_tokens Nullable(Int64),
    cache_read_tokens Nullable(Int64), cache_write_tokens Nullable(Int64),
    reasoning_tokens Nullable(Int64),
    cost_nano_usd Nullable(Int64), exposure_nano_usd Nullable(Int64),
    max_output_tokens Nullable(Int64), response_id String, extra Nullable(String)
)
ENGINE = Null;

-- How many rows of each hour have arrived, duplicates included: it only grows.
CREATE TABLE IF NOT EXISTS ledger_arrivals
(
    hour Int64, rows SimpleAggregateFunction(sum, UInt64),
    arrived SimpleAggregateFunction(max, Int64)
)
ENGINE = AggregatingMergeTree ORDER BY hour;

CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_arrivals_mv TO ledger_arrivals AS
SELECT intDiv(start_ns, 3600000000000) AS hour, count() AS rows, max(c.arrived) AS arrived
FROM ledger_calls AS c
GROUP BY hour;

-- Which names stand together in calls, and since when not any more: requested and answering models.
CREATE TABLE IF NOT EXISTS ledger_pairs
(
    dim_id Int64, origin_id Int64, last_ns SimpleAggregateFunction(max, Int64)
)
ENGINE = AggregatingMergeTree ORDER BY (dim_id, origin_id);

CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_pairs_mv TO ledger_pairs AS
SELECT dim_id, origin_id, max(start_ns) AS last_ns
FROM ledger_calls
WHERE outcome_id > 0
GROUP BY dim_id, origin_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_dims_mv TO ledger_dims AS
SELECT DISTINCT
    reinterpretAsInt64(sipHash64(service, provider, model, operation, tenant)) AS id,
    reinterpretAsInt64(sipHash64(provider, model, operation)) AS series_id,
    service, provider, model, operation, tenant
FROM ledger_spans;

-- The sums know of the origin only the agent: each agent has an origin without anything else.
CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_origins_mv TO ledger_origins AS
SELECT DISTINCT
    reinterpretAsInt64(sipHash64(o.1, o.2, o.3, o.4, o.5, o.6)) AS id,
    o.1 AS scope, o.2 AS request_model, o.3 AS agent, o.4 AS feature_flag, o.5 AS service_tier,
    o.6 AS streamed
FROM
(
    SELECT arrayJoin([
        (scope, request_model, agent, feature_flag, service_tier, streamed),
        ('', '', agent, '', '', toInt8(-1))]) AS o
    FROM ledger_spans
);

-- An outcome has a positive id where its calls are billed. The same id with a minus is that of a
-- billed call that another span of the same response is billed for.
CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_outcomes_mv TO ledger_outcomes AS
SELECT DISTINCT
    toInt64(bitOr(bitAnd(sipHash64(r.1, r.2, r.3, r.4, r.5, r.6, r.7, r.8),
        0x7fffffffffffffff), 1)) * if(r.2 = 1, 1, -1) * if(repeated, -1, 1) AS id,
    r.1 AS status, toUInt8(if(repeated, 0, r.2)) AS billed, r.3 AS failed, r.4 AS reason,
    if(repeated, 'the same response id from another instrumentation at the same time', r.5)
        AS billing_reason,
    r.6 AS price_source, r.7 AS error_type, r.8 AS http_status_code
FROM
(
    SELECT
        arrayJoin([
            (status, billed, failed, reason, billing_reason, price_source, error_type,
             http_status_code),
            (status, billed, failed, '', '', '', '', toUInt16(0))]) AS r,
        arrayJoin(if(billed = 1, [0, 1], [0])) AS repeated
    FROM ledger_spans
);

CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_calls_mv TO ledger_calls AS
SELECT
    start_ns, span_id, trace_id, parent_span_id,
    reinterpretAsInt64(sipHash64(service, provider, model, operation, tenant)) AS dim_id,
    reinterpretAsInt64(sipHash64(provider, model, operation)) AS series_id,
    reinterpretAsInt64(sipHash64(scope, request_model, agent, feature_flag, service_tier,
        streamed)) AS origin_id,
    reinterpretAsInt64(sipHash64('', '', agent, '', '', toInt8(-1))) AS agent_id,
    toInt64(bitOr(bitAnd(sipHash64(status, billed, failed, reason, billing_reason,
        price_source, error_type, http_status_code), 0x7fffffffffffffff), 1))
        * if(billed = 1, 1, -1) AS outcome_id,
    toInt64(bitOr(bitAnd(sipHash64(status, billed, failed, '', '', '', '', toUInt16(0)),
        0x7fffffffffffffff), 1)) * if(billed = 1, 1, -1) AS kind_id,
    multiIf(user = '', NULL,
        match(user, '^user_[0-7][0-9a-f]{11}$'),
        reinterpretAsInt64(reverse(unhex(substring(user, 6)))),
        toInt64(bitShiftRight(sipHash64('user', user), 17))) AS user_id,
    if(session = '', NULL, toInt64(bitShiftRight(sipHash64('session', session), 17)))
        AS session_id,
    latency_us, ttft_us, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    reasoning_tokens, cost_nano_usd, exposure_nano_usd, max_output_tokens,
    if(response_id = '', NULL, toInt32(bitShiftRight(CRC32(response_id), 8)) - 8388608)
        AS response_fingerprint,
    if(response_id = '', 0, sipHash64(response_id)) AS response_key,
    sipHash64(service, scope) AS emitter,
    extra
FROM ledger_spans;

-- Names of attributes: those of the conventions, present ones before older ones.
CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_spans_mv TO ledger_spans AS
WITH
    SpanAttributes AS a,
    arrayFirst(v -> v != '',
             [a['gen_ai.provider.name'], a['gen_ai.system'], a['llm.provider'], a['llm.vendor']]) AS provider,
    arrayFirst(v -> v != '',
             [a['gen_ai.request.model'], a['llm.request.model'], a['llm.request.model_name']]) AS request_model,
    arrayFirst(v -> v != '',
             [a['gen_ai.response.model'], a['llm.response.model'], a['llm.response.model_name'],
              a['llm.model_name']]) AS response_model,
    lower(a['gen_ai.operation.name']) AS said_operation,
    transform(said_operation,
             ['acompletion', 'aembedding', 'agenerate_content', 'aimage_generation',
              'amoderation', 'anthropic_messages', 'aocr', 'arerank', 'aresponses', 'aspeech',
              'atext_completion', 'atranscription', 'audio', 'audio.speech',
              'audio.transcriptions', 'audio_transcription', 'audio_translation',
              'avideo_generation', 'chat.completions', 'chat_completion', 'completion',
              'converse', 'converse_stream', 'create_image', 'create_video', 'embed',
              'embed_content', 'embedding', 'generate_content_stream', 'generate_image',
              'generate_images', 'generate_speech', 'generate_video', 'generate_videos',
              'image', 'image_edit', 'image_variation', 'images.generate', 'invoke_model',
              'invoke_model_with_response_stream', 'llm_call', 'llm_request', 'message',
              'messages', 'realtime', 'reranking', 'response', 'responses', 'responses.create',
              'speech_to_text', 'text_generation', 'text_to_speech', 'transcribe', 'translation'],
             ['chat', 'embeddings', 'generate_content', 'image_generation', 'moderation',
              'chat', 'ocr', 'rerank', 'chat', 'speech', 'text_completion', 'transcription',
              'speech', 'speech', 'transcription', 'transcription', 'transcription',
              'video_generation', 'chat', 'chat', 'text_completion', 'chat', 'chat',
              'image_generation', 'video_generation', 'embeddings', 'embeddings', 'embeddings',
              'generate_content', 'image_generation', 'image_generation', 'speech',
              'video_generation', 'video_generation', 'image_generation', 'image_generation',
              'image_generation', 'image_generation', 'chat', 'chat', 'chat', 'chat', 'chat',
              'chat', 'realtime_inference', 'rerank', 'chat', 'chat', 'chat', 'transcription',
              'text_completion', 'speech', 'transcription', 'transcription'],
             said_operation) AS known_operation,
    arrayMap(e -> e['exception.type'], `Events.Attributes`) AS exception_types,
    StatusCode IN ('Error', 'STATUS_CODE_ERROR') AS is_error,
    multiIf(a['error.type'] != '', a['error.type'], NOT is_error, '',
            arrayExists(e -> e != '', exception_types), arrayFirst(e -> e != '', exception_types),
            '_OTHER') AS error_type,
    arrayFirst(v -> match(v, '^[1-5][0-9][0-9]$'),
             [a['http.response.status_code'], a['http.status_code'], a['error.type']]) AS status_text,
    lower(arrayFirst(v -> v != '',
                   [a['gen_ai.request.stream'], a['gen_ai.request.is_stream'],
                    a['gen_ai.is_streaming'], a['llm.is_streaming']])) AS streamed_text,
    arrayFirst(v -> v != '',
             [a['feature_flag.result.variant'], a['feature_flag.variant']]) AS variant,
    toFloat64OrNull(arrayFirst(v -> v != '',
             [a['gen_ai.response.time_to_first_chunk'], a['gen_ai.server.time_to_first_token'],
              a['gen_ai.server.ttft']])) AS first_token_seconds,
    arrayFilter((t, n) -> n IN ('First Token Stream Event', 'gen_ai.content.completion.chunk')
            AND t >= Timestamp, `Events.Timestamp`, `Events.Name`) AS first_chunks,
    mapFilter((k, v) -> v IS NOT NULL, map(
            'billed_span_id', if(a['otel_distro.billing.span_id'] = '', NULL,
                 reinterpretAsInt64(reverse(unhex(a['otel_distro.billing.span_id'])))),
            'cache_write_1h_tokens', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['anthropic.usage.cache_creation.ephemeral_1h_input_tokens'],
                  a['gen_ai.usage.cache_creation.ephemeral_1h_input_tokens'],
                  a['gen_ai.usage.details.ephemeral_1h_input_tokens']]))[1]),
            'input_audio_tokens', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.audio.input_tokens'], a['gen_ai.usage.input_audio_tokens'],
                  a['gen_ai.usage.input_token_details.audio'],
                  a['gen_ai.usage.input_token_details.audio_tokens'],
                  a['gen_ai.usage.prompt_tokens_details.audio'],
                  a['gen_ai.usage.prompt_tokens_details.audio_tokens'],
                  a['gen_ai.usage.details.input_audio_tokens'],
                  a['gen_ai.usage.details.audio_prompt_tokens'],
                  a['llm.token_count.prompt_details.audio']]))[1]),
            'output_audio_tokens', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.audio.output_tokens'], a['gen_ai.usage.output_audio_tokens'],
                  a['gen_ai.usage.output_token_details.audio'],
                  a['gen_ai.usage.completion_tokens_details.audio'],
                  a['gen_ai.usage.completion_tokens_details.audio_tokens'],
                  a['gen_ai.usage.details.output_audio_tokens'],
                  a['gen_ai.usage.details.audio_candidates_tokens'],
                  a['llm.token_count.completion_details.audio']]))[1]),
            'web_search_requests', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.web_search_requests'],
                  a['gen_ai.usage.server_tool_use.web_search_requests'],
                  a['gen_ai.usage.details.web_search_requests'],
                  a['gen_ai.usage.num_search_queries'],
                  a['gen_ai.usage.details.num_search_queries'],
                  a['anthropic.usage.server_tool_use.web_search_requests']]))[1]),
            'cached_audio_tokens', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.audio.cache_read.input_tokens'],
                  a['gen_ai.usage.cache_read.audio.input_tokens'],
                  a['gen_ai.usage.input_cached_audio_tokens'],
                  a['gen_ai.usage.details.cache_audio_read_tokens'],
                  a['gen_ai.usage.details.audio_cache_tokens']]))[1]),
            'input_image_tokens', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.image.input_tokens'], a['gen_ai.usage.input_image_tokens'],
                  a['gen_ai.usage.details.input_image_tokens'],
                  a['gen_ai.usage.details.image_prompt_tokens'],
                  a['llm.token_count.prompt_details.image']]))[1]),
            'output_image_tokens', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.image.output_tokens'], a['gen_ai.usage.output_image_tokens'],
                  a['gen_ai.usage.details.output_image_tokens'],
                  a['gen_ai.usage.details.image_candidates_tokens'],
                  a['llm.token_count.completion_details.image']]))[1]),
            'cached_image_tokens', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.image.cache_read.input_tokens'],
                  a['gen_ai.usage.cache_read.image.input_tokens'],
                  a['gen_ai.usage.input_cached_image_tokens'],
                  a['gen_ai.usage.details.image_cache_tokens']]))[1]),
            'input_video_tokens', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.video.input_tokens'], a['gen_ai.usage.input_video_tokens'],
                  a['gen_ai.usage.details.video_prompt_tokens'],
                  a['llm.token_count.prompt_details.video']]))[1]),
            'output_video_tokens', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.video.output_tokens'], a['gen_ai.usage.output_video_tokens'],
                  a['gen_ai.usage.details.video_candidates_tokens']]))[1]),
            'citation_tokens', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.citation_tokens'], a['gen_ai.usage.citation.output_tokens'],
                  a['gen_ai.usage.details.citation_tokens']]))[1]),
            'audio_milliseconds', toInt64OrNull(toString(round(toFloat64OrNull(arrayFirst(v -> v != '',
                 [a['gen_ai.usage.audio_seconds'], a['gen_ai.usage.input_audio_seconds'],
                  a['gen_ai.usage.audio.seconds'], a['gen_ai.usage.audio_duration_seconds'],
                  a['gen_ai.usage.details.audio_seconds'],
                  a['gen_ai.usage.details.input_audio_seconds'],
                  a['gen_ai.usage.details.prompt_audio_seconds'],
                  a['gen_ai.usage.prompt_audio_seconds'], a['gen_ai.usage.seconds']])) * 1000))),
            'video_milliseconds', toInt64OrNull(toString(round(toFloat64OrNull(arrayFirst(v -> v != '',
                 [a['gen_ai.usage.video_seconds'], a['gen_ai.usage.output_video_seconds'],
                  a['gen_ai.usage.video.seconds'], a['gen_ai.usage.details.video_seconds']])) * 1000))),
            'input_characters', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.input_characters'], a['gen_ai.usage.characters'],
                  a['gen_ai.usage.details.input_characters']]))[1]),
            'document_pages', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.input_document_pages'], a['gen_ai.usage.document_pages'],
                  a['gen_ai.usage.pages_processed'],
                  a['gen_ai.usage.details.input_document_pages'],
                  a['gen_ai.usage.details.pages_processed']]))[1]),
            'annotated_pages', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.input_annotated_document_pages'],
                  a['gen_ai.usage.details.input_annotated_document_pages']]))[1]),
            'rerank_searches', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.rerank_searches'], a['gen_ai.usage.search_units'],
                  a['gen_ai.usage.details.rerank_searches'],
                  a['gen_ai.usage.details.search_units']]))[1]),
            'output_images', toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
                 [a['gen_ai.usage.output_images'], a['gen_ai.usage.images'],
                  a['gen_ai.usage.details.output_images']]))[1]))) AS units
SELECT
    toUnixTimestamp64Nano(Timestamp) AS start_ns,
    reinterpretAsInt64(reverse(unhex(SpanId))) AS span_id,
    toFixedString(substring(concat(unhex(TraceId), repeat('\0', 16)), 1, 16), 16) AS trace_id,
    if(ParentSpanId IN ('', '0000000000000000'), NULL,
       reinterpretAsInt64(reverse(unhex(ParentSpanId)))) AS parent_span_id,
    ServiceName AS service,
    provider,
    if(response_model != '', response_model, request_model) AS model,
    multiIf(known_operation != '', known_operation,
        positionCaseInsensitive(model, 'embed') > 0, 'embeddings', 'chat') AS operation,
    if(arrayFirst(v -> v != '',
               [a['tenant.id'], a['tenant'], a['organization.id'], a['customer.id'],
                a['traceloop.association.properties.tenant_id'],
                a['traceloop.association.properties.tenant'],
                a['traceloop.association.properties.organization_id'],
                a['traceloop.association.properties.customer_id']]) != '',
        arrayFirst(v -> v != '',
               [a['tenant.id'], a['tenant'], a['organization.id'], a['customer.id'],
                a['traceloop.association.properties.tenant_id'],
                a['traceloop.association.properties.tenant'],
                a['traceloop.association.properties.organization_id'],
                a['traceloop.association.properties.customer_id']]),
        arrayFirst(v -> v != '',
               [ResourceAttributes['tenant.id'], ResourceAttributes['tenant'],
                ResourceAttributes['organization.id'], ResourceAttributes['customer.id'],
                ResourceAttributes['traceloop.association.properties.tenant_id'],
                ResourceAttributes['traceloop.association.properties.tenant'],
                ResourceAttributes['traceloop.association.properties.organization_id'],
                ResourceAttributes['traceloop.association.properties.customer_id']])) AS tenant,
    ScopeName AS scope,
    request_model,
    arrayFirst(v -> v != '',
             [a['gen_ai.agent.name'], a['agent.name'], a['agent_name'],
              a['traceloop.association.properties.gen_ai_agent_name'],
              a['traceloop.association.properties.agent_name'],
              a['traceloop.association.properties.agent_name']]) AS agent,
    multiIf(a['feature_flag.key'] = '', '', variant = '', a['feature_flag.key'],
        concat(a['feature_flag.key'], '=', variant)) AS feature_flag,
    arrayFirst(v -> v != '',
             [a['openai.response.service_tier'], a['gen_ai.openai.response.service_tier'],
              a['anthropic.response.service_tier'], a['gen_ai.response.service_tier'],
              a['openai.request.service_tier'], a['gen_ai.openai.request.service_tier'],
              a['gen_ai.request.service_tier']]) AS service_tier,
    toInt8(multiIf(streamed_text IN ('true', '1'), 1, streamed_text IN ('false', '0'), 0, -1))
        AS streamed,
    a['otel_distro.cost.status'] AS status,
    a['otel_distro.billed'] = 'true' AS billed,
    error_type != '' AS failed,
    a['otel_distro.cost.reason'] AS reason,
    a['otel_distro.billing.reason'] AS billing_reason,
    a['otel_distro.cost.price_source'] AS price_source,
    error_type,
    toUInt16OrZero(status_text) AS http_status_code,
    arrayFirst(v -> v != '',
             [a['user.id'], a['enduser.id'], a['gen_ai.user.id'], a['llm.user'],
              a['traceloop.association.properties.user_id'],
              a['traceloop.association.properties.enduser_id'],
              a['traceloop.association.properties.gen_ai_user_id'],
              a['traceloop.association.properties.llm_user']]) AS user,
    arrayFirst(v -> v != '',
             [a['session.id'], a['gen_ai.conversation.id'], a['thread.id'],
              a['traceloop.association.properties.session_id'],
              a['traceloop.association.properties.gen_ai_conversation_id'],
              a['traceloop.association.properties.thread_id']]) AS session,
    toInt64(least(intDiv(Duration, 1000), 1099511627776)) AS latency_us,
    multiIf(first_token_seconds >= 0,
        intDiv(accurateCastOrNull(round(first_token_seconds * 1e9), 'Int64'), 1000),
        notEmpty(first_chunks),
        intDiv(toUnixTimestamp64Nano(first_chunks[1]) - toUnixTimestamp64Nano(Timestamp), 1000),
        NULL) AS ttft_us,
    nullIf(toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
             [a['gen_ai.usage.input_tokens'], a['gen_ai.usage.prompt_tokens'],
              a['llm.usage.prompt_tokens'], a['llm.usage.input_tokens'],
              a['llm.token_count.prompt'], a['gen_ai.usage.details.input_tokens']]))[1]), 0) AS input_tokens,
    toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
             [a['gen_ai.usage.output_tokens'], a['gen_ai.usage.completion_tokens'],
              a['llm.usage.completion_tokens'], a['llm.usage.output_tokens'],
              a['llm.token_count.completion'], a['gen_ai.usage.details.output_tokens']]))[1]) AS output_tokens,
    toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
             [a['gen_ai.usage.cache_read.input_tokens'],
              a['gen_ai.usage.cache_read_input_tokens'], a['gen_ai.usage.cache_read_tokens'],
              a['gen_ai.usage.cached_input_tokens'], a['gen_ai.usage.cached_tokens'],
              a['gen_ai.usage.input_cached_tokens'], a['gen_ai.usage.input_cache_read'],
              a['gen_ai.usage.input_tokens.cached'],
              a['gen_ai.usage.input_token_details.cache_read'],
              a['gen_ai.usage.input_token_details.cached_tokens'],
              a['gen_ai.usage.input_tokens_details.cached_tokens'],
              a['gen_ai.usage.prompt_tokens_details.cache_read'],
              a['gen_ai.usage.prompt_tokens_details.cached_tokens'],
              a['gen_ai.usage.details.cache_read_tokens'],
              a['gen_ai.usage.details.cache_read_input_tokens'],
              a['gen_ai.usage.details.cached_tokens'],
              a['gen_ai.usage.details.cached_content_tokens'],
              a['llm.usage.cache_read_input_tokens'],
              a['llm.token_count.prompt_details.cache_read'],
              a['llm.token_count.prompt_details.cache_input']]))[1]) AS cache_read_tokens,
    toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
             [a['gen_ai.usage.cache_write.input_tokens'],
              a['gen_ai.usage.cache_creation.input_tokens'],
              a['gen_ai.usage.cache_creation_input_tokens'],
              a['gen_ai.usage.cache_write_input_tokens'],
              a['gen_ai.usage.cache_creation_tokens'], a['gen_ai.usage.cache_write_tokens'],
              a['gen_ai.usage.input_cache_creation'], a['gen_ai.usage.input_cache_write'],
              a['gen_ai.usage.input_token_details.cache_creation'],
              a['gen_ai.usage.prompt_tokens_details.cache_write'],
              a['gen_ai.usage.prompt_tokens_details.cache_creation_tokens'],
              a['gen_ai.usage.details.cache_write_tokens'],
              a['gen_ai.usage.details.cache_creation_input_tokens'],
              a['llm.usage.cache_creation_input_tokens'],
              a['llm.token_count.prompt_details.cache_write']]))[1]) AS cache_write_tokens,
    toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
             [a['gen_ai.usage.reasoning.output_tokens'], a['gen_ai.usage.reasoning_tokens'],
              a['gen_ai.usage.reasoning_output_tokens'],
              a['gen_ai.usage.output_reasoning_tokens'],
              a['gen_ai.usage.output_tokens.reasoning'],
              a['gen_ai.usage.output_token_details.reasoning'],
              a['gen_ai.usage.output_tokens_details.reasoning_tokens'],
              a['gen_ai.usage.completion_tokens_details.reasoning'],
              a['gen_ai.usage.completion_tokens_details.reasoning_tokens'],
              a['gen_ai.usage.details.reasoning_tokens'],
              a['gen_ai.usage.details.thoughts_tokens'], a['llm.usage.reasoning_tokens'],
              a['llm.token_count.completion_details.reasoning']]))[1]) AS reasoning_tokens,
    toInt64OrNull(a['otel_distro.cost.nano_usd']) AS cost_nano_usd,
    toInt64OrNull(a['otel_distro.cost.exposure_nano_usd']) AS exposure_nano_usd,
    toInt64OrNull(splitByChar('.', arrayFirst(v -> match(v, '^[0-9]{1,12}(\\.0{1,6})?$'),
             [a['gen_ai.request.max_tokens'], a['llm.request.max_tokens']]))[1]) AS max_output_tokens,
    arrayFirst(v -> v != '',
             [a['gen_ai.response.id'], a['llm.response.id']]) AS response_id,
    if(empty(units), NULL, toJSONString(units)) AS extra
FROM otel_traces
WHERE mapContains(a, 'otel_distro.billed') AND Timestamp < '2262-01-01 00:00:00';

-- Billed calls that another span of the same response is billed for, by the run that found them.
CREATE TABLE IF NOT EXISTS ledger_repeats (hour Int64, start_ns Int64, span_id Int64, made Int64)
ENGINE = MergeTree PARTITION BY intDiv(hour, 720) ORDER BY (hour, start_ns, span_id)
TTL toDateTime(hour * 3600) + INTERVAL {rows_days} DAY;

-- Sums of hours. `made` is the run that made them; of an hour only the rows of one run count.
CREATE TABLE IF NOT EXISTS ledger_hourly_costs
(
    hour Int64, dim_id Int64, origin_id Int64, outcome_id Int64,
    calls Int64, cost_nano_usd Int64, exposure_nano_usd Int64, input_tokens Int64,
    output_tokens Int64, cache_read_tokens Int64, cache_write_tokens Int64,
    reasoning_tokens Int64, latency_us Int64, made Int64
)
ENGINE = MergeTree PARTITION BY intDiv(hour, 720) ORDER BY (hour, dim_id, origin_id, outcome_id);

CREATE TABLE IF NOT EXISTS ledger_hourly_people
(
    hour Int64, user_id Int64, session_id Int64, outcome_id Int64,
    calls Int64, cost_nano_usd Int64, exposure_nano_usd Int64, input_tokens Int64,
    output_tokens Int64, cache_read_tokens Int64, cache_write_tokens Int64,
    reasoning_tokens Int64, latency_us Int64, made Int64
)
ENGINE = MergeTree PARTITION BY intDiv(hour, 720) ORDER BY (hour, user_id, session_id, outcome_id)
TTL toDateTime(hour * 3600) + INTERVAL {rows_days} DAY;

CREATE TABLE IF NOT EXISTS ledger_hourly_latency
(
    hour Int64, series_id Int64, bucket Int16, calls Int64, made Int64
)
ENGINE = MergeTree PARTITION BY intDiv(hour, 720) ORDER BY (hour, series_id, bucket);

CREATE TABLE IF NOT EXISTS ledger_hourly_first_token
(
    hour Int64, series_id Int64, bucket Int16, calls Int64, made Int64
)
ENGINE = MergeTree PARTITION BY intDiv(hour, 720) ORDER BY (hour, series_id, bucket);

-- The dearest calls of each hour.
CREATE TABLE IF NOT EXISTS ledger_hourly_dearest
(
    hour Int64, start_ns Int64, span_id Int64, cost_nano_usd Int64, made Int64
)
ENGINE = MergeTree PARTITION BY intDiv(hour, 720) ORDER BY (hour, start_ns, span_id)
TTL toDateTime(hour * 3600) + INTERVAL {rows_days} DAY;

CREATE TABLE IF NOT EXISTS ledger_summed (hour Int64, made Int64, rows UInt64)
ENGINE = ReplacingMergeTree(made) ORDER BY (hour, made);

-- Executions of tools, as spans of the GenAI conventions describe them.
CREATE TABLE IF NOT EXISTS ledger_tool_calls
(
    start_ns Int64, span_id Int64, trace_id FixedString(16),
    service String, tool String, agent String, error_type String, failed UInt8,
    duration_us Int64
)
ENGINE = ReplacingMergeTree PARTITION BY intDiv(start_ns, 86400000000000)
ORDER BY (start_ns, span_id)
TTL toDateTime(intDiv(start_ns, 1000000000)) + INTERVAL {rows_days} DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_tool_calls_mv TO ledger_tool_calls AS
WITH SpanAttributes AS a
SELECT
    toUnixTimestamp64Nano(Timestamp) AS start_ns,
    reinterpretAsInt64(reverse(unhex(SpanId))) AS span_id,
    toFixedString(substring(concat(unhex(TraceId), repeat('\0', 16)), 1, 16), 16) AS trace_id,
    ServiceName AS service,
    a['gen_ai.tool.name'] AS tool,
    a['gen_ai.agent.name'] AS agent,
    multiIf(a['error.type'] != '', a['error.type'],
        StatusCode IN ('Error', 'STATUS_CODE_ERROR'), '_OTHER', '') AS error_type,
    error_type != '' AS failed,
    toInt64(least(intDiv(Duration, 1000), 1099511627776)) AS duration_us
FROM otel_traces
WHERE a['gen_ai.operation.name'] = 'execute_tool' AND Timestamp < '2262-01-01 00:00:00';

INSERT INTO ledger_meta (key, value) VALUES ('rows_days', '{rows_days}');
