"""Checks of alerts: their receivers, and the time of the last check."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_distro.base.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_distro.settings import Settings

_LONG_S = 24 * 3600.0
"""Maximum time between checks, if alerts are configured."""
_LOOK = (
    "run `otel-distro reports alerts check` from cron, "
    "or keep `otel-distro reports alerts watch` running"
)


def check_alerts(settings: Settings) -> Iterator[Check]:
    """Report the receivers of alerts and the age of the last check."""
    from otel_distro.reports.alerts.incidents import MEMORY_FILE_NAME

    count = len(settings.alert_urls)
    if not count:
        yield Check("ok", "alerts", "are not sent (OTEL_DISTRO_ALERT_URLS is not set)")
        return
    places = f"{count} place{'s' if count > 1 else ''}"
    age_s = _age_s(settings.state_dir / MEMORY_FILE_NAME)
    if age_s is None:
        remedy = f"otel-distro reports alerts test; then {_LOOK}"
        yield Check("warn", "alerts", f"{places}, and no check has run yet", remedy)
    elif age_s > _LONG_S:
        days = age_s / _LONG_S
        yield Check("warn", "alerts", f"{places}, looked for {days:.1f} days ago", _LOOK)
    else:
        yield Check("ok", "alerts", f"{places}, looked for {age_s / 60:.0f} minutes ago")


def _age_s(path: Path) -> float | None:
    # It is written by every check whose messages could all be sent.
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return None
