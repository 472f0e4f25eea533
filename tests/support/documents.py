"""Documentation pages and their code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for path in (*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"))
    if path.name != "CHANGELOG.md" and "decisions" not in path.parts
)
_BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        first = self.text.strip().partition("\n")[0]
        return f"{name_of(self.page)}: {first[:40]}"


def name_of(page: Path) -> str:
    """Return the page's path relative to the project."""
    return page.relative_to(PROJECT).as_posix()


def blocks(language: str, *pages: Path) -> list[Block]:
    """Return the blocks in *language*, in reading order, of *pages* or of all."""
    return [
        Block(page, language, text)
        for page in pages or PAGES
        for _, marked, text in _BLOCK.findall(page.read_text(encoding="utf-8"))
        if marked == language
    ]
