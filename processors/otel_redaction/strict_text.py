"""Text for strict UTF-8 and JSON readers and databases."""

from __future__ import annotations

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def strict_text(text: str) -> str:
    """Return *text* without lone surrogates and NUL, each replaced by U+FFFD.

    A surrogate pair becomes its character. One lone surrogate makes protobuf reject a whole batch
    of spans; databases reject NUL.
    """
    if "\0" in text:
        text = text.replace("\0", REPLACEMENT)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
