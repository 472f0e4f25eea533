"""The table of services: what a key begins with, and what form it has beside a service's name."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from otel_redaction import find
from otel_redaction.detectors import provider_table

_FEWEST_SERVICES = 900
_OPEN_ENDED = 100
_SAMPLES = {
    "d": "0123456789",
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "x": "0123456789abcdefABCDEF",
    "l": "0123456789abcdefghijklmnopqrstuvwxyz",
    "u": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
_REST = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _key(form: str) -> str:
    """Return a key of *form*, the same in every run: letters and digits by turns."""
    source = random.Random(form)
    parts = []
    for piece in provider_table._PIECE.finditer(form):
        if piece[1] is not None:
            parts.append(piece[1])
            continue
        alphabet = _SAMPLES.get(piece[2], _REST)
        letters = alphabet[10:] or alphabet
        least = int(piece[3])
        if piece[4] and int(piece[4]) >= _OPEN_ENDED:
            least = max(least, 24)
        parts.append(
            "".join(
                source.choice(alphabet[:10] if place % 3 == 1 else letters)
                for place in range(least)
            )
        )
    return "".join(parts)


def _is_covered(text: str, key: str) -> bool:
    first = text.index(key)
    covered = {place for match in find(text) for place in range(match.start, match.end)}
    return all(
        place in covered for place in range(first, first + len(key)) if text[place].isalnum()
    )


def test_a_thousand_services_are_known() -> None:
    """By name, with at least one form each."""
    known = provider_table.table()

    assert len(known.services) >= _FEWEST_SERVICES
    assert sum(map(len, known.beginnings.values())) + sum(map(len, known.services.values())) > 1000


@pytest.mark.parametrize(
    "form", sorted({form for forms in provider_table.table().beginnings.values() for form in forms})
)
def test_a_key_is_found_by_its_beginning(form: str) -> None:
    """Without a word about it."""
    key = _key(form)

    assert _is_covered(f"see {key} there", key)


def test_a_value_of_the_right_form_is_found_beside_the_name_of_its_service() -> None:
    """With a word that says what it is; names that are words as well need one."""
    missed = []
    for service, forms in provider_table.table().services.items():
        for form in forms:
            key = _key(form)
            if len(key) >= 16 and not _is_covered(f"{service.decode()} token - '{key}'", key):
                missed.append((service, form, key))

    assert len(missed) <= 0.01 * _FEWEST_SERVICES, missed


def test_a_value_of_another_form_is_not_a_services_key() -> None:
    """Neither longer nor shorter, nor after another service's name."""
    key = "2afd3ce5a1832882e326b506d1412e0b"

    assert not find(f"api2cart {key}0")
    assert not find(f"api2cart {key[1:]}")
    assert not find(f"airship {key}")


@pytest.mark.parametrize("name", ["", "~", "~ "])
def test_a_row_without_a_name_is_refused(name: str) -> None:
    """Its forms would count after any word about keys."""
    with pytest.raises(ValueError, match="no name of a service"):
        provider_table.parsed(f"airship\ta91\n{name}\ta20\n")


def test_a_value_beside_a_word_about_keys_needs_the_form_of_a_named_service() -> None:
    """An id of twenty letters and digits is no key because of a word that ends like one."""
    assert not find("see idtoken, then a1b2c3d4e5f6a7b8c9d0")
    assert not find("see authkey, then a1b2c3d4e5f6a7b8c9d0")


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ('"aio_"a28', True),
        ('"sk_"a20-40', True),
        ('"cio"a32', True),
        ('"cio"a31', False),
        ('"cio"a32-40', False),
        ('"pat"a14"."h64', True),
        ('"sk"a40', False),
        ("h32", False),
    ],
)
def test_three_letters_begin_a_key_only_before_a_long_rest_of_one_length(
    form: str, begins: bool
) -> None:
    """Other keys with such a beginning are found beside the name of their service."""
    known = provider_table.parsed(f"acme\t{form}\n")

    assert provider_table.has_beginning(form) is begins
    assert bool(known.beginnings) is begins
    assert known.services[b"acme"] == (() if begins else (form,))


def test_a_service_is_named_by_a_whole_word() -> None:
    """A longer word after it, with the name inside, does not count."""
    key = "a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8i9J0"

    assert [match.kind for match in find(f"abyssale, not cabyssale. {key}")] == ["api_key"]
    assert not find(f"cabyssale {key}")


def test_the_table_is_read_with_the_first_text_that_needs_it() -> None:
    """Neither the import nor prose reads it."""
    program = (
        "from otel_redaction import find\n"
        "from sys import modules\n"
        "name = 'otel_redaction.detectors.provider_table'\n"
        "assert name not in modules\n"
        "find('The committee met again in the spring: 12 of 14 agreed, said bob@example.com')\n"
        "assert modules[name].table.cache_info().currsize == 0\n"
        "find('see 2afd3ce5a1832882e326b506d1412e0b')\n"
        "assert modules[name].table.cache_info().currsize == 1\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
