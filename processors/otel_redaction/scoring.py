"""Score of a policy on labelled lines of a user: recall, false alarms, misses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_redaction.patterns.match import Match

_ENOUGH = 0.9
"""Share of a value's letters and digits that a match has to cover."""
_AROUND = 24


class LabelError(ValueError):
    """An invalid labelled line; the message has its number and the fault."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One line: a text, and the values to redact."""

    number: int
    """The line's number in its file, from 1."""
    text: str
    spans: tuple[tuple[int, int, str], ...]
    """Start, end and label of each value to redact; empty for a clean text."""
    anything: str = ""
    """The label of a text with a match anywhere; empty otherwise."""


@dataclass(slots=True)
class Tally:
    """Counts for one label."""

    values: int = 0
    found: int = 0


@dataclass(slots=True)
class Score:
    """Result of a policy on the labelled lines."""

    lines: int = 0
    clean_lines: int = 0
    false_alarms: int = 0
    """Clean lines with a match."""
    matches: int = 0
    wrong_matches: int = 0
    """Matches without a labelled value."""
    labels: dict[str, Tally] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)
    """Each missed value, masked, with its label and context."""

    @property
    def recall(self) -> float | None:
        """Share of the labelled values found; None without any."""
        values = sum(tally.values for tally in self.labels.values())
        found = sum(tally.found for tally in self.labels.values())
        return found / values if values else None

    @property
    def false_alarm_rate(self) -> float | None:
        """Share of the clean lines with a match; None without any."""
        return self.false_alarms / self.clean_lines if self.clean_lines else None

    @property
    def precision(self) -> float | None:
        """Share of the matches that overlap a labelled value; None without matches."""
        return 1 - self.wrong_matches / self.matches if self.matches else None


def read_labelled(lines: Iterable[str]) -> list[Labelled]:
    """Return the labelled *lines*, each a JSON object; blank ones are skipped.

    An object has `text`, and either `spans` (`[{"start", "end", "type"}]`, empty for a clean text)
    or `expect`, which is `match` or `nomatch`, with an optional `type`. Raises LabelError.
    """
    return [_labelled(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _labelled(number: int, line: str) -> Labelled:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise LabelError(f"line {number} is not JSON: {error}") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise LabelError(f'line {number} has no "text"')
    if "spans" not in row:
        if row.get("expect") not in {"match", "nomatch"}:
            raise LabelError(f'line {number} needs "spans", or "expect" of "match" or "nomatch"')
        wanted = str(row.get("type", "any")) if row["expect"] == "match" else ""
        return Labelled(number, row["text"], (), wanted)
    try:
        spans = tuple(
            (int(span["start"]), int(span["end"]), str(span.get("type", "any")))
            for span in row["spans"]
        )
    except (TypeError, KeyError, ValueError) as error:
        raise LabelError(f'line {number}: each span needs "start" and "end"') from error
    for start, end, _ in spans:
        if not 0 <= start < end <= len(row["text"]):
            raise LabelError(f"line {number}: a span from {start} to {end} is not in the text")
    return Labelled(number, row["text"], spans)


def score(rows: Iterable[Labelled], find: Callable[[str], list[Match]]) -> Score:
    """Return the score of *find* on *rows*."""
    result = Score()
    for row in rows:
        result.lines += 1
        matches = find(row.text)
        if row.anything:
            _count(result, row.anything, found=bool(matches))
            if not matches:
                result.misses.append(f"line {row.number}: {row.anything}: nothing found")
            continue
        if not row.spans:
            result.clean_lines += 1
            result.false_alarms += bool(matches)
        result.matches += len(matches)
        result.wrong_matches += sum(not _touches(match, row) for match in matches)
        for start, end, label in row.spans:
            found = _covered(row.text, start, end, matches) >= _ENOUGH
            _count(result, label, found=found)
            if not found:
                result.misses.append(f"line {row.number}: {label}: {_shown(row, start, end)}")
    return result


def _count(result: Score, label: str, *, found: bool) -> None:
    tally = result.labels.setdefault(label, Tally())
    tally.values += 1
    tally.found += found


def _touches(match: Match, row: Labelled) -> bool:
    return any(match.start < end and start < match.end for start, end, _ in row.spans)


def _covered(text: str, start: int, end: int, matches: list[Match]) -> float:
    places = [place for place in range(start, end) if text[place].isalnum()] or [start]
    hidden = sum(any(m.start <= place < m.end for m in matches) for place in places)
    return hidden / len(places)


def _shown(row: Labelled, start: int, end: int) -> str:
    """Return a missed value masked to its format, with the text around it.

    Other labelled values nearby are masked as well, to keep them out of reports.
    """
    first, last = max(0, start - _AROUND), min(len(row.text), end + _AROUND)
    letters = list(row.text)
    for begin, stop, _ in row.spans:
        letters[begin:stop] = [_form(letter) for letter in letters[begin:stop]]
    lead, value, tail = (
        "".join(letters[i:j]) for i, j in ((first, start), (start, end), (end, last))
    )
    return " ".join(f"{lead}>>{value}<<{tail}".split())


def _form(letter: str) -> str:
    if letter.isdigit():
        return "9"
    if letter.isalpha():
        return "A" if letter.isupper() else "a"
    return letter
