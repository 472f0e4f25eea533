"""Systems and versions of Python that are not supported get one clear message."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from otel_distro.base.platforms import OLDEST_PYTHON, unsupported
from support.process import clean_environment, run

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
WITHOUT_FORK = "import os; del os.register_at_fork\n"


def test_this_system_is_supported() -> None:
    """Otherwise the suite would not run."""
    assert unsupported() is None


def test_an_old_python_is_named_with_the_one_to_use() -> None:
    """In one sentence."""
    assert unsupported((3, 10)) == (
        "Python 3.10 is too old: otel-distro needs Python 3.11 or newer"
    )


def test_the_metadata_says_the_same() -> None:
    """POSIX, and the oldest Python."""
    project = tomllib.loads(PROJECT.read_text())["project"]

    assert project["requires-python"] == f">={OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]}"
    systems = [name for name in project["classifiers"] if name.startswith("Operating System")]
    assert systems == ["Operating System :: MacOS", "Operating System :: POSIX :: Linux"]


@pytest.mark.process
def test_the_command_reports_it(tmp_path: Path) -> None:
    """Exit code 2 and only the message."""
    script = WITHOUT_FORK + "from otel_distro.__main__ import main; main()"
    done = run([sys.executable, "-c", script], clean_environment(tmp_path))

    assert done.returncode == 2
    assert done.stderr.startswith("otel-distro: ")
    assert "needs a POSIX system" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_an_app_runs_without_telemetry(tmp_path: Path) -> None:
    """The same message once; nothing raises."""
    script = WITHOUT_FORK + "import otel_distro; otel_distro.configure(); print('app ran')"
    done = run([sys.executable, "-c", script], clean_environment(tmp_path))

    assert (done.returncode, done.stdout) == (0, "app ran\n"), done.stderr
    assert "needs a POSIX system" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.process
def test_strict_does_not_start_the_app(tmp_path: Path) -> None:
    """Code 78."""
    script = WITHOUT_FORK + "import otel_distro; otel_distro.configure(); print('app ran')"
    environ = clean_environment(tmp_path, OTEL_DISTRO_STRICT="true")
    done = run([sys.executable, "-c", script], environ)

    assert (done.returncode, done.stdout) == (78, "")
