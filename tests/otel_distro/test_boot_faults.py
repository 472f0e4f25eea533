"""Internal errors at boot: protection stays when other features are lost."""

from __future__ import annotations

import json
import os
import stat
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_cost_ledger.model.state_folder import default_state_dir
from otel_distro.demo.provider import FakeProvider
from support.otlp_sink import OtlpSink
from support.process import BIN, Finished, clean_environment, run

pytestmark = pytest.mark.process

CALLS = textwrap.dedent("""
    import os, openai
    client = openai.OpenAI(
        base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="sk-x", max_retries=0
    )
    outcomes = []
    for most in (10, 1_000_000):
        try:
            client.chat.completions.create(
                model="gpt-4o",
                messages=[{"role": "user", "content": "mail ada@lovelace.example"}],
                max_tokens=most,
            )
            outcomes.append("ok")
        except openai.APIStatusError as error:
            outcomes.append(str(error.status_code))
    print(*outcomes)
""")
BAD_VALUES = {
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1k",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "-1",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "abc",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "1.5",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "x",
    "OTEL_CONFIG_FILE": "/nope.yaml",
    "OTEL_PROPAGATORS": "b3",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "thrift",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "brotli",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "soon",
    "OTEL_METRIC_EXPORT_INTERVAL": "0",
    "OTEL_METRICS_EXEMPLAR_FILTER": "some",
    "OTEL_PYTHON_ID_GENERATOR": "nonesuch",
    "OTEL_BSP_MAX_QUEUE_SIZE": "many",
}
"""Values that the SDK, its exporters or the agent refuse."""


def budgeted(home: Path, provider: FakeProvider, sink: OtlpSink, **more: str) -> dict[str, str]:
    """An environment with a hard budget that the first of `CALLS` fits in, not the second."""
    return clean_environment(
        home,
        **{
            "PROVIDER_URL": provider.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "OTEL_DISTRO_BUDGET_USD_PER_DAY": "1",
            "OTEL_DISTRO_BUDGET_ACTION": "refuse",
            **more,
        },
    )


def launched(environ: dict[str, str], script: str = CALLS) -> Finished:
    return run([str(BIN / "otel-distro"), "run", "--", sys.executable, "-c", script], environ)


def not_a_folder(folder: Path) -> str:
    """A home that is unusable even for root."""
    file = folder / "home"
    file.touch()
    return str(file)


def calls_in_ledger(home: Path) -> int:
    done = run([str(BIN / "otel-distro"), "costs", "--json"], clean_environment(home))
    total = json.loads(done.stdout)["total"] if done.returncode == 0 else {"calls": 0}
    return int(total["calls"])


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD_VALUES)
def test_an_unusable_standard_variable_switches_nothing_off(
    name: str, tmp_path: Path, provider: FakeProvider, sink: OtlpSink
) -> None:
    """One line names it; budget, ledger and redaction stay."""
    done = launched(budgeted(tmp_path, provider, sink, **{name: BAD_VALUES[name]}))

    assert (done.returncode, done.stdout) == (0, "ok 402\n"), done.stderr
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert calls_in_ledger(tmp_path) == 1  # the refused one was never sent
    assert b"lovelace" not in sink.everything()


@pytest.mark.parametrize("name", BAD_VALUES)
def test_strict_starts_no_program_with_an_unusable_standard_variable(
    name: str, tmp_path: Path, provider: FakeProvider, sink: OtlpSink
) -> None:
    """Code 78, and the variable is named."""
    more = {name: BAD_VALUES[name], "OTEL_DISTRO_STRICT": "true"}
    done = launched(budgeted(tmp_path, provider, sink, **more))

    assert (done.returncode, done.stdout) == (78, ""), done.stderr
    assert name in done.stderr
    assert not provider.requests


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD_VALUES)
def test_doctor_names_an_unusable_standard_variable(name: str, tmp_path: Path) -> None:
    """Also if the SDK cannot be imported with it."""
    environ = clean_environment(tmp_path, **{name: BAD_VALUES[name]})
    done = run([str(BIN / "otel-distro"), "doctor", "--json"], environ)

    assert done.returncode == 1, done.stderr
    checks = json.loads(done.stdout)["checks"]
    failed = [check["found"] for check in checks if check["status"] == "fail"]
    assert any(name in found for found in failed), checks


BROKEN = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise RuntimeError("broken on purpose")
sys.meta_path.insert(0, Finder())
"""


@pytest.fixture(
    params=[
        "otel_distro.bootstrap.boot",
        "otel_distro.pipeline.pipeline",
        "otel_budget.budget_accounts",
    ]
)
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Variables under which one module of the distribution cannot be imported."""
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        BROKEN.format(module=request.param)
        + "from opentelemetry.instrumentation.auto_instrumentation import initialize\n"
        "initialize()\n"
    )
    return {"PYTHONPATH": str(folder), "OTEL_PYTHON_DISTRO": "otel_distro"}


@pytest.mark.slow
def test_calls_are_refused_after_any_failure_at_boot(
    broken: dict[str, str], tmp_path: Path, provider: FakeProvider, sink: OtlpSink
) -> None:
    """A refusing budget that cannot be checked refuses every call; no raw data is exported."""
    environ = budgeted(tmp_path, provider, sink, **broken)
    done = run([sys.executable, "-c", CALLS], environ)

    assert (done.returncode, done.stdout) == (0, "402 402\n"), done.stderr
    assert "model calls are refused" in done.stderr
    assert not provider.requests
    assert b"lovelace" not in sink.everything()


@pytest.mark.slow
def test_a_budget_may_be_set_to_allow_calls_on_a_fault(
    broken: dict[str, str], tmp_path: Path, provider: FakeProvider, sink: OtlpSink
) -> None:
    """OTEL_DISTRO_BUDGET_ON_FAULT decides, as for any other fault."""
    environ = budgeted(tmp_path, provider, sink, **broken, OTEL_DISTRO_BUDGET_ON_FAULT="allow")
    done = run([sys.executable, "-c", CALLS], environ)

    assert done.stdout == "ok ok\n", done.stderr


def test_a_user_without_a_home_keeps_budget_and_ledger(
    tmp_path: Path, provider: FakeProvider, sink: OtlpSink
) -> None:
    """An unknown user id has no home folder; the state is kept in a private temporary folder."""
    environ = budgeted(tmp_path, provider, sink, TMPDIR=str(tmp_path))
    del environ["XDG_STATE_HOME"]
    environ["HOME"] = not_a_folder(tmp_path)
    done = launched(environ)

    assert (done.returncode, done.stdout) == (0, "ok 402\n"), done.stderr
    folder = tmp_path / f"otel-distro-{os.geteuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "ledger.db").is_file()


def test_a_home_that_is_not_known_at_all_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`Path.home()` raises for a user id that is not in the password file."""

    def raises() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", raises)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert default_state_dir({}) == tmp_path / f"otel-distro-{os.geteuid()}"


def test_the_temporary_state_folder_is_never_a_foreign_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A link in its place is not followed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"otel-distro-{os.geteuid()}").symlink_to(elsewhere)

    found = default_state_dir({"HOME": not_a_folder(tmp_path)})

    assert found.resolve() != elsewhere.resolve()
    assert stat.S_IMODE(found.stat().st_mode) == 0o700


def test_programs_started_by_ours_inherit_no_exporter_that_we_chose(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """Other tracers read the same variables, and would export without redaction."""
    script = (
        "import os; print([name for name in os.environ if name.startswith('OTEL_')"
        " and ('EXPORTER' in name)])"
    )
    done = launched(clean_environment(tmp_path), script)

    assert done.stdout == "[]\n", done.stderr
