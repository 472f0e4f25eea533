"""Regular expressions that are compiled when the first text needs them.

Compiling all of them takes longer than a short program runs, and most texts
need few: each detector looks for a cheap sign first.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, Generic, cast


class _LazyPattern(Generic[AnyStr]):
    """Answers for a `re.Pattern`; each method is kept, so that its next call costs no detour."""

    def __init__(self, source: AnyStr, flags: int) -> None:
        self._source: AnyStr = source
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        # A pattern that another thread compiles at the same time is as good.
        found = getattr(re.compile(self._source, self._flags), name)
        setattr(self, name, found)
        return found


def lazy_pattern(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return the pattern of *source*, to be compiled at its first use.

    A source that is no regular expression raises `re.error` then.
    """
    return cast("re.Pattern[AnyStr]", _LazyPattern(source, flags))
