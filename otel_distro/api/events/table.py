"""Generates the table of events in the documents from the catalogue.

python -m otel_distro.api.events.table docs/api.md    # writes it in place
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from otel_distro.api.events.catalogue import STANDARD

if TYPE_CHECKING:
    from otel_distro.api.events.catalogue import Attribute

BEGIN = "<!-- events: made by python -m otel_distro.api.events.table -->"
END = "<!-- end of events -->"


def table() -> str:
    """Return the table in Markdown."""
    lines = [
        "| event | severity | when | keywords, and the attributes they set |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{event.name}` | {event.severity} | {event.meaning} "
        f"| {', '.join(_shown(attribute) for attribute in event.attributes)} |"
        for event in STANDARD
    ]
    return "\n".join(lines)


def with_table(text: str) -> str:
    """Return *text* with the part between the two markers replaced by the table."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _shown(attribute: Attribute) -> str:
    needed = ", required" if attribute.required else ""
    return f"`{attribute.keyword}` (`{attribute.name}`, {attribute.kind}{needed})"


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(with_table(document.read_text()))
