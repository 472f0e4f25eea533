"""HTML and SVG elements with every value escaped: no stored text can become markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterable


def element(name: str, *children: str | Markup, **attributes: object) -> Markup:
    """Return an element; all attributes and children other than `Markup` are escaped.

    Attributes that are None are omitted; `class_` becomes `class`, and `_` becomes `-`. *name* and
    the attribute names are constants of this program.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(escape(child) for child in children)
    return Markup(f"<{name}{written}>{inner}</{name}>")  # noqa: S704 - escaped right above


def joined(parts: Iterable[Markup]) -> Markup:
    """Return *parts* concatenated."""
    return Markup().join(parts)


def _plain(value: object) -> str:
    # Two decimals of a pixel or a percent exceed any screen's resolution.
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
