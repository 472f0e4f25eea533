"""Policies: actions by kind and key, allow-lists, rules, and settings that are refused."""

from __future__ import annotations

import json

import pytest

from otel_redaction import (
    DEFAULT_POLICY,
    Match,
    Policy,
    PolicyError,
    PseudonymKey,
    Redactor,
    find,
    holds_people,
    pseudonym,
    pseudonyms,
    redact,
)

KEY = PseudonymKey(b"0123456789abcdef")


def test_a_kind_can_be_allowed() -> None:
    """Telemetry may be about addresses."""
    policy = Policy(kinds={"ip_address": "allow"})

    assert redact("203.0.113.9 a@example.org", policy) == "203.0.113.9 [EMAIL]"
    assert [match.kind for match in find("203.0.113.9 a@example.org", policy)] == ["email"]


def test_dropping_a_kind_drops_the_value_that_holds_it() -> None:
    """Drop removes the surrounding text too."""
    redactor = Redactor(Policy(kinds={"card": "drop"}))

    assert redactor.attributes({"a": "my card 4111 1111 1111 1111", "b": "x"}) == {"b": "x"}
    assert redactor.text("my card 4111 1111 1111 1111") == ""
    assert redactor.value("a", ["x", "4111 1111 1111 1111"]) == ["x"]


def test_a_key_rule_wins_over_the_search() -> None:
    """Keys are matched by whole segments."""
    redactor = Redactor(Policy(keys={"customer.name": "mask", "note": "drop", "token": "allow"}))

    redacted = redactor.attributes(
        {"app.customer.name": "Ann", "note": "x", "notebook": "y", "refresh_token": "abc"}
    )

    assert redacted == {
        "app.customer.name": "[CUSTOMER_NAME]",
        "notebook": "y",
        "refresh_token": "abc",
    }


def test_an_allow_list_wins_but_not_over_keys_to_systems() -> None:
    """A support address may pass; private keys and API keys never do."""
    key = "sk-proj-Ab3dEf6hIj9kLmN0pQrStUv1Wx"
    redactor = Redactor(
        Policy(allow_values=frozenset({"help@example.org", key}), allow_keys=frozenset({"contact"}))
    )

    redacted = redactor.attributes(
        {"a": f"help@example.org bob@example.org {key}", "contact": f"ann@example.org {key}"}
    )

    assert redacted == {
        "a": "help@example.org [EMAIL] [API_KEY]",
        "contact": "ann@example.org [API_KEY]",
    }


def test_a_pseudonym_is_the_same_for_the_same_value() -> None:
    """Calls of one user can still be joined; case and separators do not matter."""
    redactor = Redactor(Policy(default="pseudonym", pseudonym_key=KEY))

    first = redactor.text("mail Bob@example.org")
    second = redactor.text("cc bob@example.org")

    assert first.split()[1] == second.split()[1] == pseudonym("email", "bob@example.org", KEY)
    assert pseudonym("card", "4111 1111 1111 1111", KEY) == pseudonym(
        "card", "4111111111111111", KEY
    )
    assert redactor.text(first) == first


def test_without_a_key_a_pseudonym_is_a_mask() -> None:
    """Never a plain hash, which can be computed for every phone number."""
    assert redact("a@example.org", Policy(default="pseudonym")) == "[EMAIL]"


def test_keys_rotate() -> None:
    """The id identifies the key of a pseudonym, and old ones can still be looked up."""
    new = KEY.rotated(b"fedcba9876543210", "k2")

    names = pseudonyms("email", "a@example.org", new)

    assert names[0].startswith("email_k2_")
    assert names[1] == pseudonym("email", "a@example.org", KEY)
    assert len(set(names)) == 2


def test_a_pseudonym_key_does_not_show_itself() -> None:
    """Settings are printed; keys are not."""
    assert "0123456789abcdef" not in repr(Policy(pseudonym_key=KEY))
    with pytest.raises(ValueError, match="at least 16 bytes"):
        PseudonymKey(b"short")
    with pytest.raises(ValueError, match="lower-case"):
        PseudonymKey(b"0123456789abcdef", "Not an id")


def test_a_rule_of_the_users_own() -> None:
    """A rule adds a kind with the same options as others."""
    policy = Policy.from_mapping(
        {
            "rules": [{"kind": "employee", "pattern": r"EMP-\d{6}"}],
            "kinds": {"employee": "mask", "email": "allow"},
        }
    )

    assert redact("EMP-123456 a@example.org", policy) == "[EMPLOYEE] a@example.org"


def test_uuids_pass_unless_a_rule_says_otherwise() -> None:
    """They seldom identify persons; a rule can mask them, and trace ids still pass."""
    uuid, trace_id = "123E4567-e89b-12d3-a456-426614174000", "4bf92f3577b34da6a3ce929d0e0e4736"
    pattern = r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    policy = Policy.from_mapping({"rules": [{"kind": "uuid", "pattern": pattern}]})

    assert redact(f"account {uuid} in {trace_id}") == f"account {uuid} in {trace_id}"
    assert redact(f"account {uuid} in {trace_id}", policy) == f"account [UUID] in {trace_id}"


def test_a_detector_of_the_users_own() -> None:
    """A name-finding model plugs in beside the patterns."""

    class Names:
        kinds = ("person",)

        def find(self, text: str) -> list[Match]:
            start = text.find("Maria")
            return [Match(start, start + 5, "person")] if start >= 0 else []

    assert redact("Maria: a@example.org", Policy(detectors=(Names(),))) == "[PERSON]: [EMAIL]"


def test_every_problem_of_a_policy_is_reported_at_once() -> None:
    """Each with its problem, and the nearest name."""
    with pytest.raises(PolicyError) as caught:
        Policy.from_mapping(
            {
                "kinds": {"emial": "mask", "card": "hash"},
                "keyz": {},
                "allow_keys": "authorization",
                "max_value_chars": "big",
                "rules": [{"kind": "a1"}, {"kind": "b1", "pattern": "("}, {"knd": "x"}, 7],
            }
        )

    message = str(caught.value)
    assert message.startswith("9 redaction settings cannot be used")
    for part in ("'emial'; did you mean 'email'", "'hash'", "did you mean 'keys'", "allow_keys"):
        assert part in message
    for part in ("number 1", "number 2", "did you mean 'kind'", "number 4", "max_value_chars"):
        assert part in message


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(x|x)*y", r"(\d+)*z", "a*"])
def test_a_rule_that_could_stall_or_match_everywhere_is_refused(pattern: str) -> None:
    """A pattern that takes exponential time is a settings error, not an outage."""
    with pytest.raises(PolicyError, match="rules, number 1"):
        Policy.from_mapping({"rules": [{"kind": "mine", "pattern": pattern}]})


def test_an_empty_table_is_the_default() -> None:
    """Defaults are written once, in the policy."""
    assert Policy.from_mapping({}) == DEFAULT_POLICY


@pytest.mark.parametrize(
    ("key", "content", "everywhere"),
    [
        ("gen_ai.input.messages", True, True),
        ("gen_ai.prompt.0.content", True, True),
        ("output.value", True, True),
        ("body", True, True),
        ("customer.note", True, True),
        ("customer.label", False, True),
        ("gen_ai.request.model", False, False),
        ("gen_ai.usage.input_tokens", False, False),
        ("service.name", False, False),
        ("host.name", False, False),
        ("http.route", False, False),
        ("url.full", False, False),
    ],
)
def test_personal_names_are_searched_by_attribute(
    key: str, content: bool, everywhere: bool
) -> None:
    """Content is searched; what the conventions define never is; `off` means nowhere."""
    assert holds_people(key, "content") is content
    assert holds_people(key, "all") is everywhere
    assert holds_people(key, "off") is False


def test_people_in_content_only() -> None:
    """The same name stays in an attribute without content."""
    text = "ask Maria Schmidt about it"
    attributes = {"gen_ai.prompt": text, "task.owner_hint": text}

    redacted = Redactor().attributes(attributes)

    assert redacted == {"gen_ai.prompt": "ask [PERSON] about it", "task.owner_hint": text}
    assert Redactor(Policy(people="off")).attributes(attributes) == attributes
    assert Redactor().value("body", text) == "ask [PERSON] about it"


@pytest.mark.parametrize(
    ("prose", "masked"),
    [
        (
            "I was diagnosed with breast cancer and my oncologist started chemotherapy.",
            "I was diagnosed with [HEALTH] and my oncologist started [HEALTH].",
        ),
        ("My son has asthma and takes salbutamol.", "My son has [HEALTH] and takes [HEALTH]."),
        ("Our daughter is HIV positive.", "Our daughter is [HEALTH]."),
        ("She had an abortion in March.", "She had an [HEALTH] in March."),
        ("My colleague was off with depression.", "My colleague was off with [HEALTH]."),
        ("I'm bipolar and off my lithium.", "I'm [HEALTH] and off my [HEALTH]."),
        ("Compare metformin and insulin in a table.", "Compare metformin and insulin in a table."),
        ("The lung cancer dataset has 12 columns.", "The lung cancer dataset has 12 columns."),
        ("the cache is full; stroke-width: 2", "the cache is full; stroke-width: 2"),
    ],
)
def test_health_of_a_person_is_masked_in_prose(prose: str, masked: str) -> None:
    """In messages and bodies, with no setting; a subject without a person stays."""
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": prose}]}])

    (turn,) = json.loads(
        str(Redactor().attributes({"gen_ai.input.messages": messages})["gen_ai.input.messages"])
    )

    assert turn["parts"][0]["content"] == masked
    assert Redactor().value("body", prose) == masked


def test_a_pseudonym_keeps_a_conversation_readable() -> None:
    """The same person always has the same pseudonym."""
    policy = Policy(default="pseudonym", pseudonym_key=PseudonymKey(b"0123456789abcdef"))

    redacted = redact("Maria Schmidt wrote. I asked Maria Schmidt again.", policy)

    first, second = (word for word in redacted.split() if word.startswith("person_"))
    assert first == second
