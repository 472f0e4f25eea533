"""The second line masks evident secrets, and no measurement."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_redaction import redact
from tools import collector_redaction, gateway_config
from tools.second_line import HARMLESS_KEYS, RULES, SECRET_KEYS, Rule

re2 = pytest.importorskip("re2", reason="the patterns are in RE2's syntax: pip install google-re2")

CONFIG = Path(__file__).parents[2] / "collector-config"
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)


@every_rule
def test_a_rule_masks_its_specimens(rule: Rule) -> None:
    """Each kind has an example that the Collector must mask."""
    pattern = re2.compile(rule.pattern)

    assert rule.specimens
    assert all(pattern.search(specimen) for specimen in rule.specimens)


@every_rule
def test_the_first_line_masks_the_same_specimens(rule: Rule) -> None:
    """The process masks everything that the Collector masks: a hit there is a gap here."""
    for specimen in rule.specimens:
        assert redact(specimen) != specimen


@every_rule
def test_masked_values_of_the_first_line_pass_the_second(rule: Rule) -> None:
    """With both lines on, no alert fires."""
    for specimen in rule.specimens:
        masked = redact(specimen)
        assert not [other.kind for other in RULES if re2.search(other.pattern, masked)], masked


@every_rule
def test_near_misses_pass_every_rule(rule: Rule) -> None:
    """Values that only resemble secrets raise no alert."""
    for near_miss in rule.near_misses:
        assert not [other.kind for other in RULES if re2.search(other.pattern, near_miss)]


@pytest.mark.parametrize(
    "number",
    [
        "0.0045",
        "0.4111111111111111",
        "4.111111111111111e-05",
        "1700000000000000000",
        "1763779000123456",
        "128000",
        "100000000000",
        "2026-11-22T02:37:00.123456Z",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "192.168.100.200",
        "1.45.1",
    ],
)
def test_measurements_ids_and_versions_pass(number: str) -> None:
    """Costs, counts, times, ids and addresses stay."""
    assert not [rule.kind for rule in RULES if re2.search(rule.pattern, number)]


@pytest.mark.parametrize(
    "marker", ["[EMAIL]", "[API_KEY]", "email_7f3a9c2b1d", "[WITHHELD]", "token=[TOKEN]"]
)
def test_markers_of_the_first_line_are_not_masked_again(marker: str) -> None:
    """Otherwise every redaction would raise an alert."""
    assert not [rule.kind for rule in RULES if re2.search(rule.pattern, marker)]


@pytest.mark.parametrize("key", HARMLESS_KEYS)
def test_names_of_measurements_are_not_secret(key: str) -> None:
    """`gen_ai.usage.input_tokens` is a count, despite its last word."""
    assert not [pattern for pattern in SECRET_KEYS if re2.search(pattern, key)]


@pytest.mark.parametrize(
    "key",
    [
        "http.request.header.authorization",
        "http.response.header.set-cookie",
        "x-api-key",
        "apiKey",
        "db.password",
        "client_secret",
        "aws.secret_key",
        "access_token",
    ],
)
def test_names_of_secrets_are_masked_whole(key: str) -> None:
    """The whole value is removed, in any form."""
    assert [pattern for pattern in SECRET_KEYS if re2.search(pattern, key)]


def test_there_is_no_bare_token_rule_for_keys() -> None:
    """A pattern for `token` would mask every token count."""
    assert not re2.search("|".join(f"(?:{pattern})" for pattern in SECRET_KEYS), "llm.token")


@pytest.mark.parametrize("name", collector_redaction.FILES)
def test_the_committed_file_is_what_the_table_makes(name: str) -> None:
    """To fix: python -m tools.collector_redaction collector-config."""
    assert (CONFIG / name).read_text() == collector_redaction.FILES[name]()


def test_the_committed_gateway_is_what_otelcol_makes() -> None:
    """To fix: python -m tools.gateway_config collector-config."""
    made = gateway_config.gateway_yaml((CONFIG / "otelcol.yaml").read_text())

    assert (CONFIG / "otelcol-gateway.yaml").read_text() == made
