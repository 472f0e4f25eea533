"""`otel-distro agent-env`: variables that make a coding agent send its telemetry here."""

from __future__ import annotations

import shlex
from typing import Final

import click

from otel_distro.settings import load, process_environment

_ENDPOINT: Final = "http://127.0.0.1:4318"
AGENTS: Final = ("claude-code", "codex", "gemini-cli", "copilot-cli", "opencode")


@click.command("agent-env", epilog="Example: otel-distro agent-env claude-code")
@click.argument("agent", type=click.Choice(AGENTS))
@click.option(
    "--endpoint",
    default=_ENDPOINT,
    show_default=True,
    metavar="URL",
    help="Where `otel-distro serve` receives OTLP/HTTP.",
)
@click.option("--with-prompts", is_flag=True, help="Have the agent send prompts too, if it can.")
def command(agent: str, endpoint: str, *, with_prompts: bool) -> None:
    """Print the environment with which AGENT sends events, metrics and traces here.

    For Codex it prints the lines of its configuration file. Prompts are sent only on request;
    telemetry is redacted on arrival.
    """
    endpoint = endpoint.rstrip("/")
    token = load(process_environment()).settings.serve_token
    if agent == "codex":
        click.echo(_codex(endpoint, token, with_prompts=with_prompts))
        return
    for name, value in _variables(agent, endpoint, with_prompts=with_prompts).items():
        click.echo(f"export {name}={shlex.quote(value)}")
    if token:
        click.echo(
            "export OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20$OTEL_DISTRO_SERVE_TOKEN"
        )


def _variables(agent: str, endpoint: str, *, with_prompts: bool) -> dict[str, str]:
    otlp = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }
    if agent == "claude-code":
        found = {
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
            **otlp,
        }
        return {**found, "OTEL_LOG_USER_PROMPTS": "1"} if with_prompts else found
    if agent == "gemini-cli":
        return {
            "GEMINI_TELEMETRY_ENABLED": "true",
            "GEMINI_TELEMETRY_TARGET": "local",
            "GEMINI_TELEMETRY_USE_COLLECTOR": "true",
            "GEMINI_TELEMETRY_OTLP_ENDPOINT": endpoint,
            "GEMINI_TELEMETRY_OTLP_PROTOCOL": "http",
            "GEMINI_TELEMETRY_LOG_PROMPTS": "true" if with_prompts else "false",
        }
    if agent == "copilot-cli":
        found = {"COPILOT_OTEL_ENABLED": "true", **otlp}
        if with_prompts:
            found["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "true"
        return found
    return {
        "OPENCODE_ENABLE_TELEMETRY": "1",
        "OPENCODE_OTLP_ENDPOINT": endpoint,
        "OPENCODE_OTLP_PROTOCOL": "http/protobuf",
    }


def _codex(endpoint: str, token: str | None, *, with_prompts: bool) -> str:
    lines = ["# ~/.codex/config.toml", "[otel]", f"log_user_prompt = {str(with_prompts).lower()}"]
    for exporter, signal in (("exporter", "logs"), ("trace_exporter", "traces")):
        lines += [
            "",
            f'[otel.{exporter}."otlp-http"]',
            f'endpoint = "{endpoint}/v1/{signal}"',
            'protocol = "binary"',
        ]
        if token:
            lines += [
                "",
                f'[otel.{exporter}."otlp-http".headers]',
                '"authorization" = "Bearer ${OTEL_DISTRO_SERVE_TOKEN}"',
            ]
    return "\n".join(lines)
