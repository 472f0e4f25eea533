"""Delivery of alerts through `apprise`: Slack, Teams, PagerDuty, e-mail and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.base.errors import OtelDistroError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_distro.reports.alerts.incidents import Message


def notify(urls: Sequence[str], messages: Sequence[Message]) -> int:
    """Send *messages* to *urls*; return how many could not be sent to all of them.

    Raises OtelDistroError, which never quotes a URL, as URLs contain secrets.
    """
    if not urls or not messages:
        return 0
    try:
        import apprise
    except ImportError as error:
        raise OtelDistroError(
            "alerts cannot be sent without apprise; run: pip install 'otel-distro[alerts]'"
        ) from error
    target = apprise.Apprise()
    for number, url in enumerate(urls, 1):
        if not target.add(url):
            raise OtelDistroError(
                f"URL {number} of OTEL_DISTRO_ALERT_URLS is not supported by apprise"
            )
    failures = 0
    for message in messages:
        kind = apprise.NotifyType.SUCCESS if message.resolved else apprise.NotifyType.WARNING
        failures += not target.notify(body=message.body, title=message.title, notify_type=kind)
    return failures
