"""The pytest plug-in limits the cost of tests that call models."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from support.process import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from support.budgets import SlowProvider

PYTEST = [sys.executable, "-m", "pytest"]
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

    @pytest.mark.max_p95_ms(60_000)
    def test_quick():
        assert call() == 200

    @pytest.mark.max_p95_ms("0.001")
    def test_slow():
        assert [call(), call()] == [200, 200]

    @pytest.mark.max_cost("lots")
    def test_misused():
        pass
"""


@pytest.mark.process
def test_a_test_beyond_its_cost_fails(tmp_path: Path, provider: SlowProvider) -> None:
    """The call is refused even if the test handles the error; other tests have their own budget."""
    (tmp_path / "test_suite.py").write_text(textwrap.dedent(SUITE % provider.url))
    done = subprocess.run(
        [*PYTEST, "-p", "no:randomly"],
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "3 failed, 3 passed" in done.stdout, done.stdout
    assert "a call of gpt-4o was refused: $0.006 of max_cost $0.007 spent" in done.stdout
    assert 'max_cost takes US dollars, for example max_cost("0.02")' in done.stdout
    assert "95 % of 2 model calls took up to" in done.stdout
    assert "more than max_p95_ms 0.001" in done.stdout
    assert "over its limit: test_suite.py::test_dear: a call of gpt-4o was refused" in done.stdout
    assert "over its limit: test_suite.py::test_cheap" not in done.stdout
    assert re.search(r"\$0.006000  p95 [\d,]+ ms  test_suite.py::test_cheap", done.stdout)
    assert len(provider.requests) == 6


CHANGING = """
    import os
    import httpx2
    import pytest

    @pytest.mark.model_calls
    def test_agent():
        for _ in range(int(os.environ["CALLS"])):
            body = {"model": "gpt-4o", "messages": [{"role": "user"}], "max_tokens": 300}
            assert httpx2.post("%s/v1/chat/completions", json=body).status_code == 200
"""


@pytest.mark.slow
@pytest.mark.process
def test_a_run_that_costs_more_than_the_baseline_fails(
    tmp_path: Path, provider: SlowProvider
) -> None:
    """One run of four calls makes it; four calls pass, six do not, in another process either."""
    (tmp_path / "test_suite.py").write_text(textwrap.dedent(CHANGING % provider.url))
    provider.delay = 0.15  # so that other load of the machine hardly affects the latency

    def pytest_run(calls: int, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PYTEST, "--cost-baseline", "baseline.json", *more],
            cwd=tmp_path,
            env={**clean_environment(tmp_path), "CALLS": str(calls)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert pytest_run(4, "--cost-baseline-update").returncode == 0
    same, more = pytest_run(4), pytest_run(6, "-n", "1")

    assert same.returncode == 0, same.stdout
    assert more.returncode == 1
    assert "worse than the baseline: cost $0.036000, usual is $0.024000" in more.stdout


REFUSED = """
    import pytest

    @pytest.mark.max_cost("0.0001")
    def test_dear():
        import httpx2

        body = {"model": "gpt-4o", "messages": [{"role": "user"}], "max_tokens": 300}
        response = httpx2.post("%s/v1/chat/completions", json=body)
        print("answer:", response.text)
"""


@pytest.mark.process
@pytest.mark.parametrize("option", [[], ["-p", "otel_distro.pytest_plugin"]], ids=["", "-p"])
def test_a_refused_call_names_the_limit_of_the_test(
    tmp_path: Path, provider: SlowProvider, option: list[str]
) -> None:
    """Not that of a day; also through a client that the test imports."""
    (tmp_path / "test_suite.py").write_text(textwrap.dedent(REFUSED % provider.url))
    done = subprocess.run(
        [*PYTEST, *option],
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "1 failed" in done.stdout, done.stdout + done.stderr
    assert "budget 'max_cost of test_dear' has no room for this call" in done.stdout
    assert not provider.requests
