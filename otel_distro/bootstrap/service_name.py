"""Default of `service.name`: the name of the program, in place of "unknown_service"."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WITH_VALUE = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_OF_RUNNERS = frozenset({"__main__", "opentelemetry-instrument", "ipykernel_launcher"})


def default_service_name(environ: Mapping[str, str], argv: Sequence[str]) -> dict[str, str]:
    """Return `service.name` for the resource, or nothing where the user or the SDK names it.

    *argv* is the command line of the interpreter, as in `sys.orig_argv`. A program without a name
    of its own, such as `python -c`, keeps the SDK's default.
    """
    given = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if environ.get("OTEL_SERVICE_NAME", "").strip() or "service.name=" in given.replace(" ", ""):
        return {}
    name = _program(argv)
    return {"service.name": name} if name else {}


def _program(argv: Sequence[str]) -> str:
    words = iter(argv[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif word == "-m":
            return next(words, "").partition(".")[0]
        elif word == "-" or (word.startswith("-") and not word.startswith("--") and "c" in word):
            return ""
        elif not word.startswith("-"):
            path = PurePath(word)
            name = path.parent.name if path.stem == "__main__" else path.stem
            return "" if name in _OF_RUNNERS else name
    return ""
