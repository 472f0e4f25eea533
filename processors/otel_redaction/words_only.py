"""Tell at once that a short text is words only, as most attribute values are."""

from __future__ import annotations

from otel_redaction.scan import DIGITS, LETTERS, TOKEN_RUN, class_map

_LONGEST = 1024
_MOST_DIGITS = 2
_WHITE = " \t\n\r\f\v"
# Nothing is looked for in a text of these with two digits at most, but for long
# words and for values after a word such as "password".
_HARMLESS = (LETTERS + _WHITE + "_.,;()/?[]{}-").encode()
# These matter only near such words, or more than once.
_QUIET = b"'\"!:"
_QUIET_AND_DIGITS = _QUIET + DIGITS.encode()
_LONG_WORDS = class_map(b" ", words="a" + LETTERS + DIGITS + "_-/")


def is_words_only(text: str) -> bool:
    """Return whether there is nothing to find in *text*; False when that takes a search."""
    if len(text) > _LONGEST or not text.isascii():
        return False
    data = text.encode()
    rest = data.translate(None, _HARMLESS)
    if rest and not _is_quiet(data, rest):
        return False
    if b"--" in data or b"asic " in data:  # a flag, or basic credentials
        return False
    return TOKEN_RUN not in data.translate(_LONG_WORDS) or text.islower()


def _is_quiet(data: bytes, rest: bytes) -> bool:
    """Return whether *rest*, what is neither letter nor harmless in *data*, means nothing."""
    if rest.strip(_QUIET_AND_DIGITS) or len(rest.translate(None, _QUIET)) > _MOST_DIGITS:
        return False
    if b":" in rest and (b"://" in data or rest.count(b":") > 1):
        return False
    lower = data.lower()
    return not (
        b"pass" in lower
        or b"key" in lower
        or b"token" in lower
        or b"secret" in lower
        or b"auth" in lower
        or b"pwd" in lower
        or b"cred" in lower
        or b"bearer" in lower
        or b"basic" in lower
        or b"cookie" in lower
        or b"curl" in lower
    )
