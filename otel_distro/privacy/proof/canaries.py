"""Fake secrets of the most commonly leaked kinds, new for every proof."""

from __future__ import annotations

import random
import string

from otel_distro.settings import process_environment

VARIABLE = "PRIVACY_CANARIES"
"""Environment variable in which the canaries are planted."""


def make_canaries(seed: int) -> tuple[str, ...]:
    """Return an e-mail address, a card number, an API key and a password in a URL."""
    dice = random.Random(seed)  # noqa: S311 - fake secrets need no secrecy
    letters = "".join(dice.choices(string.ascii_lowercase, k=12))
    token = "".join(dice.choices(string.ascii_letters + string.digits, k=40))
    return (
        f"{letters}@canary-mail.example",
        _card(dice),
        f"sk-proj-{token}",
        f"postgresql://app:{token[:14]}@db.example/shop",
    )


def canary_text() -> str:
    """Return the planted canaries as one text, empty outside a proof."""
    return process_environment().get(VARIABLE, "")


def marks(canary: str) -> tuple[str, ...]:
    """Return the parts of *canary* that identify it."""
    if canary.startswith("postgresql://"):
        return (canary.split(":")[2].split("@", maxsplit=1)[0],)
    if canary.startswith("sk-proj-"):
        return (canary.removeprefix("sk-proj-"),)
    return (canary, canary.replace(" ", ""))


def _card(dice: random.Random) -> str:
    digits = [4, *(dice.randrange(10) for _ in range(14))]
    doubled = [sum(divmod(2 * d, 10)) if place % 2 == 0 else d for place, d in enumerate(digits)]
    number = "".join(map(str, [*digits, -sum(doubled) % 10]))
    return " ".join(number[place : place + 4] for place in range(0, 16, 4))
