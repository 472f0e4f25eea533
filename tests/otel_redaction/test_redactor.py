"""Attributes: names decide, structure is followed, measurements and ids pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_redaction import DeadlineExceeded, Policy, Redactor

REDACTOR = Redactor()


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("authorization", "Bearer abc", "[TOKEN]"),
        ("http.request.header.cookie", ["a=b"], ["[COOKIE]"]),
        ("http.request.header.x-api-key", "abc", "[API_KEY]"),
        ("userPassword", "x", "[PASSWORD]"),
        ("db.password", 12345678, "[PASSWORD]"),
        ("client_secret", b"abc", "[SECRET]"),
        ("AWS_SECRET_ACCESS_KEY", "x", "[API_KEY]"),
    ],
)
def test_a_secret_name_hides_its_value(key: str, value: Any, expected: Any) -> None:
    """Names are classified by whole segments, with any punctuation."""
    assert REDACTOR.attributes({key: value}) == {key: expected}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gen_ai.usage.input_tokens", 1234),
        ("gen_ai.usage.cache_read.input_tokens", 12),
        ("llm.token_count.prompt", 4111),
        ("gen_ai.request.max_tokens", 4096),
        ("gen_ai.token.type", "input"),
        ("gen_ai.server.time_to_first_token", "0.21"),
        ("gen_ai.server.time_per_output_token", 12),
        ("metadata.user_api_key_request_route", "/chat/completions"),
        ("tokens_per_second", 12.5),
        ("gen_ai.response.id", "chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwXyZ01"),
        ("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"),
        ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
        ("service.version", "1.2.3.4"),
        ("timestamp", 1786645484736000000),
        ("key", "value"),
        ("monkey", "banana"),
        ("primary_key", "order-17"),
        ("session.id", "s-42"),
        ("password", None),
        ("use_token", True),
        ("url.path", "/users/17/orders"),
    ],
)
def test_measurements_and_ids_pass(key: str, value: Any) -> None:
    """Telemetry that identifies no person is unchanged."""
    assert REDACTOR.attributes({key: value}) == {key: value}


def test_nested_values_are_followed() -> None:
    """Mappings, lists, tuples and bytes are searched, and names inside them count."""
    value = {"user": {"mail": "a@example.org", "password": "x"}, "list": [("b@example.org",), 1]}

    redacted = REDACTOR.value("body", value)

    assert redacted == {
        "user": {"mail": "[EMAIL]", "password": "[PASSWORD]"},
        "list": [("[EMAIL]",), 1],
    }


def test_values_inside_a_secret_are_secret() -> None:
    """A secret name covers the fields below it, except well-known harmless names."""
    value = {"credentials": {"user": "bob", "key_id": "k1", "more": [1, {"deep": "x"}]}}

    redacted = REDACTOR.value("body", value)

    assert redacted == {
        "credentials": {
            "user": "[TOKEN]",
            "key_id": "k1",
            "more": ["[TOKEN]", {"deep": "[TOKEN]"}],
        }
    }


def test_an_integer_can_be_a_card() -> None:
    """Measurements pass; card numbers do not."""
    assert REDACTOR.attributes({"n": 4111111111111111, "m": 42}) == {"n": "[CARD]", "m": 42}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("user.phone", "5551234567", "[PHONE]"),
        ("customer.ssn", 123456789, "[SSN]"),
        ("dateOfBirth", "1990-05-12", "[BIRTH_DATE]"),
        ("payment.account_number", "000123456789", "[BANK_ACCOUNT]"),
        ("phone_count", 5551234567, 5551234567),
        ("order.number", "5551234567", "5551234567"),
        ("user.phone", "unknown", "unknown"),
    ],
)
def test_the_name_of_an_attribute_identifies_digits(key: str, value: Any, expected: Any) -> None:
    """For digits alone the attribute's name is the context."""
    assert REDACTOR.attributes({key: value}) == {key: expected}


def test_bytes_are_text_when_they_can_be() -> None:
    """Bytes outside UTF-8 are searched byte by byte and keep their other bytes."""
    assert REDACTOR.value("k", b"\xff a@example.org \xfe") == b"\xff [EMAIL] \xfe"
    assert REDACTOR.value("k", "é a@example.org".encode()) == "é [EMAIL]".encode()


def test_attribute_names_are_redacted() -> None:
    """A counter keyed by customer must not leak the customer."""
    assert REDACTOR.attributes({"calls/a@example.org": 3}) == {"calls/[EMAIL]": 3}


def test_a_value_found_once_is_masked_at_every_recurrence() -> None:
    """The label is in one attribute, the value also in others; telemetry ids stay."""
    token = "q7Zr2mVt9LxB4nKd0cWy"
    record = {
        "config.api_token": token,
        "log": f"401 for {token}, again {token}.",
        "list": [f"x {token}", 7],
        "word": "token",
    }

    redacted = REDACTOR.attributes(record)

    assert redacted == {
        "config.api_token": "[TOKEN]",
        "log": "401 for [TOKEN], again [TOKEN].",
        "list": ["x [TOKEN]", 7],
        "word": "token",
    }


def test_a_plain_word_does_not_spread() -> None:
    """A password that is a common word is not masked elsewhere."""
    record = {"password": "admin", "role": "admin"}

    assert REDACTOR.attributes(record) == {"password": "[PASSWORD]", "role": "admin"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["tool", "--password", "Kiwi.2301"], ["tool", "--password", "[PASSWORD]"]),
        ([{"name": "password", "value": "x y"}], [{"name": "password", "value": "[PASSWORD]"}]),
        (
            ["sk-proj-Qw8Er7Ty6Ui5Op4As3Df", "2Gh1Jk0Lz9Xc8Vb7Nm6QwErTy"],
            ["[API_KEY]", ""],
        ),
    ],
)
def test_a_name_beside_a_value_decides_in_lists(value: Any, expected: Any) -> None:
    """Flags of a command, pairs of name and value, and the rest of a key in the next item."""
    assert REDACTOR.value("args", value) == expected


def test_tokens_with_log_probabilities_are_words() -> None:
    """A model's response lists each token by that name."""
    answer = {"content": [{"token": "Hello", "logprob": -0.1, "bytes": [72]}]}

    assert REDACTOR.value("logprobs", answer) == answer


def test_the_tally_counts_by_kind() -> None:
    """Counts, never names or values, report redactions."""
    tally = {"email": 1}

    REDACTOR.attributes({"a": "x@example.org y@example.org", "password": "p"}, tally)

    assert tally == {"email": 3, "password": 1}


def test_a_repeated_text_is_counted_each_time() -> None:
    """The cache keeps the matches, not only the result."""
    tally: dict[str, int] = {}

    REDACTOR.text("a@example.org", tally)
    REDACTOR.text("a@example.org", tally)

    assert tally == {"email": 2}


def test_a_secret_split_over_stream_chunks_is_found() -> None:
    """Streamed responses arrive in chunks; the marker replaces the start of the secret."""
    chunks = ["my mail is maria@exam", "ple.org", " bye"]

    assert REDACTOR.value("chunks", chunks) == ["my mail is [EMAIL]", "", " bye"]


def _events(pieces: list[str], field: str) -> str:
    lines = [json.dumps({"choices": [{"delta": {field: piece}}]}) for piece in pieces]
    return "".join(f"data: {line}\n\n" for line in lines) + "data: [DONE]\n"


@pytest.mark.parametrize("field", ["content", "arguments", "partial_json"])
def test_a_secret_split_over_events_of_a_stream_is_found(field: str) -> None:
    """In the body of a response; every event stays JSON."""
    body = _events(["mail bob.mil", "ler@exam", "ple.com now"], field)

    clean = REDACTOR.attributes({"http.response.body": body})["http.response.body"]

    assert clean == _events(["mail [EMAIL]", "", " now"], field)
    assert REDACTOR.text(clean) == clean


def test_events_of_a_stream_without_a_secret_keep_their_bytes() -> None:
    """Neighbouring pieces that are complete are not joined."""
    body = _events(["version 1.2", "3.4 of 5", "10.11"], "content")

    assert REDACTOR.text(body) == body


@pytest.mark.parametrize(
    ("arguments", "hidden"),
    [
        (["mysql", "-u", "bob", "-pbr1ndle99", "shop"], 3),
        (["curl", "-u", "bob:br1ndle99", "https://shop.example"], 2),
        (["sshpass", "-p", "br1ndle99", "ssh", "host"], 2),
        (["user: bob", "password:", "br1ndle99", "end"], 2),
    ],
)
def test_the_password_among_the_arguments_of_a_command_is_hidden(
    arguments: list[str], hidden: int
) -> None:
    """As on a command line; the other arguments stay."""
    clean = REDACTOR.attributes({"process.command_args": arguments})["process.command_args"]

    assert "br1ndle99" not in "".join(clean)
    assert [*clean[:hidden], *clean[hidden + 1 :]] == [
        *arguments[:hidden],
        *arguments[hidden + 1 :],
    ]
    assert REDACTOR.value("process.command_args", clean) == clean


def test_words_of_a_list_are_no_labels() -> None:
    """A name without a colon names nothing: it may be one of several words."""
    words = ["password", "token", "the", "key", "auth"]

    assert REDACTOR.attributes({"words": words}) == {"words": words}


def test_a_marker_is_no_password_of_a_command() -> None:
    """Each command is read once, however many there are."""
    tally: dict[str, int] = {}
    clean = REDACTOR.text("mysql -pbr1ndle99 shop " * 200, tally)

    assert clean == "mysql -p[PASSWORD] shop " * 200
    assert tally == {"password": 200}


def test_neighbours_in_a_list_are_not_glued_together() -> None:
    """A complete item is not joined with the next."""
    assert REDACTOR.value("to", ["a@example.org", "next"]) == ["[EMAIL]", "next"]
    assert REDACTOR.value("tags", ["4111", "apples"]) == ["4111", "apples"]


def test_json_in_json_stays_json() -> None:
    """Names inside encoded arguments count as well."""
    text = json.dumps({"arguments": json.dumps({"password": "x y", "city": "Rome"})})

    redacted = json.loads(json.loads(REDACTOR.text(text))["arguments"])

    assert redacted == {"password": "[PASSWORD]", "city": "Rome"}


def test_a_number_in_json_is_replaced_by_a_text() -> None:
    """A marker in place of a bare number needs quotes."""
    assert REDACTOR.text('{"pan": 4111111111111111, "n": 1}') == '{"pan": "[CARD]", "n": 1}'


def test_truncated_json_is_searched_as_text() -> None:
    """A text cut at the size limit keeps its beginning."""
    assert REDACTOR.text('{"password": "hunter22", "mail": "a@exa') == (
        '{"password": "[PASSWORD]", "mail": "a@exa'
    )


def test_json_that_holds_nothing_keeps_its_bytes() -> None:
    """Formatting is preserved."""
    text = '{ "a" :1,\n"b": [1.10, "x"]}'

    assert REDACTOR.text(text) == text


def test_a_url_keeps_its_path() -> None:
    """Userinfo and query values are removed; scheme, host, path and parameter names stay."""
    redactor = Redactor(Policy(allow_query=frozenset({"page"})))

    redacted = redactor.value("url.full", "https://u:p@h.example/a/b?page=2&q=private")

    assert redacted == "https://[USERINFO]@h.example/a/b?page=2&q=[QUERY]"
    assert redactor.value("url.query", "q=private") == "q=[QUERY]"
    assert redactor.value("http.target", "/a?q=x#token=y") == "/a?q=[QUERY]#token=[QUERY]"


def test_sql_keeps_its_shape() -> None:
    """Literals are removed; names, operators and placeholders stay."""
    statement = "SELECT * FROM t1 WHERE e = 'a@b.example' AND n = -5 AND p = $1 AND s = 'it''s"

    redacted = REDACTOR.value("db.query.text", statement)

    assert redacted == "SELECT * FROM t1 WHERE e = ? AND n = ? AND p = $1 AND s = ?"


def test_a_stack_trace_keeps_its_frames() -> None:
    """Only the message that holds the secret changes."""
    trace = (
        'Traceback (most recent call last):\n  File "/app/login.py", line 12, in check\n'
        "    raise Refused(user)\nRefused: no user maria@example.org"
    )

    assert REDACTOR.text(trace) == trace.replace("maria@example.org", "[EMAIL]")


def test_a_data_url_is_left_alone() -> None:
    """Images are long and have no text to search."""
    url = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAJCAYAAAALpr0T" * 200

    assert REDACTOR.text(url) == url


def test_text_over_the_size_limit_is_dropped() -> None:
    """Unread text is not exported."""
    redactor = Redactor(Policy(max_value_chars=300))

    redacted = redactor.text("word " * 60 + "maria@example.org")

    assert redacted == "word " * 50 + "[67 MORE CHARACTERS DROPPED]"
    assert redactor.text(redacted) == redacted


def test_a_secret_cut_by_the_size_limit_does_not_leave_in_part() -> None:
    """The text is cut before the word at the limit."""
    redactor = Redactor(Policy(max_value_chars=300))

    assert "maria" not in redactor.text("w" * 240 + " " + "maria@example.org and more" * 9)


def test_passing_the_deadline_raises() -> None:
    """The caller drops the record; no unredacted value is returned."""
    redactor = Redactor(Policy(deadline_ms=1e-6))

    with pytest.raises(DeadlineExceeded):
        redactor.attributes({"a": "x" * 5000, "b": "y" * 5000})


def test_too_deep_is_dropped() -> None:
    """Values nested too deep are dropped."""
    value: Any = "a@example.org"
    for _ in range(100):
        value = [value]

    assert "example.org" not in str(REDACTOR.attributes({"a": value}))


def test_a_match_elsewhere_in_an_item_does_not_hide_one_across_items() -> None:
    """Otherwise a second redaction would find more."""
    redactor = Redactor()
    items = ["password=\\", "4111 1111 1111 1111maria@example.org"]

    once = redactor.value("parts", items)

    assert once[0] == "password=[PASSWORD]"
    assert redactor.value("parts", once) == once


def test_lists_of_lists_cost_what_they_hold() -> None:
    """Repeating redaction at each depth would double the work per level."""
    value: Any = ["a@example.org", b"x"]
    for _ in range(16):
        value = [value, 1]

    assert "example.org" not in str(REDACTOR.value("nested", value))
