"""URLs in URL attributes: scheme, host and path stay, userinfo and query values go."""

from __future__ import annotations

import re

_USERINFO = re.compile(r"^([A-Za-z][\w+.-]*:)?//[^/?#\s]*@")
_PARAMETER = re.compile(r"(^|[?&;])([^=&;?#\s]*)=([^&;#\s]*)")
_MASK = "[QUERY]"


def without_secrets(url: str, allowed: frozenset[str]) -> tuple[str, int]:
    """Return *url* without userinfo and query values, and how many were taken out.

    Values of the parameters named in *allowed* stay. The fragment goes as a
    whole when it holds parameters, as OAuth's implicit flow puts tokens there.
    """
    url, userinfos = _USERINFO.subn(lambda found: f"{found.group(1) or ''}//[USERINFO]@", url)
    head, question, query = url.partition("?")
    head, hash_mark, fragment = (head, "", "") if question else head.partition("#")
    if not question and not hash_mark and "=" in head and "/" not in head:
        head, question, query = "", "", head  # a bare `url.query`
    removed = 0

    def mask(found: re.Match[str]) -> str:
        nonlocal removed
        name, value = found.group(2), found.group(3)
        if name in allowed or not value or value == _MASK:
            return found.group()
        removed += 1
        return f"{found.group(1)}{name}={_MASK}"

    query = _PARAMETER.sub(mask, query)
    fragment = _PARAMETER.sub(mask, fragment)
    return head + question + query + hash_mark + fragment, removed + _new(userinfos, url)


def _new(userinfos: int, url: str) -> int:
    return userinfos if "[USERINFO]@" in url else 0
