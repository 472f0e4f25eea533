"""The coverage limits of `.ci/run`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tools.coverage_limits import GROUPS, Group, main

if TYPE_CHECKING:
    from pathlib import Path


def report(folder: Path, **files: tuple[int, int, int, int]) -> Path:
    """Write a report of files with (lines reached, lines, branches reached, branches)."""
    names = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    path = folder / "coverage.json"
    content = {
        f"{name}/a.py": {"summary": dict(zip(names, counts, strict=True))}
        for name, counts in files.items()
    }
    path.write_text(json.dumps({"files": content}))
    return path


@pytest.mark.parametrize(
    ("counts", "status"), [((99, 100, 99, 100), 0), ((99, 100, 98, 100), 1), ((100, 100, 0, 0), 0)]
)
def test_lines_and_branches_count_together(
    tmp_path: Path, counts: tuple[int, int, int, int], status: int
) -> None:
    assert main(report(tmp_path, money=counts), (Group("money", ("money/",), 99.0),)) == status


def test_a_group_whose_files_are_gone_is_below(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a move the limit would check nothing."""
    assert main(report(tmp_path, other=(1, 1, 1, 1)), (Group("money", ("money/",), 99.0),)) == 1
    assert "BELOW" in capsys.readouterr().out


def test_every_group_has_code(request: pytest.FixtureRequest) -> None:
    for group in GROUPS:
        for place in group.places:
            assert (request.config.rootpath / place).exists(), place
