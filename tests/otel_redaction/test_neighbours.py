"""Personal data between separators, and in the forms of other countries and tools."""

from __future__ import annotations

import pytest

from otel_redaction import Redactor, redact

SECRETS = ("5105105105105100", "536-90-4399", "212-555-0187", "+12125550187", "198.51.100.23")
"""A card, a social security number, two phone numbers and an address."""

FORMS = (
    "7,{},12",
    "[{},3]",
    "VALUES (42,{},'Ada')",
    "X-Forwarded-For: {},192.0.2.4",
    "app.log:17:{} GET",
    "2026-01-31T10:00:00Z,{},200",
    "7;{};5",
    "5\t{}\t6",
    "7%2C{}",
    "q=7%7C{}%7C9",
    "call%20{}",
    "7%252C{}",
    r"[7\u002c{}]",
    r"7\x0a{}",
    "user_{}_7",
    "7~{}",
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_digit_beyond_a_separator_hides_nothing(form: str, secret: str) -> None:
    """Rows of CSV, arrays of JSON, values of SQL, lists of headers, columns of logs."""
    assert secret not in redact(form.format(secret))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("securite sociale 2 91 07 75 110 042 80", "110 042"),
        ('{"lat": 48.85837, "lng": 2.294481}', "48.85837"),
        ("Authorization: SSWS 00Kq9vPzXw7mB2rT5yUe8iOa3sDf6gHj", "00Kq9v"),
        ("Authorization: GenieKey 7c9e6679-7425-40de-944b-e07fc1f90ae7", "7c9e6679"),
        ("sp=r&st=2026-01-01T00:00:00Z&sv=2022-11-02&sig=Zm9vYmFyYmF6cXV4Zm9vYmFy%3D", "Zm9vYmFy"),
        ("senha: Kiwi2296verde", "Kiwi2296"),
        ("mot de passe: Kiwi2296vert", "Kiwi2296"),
        ("docker login -u ada -p Kiwi2296vert", "Kiwi2296"),
        ("geboren am 03.11.1979", "03.11.1979"),
        ("fecha de nacimiento: 03/11/1979", "03/11/1979"),
        ("CNPJ 04.252.011/0001-10", "252.011"),
        ("INN 7710140679", "7710140679"),
    ],
)
def test_forms_of_other_countries_and_tools_are_found(text: str, secret: str) -> None:
    """Numbers with their labels, schemes of authorization, words for passwords and birth."""
    assert secret not in redact(text)


@pytest.mark.parametrize("name", ["geo.location.lat", "geo.location.lon", "tax_id", "national_id"])
def test_the_attribute_name_identifies_a_number(name: str) -> None:
    """Plain numbers of attributes are personal data by their names."""
    redacted = Redactor().attributes({name: 48.85837 if "geo" in name else 123456789})

    assert isinstance(redacted[name], str)
