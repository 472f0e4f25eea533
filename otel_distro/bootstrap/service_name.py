"""Default of `service.name`: the program's name instead of "unknown_service"."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WITH_VALUE = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_NAMELESS = frozenset({"__main__", "opentelemetry-instrument"})
_NOTEBOOK = "ipykernel_launcher"
_SERVERS = frozenset({"celery", "daphne", "flask", "granian", "gunicorn", "hypercorn", "uvicorn"})
"""Servers whose command line names an app."""
_APP_OPTION = re.compile(r"(?:-A|--app)(?:=(.*))?")
_APP = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.()]*")
"""Such as `shop.web:app`."""


def default_service_name(environ: Mapping[str, str], argv: Sequence[str]) -> dict[str, str]:
    """Return `service.name` for the resource, or nothing if the user or the SDK sets it.

    *argv* is the command line of the interpreter, as in `sys.orig_argv`. A server is named after
    the module of its app, a notebook after its file if known. A program without a name, such as
    `python -c`, keeps the SDK's default.
    """
    given = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if environ.get("OTEL_SERVICE_NAME", "").strip() or "service.name=" in given.replace(" ", ""):
        return {}
    program, arguments = _program(argv)
    if program == _NOTEBOOK:
        program = PurePath(environ.get("JPY_SESSION_NAME", "")).stem or "notebook"
    elif program in _SERVERS:
        program = _app(arguments) or _module(environ.get("FLASK_APP", "")) or program
    return {"service.name": program} if program else {}


def _program(argv: Sequence[str]) -> tuple[str, list[str]]:
    """Return the name of the program, or an empty string, and its arguments."""
    words = iter(argv[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif word == "-m":
            return next(words, "").partition(".")[0], list(words)
        elif word == "-" or (word.startswith("-") and not word.startswith("--") and "c" in word):
            return "", []
        elif not word.startswith("-"):
            path = PurePath(word)
            name = path.parent.name if path.stem == "__main__" else path.stem
            return "" if name in _NAMELESS else name, list(words)
    return "", []


def _app(arguments: Iterable[str]) -> str:
    """Return the package or module of the app in a server's *arguments*, else nothing."""
    words = iter(arguments)
    for word in words:
        if option := _APP_OPTION.fullmatch(word):
            return _module(option[1] or next(words, ""))
        if _APP.fullmatch(word):
            return _module(word)
    return ""


def _module(app: str) -> str:
    """Return `shop` of `shop.web:app` and of `/srv/shop.py:app`."""
    path = app.partition(":")[0].removesuffix(".py")
    name = PurePath(path).name
    return name if "/" in path else name.partition(".")[0]
