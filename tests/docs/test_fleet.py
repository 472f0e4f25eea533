"""The fleet guide names existing files, and its sizes are those of the measuring pages."""

from __future__ import annotations

import re

import pytest

from support.documents import PROJECT

DOCS = PROJECT / "docs"
GUIDE = (DOCS / "fleet.md").read_text(encoding="utf-8")


def test_the_named_files_exist() -> None:
    """Configurations, benchmarks, examples and tests."""
    named = set(re.findall(r"`((?:collector-config|examples|tests)/[\w./-]+)`", GUIDE))
    named |= {f"collector-config/{name}" for name in re.findall(r"`(otelcol-\w+\.yaml)`", GUIDE)}

    assert len(named) > 4
    assert not sorted(name for name in named if not (PROJECT / name).exists())


@pytest.mark.parametrize(
    ("size", "page"),
    [
        ("8,400 spans a second of processor time", "serve.md"),
        ("99 bytes", "serve.md"),
        ("22,000 to 28,000 calls a second", "ledger.md"),
        ("32,000 to 34,000", "ledger.md"),
        ("241", "ledger.md"),
        ("417 MB", "backends/clickhouse.md"),
        ("42 bytes a call", "backends/clickhouse.md"),
        ("30,000 a second", "backends/clickhouse.md"),
        ("needs 0.4 a second", "budgets.md"),
        ("bout 280", "budgets.md"),
    ],
)
def test_a_size_is_the_one_that_was_measured(size: str, page: str) -> None:
    """Both pages have it, so that neither is changed alone."""
    assert size in GUIDE
    assert size in (DOCS / page).read_text(encoding="utf-8")


def test_it_is_found_from_the_first_pages() -> None:
    """README, the index, and the navigation."""
    assert "docs/fleet.md" in (PROJECT / "README.md").read_text(encoding="utf-8")
    assert "(fleet.md)" in (DOCS / "index.md").read_text(encoding="utf-8")
    assert "- fleet.md" in (PROJECT / "mkdocs.yml").read_text(encoding="utf-8")
