"""Log records are exported with any logging configuration of the app; exports are not logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.otlp_sink import OtlpSink
from support.process import clean_environment, free_port, instrumented

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process


def _bodies(sink: OtlpSink) -> list[str]:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    return [
        record.body.string_value
        for body in list(sink.bodies["logs"])
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


WAYS = {
    "replaced": "logging.getLogger().handlers = [logging.StreamHandler()]",
    "removed": "for h in list(root.handlers): root.removeHandler(h)\nroot.addHandler(other)",
    "cleared": "root.handlers.clear()",
    "forced": "logging.basicConfig(force=True)",
    "dictConfig": "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': False,"
    " 'root': {'handlers': ['c'], 'level': 'INFO'},"
    " 'handlers': {'c': {'class': 'logging.StreamHandler'}}})",
    "no propagation": "app.propagate = False\napp.addHandler(other)",
    "parent without propagation": "logging.getLogger('app').propagate = False\n"
    "logging.getLogger('app').addHandler(other)\napp = logging.getLogger('app.child')",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_record_is_exported_once_after_handlers_are_replaced(tmp_path: Path, way: str) -> None:
    program = (
        "import logging, logging.config\nroot = logging.getLogger()\n"
        "app = logging.getLogger('app')\nother = logging.StreamHandler()\n"
        f"{WAYS[way]}\napp.warning('hello')\n"
    )
    with OtlpSink() as sink:
        done = instrumented(
            program, clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        )
        assert done.returncode == 0, done.stderr
        assert _bodies(sink) == ["hello"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "silence",
    [
        "app.propagate = False",
        "app.propagate = False; app.addHandler(logging.NullHandler())",
        "app.disabled = True",
        "app.setLevel(logging.CRITICAL)",
        "logging.disable(logging.CRITICAL)",
    ],
)
def test_a_logger_that_was_silenced_stays_silent(tmp_path: Path, silence: str) -> None:
    program = f"import logging\napp = logging.getLogger('app')\n{silence}\napp.warning('hello')\n"
    with OtlpSink() as sink:
        instrumented(program, clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url))
        assert _bodies(sink) == []


def test_a_warning_without_any_handler_is_printed_as_without_the_distribution(
    tmp_path: Path,
) -> None:
    """But redacted: stderr is collected as well."""
    program = (
        "import logging\napp = logging.getLogger('app')\napp.info('quiet')\napp.error('hello')\n"
        "app.error('write to mira.holt@corp-mail.example')\n"
        "app.addHandler(logging.NullHandler())\napp.error('silenced')\n"
    )
    with OtlpSink() as sink:
        done = instrumented(
            program, clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        )
        assert done.stderr == "hello\nwrite to [EMAIL]\n"
        assert _bodies(sink) == ["hello", "write to [EMAIL]", "silenced"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("set_up", "variables"),
    [
        ("logging.basicConfig()", {}),
        ("app.addHandler(logging.StreamHandler())", {}),
        ("pass", {"OTEL_DISTRO_PROFILE": "test"}),
        ("pass", {"OTEL_LOGS_EXPORTER": "none"}),
    ],
)
def test_a_warning_is_printed_once_with_any_console(
    tmp_path: Path, set_up: str, variables: dict[str, str]
) -> None:
    program = f"import logging\napp = logging.getLogger('app')\n{set_up}\napp.error('hello')\n"
    with OtlpSink() as sink:
        done = instrumented(
            program,
            clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **variables),
        )
    assert done.stderr.count("hello") == 1


def test_loguru_with_its_recipe_and_our_sink_exports_once(tmp_path: Path) -> None:
    pytest.importorskip("loguru")
    program = """
        import logging, loguru, otel_distro
        loguru.logger.remove()
        loguru.logger.add(otel_distro.loguru_sink)

        class Intercept(logging.Handler):
            def emit(self, record):
                loguru.logger.log(record.levelname, record.getMessage())

        logging.getLogger().handlers = [Intercept()]
        logging.getLogger("app").warning("hello")
    """
    with OtlpSink() as sink:
        done = instrumented(
            program, clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        )
        assert done.returncode == 0, done.stderr
        assert _bodies(sink) == ["hello"]


@pytest.mark.slow
@pytest.mark.parametrize("client", ["urllib3", "requests", "away"])
def test_exports_do_not_export_the_records_that_they_make(tmp_path: Path, client: str) -> None:
    """The root logger is at DEBUG, and the HTTP client of the exporter writes there."""
    log = tmp_path / "app.log"
    program = f"""
        import logging, time
        logging.basicConfig(level=logging.DEBUG, filename={str(log)!r}, filemode="w")
        logging.getLogger("app").info("one record")
        time.sleep(2.5)
    """
    with OtlpSink() as sink:
        url = f"http://127.0.0.1:{free_port()}" if client == "away" else sink.url
        more = {"NETRC": "/nowhere"} if client == "requests" else {}
        environ = clean_environment(
            tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_METRICS_EXPORTER="none", **more
        )
        done = instrumented(program, environ)
        assert done.returncode == 0, done.stderr
        exported = [body for body in _bodies(sink) if "v1/logs" in body]
        assert exported == []
        if client != "away":
            assert _bodies(sink).count("one record") == 1
            assert len(sink.bodies["logs"]) <= 2
    assert len(log.read_text().splitlines()) < 60


OUTAGE = {
    "nothing": "",
    "enables": "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': False,"
    " 'root': {'handlers': ['c'], 'level': 'DEBUG'},"
    " 'handlers': {'c': {'class': 'logging.StreamHandler', 'level': 'INFO'}}})",
    "names": "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': True,"
    " 'loggers': {'otel_distro': {'handlers': ['c'], 'level': 'DEBUG'},"
    " 'opentelemetry': {'handlers': ['c'], 'level': 'DEBUG', 'propagate': False}},"
    " 'handlers': {'c': {'class': 'logging.StreamHandler', 'level': 'INFO'}}})",
    "each": "for name, l in logging.root.manager.loggerDict.items():\n"
    "    if isinstance(l, logging.Logger): l.disabled = False; l.setLevel(1); l.propagate = True\n"
    "logging.basicConfig(level=logging.INFO)",
    "disable": "logging.disable(logging.CRITICAL)",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", OUTAGE)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_an_outage_is_one_line_with_any_logging_of_the_app(
    tmp_path: Path, way: str, protocol: str
) -> None:
    program = (
        f"import logging, logging.config, time\n{OUTAGE[way]}\n"
        "from opentelemetry import trace\n"
        "for n in range(8):\n"
        "    trace.get_tracer('app').start_span('s').end()\n"
        "    trace.get_tracer_provider().force_flush(500)\n"
        "    time.sleep(0.4)\n"
    )
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OTEL_DISTRO_SPOOL="undelivered",
    )
    done = instrumented(program, environ)
    # At DEBUG the app enables records of urllib3.
    lines = [line for line in done.stderr.splitlines() if "DEBUG:urllib3" not in line]
    assert sum("cannot deliver telemetry" in line for line in lines) == 1, done.stderr
    assert not [line for line in lines if "Failed to export" in line or "Transient" in line]
    assert len(lines) <= 3, done.stderr
