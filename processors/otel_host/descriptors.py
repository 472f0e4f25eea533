"""Long-lived file descriptors, with checks that they are unchanged.

A program may close every descriptor it did not open (`os.closerange`, as daemonisers do) and then
open its own files, which get the same numbers. An unchecked write to a number would destroy the
program's data, and an unchecked close would close its files. So before each use the file of a
number is compared with the one opened, and numbers are high, outside the range of a program's next
files.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CLOEXEC: Final = getattr(os, "O_CLOEXEC", 0)
_HIGHEST: Final = 4096
"""The kernel's table of a process grows with its highest number; this one needs 32 KiB."""
_RESERVED: Final = 128

Identity = tuple[int, int]
"""Device and inode; sockets have them too."""


class DescriptorLostError(OSError):
    """The program closed this descriptor; its number may now belong to another file."""

    def __init__(self, what: object) -> None:
        super().__init__(errno.EBADF, f"the program closed the descriptor of {what}")


def identity(descriptor: int) -> Identity | None:
    """Return the file identity of *descriptor*; None if it is closed."""
    try:
        file_stat = os.fstat(descriptor)
    except OSError:
        return None
    return file_stat.st_dev, file_stat.st_ino


def raised(descriptor: int) -> int:
    """Return *descriptor* with a high number; the low one is closed."""
    try:
        import fcntl
        import resource

        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        limit = _HIGHEST if soft in {resource.RLIM_INFINITY, -1} else min(soft, _HIGHEST)
        lowest = max(limit - _RESERVED, limit // 2)
        if descriptor >= lowest:
            return descriptor
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, lowest)
    except (ImportError, OSError, ValueError):
        return descriptor
    os.close(descriptor)
    return high


class OwnDescriptor:
    """A descriptor that is used and closed only while it refers to its original file."""

    __slots__ = ("_identity", "_number", "what")

    def __init__(self, descriptor: int, what: object, *, keep_number: bool = False) -> None:
        self._number = descriptor if keep_number else raised(descriptor)
        self._identity = identity(self._number)
        self.what = what

    @property
    def number(self) -> int:
        """The descriptor; raises DescriptorLostError if the program closed it."""
        if not self.is_ours():
            raise DescriptorLostError(self.what)
        return self._number

    @property
    def identity(self) -> Identity | None:
        """Its file identity when it was opened; None while closed."""
        return self._identity

    @property
    def last_number(self) -> int:
        """Its current or former number, for comparison only; -1 after `close`."""
        return self._number

    def moved_to(self, number: int) -> OwnDescriptor | None:
        """Return it with the closed *number*; None, and unchanged, if that is in use."""
        import fcntl

        taken = fcntl.fcntl(self.number, fcntl.F_DUPFD_CLOEXEC, number)
        if taken != number:
            os.close(taken)
            return None
        self.close()
        return OwnDescriptor(taken, self.what, keep_number=True)

    def is_ours(self) -> bool:
        """Whether the number still refers to its original file."""
        return self._number >= 0 and identity(self._number) == self._identity

    def close(self) -> None:
        """Close the descriptor if it is unchanged; idempotent."""
        number, self._number = self._number, -1
        if number >= 0 and identity(number) == self._identity:
            with suppress(OSError):
                os.close(number)


class FilesOf:
    """The descriptors of a library, such as SQLite, on known files.

    Other code in this process may open and close the same files at any time. So the numbers are
    checked only once a separate sentinel descriptor is lost: then the program has closed
    descriptors that it did not open.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        """Find open descriptors of *paths*; call it right after the library opened them."""
        wanted = set()
        for path in paths:
            with suppress(OSError):
                file_stat = path.stat()
                wanted.add((file_stat.st_dev, file_stat.st_ino))
        self._sentinel = _open_sentinel()
        self._seen = {
            number: known
            for number in _open_numbers()
            if (known := identity(number)) is not None and known in wanted
        }

    def are_ours(self) -> bool:
        """Whether all of them are still open on the same files."""
        if self._sentinel is None or self._sentinel.is_ours():
            return True
        return all(identity(number) == known for number, known in self._seen.items())

    def reclaim(self) -> bool:
        """Put placeholders at closed numbers; return whether none refers to a file of the program.

        Then the library can close them safely. A placeholder cannot be read, written or locked.
        """
        if self._sentinel is None or self._sentinel.is_ours():
            return True
        return all(
            identity(number) == known or _occupy(number) for number, known in self._seen.items()
        )

    def close(self) -> None:
        """Close the sentinel descriptor."""
        if self._sentinel is not None:
            self._sentinel.close()


def _open_sentinel() -> OwnDescriptor | None:
    """Return a descriptor of an object without a name, with a low number."""
    try:
        reader, other = os.pipe()
    except OSError:
        return None
    os.close(other)
    return OwnDescriptor(reader, "a witness", keep_number=True)


def _occupy(number: int) -> bool:
    """Take the closed *number* atomically; return False if it is in use."""
    try:
        import fcntl

        placeholder = os.open("/", getattr(os, "O_PATH", os.O_RDONLY) | CLOEXEC)
    except (ImportError, OSError):
        return False
    if placeholder == number:
        return True
    try:
        taken = fcntl.fcntl(placeholder, fcntl.F_DUPFD_CLOEXEC, number)
        if taken != number:
            os.close(taken)
        return taken == number
    except OSError:
        return False
    finally:
        os.close(placeholder)


def _open_numbers() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/dev/fd")]  # names, not paths
    except (OSError, ValueError):
        return []


def keep_forever(thing: Any) -> None:
    """Never free *thing*, even at the end of the interpreter.

    For objects that would close descriptors on deallocation whose numbers now belong to the
    program.
    """
    if sys.implementation.name == "cpython":
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    _kept.append(thing)


_kept: Final[list[Any]] = []
