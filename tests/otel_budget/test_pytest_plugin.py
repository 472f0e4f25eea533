"""A test that calls models may cost so much and no more."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from support.process import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from support.budgets import SlowProvider

SUITE = """
    import httpx2
    import pytest

    def call():
        body = {"model": "gpt-4o", "messages": [{"role": "user"}], "max_tokens": 300}
        return httpx2.post("%s/v1/chat/completions", json=body).status_code

    @pytest.mark.max_cost("0.02")
    def test_cheap():
        assert call() == 200

    @pytest.mark.max_cost("0.007")
    def test_dear():
        assert [call(), call()] == [200, 402]

    def test_unmarked():
        assert call() == 200

    @pytest.mark.max_cost("lots")
    def test_misused():
        pass
"""


@pytest.mark.process
def test_a_test_beyond_its_cost_fails(tmp_path: Path, provider: SlowProvider) -> None:
    """The call is refused, whatever the test makes of that; the others have their own budget."""
    (tmp_path / "test_suite.py").write_text(textwrap.dedent(SUITE % provider.url))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "otel_distro.pytest_plugin", "-p", "no:randomly"],
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "2 failed, 2 passed" in done.stdout, done.stdout
    assert "a call of gpt-4o was refused: $0.006 of max_cost $0.007 spent" in done.stdout
    assert 'max_cost takes US dollars, for example max_cost("0.02")' in done.stdout
    assert "$0.006000  test_suite.py::test_cheap" in done.stdout
    assert len(provider.requests) == 3
