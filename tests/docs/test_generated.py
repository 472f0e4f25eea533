"""Generated pages are up to date."""

from __future__ import annotations

from support.documents import PROJECT
from tools.command_reference import page
from tools.settings_table import with_table


def test_the_page_of_commands_is_up_to_date() -> None:
    """`python -m tools.command_reference docs/commands.md` makes it."""
    assert (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8") == page()


def test_the_page_of_settings_is_up_to_date() -> None:
    """`python -m tools.settings_table docs/settings.md` makes its table."""
    text = (PROJECT / "docs" / "settings.md").read_text(encoding="utf-8")

    assert with_table(text) == text
