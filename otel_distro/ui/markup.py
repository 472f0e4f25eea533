"""Elements of HTML and SVG whose every value is text: nothing stored can become markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterable


def element(name: str, *children: str | Markup, **attributes: object) -> Markup:
    """Return an element; children that are no `Markup` are escaped, and so are all attributes.

    Attributes that are None are left out; `class_` is `class`, and `_` stands for `-`. *name* and
    the names of attributes are constants of this program.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(escape(child) for child in children)
    return Markup(f"<{name}{written}>{inner}</{name}>")  # noqa: S704 - escaped right above


def joined(parts: Iterable[Markup]) -> Markup:
    """Return *parts* one after the other."""
    return Markup().join(parts)


def _plain(value: object) -> str:
    # Two decimals of a pixel or a percent are more than a screen can show.
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
