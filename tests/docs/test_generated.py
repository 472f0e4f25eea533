"""Pages that are made from the code are as the code makes them now."""

from __future__ import annotations

from otel_distro.command_reference import page
from otel_distro.settings.table import with_table
from support.documents import PROJECT


def test_the_page_of_commands_is_up_to_date() -> None:
    """`python -m otel_distro.command_reference docs/commands.md` makes it."""
    assert (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8") == page()


def test_the_page_of_settings_is_up_to_date() -> None:
    """`python -m otel_distro.settings.table docs/settings.md` makes its table."""
    text = (PROJECT / "docs" / "settings.md").read_text(encoding="utf-8")

    assert with_table(text) == text
