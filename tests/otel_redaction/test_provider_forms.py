"""The table of services: what a key begins with, and what form it has beside a service's name."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from otel_redaction import find
from otel_redaction.detectors import provider_forms

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
    for piece in provider_forms._PIECE.finditer(form):
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
    known = provider_forms.table()

    assert len(known.services) >= _FEWEST_SERVICES
    assert sum(map(len, known.beginnings.values())) + sum(map(len, known.services.values())) > 1000


@pytest.mark.parametrize(
    "form", sorted({form for forms in provider_forms.table().beginnings.values() for form in forms})
)
def test_a_key_is_found_by_its_beginning(form: str) -> None:
    """Without a word about it."""
    key = _key(form)

    assert _is_covered(f"see {key} there", key)


def test_a_value_of_the_right_form_is_found_beside_the_name_of_its_service() -> None:
    """With a word that says what it is; names that are words as well need one."""
    missed = []
    for service, forms in provider_forms.table().services.items():
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


def test_the_table_is_read_with_the_first_text_that_needs_it() -> None:
    """Neither the import nor prose reads it."""
    program = (
        "from otel_redaction import find\n"
        "from sys import modules\n"
        "name = 'otel_redaction.detectors.provider_forms'\n"
        "assert name not in modules\n"
        "find('The committee met again in the spring: 12 of 14 agreed, said bob@example.com')\n"
        "assert modules[name].table.cache_info().currsize == 0\n"
        "find('see 2afd3ce5a1832882e326b506d1412e0b')\n"
        "assert modules[name].table.cache_info().currsize == 1\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
