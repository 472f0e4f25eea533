"""A set-up that fails leaves guard, budgets and ledger in place, and strict ends the process."""

from __future__ import annotations

import json
import sqlite3
import stat
import sys
from pathlib import Path

import pytest

from otel_distro.bootstrap.sdk_values import drop_unusable
from otel_distro.settings import default_state_dir, homeless, load
from support.budgets import SlowProvider
from support.openai_workers import APP, environment
from support.process import BIN, run

UNUSABLE = {
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1k",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "-1",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "abc",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "x",
    "OTEL_CONFIG_FILE": "/nope.yaml",
    "OTEL_PROPAGATORS": "b3",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
    "OTEL_PYTHON_ID_GENERATOR": "nonesuch",
    "OTEL_METRICS_EXEMPLAR_FILTER": "sometimes",
}

UNKNOWN_USER = """
import os, pwd

def unknown(_number):
    raise KeyError("uid not found")

pwd.getpwuid = unknown
"""


def launched(environ: dict[str, str], script: str, *arguments: str) -> tuple[int, str, str]:
    command = [str(BIN / "otel-distro"), "run", "--", sys.executable, "-c", script, *arguments]
    done = run(command, environ)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.process
@pytest.mark.parametrize("name", UNUSABLE)
def test_a_budget_that_refuses_holds_whatever_value_cannot_be_used(
    tmp_path: Path, name: str
) -> None:
    """0.006 USD a call: three of them pass 0.02 USD, and the ledger knows of each."""
    environ = {**environment(tmp_path, "0.02"), name: UNUSABLE[name]}
    with SlowProvider() as provider:
        code, said, errors = launched(environ, APP, provider.url, "1", "6")

    assert (code, said) == (0, "3 3\n"), errors
    assert name in errors or UNUSABLE[name] in errors
    assert "Traceback" not in errors
    database = sqlite3.connect(tmp_path / "state/otel-distro/ledger.db")
    assert database.execute("SELECT count(*) FROM calls").fetchone()[0] >= 3
    database.close()


@pytest.mark.process
@pytest.mark.parametrize("name", UNUSABLE)
def test_strict_starts_no_app_with_a_value_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    """Code 78."""
    more = {name: UNUSABLE[name], "OTEL_DISTRO_STRICT": "true"}
    code, said, errors = launched({**environment(tmp_path, "1"), **more}, "print('ran')")

    assert (code, said) == (78, ""), errors


@pytest.mark.process
def test_doctor_reports_a_value_that_the_sdk_cannot_use(tmp_path: Path) -> None:
    """And goes on with its other checks."""
    environ = environment(tmp_path, "1") | {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1k"}
    done = run([str(BIN / "otel-distro"), "doctor", "--json"], environ)

    checks = json.loads(done.stdout)["checks"]
    assert "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT" in checks[0]["found"]
    assert {"redaction", "settings"} & {check["subject"] for check in checks}


@pytest.mark.process
@pytest.mark.parametrize("fault", ["settings", "runtime"])
def test_calls_are_refused_where_nothing_at_all_could_be_set_up(tmp_path: Path, fault: str) -> None:
    """Neither settings nor runtime can be made; the budget was to refuse."""
    site = tmp_path / "site"
    site.mkdir()
    target = {"settings": "otel_distro.settings.load", "runtime": "otel_distro.boot.Runtime"}[fault]
    owner, _, attribute = target.rpartition(".")
    script = (
        f"import {owner} as owner\n"
        "def broken(*_, **__): raise RuntimeError('broken')\n"
        f"owner.{attribute} = broken\n"
        "from otel_distro.boot import boot_from_environment\n"
        "boot_from_environment()\n" + APP
    )
    with SlowProvider() as provider:
        command = [sys.executable, "-c", script, provider.url, "1", "2"]
        done = run(command, environment(tmp_path, "1"))

    assert done.stdout == "0 2\n", done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_a_user_without_home_has_budgets_and_ledger(tmp_path: Path) -> None:
    """As in containers with arbitrary user ids."""
    site = tmp_path / "site"
    site.mkdir()
    script = UNKNOWN_USER + (
        "from otel_distro.boot import boot_from_environment\n"
        "boot_from_environment()\n"
        "from otel_distro.running import running\n"
        "runtime = running()\n"
        "print(runtime.guard_ok, runtime.settings.state_dir)\n"
    )
    environ = environment(tmp_path, "1")
    del environ["HOME"], environ["XDG_STATE_HOME"]
    done = run([sys.executable, "-c", script], {**environ, "TMPDIR": str(site)})

    guarded, _, folder = done.stdout.strip().partition(" ")
    assert guarded == "True", done.stderr
    assert Path(folder).parent == site
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700


def test_the_folder_without_home_passes_over_what_is_not_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may have made it, or a link."""
    monkeypatch.setattr(homeless.tempfile, "gettempdir", lambda: str(tmp_path))
    first = homeless.folder_without_home()
    assert homeless.folder_without_home() == first

    first.rmdir()
    first.symlink_to(tmp_path)
    second = homeless.folder_without_home()
    assert second != first
    second.chmod(0o777)
    assert homeless.folder_without_home() not in {first, second}


def test_a_home_that_nobody_knows_is_a_problem_of_the_setting_that_asks_for_it() -> None:
    """`~` of an unknown user; nothing is raised."""
    environ = {"XDG_STATE_HOME": "/s", "OTEL_DISTRO_LOG_FILE": "~nonesuch-user/x.jsonl"}
    (problem,) = load(environ).problems

    assert "no home" in problem.message
    assert default_state_dir(environ) == Path("/s/otel-distro")


def test_values_that_can_be_used_stay() -> None:
    """And what is empty counts as unset."""
    environ = {
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "64",
        "OTEL_SPAN_LINK_COUNT_LIMIT": "",
        "OTEL_PROPAGATORS": "tracecontext, baggage",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_METRICS_EXEMPLAR_FILTER": "always_off",
        "OTEL_PYTHON_ID_GENERATOR": "random",
    }

    assert list(drop_unusable(changed := dict(environ))) == []
    assert changed == environ
