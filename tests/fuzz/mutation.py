"""Generated inputs: seeds cut, joined, changed and filled with words of their format."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from fuzz.targets import Target

_MOST = 4096


def mutated(target: Target, rng: random.Random) -> bytes:
    """Return one input for *target*."""
    data = bytearray(rng.choice(target.seeds))
    for _ in range(rng.randint(1, 8)):
        at = rng.randint(0, len(data))
        match rng.randint(0, 5):
            case 0:
                data[at:at] = rng.choice(target.words)
            case 1 if data:
                data[at % len(data)] ^= 1 << rng.randint(0, 7)
            case 2:
                del data[at : at + rng.randint(1, 20)]
            case 3:
                other = rng.choice(target.seeds)
                data[at:] = other[rng.randint(0, len(other)) :]
            case 4:
                data[at:at] = data[at : at + rng.randint(1, 40)] * rng.randint(1, 9)
            case _:
                data[at:at] = rng.randbytes(rng.randint(1, 6))
    return bytes(data[:_MOST])
