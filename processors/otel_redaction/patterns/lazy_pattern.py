"""Regular expressions that are compiled on first use.

Compiling all of them takes longer than a short program runs, and most texts need few: each detector
checks a cheap anchor first.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, Generic, cast


class _LazyPattern(Generic[AnyStr]):
    """Proxy of a `re.Pattern`; methods are cached, so that the next call has no overhead."""

    def __init__(self, source: AnyStr, flags: int) -> None:
        self._source: AnyStr = source
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        # Another thread may compile the same pattern concurrently, which is harmless.
        found = getattr(re.compile(self._source, self._flags), name)
        setattr(self, name, found)
        return found


def lazy_pattern(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return the pattern of *source*, compiled on first use.

    An invalid *source* raises `re.error` then.
    """
    return cast("re.Pattern[AnyStr]", _LazyPattern(source, flags))
