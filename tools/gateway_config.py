"""Writes `otelcol-gateway.yaml`: `otelcol.yaml` with Kafka in the place of Jaeger and log files.

    python -m tools.gateway_config collector-config

The two must sample, redact and count alike, so one is made from the other, as text: comments stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.target import target

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = """\
# The gateway of a fleet: otelcol.yaml with Kafka in the place of Jaeger and log files.
# Generated from it; do not edit. To write it anew:
#   python -m tools.gateway_config collector-config
"""
_KAFKA = """\
  kafka:
    brokers: ["${env:KAFKA_BROKER:-kafka:9092}"]
    # All spans of a trace in one partition, so that one consumer sees the whole trace.
    partition_traces_by_id: true
    producer: {compression: zstd, required_acks: -1, max_message_bytes: 8000000}
    sending_queue:
      storage: file_storage
      sizer: items
      queue_size: ${env:OTELCOL_QUEUE_SPANS:-200000}
      batch: {flush_timeout: 200ms, min_size: 512, max_size: 2048}
    retry_on_failure: {initial_interval: 1s, max_interval: 30s, max_elapsed_time: 0s}
"""


def gateway_yaml(otelcol_yaml: str) -> str:
    """Return the gateway's configuration, given the single host's."""
    text = _without_head(otelcol_yaml)
    text = _replace_block(text, "  otlp_grpc/jaeger:\n", _KAFKA)
    text = _replace_block(text, "  file/logs:\n", "")
    # StatsD is for the programs of one host.
    text = text.replace(_between(text, "  # StatsD with", "\nprocessors:\n"), "")
    for block in ("  transform/statsd:\n", "    metrics/statsd:\n"):
        text = text.replace(_block(text, block), "")
    text = text.replace("exporters: [otlp_grpc/jaeger]", "exporters: [kafka]")
    return _HEAD + text.replace(
        "exporters: [signal_to_metrics, file/logs]", "exporters: [signal_to_metrics, kafka]"
    )


def _without_head(text: str) -> str:
    lines = text.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return "".join(lines[first:])


def _replace_block(text: str, opening: str, block: str) -> str:
    """Replace the mapping entry that begins with *opening* by *block*."""
    before, _, rest = text.partition(opening)
    lines = rest.splitlines(keepends=True)
    length = next(number for number, line in enumerate(lines) if not line.startswith("    "))
    return before + block + "".join(lines[length:])


def _between(text: str, opening: str, closing: str) -> str:
    """Return the text from *opening* up to *closing*."""
    start = text.index(opening)
    return text[start : text.index(closing, start)]


def _block(text: str, opening: str) -> str:
    """Return the mapping entry that begins with *opening*, with the empty line after it."""
    indent = len(opening) - len(opening.lstrip())
    start = text.index(opening)
    lines = text[start + len(opening) :].splitlines(keepends=True)
    deeper = " " * (indent + 1)
    length = next(n for n, line in enumerate(lines) if line.strip() and not line.startswith(deeper))
    return opening + "".join(lines[:length])


def write(folder: Path) -> None:
    """Write the gateway's file into *folder*."""
    source = (folder / "otelcol.yaml").read_text(encoding="utf-8")
    (folder / "otelcol-gateway.yaml").write_text(gateway_yaml(source), encoding="utf-8")


if __name__ == "__main__":
    write(target(__doc__))
