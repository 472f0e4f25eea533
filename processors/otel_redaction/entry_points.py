"""Detectors of other packages, from the entry point group `otel_distro_detectors`."""

from __future__ import annotations

from otel_redaction.policy import Detector, PolicyError

GROUP = "otel_distro_detectors"


def load_detectors() -> tuple[Detector, ...]:
    """Load every registered detector; an entry point names a detector or a factory of one.

    Raises PolicyError, which lists every one that cannot be loaded: without its detector, data
    would leak silently.
    """
    # OpenTelemetry's cached scan of all installed packages: another one takes a tenth of the
    # start-up time.
    from opentelemetry.util._importlib_metadata import entry_points

    detectors = []
    problems = []
    for entry in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            loaded = entry.load()
            detector = (
                loaded
                if isinstance(loaded, Detector) and not isinstance(loaded, type)
                else loaded()
            )
        except Exception as error:  # noqa: BLE001 - any exception of a plug-in is a settings error
            problems.append(f"  detector {entry.name!r} ({entry.value}): {error}")
            continue
        if isinstance(detector, Detector):
            detectors.append(detector)
        else:
            problems.append(f"  detector {entry.name!r} ({entry.value}): has no kinds and find()")
    if problems:
        raise PolicyError("\n".join(["detectors cannot be loaded", *problems]))
    return tuple(detectors)
