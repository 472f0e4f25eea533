"""Adversarial texts: time is linear in the length, never quadratic."""

# ruff: noqa: E501 - the units are a table

from __future__ import annotations

import time

import pytest

from otel_redaction import Policy, Redactor

_SIZE = 40_000
_UNITS = (
    *'a0A @.:-_=/"\\%&[]{}(<>,+~|',
    "a@", "a@a.", "1.", "0 ", "01 ", "+1", "415-555-", "4111 ", "password=", "token=x", "key",
    "secret is ", "--token ", "://", "http://a?b=c&", "eyJ", "-----BEGIN PRIVATE KEY-----", "GB29 ",
    "a:", "::", "aa-", "sk-", "ghp_", "bearer ", "curl -u ", "cookie: a=", '"a":', "\\n", "\u200b",
    "４", "%40", "&#64;", "my number is ", "account ", "date of birth ", "cvv ", "[EMAIL]", "\x00",
    "mysql -p4111 1111 1111 1112 ", "password for ", "identified by ", "sig=", "$2b$12$", "\x1b[31m",
    "insert into t (password) values (", "name: password\n", "password,user\n", "password: |\n  ",
    "<key>password</key>", "密码:", "пароль ", "key aB3dE6gH9jK2mN5p ", "token - '", "=40a.b",
    "aGVsbG8gd29ybGQg", "68656c6c6f", "-----BEGIN PRIVATE KEY-----\nMIIE\n", "geb. 1.1.",
    "iban ", "身份证 1", "ID 123456 ", "ssh a -p ", "airship a1B2", "wandb-a1b2c3d4e5f6a7b8 ",
    "api2cart key is 2afd", "tgpak_", "password 7 ", "password = {{", "token=$a", "secret={[(<",
    'set_password("', 'auth=("a", "', 'credential("a", ', "net use \\\\a\\b /user:", "using key=a1b2c3 ",
    "sqlplus a/b ", "smbclient -U ", "ldapsearch -w ", "snmp-server community a", "htpasswd -b ",
    "echo a|--password-stdin ", ":oracle:thin:a/", "clé a a ", "SecureString 'a ", 'data: {"text": "a',
    "Private-Lines: 1\naaaaaaaaaaaaaaaa\n", "2afd3ce5a1832882e326b506d1412e0b is the api2cart ",
    '<password a="b" ', "00D000000000000000!A", "cookie: a=b;", "token,a b c d\n",
)  # fmt: skip
_PEOPLE = (
    "Maria ", "Maria Schmidt ", "Maria and Tom, ", "Mr. ", "my name is ", "12 High ", "12 High Street ",
    "1, ", "Apt. 1\n", "Rue de ", "Straße 1 ", "lives at ", "the corner of ", "address ", "zip ",
    "patient ", "patient diabetes ", "mrn ", "a at b dot c ", "username: ", "passport ", "VIN ",
    "lat 1.23456, 1.23456 ", "O'", "A. ", "use a and 7%It(9 ", "a on skype ", "skype, a.", "using Ab1!",
)  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "content"), [*((unit, False) for unit in _UNITS), *((unit, True) for unit in _PEOPLE)]
)
def test_time_is_linear(unit: str, content: bool) -> None:
    """Four times the text takes about four times as long; quadratic time would take sixteen."""
    redactor = Redactor(Policy(deadline_ms=60_000))

    def seconds(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        best = 9.0
        for _ in range(2):
            began = time.process_time()
            redactor.find(text, content=content)
            best = min(best, time.process_time() - began)
        return best

    small, large = seconds(_SIZE // 4), seconds(_SIZE)

    # Below 20 ms the clock and other load dominate.
    assert large < 0.02 or large < 9 * small


_ONCE = (
    "\u2019", "\u2014", "\u00e9", "\u20ac", "curl x ", "mysql x", "docker run -p 80:80 x", "webhook ",
    "$HOME ", "scrypt ", "MII", "::", "discord ",
)  # fmt: skip


@pytest.mark.parametrize("once", _ONCE)
def test_one_sign_or_word_does_not_make_a_whole_text_slow(once: str) -> None:
    """Detectors search near their cues, not at every character."""
    redactor = Redactor(Policy(deadline_ms=60_000))
    prose = "The committee met again in the spring, and most of them agreed with the plan. " * 1000
    texts = {"without": prose, "with": f"{prose} the {once} {prose[:100]}"}
    best = dict.fromkeys(texts, 9.0)
    for _ in range(5):
        for name, text in texts.items():
            began = time.process_time()
            redactor.find(text)
            best[name] = min(best[name], time.process_time() - began)

    assert best["with"] < 6 * best["without"]


@pytest.mark.parametrize(
    "label", ["ИНН", "СНИЛС", "ЕГН", "आधार", "주민등록", "マイナンバー", "ΑΦΜ", "kimlik ü", "sécu"]
)
@pytest.mark.parametrize("length", range(8, 16))
def test_a_number_with_a_letter_after_a_foreign_label_does_not_raise(
    label: str, length: int
) -> None:
    """The checks of such labels compute with digits; a letter among them is no number."""
    for letter in ("N", "X"):
        for value in ("1" * (length - 1) + letter, letter + "1" * (length - 1)):
            redacted = Redactor().text(f"{label} {value}, {label} number: {value}")
            assert redacted.startswith(label)
