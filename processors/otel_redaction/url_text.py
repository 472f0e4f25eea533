"""URLs in URL attributes: scheme, host and path are kept, userinfo and query values removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    import re

_USERINFO = lazy_pattern(r"^([A-Za-z][\w+.-]*:)?//([^/?#\s]*)@")
_PARAMETER = lazy_pattern(r"(^|[?&;#])([^=&;?#\s]*)=([^&;#\s]*)")
_QUERY_START = lazy_pattern(r"[?#]")
_MASK = "[QUERY]"


def without_secrets(url: str, allowed: frozenset[str]) -> tuple[str, int]:
    """Return *url* without userinfo and query values, and the number of removed ones.

    Values of the parameters named in *allowed* stay. A fragment is treated like
    a query, as OAuth's implicit flow puts tokens there.
    """
    removed = 0

    def mask(found: re.Match[str]) -> str:
        nonlocal removed
        name, value = found.group(2), found.group(3)
        if name in allowed or not value or value == _MASK:
            return found.group()
        removed += 1
        return f"{found.group(1)}{name}={_MASK}"

    def hide_userinfo(found: re.Match[str]) -> str:
        nonlocal removed
        removed += found.group(2) != "[USERINFO]"
        return f"{found.group(1) or ''}//[USERINFO]@"

    url = _USERINFO.sub(hide_userinfo, url)
    start = _QUERY_START.search(url)
    if start is not None:
        return url[: start.start()] + _PARAMETER.sub(mask, url[start.start() :]), removed
    if "/" not in url:
        url = _PARAMETER.sub(mask, url)  # a bare `url.query`
    return url, removed
