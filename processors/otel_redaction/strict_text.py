"""Text that strict UTF-8 and JSON readers and databases accept."""

from __future__ import annotations

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def strict_text(text: str) -> str:
    """Return *text* without lone surrogates and NUL, each replaced by U+FFFD.

    Two surrogates that belong together become the character that they encode. One lone
    surrogate makes protobuf refuse a whole batch of spans; NUL is what databases refuse.
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
