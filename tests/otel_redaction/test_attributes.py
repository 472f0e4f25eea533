"""Classification of values by attribute name: measurements, machines, identifiers."""

from __future__ import annotations

import pytest

from otel_redaction import Policy, Redactor


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gen_ai.usage.input_tokens", 4111111111111111),
        ("llm.token_count.prompt", 4111111111111111),
        ("queue.size", 4111111111111111),
        ("request.duration_ns", 4111111111111111),
    ],
)
def test_a_measurement_passes_with_any_number(name: str, value: int) -> None:
    """Sixteen digits that happen to pass the card check are still a count."""
    assert Redactor().attributes({name: value}) == {name: value}


def test_a_card_as_a_plain_number_is_not_a_measurement() -> None:
    """If the name does not denote a count."""
    assert Redactor().attributes({"note": 4111111111111111}) == {"note": "[CARD]"}


@pytest.mark.parametrize("name", ["server.address", "net.host.ip", "host.ip"])
def test_addresses_of_machines_pass(name: str) -> None:
    """They identify the server, not the caller."""
    assert Redactor().attributes({name: "10.1.2.3"}) == {name: "10.1.2.3"}


@pytest.mark.parametrize("name", ["client.address", "net.peer.ip", "note"])
def test_addresses_of_clients_do_not(name: str) -> None:
    """They may identify a person."""
    assert Redactor().attributes({name: "10.1.2.3"}) == {name: "[IP_ADDRESS]"}


def test_the_server_of_a_url_passes_when_it_is_a_bare_address() -> None:
    """The rest of the URL is redacted as usual."""
    url = "http://127.0.0.1:8000/users/ada@lovelace.example?ip=10.1.2.3"

    assert Redactor().attributes({"url.full": url}) == {
        "url.full": "http://127.0.0.1:8000/users/[EMAIL]?ip=[QUERY]"
    }


def test_an_identifier_that_is_an_e_mail_address_is_redacted() -> None:
    """Users may give conversations and services any name."""
    clean = Redactor().attributes({"gen_ai.conversation.id": "ada@lovelace.example"})

    assert clean == {"gen_ai.conversation.id": "[EMAIL]"}


def test_a_cached_redaction_equals_the_first_one() -> None:
    """Attributes repeat from span to span; their redaction, count and absence stay the same."""
    policy = Policy(kinds={"phone": "drop"})
    attributes = {
        "who": "ada@lovelace.example",
        "ada@lovelace.example": "as a name",
        "call": "+44 20 7946 0958",
        "password": "hunter2 hunter2",
        "port": 8080,
        "pin_code": 4711,
        "fine": True,
        "url.full": "https://shop.example/?token=abc",
        "credentials": {"user": "ada", "port": 80},
    }
    redactor = Redactor(policy)
    first: dict[str, int] = {}
    expected = redactor.attributes(attributes, first)

    for _ in range(3):
        tally: dict[str, int] = {}
        assert redactor.attributes(attributes, tally) == expected
        assert tally == first
    assert expected["who"] == "[EMAIL]"
    assert "call" not in expected
