"""A policy scored on lines that a user has labelled."""

from __future__ import annotations

import json

import pytest

from otel_redaction import find
from otel_redaction.scoring import LabelError, Score, read_labelled, score


def _score(*rows: object) -> Score:
    return score(read_labelled(json.dumps(row) for row in rows), find)


def test_recall_counts_values_that_are_covered() -> None:
    """A value counts when nine tenths of its letters and digits are hidden."""
    found = {"text": "mail bob@example.org", "spans": [{"start": 5, "end": 20, "type": "mail"}]}
    missed = {"text": "badge Q77", "spans": [{"start": 6, "end": 9, "type": "badge"}]}

    result = _score(found, missed)

    assert result.recall == 0.5
    assert {label: (t.found, t.values) for label, t in result.labels.items()} == {
        "mail": (1, 1),
        "badge": (0, 1),
    }


def test_a_miss_is_shown_by_its_form_only() -> None:
    """Neither the value nor another labelled one beside it is in the report."""
    row = {
        "text": "badge Q77 of zorp-9",
        "spans": [{"start": 6, "end": 9, "type": "badge"}, {"start": 13, "end": 19}],
    }

    result = _score(row)

    assert result.misses[0] == "line 1: badge: badge >>A99<< of aaaa-9"
    assert not any("Q77" in miss or "zorp" in miss for miss in result.misses)


def test_false_alarms_are_clean_lines_in_which_something_is_found() -> None:
    """A line without spans, or with `expect` of `nomatch`, is clean."""
    result = _score(
        {"text": "all fine", "spans": []},
        {"text": "bob@example.org", "expect": "nomatch"},
        {"text": "bob@example.org", "expect": "match", "type": "mail"},
    )

    assert (result.false_alarms, result.clean_lines, result.recall) == (1, 2, 1.0)


def test_nothing_labelled_has_no_recall() -> None:
    """Unknown is not zero."""
    assert _score({"text": "all fine", "spans": []}).recall is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 1 is not JSON"),
        ("[]", 'line 1 has no "text"'),
        ('{"text": "x"}', 'line 1 needs "spans"'),
        ('{"text": "x", "spans": [{"start": 0}]}', "line 1: each span needs"),
        ('{"text": "x", "spans": [{"start": 0, "end": 9}]}', "line 1: a span from 0 to 9"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(line: str, problem: str) -> None:
    """The message has the line and what it lacks."""
    with pytest.raises(LabelError, match=problem):
        read_labelled([line])
