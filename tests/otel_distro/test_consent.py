"""Consent: without it nothing is exported or stored; with it, later records are."""

from __future__ import annotations

import json
import os
import pty
import stat
import sys
import textwrap
import time
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from otel_distro.cli import main
from otel_distro.privacy import consent, consent_state
from otel_distro.privacy.consent_gate import ConsentGate
from otel_distro.settings import Settings, load
from support.connection_counter import ConnectionCounter
from support.otlp_sink import OtlpSink
from support.process import BIN, Finished, clean_environment, instrumented

APP = """
import logging, sys
import otel_distro
from opentelemetry import trace
model_call = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
}
tracer = trace.get_tracer("opentelemetry.instrumentation.genai.openai")
with otel_distro.session("s-1"), otel_distro.user("ada"), otel_distro.measure("work"):
    tracer.start_span("chat gpt-4o", attributes=model_call).end()
    otel_distro.track_event("session.start")
    logging.getLogger("app").warning("worked")
print("Hello")
"""


def work(home: Path, endpoint: str, **more: str) -> Finished:
    """Run an app that makes a model call, a log record, an event and a metric."""
    environ = clean_environment(
        home,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
        OTEL_METRIC_EXPORT_INTERVAL="200",
        OTEL_BSP_SCHEDULE_DELAY="50",
        **more,
    )
    return instrumented(APP, environ)


HARMLESS = {"pseudonym.key", "audit.jsonl", "audit.head", "settings.seen.json", "budget.db"}
"""Files allowed without consent: none with data of the app."""


def state_files(home: Path) -> list[str]:
    """Names of the files in the state folder."""
    return sorted(path.name for path in (home / "state").rglob("*") if path.is_file())


KINDS = sorted(
    {
        entry.name
        for signal in ("traces", "metrics", "logs")
        for entry in entry_points(group=f"opentelemetry_{signal}_exporter")
    }
    - {"sqlite", "otlp_proto_http"}  # the ledger, and the entry point behind `otlp`
)


def selecting(kind: str) -> dict[str, str]:
    """Variables that select exporter *kind* for every signal that has it."""
    chosen = {}
    for signal in ("traces", "metrics", "logs"):
        names = {entry.name for entry in entry_points(group=f"opentelemetry_{signal}_exporter")}
        chosen[f"OTEL_{signal.upper()}_EXPORTER"] = kind if kind in names else "none"
    return chosen


@pytest.mark.process
@pytest.mark.parametrize("kind", KINDS)
def test_no_exporter_of_any_kind_connects_or_prints_before_consent(
    tmp_path: Path, kind: str
) -> None:
    """Counted at the receiving port; the app works as usual."""
    with ConnectionCounter() as connections:
        done = work(tmp_path, connections.url, OTEL_DISTRO_CONSENT="required", **selecting(kind))

    assert (done.returncode, done.stdout) == (0, "Hello\n"), done.stderr
    assert connections.count == 0
    assert not [name for name in state_files(tmp_path) if name not in HARMLESS]
    assert done.stderr.count("consent is required and not given") == 1


@pytest.mark.process
def test_with_consent_the_same_app_is_recorded(tmp_path: Path, sink: OtlpSink) -> None:
    """This proves that the gate caused the silence above."""
    consent_state.write(tmp_path / "state/otel-distro", "granted", "test")
    done = work(tmp_path, sink.url, OTEL_DISTRO_CONSENT="required")

    assert done.stdout == "Hello\n"
    assert {span.name for span in sink.spans()} == {"work", "chat gpt-4o"}
    assert sink.log_records()
    assert "ledger.db" in state_files(tmp_path)


@pytest.mark.process
def test_do_not_track_refuses_under_any_other_setting(tmp_path: Path) -> None:
    """Also where consent is not required, or was given."""
    consent_state.write(tmp_path / "state/otel-distro", "granted", "test")
    with ConnectionCounter() as connections:
        done = work(tmp_path, connections.url, DO_NOT_TRACK="1")

    assert done.stdout == "Hello\n"
    assert connections.count == 0
    assert "ledger.db" not in state_files(tmp_path)
    assert "not stored: DO_NOT_TRACK is set" in done.stderr


@pytest.mark.slow
@pytest.mark.process
def test_a_running_program_follows_what_another_process_decides(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """Within a second, in both directions; earlier records are not exported."""
    script = """
    import subprocess, sys, time
    from opentelemetry import trace
    tracer = trace.get_tracer("app")
    def decide(word):
        command = [sys.argv[1], "privacy", "consent", word]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        time.sleep(1)
    tracer.start_span("before").end()
    early = tracer.start_span("began before")
    decide("grant")
    early.end()
    tracer.start_span("between").end()
    time.sleep(0.5)
    tracer.start_span("queued when revoked").end()
    decide("revoke")
    tracer.start_span("after").end()
    """
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_DISTRO_CONSENT="required",
        OTEL_BSP_SCHEDULE_DELAY="200",
    )
    instrumented(script, environ, str(BIN / "otel-distro"))

    names = [span.name for span in sink.spans()]
    assert "between" in names
    assert not {"before", "began before", "after"} & set(names)


def ask_on_a_terminal(home: Path, sink: OtlpSink, answer: bytes) -> str:
    """Run a program on a new terminal, type *answer*, and return the output."""
    environ = clean_environment(
        home, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_DISTRO_CONSENT="required"
    )
    script = textwrap.dedent(
        """
        from opentelemetry import trace
        trace.get_tracer("app").start_span("work").end()
        print("done:", input())
        """
    )
    child, terminal = pty.fork()
    if child == 0:
        command = [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", script]
        os.execve(command[0], command, environ)
    os.write(terminal, answer)
    shown = b""
    typed = False
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
        if not typed and (b"recorded from now on" in shown or b"nothing is recorded\r" in shown):
            typed = True
            os.write(terminal, b"for the app\n")
    os.waitpid(child, 0)
    os.close(terminal)
    return shown.decode()


@pytest.mark.process
@pytest.mark.parametrize(("answer", "granted"), [(b"y\n", True), (b"\n", False)])
def test_on_a_terminal_the_first_run_asks_once(
    tmp_path: Path, sink: OtlpSink, answer: bytes, granted: bool
) -> None:
    """No answer means no; the app gets its own input."""
    shown = ask_on_a_terminal(tmp_path, sink, answer)

    assert "This program can record how it works" in shown
    assert sink.url in shown
    assert "done: for the app" in shown
    assert [span.name for span in sink.spans()] == (["work"] if granted else [])
    decision = consent_state.read(tmp_path / "state/otel-distro")
    assert decision is not None
    assert (decision.granted, decision.by) == (granted, "terminal")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder for the command in this process."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("OTEL_DISTRO_CONSENT", "required")
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    return tmp_path / "otel-distro"


def shown() -> dict[str, Any]:
    result = CliRunner().invoke(main, ["privacy", "consent", "show", "--json"])
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.usefixtures("home")
def test_the_command_shows_grants_and_revokes() -> None:
    """With one word each."""
    assert (shown()["open"], shown()["answer"]) == (False, None)
    CliRunner().invoke(main, ["privacy", "consent", "grant"])
    assert (shown()["open"], shown()["answer"], shown()["by"]) == (True, "granted", "command")
    CliRunner().invoke(main, ["privacy", "consent", "revoke"])
    assert (shown()["open"], shown()["answer"]) == (False, "revoked")


def test_the_decision_is_the_users_alone_to_read(home: Path) -> None:
    """And every decision is in the audit trail."""
    CliRunner().invoke(main, ["privacy", "consent", "grant"])
    CliRunner().invoke(main, ["privacy", "consent", "revoke"])

    assert stat.S_IMODE((home / "consent.json").stat().st_mode) == 0o600
    trail = CliRunner().invoke(main, ["privacy", "audit", "show", "--json"]).stdout
    assert [entry["action"] for entry in json.loads(trail)["entries"]] == [
        "consent.granted",
        "consent.revoked",
    ]


@pytest.mark.usefixtures("home")
def test_without_a_terminal_nothing_is_asked() -> None:
    """A service must not wait for an absent user."""
    result = CliRunner().invoke(main, ["privacy", "consent"], input="y\n")

    assert "nothing is asked" in result.output
    assert shown()["answer"] is None


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("answer", "granted"), [(True, True), (False, False), (None, False)])
def test_a_program_with_a_window_asks_by_a_callback(answer: bool | None, granted: bool) -> None:
    """Once: a decided user is not asked again, an undecided one is."""
    notices: list[str] = []

    def dialog(notice: str) -> bool | None:
        notices.append(notice)
        return answer

    assert consent.ask(dialog) is granted
    assert consent.ask(dialog) is granted
    assert len(notices) == (2 if answer is None else 1)
    assert "http://localhost:4318" in notices[0]


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"answer": "granted"}', b"\xff\xfe", b"null",
     b'{"answer":"granted","at":"","notice_version":"1","by":""}',
     b'{"answer":"granted","at":"","notice_version":0,"by":""}'],
)  # fmt: skip
def test_an_unreadable_file_is_no_consent(tmp_path: Path, content: bytes) -> None:
    """Nor is consent to an older notice."""
    (tmp_path / "consent.json").write_bytes(content)

    gate = ConsentGate(Settings(consent=True, state_dir=tmp_path))

    assert gate.is_open() is False


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_DISTRO_CONSENT": "requierd"},
        {"OTEL_DISTRO_CONSNT": "required"},
        {"OTEL_DISTRO_CONSENT": "required"},
    ],
)
def test_a_mistake_in_writing_it_means_that_it_is_required(environ: dict[str, str]) -> None:
    """An invalid value counts as `required`."""
    assert load({"HOME": "/home/ada", **environ}).settings.consent is True


def test_a_broken_file_that_speaks_of_consent_means_it(tmp_path: Path) -> None:
    """Even if the file cannot be parsed."""
    broken = tmp_path / "d.toml"
    broken.write_text('consent = "required"\n[redaction\n')

    assert load({"HOME": "/", "OTEL_DISTRO_CONFIG": str(broken)}).settings.consent is True


@pytest.mark.parametrize(
    ("value", "refused"), [("1", True), ("true", True), ("0", False), ("", False)]
)
def test_do_not_track_is_read_as_others_read_it(value: str, refused: bool) -> None:
    """Any value but an empty one, 0 and false."""
    settings = load({"HOME": "/", "DO_NOT_TRACK": value}).settings

    assert ConsentGate(settings).is_open() is not refused


def test_spans_started_before_consent_are_not_exported(tmp_path: Path) -> None:
    """Consent covers later records, not earlier ones."""
    gate = ConsentGate(Settings(consent=True, state_dir=tmp_path))
    before = time.time_ns()
    consent_state.write(tmp_path, "granted", "test")
    gate.refresh()

    assert not gate.admits(before)
    assert gate.admits(time.time_ns() + 1)


def test_a_revocation_that_cannot_be_stored_applies_to_this_process(tmp_path: Path) -> None:
    """A full disk must not keep telemetry flowing."""
    consent_state.write(tmp_path, "granted", "test")
    gate = ConsentGate(Settings(consent=True, state_dir=tmp_path))
    assert gate.is_open()

    gate.close()

    assert not gate.is_open()


@pytest.mark.parametrize(
    ("environ", "status", "finding"),
    [
        ({}, "ok", "not required"),
        ({"OTEL_DISTRO_CONSENT": "required"}, "warn", "required and not given"),
        ({"DO_NOT_TRACK": "1"}, "warn", "DO_NOT_TRACK is set"),
    ],
)
def test_the_doctor_reports_missing_consent(
    tmp_path: Path, environ: dict[str, str], status: str, finding: str
) -> None:
    """So that users do not search the network for a fault."""
    from otel_distro.reports.doctor.protection import check_consent

    (check,) = check_consent(load({"HOME": str(tmp_path), **environ}))

    assert check.status == status
    assert finding in check.found


@pytest.mark.process
def test_spooled_records_are_not_sent_after_consent_is_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are deleted, and not sent if the deletion failed."""
    state = tmp_path / "state/otel-distro"
    consent_state.write(state, "granted", "test")
    with ConnectionCounter() as connections:  # never answers, so that telemetry is spooled
        work(tmp_path, connections.url, OTEL_DISTRO_CONSENT="required")
        spooled = [path for path in (state / "spool").rglob("*") if path.is_file()]
        assert [path for path in spooled if path.suffix != ".lock"]
        copies = {path: path.read_bytes() for path in spooled}

        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        CliRunner().invoke(main, ["privacy", "consent", "revoke"])
        left = [path for path in (state / "spool").rglob("*") if path.is_file()]
        assert {path.suffix for path in left} <= {".lock"}

        for path, content in copies.items():
            path.write_bytes(content)
        connections.count = 0
        work(tmp_path, connections.url, OTEL_DISTRO_CONSENT="required")
        assert connections.count == 0
