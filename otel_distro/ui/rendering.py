"""Renders templates, with every value escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from otel_distro.base.formatting import printable

_TEMPLATES: Final = Path(__file__).with_name("templates")


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["printable"] = printable
    return templates


def compile_all() -> None:
    """Compile every template in advance of the first page."""
    for name in environment().list_templates():
        environment().get_template(name)


def render(template: str, **values: Any) -> str:
    """Return *template* rendered."""
    return environment().get_template(template).render(**values)
