"""Lines on stderr about an outage: one at its beginning, no repetition at exit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from otel_distro.export.outages import Outages
from support.process import clean_environment, free_port, run

ENDPOINT = "http://localhost:4318"


@pytest.fixture
def outages(tmp_path: Path) -> Outages:
    """An outage line without redaction, with a spool."""
    found = Outages(str, ENDPOINT)
    found.spool = tmp_path
    return found


def at_exit(outages: Outages) -> None:
    outages.begin_exit()
    outages.end_exit()


def test_spooled_records_are_reported_once(
    outages: Outages, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line at the beginning of the outage reported the spool."""
    outages.failed("refused")
    outages.kept("spans", 3)
    at_exit(outages)

    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot deliver telemetry" in line


def test_records_that_are_lost_are_reported_at_exit_too(
    outages: Outages, capsys: pytest.CaptureFixture[str]
) -> None:
    """No other line has their number."""
    outages.failed("refused")
    outages.kept("spans", 3)
    outages.lost("log records", 2)
    at_exit(outages)

    assert "Lost: 2 log records" in capsys.readouterr().err.splitlines()[-1]


def test_an_outage_that_begins_at_exit_has_its_line_there(
    outages: Outages, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the number of waiting records."""
    outages.begin_exit()
    outages.failed("refused")
    outages.kept("spans", 3)
    outages.end_exit()

    (line,) = capsys.readouterr().err.splitlines()
    assert "3 spans could not be delivered" in line


def test_a_second_outage_has_a_separate_line(
    outages: Outages, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also if it begins at exit."""
    outages.failed("refused")
    outages.delivered()
    outages.begin_exit()
    outages.failed("timed out")
    outages.kept("spans", 3)
    outages.end_exit()

    assert "3 spans could not be delivered" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.process
def test_the_first_attempt_of_a_process_that_resends_is_reported_with_the_folder(
    tmp_path: Path,
) -> None:
    """It first sends the records spooled by the previous process."""
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
        OTEL_SERVICE_NAME="shop",
    )
    work = (
        "import otel_distro, sys\notel_distro.configure()\nwith otel_distro.measure('work'): pass\n"
    )
    assert run([sys.executable, "-c", work], environ).returncode == 0
    with subprocess.Popen(
        [sys.executable, "-c", work + "sys.stdin.read()"],
        env=environ,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as resending:
        assert resending.stderr is not None
        line = resending.stderr.readline()
        _, rest = resending.communicate("")

    assert f"records are kept in {tmp_path / 'state/otel-distro/spool'}" in line
    assert rest == ""
