"""The notice shown before the request for consent, generated from the current settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.privacy.catalogue.places import exports

if TYPE_CHECKING:
    from otel_distro.settings import Settings

QUESTION = "Do you agree?"
WHAT = (
    "This program can record how it works: which steps it takes, how long they last, what fails, "
    "and which language models it calls, with their tokens and cost."
)
HOW = (
    "Personal data and secrets that are found in texts are masked first. Users are known by a "
    "pseudonym only."
)


def notice_for(settings: Settings) -> str:
    """Return the notice: recorded data, destinations, retention, how to refuse."""
    from otel_distro.settings import process_environment

    lines = [WHAT, HOW]
    places = sorted({export.place for export in exports(process_environment()) if export.leaves})
    lines.append(
        f"It is sent to: {', '.join(places)}."
        if places
        else "It is not sent anywhere; it stays on this machine."
    )
    if settings.ledger is not None:
        lines.append(
            f"Costs are kept in {settings.ledger} for {settings.ledger_retention_days} days, "
            "daily sums without users for longer."
        )
    if settings.content == "full":
        lines.append("Messages to and from models are kept too, encrypted with your own key.")
    lines.append(
        "Nothing is recorded unless you agree, and you can take it back at any time: "
        "otel-distro privacy consent revoke"
    )
    return "\n".join(lines)
