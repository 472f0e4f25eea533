"""Redaction shields of each content level, and the message store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_distro.base import messages
from otel_redaction.shield import OpenShield, Shield

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from opentelemetry.sdk._logs import ReadWriteLogRecord

    from otel_distro.privacy.content.keeper import ContentKeeper
    from otel_distro.settings import Settings
    from otel_redaction import Redactor
    from otel_redaction.observers import Observer

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""OpenTelemetry's variable for whether and where instrumentations record messages."""


@dataclass(frozen=True, slots=True)
class Redactors:
    """Shields of exporters and of the message store."""

    exporting: Shield
    with_messages: Shield
    strip_content: Callable[[ReadWriteLogRecord], ReadWriteLogRecord] | None
    """Removes the message from a log record's body; None if it may be exported."""


def redactors_for(
    settings: Settings, redactor: Redactor, observer: Observer, *, withhold: bool
) -> Redactors:
    """Return the shields for *settings*; with a content level, exporters get no messages."""
    redacts = settings.redaction or withhold
    kind = Shield if redacts else OpenShield
    with_messages = kind(redactor, observer=observer, withhold=withhold)
    if settings.content is None:
        return Redactors(with_messages, with_messages, None)
    from otel_distro.privacy.content.messages import (
        MessagelessShield,
        OpenMessagelessShield,
        without_messages,
    )

    kind = MessagelessShield if redacts else OpenMessagelessShield
    exporting = kind(redactor, observer=observer, withhold=withhold)
    return Redactors(exporting, with_messages, without_messages)


def capture(settings: Settings, environ: MutableMapping[str, str]) -> None:
    """Make instrumentations record messages if they are to be stored."""
    if settings.content == "full" and settings.content_key and not environ.get(CAPTURE, "").strip():
        environ[CAPTURE] = "SPAN_ONLY"


def keeper(
    settings: Settings, shield: Shield, key: Callable[[], bytes | None]
) -> ContentKeeper | None:
    """Return the message store; None if messages are not to be stored or the key is invalid."""
    if settings.content != "full" or settings.content_key is None:
        return None
    from otel_distro.privacy.content.keeper import ContentKeeper
    from otel_distro.privacy.content.sealing import ContentKeyError
    from otel_distro.privacy.content.store import FILE_NAME

    try:
        return ContentKeeper(settings.state_dir / FILE_NAME, settings.content_key, shield, key)
    except (ContentKeyError, ValueError) as error:
        messages.warn(f"messages are not stored: {error}")
        return None
