"""Content levels: messages that are not exported, and stored ones that only the key can read."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_cost_ledger.model.privacy import Pseudonyms
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.bootstrap.content import CAPTURE, capture, redactors_for
from otel_distro.cli import main
from otel_distro.demo.provider import FakeProvider
from otel_distro.pipeline.install import guard_tracer_provider
from otel_distro.pipeline.pipeline import NO_ACCOUNTS, Pipeline
from otel_distro.privacy.content import sealing, store
from otel_distro.privacy.content.keeper import ContentKeeper
from otel_distro.privacy.content.messages import is_message, without_messages
from otel_distro.settings import Settings, load
from otel_redaction import Redactor
from otel_redaction.observers import SilentObserver
from support.otlp_sink import OtlpSink
from support.process import clean_environment, instrumented

KEY = b"k" * 32
PROMPT = '[{"role": "user", "parts": [{"type": "text", "content": "I am ada@lovelace.example"}]}]'


def guarded(level: str | None, *processors: Any) -> tuple[TracerProvider, Any]:
    """A provider with the content *level* and an in-memory exporter."""
    settings = Settings(content=level)
    made = redactors_for(settings, Redactor(), SilentObserver(), withhold=False)
    provider = TracerProvider(shutdown_on_exit=False)
    exporter: Any = InMemorySpanExporter()
    for one in (exporter, *processors):
        provider.add_span_processor(SimpleSpanProcessor(one))
    guard_tracer_provider(provider, Pipeline(made.exporting, NO_ACCOUNTS, InternalErrors()))
    return provider, exporter


def call_model(provider: TracerProvider) -> None:
    span = provider.get_tracer("opentelemetry.instrumentation.genai.openai").start_span(
        "chat gpt-4o",
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 7,
            "gen_ai.input.messages": PROMPT,
            "user.id": "ada@lovelace.example",
        },
    )
    span.add_event("gen_ai.content.prompt", {"gen_ai.prompt": "hello"})
    span.end()


@pytest.mark.parametrize("level", ["none", "metadata", "full"])
def test_with_any_level_set_no_message_is_exported(level: str) -> None:
    """Numbers and names are exported."""
    provider, exporter = guarded(level)
    call_model(provider)

    (span,) = exporter.get_finished_spans()
    assert "gen_ai.input.messages" not in span.attributes
    assert span.attributes["gen_ai.usage.input_tokens"] == 7
    assert span.events[0].attributes == {}


def test_without_a_level_captured_messages_leave_redacted() -> None:
    """OpenTelemetry's variable decides on capture."""
    provider, exporter = guarded(None)
    call_model(provider)

    (span,) = exporter.get_finished_spans()
    assert "I am [EMAIL]" in span.attributes["gen_ai.input.messages"]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("gen_ai.output.messages", True),
        ("gen_ai.prompt.0.content", True),
        ("llm.input_messages.0.message.content", True),
        ("input.value", True),
        ("traceloop.entity.output", True),
        ("gen_ai.tool.call.arguments", True),
        ("gen_ai.usage.input_tokens", False),
        ("gen_ai.request.model", False),
        ("gen_ai.prompt.name", False),
        ("llm.token_count.prompt", False),
        ("http.request.method", False),
    ],
)
def test_messages_are_known_in_every_dialect(key: str, message: bool) -> None:
    """By the names of their attributes."""
    assert is_message(key) is message


def test_events_of_model_calls_lose_their_body() -> None:
    """Other log records keep theirs."""
    from opentelemetry.sdk._logs import ReadWriteLogRecord

    entry_class: Any = ReadWriteLogRecord

    def body_of(event: str | None) -> Any:
        entry = entry_class(LogRecord(body={"content": "hi"}, event_name=event))
        return without_messages(entry).log_record.body

    assert body_of("gen_ai.user.message") is None
    assert body_of("shop.order") == body_of(None) == {"content": "hi"}


@pytest.fixture
def keys() -> tuple[str, str]:
    """A private and a public key."""
    return sealing.new_key_pair()


def test_under_full_messages_are_stored_redacted_and_only_the_key_reads_them(
    tmp_path: Path, keys: tuple[str, str]
) -> None:
    """The file contains none of their text; the calls of a user can be found for erasure."""
    private_key, public_key = keys
    redactors = redactors_for(
        Settings(content="full"), Redactor(), SilentObserver(), withhold=False
    ).with_messages
    path = tmp_path / "content.db"
    provider, _ = guarded("full", ContentKeeper(path, public_key, redactors, lambda: KEY))
    call_model(provider)
    provider.get_tracer("app").start_span("no model call").end()

    (row,) = store.read(path)
    content = json.loads(sealing.opener(private_key)(row.sealed, row.ids))
    assert "I am [EMAIL]" in content["gen_ai.input.messages"]
    assert content["events"] == [{"name": "gen_ai.content.prompt", "gen_ai.prompt": "hello"}]
    assert row.user_id == Pseudonyms(KEY).of("user", "ada@lovelace.example")
    assert b"EMAIL" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@given(content=st.binary(max_size=2000), ids=st.binary(min_size=24, max_size=24))
def test_a_sealed_record_opens_with_its_key_and_ids_only(content: bytes, ids: bytes) -> None:
    """Not with another key, not for another call, not changed."""
    private_key, public_key = sealing.new_key_pair()
    sealed = sealing.sealer(public_key)(content, ids)
    open_sealed = sealing.opener(private_key)

    assert open_sealed(sealed, ids) == content
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    attempts: tuple[Callable[[], object], ...] = (
        lambda: open_sealed(changed, ids),
        lambda: open_sealed(sealed, bytes(24) if any(ids) else b"x" * 24),
        lambda: sealing.opener(sealing.new_key_pair()[0])(sealed, ids),
        lambda: open_sealed(b"", ids),
    )
    for attempt in attempts:
        with pytest.raises(sealing.ContentKeyError):
            attempt()


def test_full_without_a_key_is_a_problem_that_withholds(keys: tuple[str, str]) -> None:
    """Messages are never stored unencrypted."""
    without = load({"HOME": "/", "OTEL_DISTRO_CONTENT": "full"})
    wrong = load({"HOME": "/", "OTEL_DISTRO_CONTENT": "full", "OTEL_DISTRO_CONTENT_KEY": keys[0]})
    right = load({"HOME": "/", "OTEL_DISTRO_CONTENT": "full", "OTEL_DISTRO_CONTENT_KEY": keys[1]})

    assert without.withholds
    assert wrong.withholds
    assert right.problems == ()


def test_none_keeps_no_ledger() -> None:
    """No call is stored."""
    assert load({"HOME": "/", "OTEL_DISTRO_CONTENT": "none"}).settings.ledger is None


def test_messages_are_captured_if_they_are_stored(keys: tuple[str, str]) -> None:
    """Unless the user sets otherwise."""
    full = Settings(content="full", content_key=keys[1])
    unset: dict[str, str] = {}
    environ = {CAPTURE: "NO_CONTENT"}
    capture(full, unset)
    capture(full, environ)
    bare: dict[str, str] = {}
    capture(Settings(), bare)

    assert (unset, environ, bare) == ({CAPTURE: "SPAN_ONLY"}, {CAPTURE: "NO_CONTENT"}, {})


@pytest.mark.slow
@pytest.mark.process
def test_an_app_with_the_level_full_stores_messages_and_exports_none(
    tmp_path: Path, sink: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From creating the key to reading the messages, by the commands."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    key_file = tmp_path / "content.key"
    made = CliRunner().invoke(main, ["privacy", "content", "keygen", str(key_file)])
    script = """
    import openai, sys
    client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="x", max_retries=0)
    client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "the word is rosebud"}])
    """
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_DISTRO_CONTENT="full",
        OTEL_DISTRO_CONTENT_KEY=made.stdout.strip(),
    )
    with FakeProvider() as provider:
        done = instrumented(script, environ, provider.url)

    assert done.returncode == 0, done.stderr
    shown = CliRunner().invoke(
        main, ["privacy", "content", "show", "--key", str(key_file), "--json"]
    )
    (call,) = json.loads(shown.stdout)["calls"]
    assert "the word is rosebud" in call["content"]["gen_ai.input.messages"]
    assert "Hello" in call["content"]["gen_ai.output.messages"]
    assert [span.name for span in sink.spans()] == ["chat gpt-4o"]
    assert b"rosebud" not in sink.everything()
    trail = json.loads(CliRunner().invoke(main, ["privacy", "audit", "show", "--json"]).stdout)[
        "entries"
    ]
    assert [entry["action"] for entry in trail] == [
        "content.keygen",
        "settings.changed",
        "content.read",
    ]


def test_a_key_file_is_the_owners_and_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overwriting it would make everything unreadable."""
    monkeypatch.setenv("OTEL_DISTRO_STATE_DIR", str(tmp_path / "state"))
    file = tmp_path / "content.key"
    first = CliRunner().invoke(main, ["privacy", "content", "keygen", str(file)])
    written = file.read_text()
    second = CliRunner().invoke(main, ["privacy", "content", "keygen", str(file)])

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (first.exit_code, second.exit_code) == (0, 1)
    assert "never overwritten" in second.output
    assert file.read_text() == written


def test_messages_can_be_expired_and_purged(tmp_path: Path) -> None:
    """By age, and all."""
    path = tmp_path / "content.db"
    rows = [store.Sealed(n, n, bytes(16), None, b"x" * 100) for n in range(1, 5)]
    store.write(path, rows)
    store.write(path, rows)

    assert store.delete_before(path, 3) == 2
    assert store.delete_all(path) == 2
    assert store.read(path) == []
    assert store.delete_all(tmp_path / "none.db") == 0


def test_earlier_sealed_records_open() -> None:
    """Key, format and purpose are part of stored data."""
    opened = sealing.opener("otc1-private-cMmdvmUUFZpVY0RBILrFr9sc727G0R3ib63oowFgTW8")
    sealed = bytes.fromhex(
        "01aa382cb13b93d29277fee8ba719b4df1fe544925f9b0243a950824605df6e1"
        "5175a72f0a0af21d9d2f09a137bcb78d064b4d592c7a"
    )

    assert opened(sealed, b"ids") == b"hello"
