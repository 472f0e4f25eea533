"""Runs `program.py` in two environments and compares the spans.

    python compare.py UPSTREAM_PYTHON OUR_PYTHON

Prints the difference of the multisets of span names; exits with 1 on an undocumented one, or if our
environment writes to standard error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support.otlp_sink import OtlpSink  # noqa: E402 - after the path is set

DOCUMENTED = (" http receive", " http send")
"""Endings of span names that this distribution omits: a span for each ASGI message."""


def spans_of(python: str) -> tuple[Counter[str], str, str]:
    """Return span names, standard output and standard error of the program under *python*."""
    with OtlpSink() as sink, tempfile.TemporaryDirectory() as home:
        environ = {
            "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": home,
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "DJANGO_SETTINGS_MODULE": "django_settings",
            "PYTHONPATH": str(HERE),
            "OTEL_DISTRO_EXIT_TIMEOUT": "20",
        }
        done = subprocess.run(
            [str(Path(python).parent / "opentelemetry-instrument"), python, HERE / "program.py"],
            env=environ,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return Counter(span.name for span in sink.spans()), done.stdout, done.stderr


def main() -> int:
    """Compare both environments."""
    upstream, attributes, _ = spans_of(sys.argv[1])
    with_distro, our_attributes, complaints = spans_of(sys.argv[2])
    print(attributes.strip())
    missing = upstream - with_distro
    more = with_distro - upstream
    undocumented = {n: c for n, c in missing.items() if not n.endswith(DOCUMENTED)}
    print(f"{upstream.total()} spans upstream, {with_distro.total()} here, {len(upstream)} names")
    for name, count in sorted(missing.items()):
        note = "" if name in undocumented else "  (documented)"
        print(f"  only upstream: {count} x {name}{note}")
    for name, count in sorted(more.items()):
        print(f"  only here: {count} x {name}")
    if attributes != our_attributes:
        print(f"the program printed something else here: {our_attributes.strip()}")
    if complaints:
        print(f"on standard error here: {complaints.strip()[:2000]}")
    return int(bool(undocumented or more or complaints))


if __name__ == "__main__":
    sys.exit(main())
