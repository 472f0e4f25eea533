"""The page of settings, made from the variables themselves.

python -m tools.settings_table docs/settings.md    # writes it in place
"""

from __future__ import annotations

from otel_distro.settings.variables import VARIABLES
from tools.target import target

BEGIN = "<!-- settings: made by python -m tools.settings_table -->"
END = "<!-- end of settings -->"


def table() -> str:
    """Return the table in Markdown."""
    lines = ["| variable | meaning | default | example |", "|---|---|---|---|"]
    lines += [
        f"| `{v.name}` | {_cell(v.meaning)} | {_cell(v.default)} | `{_cell(v.example)}` |"
        for v in VARIABLES
    ]
    return "\n".join(lines)


def with_table(text: str) -> str:
    """Return *text* with the part between the two marks replaced by the table."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    page = target(__doc__)
    page.write_text(with_table(page.read_text()))
