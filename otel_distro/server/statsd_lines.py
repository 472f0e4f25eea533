"""Parses a StatsD line to a sample: name, values, type, sample rate, tags."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

LONGEST_LINE: Final = 8 * 1024
_LONGEST_NAME: Final = 256
_LONGEST_TAG: Final = 512
_MOST_TAGS: Final = 64
_MOST_VALUES: Final = 1024
_LEAST_RATE: Final = 1e-6
_NOT_METRICS: Final = ("_e{", "_sc|")


class LineError(ValueError):
    """A line that is no metric; the message has the reason and never quotes the line."""


class Kind(Enum):
    """The metric types of StatsD and DogStatsD, by their aggregation."""

    COUNTER = "c"
    GAUGE = "g"
    DURATION = "ms"
    """A timer, in milliseconds."""
    DISTRIBUTION = "h"
    """A histogram or distribution of DogStatsD, without a unit."""
    SET = "s"


_KINDS: Final = {
    "c": Kind.COUNTER,
    "g": Kind.GAUGE,
    "ms": Kind.DURATION,
    "h": Kind.DISTRIBUTION,
    "d": Kind.DISTRIBUTION,
    "s": Kind.SET,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample of one line."""

    name: str
    kind: Kind
    values: tuple[float, ...]
    """Empty for a set."""
    members: tuple[str, ...]
    """The values of a set."""
    is_change: bool
    """Whether the value of a gauge has a sign, so that it is added to the previous one."""
    rate: float
    """Share of measurements that were sent, above 0 and at most 1."""
    tags: tuple[tuple[str, str], ...]
    """Sorted by name; a tag without a value has an empty one."""


def parse(line: str) -> Sample | None:
    """Return the sample of a line, None for an empty one; raises LineError.

    Events and service checks of DogStatsD are no metrics and raise as well.
    """
    if not line.strip():
        return None
    if len(line) > LONGEST_LINE:
        raise LineError("a line is too long")
    if line.startswith(_NOT_METRICS):
        raise LineError("events and service checks are not received")
    head, *fields = line.strip().split("|")
    name, colon, values = head.partition(":")
    name = name.strip()
    if not colon or not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise LineError("a line has no usable name")
    kind = _KINDS.get(fields[0]) if fields else None
    if kind is None:
        raise LineError("a line has no known type")
    texts = values.split(":")
    if len(texts) > _MOST_VALUES:
        raise LineError("a line has too many values")
    rate, tags = _fields(fields[1:])
    if kind is Kind.SET:
        if not all(texts):
            raise LineError("a set has an empty value")
        return Sample(name, kind, (), tuple(texts), is_change=False, rate=rate, tags=tags)
    return Sample(
        name,
        kind,
        tuple(_number(text) for text in texts),
        (),
        is_change=kind is Kind.GAUGE and texts[0][:1] in {"+", "-"},
        rate=rate,
        tags=tags,
    )


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise LineError("a value is no number") from error
    # Python accepts underscores and words such as "nan", which no client sends.
    if not math.isfinite(value) or "_" in text:
        raise LineError("a value is no number")
    return value


def _fields(fields: list[str]) -> tuple[float, tuple[tuple[str, str], ...]]:
    """Return sample rate and tags; unknown fields, such as a container id, are ignored."""
    rate = 1.0
    tags: tuple[tuple[str, str], ...] = ()
    for field in fields:
        if field.startswith("@"):
            rate = _number(field[1:])
            if not _LEAST_RATE <= rate <= 1:
                raise LineError("a sample rate is not above 0 and at most 1")
        elif field.startswith("#"):
            tags = _tags(field[1:])
    return rate, tags


def _tags(text: str) -> tuple[tuple[str, str], ...]:
    parts = [part for part in text.split(",") if part]
    if len(parts) > _MOST_TAGS:
        raise LineError("a line has too many tags")
    tags = {}
    for part in parts:
        key, _, value = part.partition(":")
        key = key.strip()
        if not key or len(part) > _LONGEST_TAG or not part.isprintable():
            raise LineError("a tag cannot be used")
        tags[key] = value.strip()
    return tuple(sorted(tags.items()))
