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
    streamed INTEGER NOT NULL,
    UNIQUE (scope, request_model, agent, feature_flag, service_tier, streamed)
) STRICT;

CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL, billed INTEGER NOT NULL, failed INTEGER NOT NULL,
    reason TEXT NOT NULL, billing_reason TEXT NOT NULL, price_source TEXT NOT NULL,
    error_type TEXT NOT NULL, http_status_code INTEGER NOT NULL,
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

INSERT INTO latency_buckets (lower_us, bucket) VALUES
(0, -1), (1, 0), (2, 16), (3, 25), (4, 32), (5, 37), (6, 41), (7, 44), (8, 48), (9, 50),
(10, 53), (11, 55), (12, 57), (13, 59), (14, 60), (15, 62), (16, 64), (17, 65), (18, 66),
(19, 67), (20, 69), (21, 70), (22, 71), (23, 72), (24, 73), (25, 74), (26, 75), (27, 76),
(29, 77), (30, 78), (31, 79), (32, 80), (34, 81), (35, 82), (37, 83), (39, 84), (40, 85),
(42, 86), (44, 87), (46, 88), (48, 89), (50, 90), (52, 91), (54, 92), (57, 93), (59, 94),
(62, 95), (64, 96), (67, 97), (70, 98), (73, 99), (77, 100), (80, 101), (83, 102), (87, 103),
(91, 104), (95, 105), (99, 106), (104, 107), (108, 108), (113, 109), (118, 110), (123, 111),
(128, 112), (134, 113), (140, 114), (146, 115), (153, 116), (159, 117), (166, 118), (174, 119),
(182, 120), (190, 121), (198, 122), (207, 123), (216, 124), (225, 125), (235, 126), (246, 127),
(256, 128), (268, 129), (280, 130), (292, 131), (305, 132), (318, 133), (332, 134), (347, 135),
(363, 136), (379, 137), (395, 138), (413, 139), (431, 140), (450, 141), (470, 142), (491, 143),
(512, 144), (535, 145), (559, 146), (584, 147), (609, 148), (636, 149), (664, 150), (694, 151),
(725, 152), (757, 153), (790, 154), (825, 155), (862, 156), (900, 157), (940, 158), (981, 159),
(1024, 160), (1070, 161), (1117, 162), (1167, 163), (1218, 164), (1272, 165), (1328, 166),
(1387, 167), (1449, 168), (1513, 169), (1580, 170), (1650, 171), (1723, 172), (1799, 173),
(1879, 174), (1962, 175), (2048, 176), (2139, 177), (2234, 178), (2333, 179), (2436, 180),
(2544, 181), (2656, 182), (2774, 183), (2897, 184), (3025, 185), (3159, 186), (3299, 187),
(3445, 188), (3597, 189), (3757, 190), (3923, 191), (4096, 192), (4278, 193), (4467, 194),
(4665, 195), (4871, 196), (5087, 197), (5312, 198), (5548, 199), (5793, 200), (6050, 201),
(6317, 202), (6597, 203), (6889, 204), (7194, 205), (7513, 206), (7845, 207), (8192, 208),
(8555, 209), (8934, 210), (9329, 211), (9742, 212), (10174, 213), (10624, 214), (11095, 215),
(11586, 216), (12099, 217), (12634, 218), (13194, 219), (13778, 220), (14388, 221),
(15025, 222), (15690, 223), (16384, 224), (17110, 225), (17867, 226), (18658, 227),
(19484, 228), (20347, 229), (21248, 230), (22189, 231), (23171, 232), (24197, 233),
(25268, 234), (26387, 235), (27555, 236), (28775, 237), (30049, 238), (31379, 239),
(32768, 240), (34219, 241), (35734, 242), (37316, 243), (38968, 244), (40694, 245),
(42495, 246), (44377, 247), (46341, 248), (48393, 249), (50536, 250), (52773, 251),
(55109, 252), (57549, 253), (60097, 254), (62758, 255), (65536, 256), (68438, 257),
(71468, 258), (74632, 259), (77936, 260), (81387, 261), (84990, 262), (88753, 263),
(92682, 264), (96786, 265), (101071, 266), (105546, 267), (110218, 268), (115098, 269),
(120194, 270), (125515, 271), (131072, 272), (136876, 273), (142936, 274), (149264, 275),
(155872, 276), (162773, 277), (169980, 278), (177505, 279), (185364, 280), (193571, 281),
(202141, 282), (211091, 283), (220436, 284), (230196, 285), (240388, 286), (251030, 287),
(262144, 288), (273751, 289), (285871, 290), (298527, 291), (311744, 292), (325546, 293),
(339959, 294), (355010, 295), (370728, 296), (387142, 297), (404282, 298), (422181, 299),
(440872, 300), (460391, 301), (480775, 302), (502060, 303), (524288, 304), (547501, 305),
(571741, 306), (597054, 307), (623488, 308), (651092, 309), (679918, 310), (710020, 311),
(741456, 312), (774283, 313), (808563, 314), (844361, 315), (881744, 316), (920782, 317),
(961549, 318), (1004120, 319), (1048576, 320), (1095001, 321), (1143481, 322), (1194107, 323),
(1246975, 324), (1302183, 325), (1359835, 326), (1420040, 327), (1482911, 328), (1548565, 329),
(1617126, 330), (1688722, 331), (1763488, 332), (1841564, 333), (1923097, 334), (2008240, 335),
(2097152, 336), (2190001, 337), (2286961, 338), (2388213, 339), (2493949, 340), (2604365, 341),
(2719670, 342), (2840080, 343), (2965821, 344), (3097129, 345), (3234251, 346), (3377444, 347),
(3526976, 348), (3683128, 349), (3846194, 350), (4016480, 351), (4194304, 352), (4380002, 353),
(4573921, 354), (4776426, 355), (4987897, 356), (5208730, 357), (5439340, 358), (5680160, 359),
(5931642, 360), (6194258, 361), (6468502, 362), (6754887, 363), (7053951, 364), (7366256, 365),
(7692388, 366), (8032959, 367), (8388608, 368), (8760004, 369), (9147842, 370), (9552852, 371),
(9975793, 372), (10417459, 373), (10878679, 374), (11360319, 375), (11863284, 376),
(12388516, 377), (12937003, 378), (13509773, 379), (14107901, 380), (14732511, 381),
(15384775, 382), (16065918, 383), (16777216, 384), (17520007, 385), (18295684, 386),
(19105703, 387), (19951585, 388), (20834917, 389), (21757358, 390), (22720638, 391),
(23726567, 392), (24777032, 393), (25874005, 394), (27019545, 395), (28215802, 396),
(29465022, 397), (30769550, 398), (32131835, 399), (33554432, 400), (35040014, 401),
(36591368, 402), (38211406, 403), (39903170, 404), (41669834, 405), (43514715, 406),
(45441276, 407), (47453133, 408), (49554063, 409), (51748009, 410), (54039089, 411),
(56431604, 412), (58930044, 413), (61539100, 414), (64263669, 415), (67108864, 416),
(70080028, 417), (73182736, 418), (76422812, 419), (79806339, 420), (83339668, 421),
(87029430, 422), (90882552, 423), (94906266, 424), (99108125, 425), (103496017, 426),
(108078177, 427), (112863207, 428), (117860088, 429), (123078200, 430), (128527337, 431),
(134217728, 432), (140160055, 433), (146365471, 434), (152845624, 435), (159612678, 436),
(166679335, 437), (174058859, 438), (181765103, 439), (189812532, 440), (198216250, 441),
(206992034, 442), (216156354, 443), (225726413, 444), (235720175, 445), (246156399, 446),
(257054674, 447), (268435456, 448), (280320109, 449), (292730941, 450), (305691247, 451),
(319225355, 452), (333358669, 453), (348117718, 454), (363530206, 455), (379625063, 456),
(396432500, 457), (413984067, 458), (432312707, 459), (451452826, 460), (471440350, 461),
(492312797, 462), (514109347, 463), (536870912, 464), (560640218, 465), (585461881, 466),
(611382493, 467), (638450709, 468), (666717337, 469), (696235435, 470), (727060411, 471),
(759250125, 472), (792865000, 473), (827968133, 474), (864625414, 475), (902905651, 476),
(942880700, 477), (984625594, 478), (1028218694, 479), (1073741824, 480), (1121280436, 481),
(1170923762, 482), (1222764986, 483), (1276901417, 484), (1333434673, 485), (1392470869, 486),
(1454120822, 487), (1518500250, 488), (1585730000, 489), (1655936265, 490), (1729250827, 491),
(1805811302, 492), (1885761399, 493), (1969251188, 494), (2056437387, 495), (2147483648, 496),
(2242560872, 497), (2341847524, 498), (2445529972, 499), (2553802834, 500), (2666869345, 501),
(2784941738, 502), (2908241643, 503), (3037000500, 504), (3171460000, 505), (3311872530, 506),
(3458501654, 507), (3611622603, 508), (3771522797, 509), (3938502376, 510), (4112874774, 511),
(4294967296, 512), (4485121744, 513), (4683695048, 514), (4891059944, 515), (5107605668, 516),
(5333738690, 517), (5569883476, 518), (5816483285, 519), (6074001000, 520), (6342919999, 521),
(6623745059, 522), (6917003307, 523), (7223245206, 524), (7543045593, 525), (7877004752, 526),
(8225749547, 527), (8589934592, 528), (8970243488, 529), (9367390096, 530), (9782119887, 531),
(10215211335, 532), (10667477379, 533), (11139766951, 534), (11632966570, 535),
(12148002000, 536), (12685839998, 537), (13247490118, 538), (13834006613, 539),
(14446490412, 540), (15086091185, 541), (15754009504, 542), (16451499093, 543),
(17179869184, 544), (17940486975, 545), (18734780192, 546), (19564239774, 547),
(20430422669, 548), (21334954757, 549), (22279533902, 550), (23265933139, 551),
(24296004000, 552), (25371679995, 553), (26494980235, 554), (27668013225, 555),
(28892980823, 556), (30172182370, 557), (31508019007, 558), (32902998186, 559),
(34359738368, 560), (35880973949, 561), (37469560383, 562), (39128479547, 563),
(40860845337, 564), (42669909514, 565), (44559067804, 566), (46531866277, 567),
(48592008000, 568), (50743359990, 569), (52989960470, 570), (55336026450, 571),
(57785961646, 572), (60344364739, 573), (63016038014, 574), (65805996371, 575),
(68719476736, 576), (71761947898, 577), (74939120766, 578), (78256959094, 579),
(81721690674, 580), (85339819027, 581), (89118135607, 582), (93063732553, 583),
(97184016000, 584), (101486719980, 585), (105979920939, 586), (110672052900, 587),
(115571923291, 588), (120688729478, 589), (126032076028, 590), (131611992741, 591),
(137438953472, 592), (143523895796, 593), (149878241531, 594), (156513918187, 595),
(163443381348, 596), (170679638053, 597), (178236271213, 598), (186127465105, 599),
(194368031999, 600), (202973439959, 601), (211959841878, 602), (221344105800, 603),
(231143846582, 604), (241377458955, 605), (252064152056, 606), (263223985482, 607),
(274877906944, 608), (287047791591, 609), (299756483062, 610), (313027836374, 611),
(326886762695, 612), (341359276105, 613), (356472542425, 614), (372254930210, 615),
(388736063997, 616), (405946879917, 617), (423919683755, 618), (442688211600, 619),
(462287693164, 620), (482754917910, 621), (504128304111, 622), (526447970963, 623),
(549755813888, 624), (574095583181, 625), (599512966123, 626), (626055672748, 627),
(653773525390, 628), (682718552210, 629), (712945084850, 630), (744509860419, 631),
(777472127994, 632), (811893759833, 633), (847839367510, 634), (885376423200, 635),
(924575386327, 636), (965509835819, 637), (1008256608222, 638), (1052895941925, 639),
(1099511627776, 640);
