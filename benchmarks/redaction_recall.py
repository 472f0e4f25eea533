"""Recall and false alarms on labelled texts.

Run `python benchmarks/redaction_recall.py FILE...` on JSON Lines files, plain or
gzipped. Each row has a `text` and either `spans`, a list of `start`, `end` and
`type` that must be found, or `expect: "nomatch"`, which means that nothing in
the text may be touched. A span counts as found when at least nine tenths of its
letters and digits are covered.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from otel_redaction import find

_ENOUGH = 0.9


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON Lines file."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    return [json.loads(line) for line in content.decode().splitlines()]


def is_found(text: str, start: int, end: int, covered: set[int]) -> bool:
    """Return whether enough of the letters and digits from *start* to *end* are covered."""
    places = [place for place in range(start, end) if text[place].isalnum()]
    return sum(place in covered for place in places) >= _ENOUGH * len(places)


def score(path: Path) -> None:
    """Print recall by type, and the share of untouchable texts that were touched."""
    wanted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    clean = touched = 0
    for row in rows(path):
        text = row["text"]
        matches = find(text)
        covered = {place for match in matches for place in range(match.start, match.end)}
        for span in row.get("spans", ()):
            wanted[span["type"]] += 1
            found[span["type"]] += is_found(text, span["start"], span["end"], covered)
        if row.get("expect") == "nomatch":
            clean += 1
            touched += bool(matches)
    print(path.name)
    for kind, count in wanted.most_common():
        print(f"  {kind:40} {found[kind]:5} of {count:5}  {found[kind] / count:.3f}")
    if clean:
        print(f"  {'touched though clean':40} {touched:5} of {clean:5}  {touched / clean:.4f}")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        score(Path(name))
