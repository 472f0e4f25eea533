"""Fast paths give the same results as the plain code."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_redaction import redact
from otel_redaction.deobfuscation import plain
from otel_redaction.detectors.numbers import follows_version
from otel_redaction.detectors.providers import is_placeholder
from otel_redaction.engine import search
from otel_redaction.fast_path import is_words_only
from otel_redaction.patterns.cues import find_cues
from otel_redaction.people import health
from otel_redaction.people.word_starts import Lowered

_WORDS = {
    "name": (
        *(b"pass", b"pwd", b"pw", b"secret", b"token", b"key", b"auth", b"cred", b"cookie"),
        *(b"kennwort", b"parola", b"contrase", b"senha", b"sessi", b"wacht", b"identified "),
    ),
    "code": (b"cvv", b"cvc", b"otp", b"pin", b"code"),
    "command": (b"mysql", b"redis-cli", b"pass -p"),
    "pan": (b"pan",),
    "birth": (
        *(b"birth", b"born", b"dob", b"naissance", b"urodz", b"narozen"),
        *(b"synty", b"nata ", b"nato il"),
    ),
    "bearer": (b"bearer",),
    "basic": (b"basic ",),
    "pem": (b"-----begin",),
    "webhook": (b"webhook", b"hooks.slack"),
    "curl": (b"curl ",),
}
_FRAGMENTS = [word.decode() for words in _WORDS.values() for word in words]
relaxed = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])


def _every(word: bytes, text: bytes) -> list[int]:
    return [place for place in range(len(text)) if text.startswith(word, place)]


@relaxed
@given(
    st.lists(
        st.one_of(st.sampled_from(_FRAGMENTS), st.text("abcekoprstuvw -", max_size=6)), max_size=12
    ).map(" ".join)
)
def test_cues_are_all_the_words_and_no_others(text: str) -> None:
    """One pass for several words finds the same as one search for each."""
    lower = text.encode().lower()

    found = {cue: sorted(set(places)) for cue, places in find_cues(lower).items()}

    expected = {
        cue: sorted({place for word in words for place in _every(word, lower)})
        for cue, words in _WORDS.items()
    }
    # A cue is a whole word: `sshpass -p` is a command, `company` is not a tax number.
    expected["name"] = [p for p in expected["name"] if p not in expected["command"]]
    expected["name"] = [
        place
        for place in expected["name"]
        if lower[place : place + 2] != b"pw"
        or not lower[place + 2 : place + 3].isalpha()
        or lower.startswith(b"pwd", place)
    ]
    expected["pan"] = [p for p in expected["pan"] if not lower[p + 3 : p + 4].isalpha()]
    assert found == {cue: places for cue, places in expected.items() if places}


@pytest.mark.slow
@relaxed
@given(
    st.lists(
        st.one_of(
            st.sampled_from(_FRAGMENTS),
            st.from_regex(r"[A-Za-z :'\"!.,/-]{1,20}", fullmatch=True),
            st.from_regex(r"[A-Za-z0-9 :.,()-]{1,20}", fullmatch=True),
            st.from_regex(r"[a-z]{0,9}[0-9]?[:= ]{1,2}[A-Za-z]{3,12}[0-9]?", fullmatch=True),
        ),
        max_size=6,
    ).map(" ".join)
)
def test_words_only_means_that_a_search_finds_nothing(text: str) -> None:
    """Text on the fast path has no match in the full search either."""
    if is_words_only(text):
        assert search(text) == []


@pytest.mark.parametrize(
    "text",
    ["checkout-service", "GET /api/v1/orders", 'It\'s done: the customer, "as is", was right!', ""],
)
def test_ordinary_values_are_words_only(text: str) -> None:
    """Most attribute values never reach a detector."""
    assert is_words_only(text)


@pytest.mark.parametrize(
    "text",
    [
        "password: sunshine",
        "Basic dXNlcjpwYXNz",
        "--token abcdefgh",
        "a@b.example",
        "call 415-0132",
        "é",
    ],
)
def test_possible_findings_are_searched(text: str) -> None:
    """A word about secrets beside a sign that joins it to a value is enough."""
    assert not is_words_only(text)


@relaxed
@given(
    st.lists(
        st.one_of(
            st.sampled_from(("Пароль: hunter42!", "contraseña: hunter42!", "密码：hunter42!")),
            st.sampled_from(("né le 3.4.1980", "født 3.4.1980", "“quoted”", "?", "é", "日")),
            st.text("abc ?", max_size=6),
        ),
        max_size=8,
    ).map(" ".join)
)
def test_words_of_other_scripts_are_found_among_few_and_among_many_such_letters(text: str) -> None:
    """A few letters outside ASCII are looked at one by one, many by searches of the whole text."""
    many = "日 " * 600

    alone = [text[found.start : found.end] for found in search(text)]
    among = [text[found.start : found.end] for found in search(text + "\n" + many)]

    assert alone == among


@pytest.mark.parametrize(
    "sign",
    ["\u200b", "\uff11", "\u2011", "\u00a0", "\u0664"],
    ids=lambda sign: f"U+{ord(sign):04X}",
)
@pytest.mark.parametrize("padding", ["", "“plain words” " * 40, "日本語の文章です。" * 200])
def test_one_odd_character_is_seen_whatever_surrounds_it(sign: str, padding: str) -> None:
    """The plain form of a text is made for one odd character among none, few and many others."""
    assert plain(f"{padding} 4111{sign}1111 {padding}") is not None


@relaxed
@given(st.ip_addresses(v=6), st.sampled_from(("", "host ", "at 10:20:30 from ", "a::b ")))
def test_every_ipv6_address_is_found_beside_times_of_day(address: IPv6Address, lead: str) -> None:
    """Two colons in a row or six colons are the sign of an address; a time has two."""
    text = f"{lead}{address.exploded} and"

    assert "ip_address" in {found.kind for found in search(text)}
    assert not is_words_only(text)


@pytest.mark.parametrize(
    "text", ["done at 10:20:30", "12:30:00 ready", "started: 7:05, stopped: 9:15"]
)
def test_times_of_day_are_words_only(text: str) -> None:
    """A time has colons and is no address."""
    assert is_words_only(text)


_VERSION = re.compile(
    r"(?:\bv|\bversions?|\brev(?:ision)?|\brelease|\bbuild|\boid|[a-z]{3}/|==|[~^]|>=|<=|\bver\.?)"
    r"[\s:=\"']*$"
)


@relaxed
@given(
    st.lists(
        st.one_of(
            st.sampled_from(("v", "version", "rev", "ision", "build", "oid", "ver.", "pip/", ">=")),
            st.text(" :='\"<>~^/.sv", max_size=4),
        ),
        max_size=5,
    ).map("".join)
)
def test_versions_are_the_same_read_backwards(lead: str) -> None:
    """An expression anchored at the end, tried from every position, gives the same result."""
    assert follows_version(lead) == (_VERSION.search(lead) is not None)


_PLACEHOLDER = re.compile(r"[xX]{5}|(?i:your|_here|\*{3}|\.\.\.)|(\w)\1{9}")


@relaxed
@given(
    st.lists(
        st.one_of(
            st.sampled_from(("Your", "_HERE", "***", "..", "xXx", "a" * 9, "--------")),
            st.text("abxX01_.*-", max_size=5),
        ),
        max_size=6,
    ).map("".join)
)
def test_placeholders_are_the_same_without_a_regular_expression(value: str) -> None:
    """Checking every tenth position finds each character repeated ten times."""
    assert is_placeholder(value) == (_PLACEHOLDER.search(value) is not None)


@pytest.mark.parametrize(
    "secret", ["password=hunter22", "api_key=Zx81kQp20aaB3", "token=Zx81kQp20aaB3"]
)
@pytest.mark.parametrize("joint", [":", " ", ";", "\n"])
def test_a_secret_after_a_long_list_of_settings_is_found(secret: str, joint: str) -> None:
    """The short cut through such a list ends before its last settings."""
    text = "token=x:" * 40 + joint + secret

    assert secret.partition("=")[2] not in redact(text)


_TERMS = (
    "hiv", "HIV positive", "breast cancer", "kidney transplant", "Type 2 diabetes", "x-ray", "xray",
    "allergic to nuts", "crohn's", "post-traumatic stress disorder", "cáncer", "MRI scan",
    "als", "also", "pregnancy", "tumor", "tumour", "c-section", "ct scan", "?hiv", "as",
)  # fmt: skip


@relaxed
@given(
    st.lists(st.tuples(st.sampled_from((" ", ", ", "-", "x", "á", "'")), st.sampled_from(_TERMS)))
)
def test_terms_tried_where_one_may_begin_are_those_tried_everywhere(
    pieces: list[tuple[str, str]],
) -> None:
    """The first letters of a word exclude all terms there."""
    text = "".join(map("".join, pieces))

    found = health._find_terms(text, Lowered(text).data, 0, len(text))

    expression, _ = health._terms()
    everywhere = [term.span() for term in expression.finditer(text)]
    assert [(term.start, term.end) for term in found] == everywhere
