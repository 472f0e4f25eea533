"""Bound of a compiled scanner: how much faster one native pass for all anchors could make a search.

    pip install hyperscan ahocorasick-rs
    python benchmarks/redaction_scanner.py

Detectors look at a text where an anchor is: a digit run, `@`, `://`, a word such as `password`. A
compiled scanner could find the anchors; the detectors would still judge what it found. For each
kind of text this prints nanoseconds per character of the whole search, of its searches for words
and for other anchors alone, and of one compiled pass: by hyperscan for all of them, by Aho-Corasick
for the words. The bound is the search without the searches that the pass replaces, and with the
pass. The last column is megabytes a second with a pass that costs nothing. Passes that are not
installed are left out.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.redaction import conversation, prose
from otel_redaction import deobfuscation
from otel_redaction.detectors import commands, credentials, iban, network, numbers, tabular_secrets
from otel_redaction.engine import find_all
from otel_redaction.patterns import cues, scan
from otel_redaction.patterns.scan import flattened

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS = (
    *("key", "kennwort", "token", "cookie", "hooks.slack", "webhook", "pass", "pan", "parola"),
    *("pwd", "pw", "pin", "psk", "otp", "cred", "secret", "contrase", "wacht", "nacim", "nacid"),
    *("nasci", "cvv", "cvc", "code", "redis-cli", "naissance", "urodz", "narozen", "mysql"),
    *("birth", "born", "d.o.b", "geb.", "gebu", "gebo", "bearer", "basic ", "-----begin", "dob"),
    *("auth", "senha", "sessi", "nato il", "nata ", "synty", "curl ", "mii", "$", "{s", "{md5"),
    *("{crypt", "{pbkdf", "://", " -p ", "/user:", "sig=", "sig:", "signature", "identified"),
    *("insert", "credential(", "credentials(", "basicauth(", "auth=(", "auth = (", "pbkdf2"),
    *("scrypt", "bcrypt", "\x1b[", "1b[", "\\033[", "\\e[", "^[[", "=40", "@"),
)
_FORMS = (
    rb"[A-Za-z]{2}[0-9]{2}",
    rb"[0-9][0-9 .()/+-]{4,}[0-9]",
    rb"::",
    rb":[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}:",
    rb"-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-",
    rb"\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}",
    rb"[A-Za-z0-9_-]{16}",
    rb"_[0-9a-f]{24}",
    rb"\[[A-Z][A-Z0-9_]{2}",
)


def texts(characters: int) -> dict[str, str]:
    """Return texts of each kind; code and prose of real programs where they are on the disk."""
    library = Path(re.__file__).parent
    code = "\n".join(
        path.read_text("utf-8", "replace") for path in sorted(library.parent.glob("*.py"))[:40]
    )
    addresses = "".join(
        f"10.{n % 250}.{n % 7}.{n % 91} - - [12/May/2026:10:{n % 60:02}:{n % 60:02} +0000] "
        f'"GET /api/v1/users/{n} HTTP/1.1" 200 {n * 37 % 9999}\n'
        for n in range(characters // 70)
    )
    return {
        "prose, clean": prose(characters),
        "prose, 1 % personal": prose(characters, personal=0.01),
        "chat as JSON, 1 % personal": conversation(characters, personal=0.01),
        "code": code[:characters],
        "log with addresses": addresses[:characters],
    }


def nanoseconds(work: Callable[[], object], characters: int, rounds: int) -> float:
    """Return the least processor time of *work* in nanoseconds per character."""
    least = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        least = min(least, time.process_time() - began)
    return least / characters * 1e9


def words(text: str) -> None:
    """Search *text* for the anchors that are words, without a look at what is there."""
    data = text.encode("ascii", "replace")
    lower = data.lower()
    cues.find_cues(lower)
    for form, where in (
        (credentials._DER_BEGINNING, data),
        (credentials._SIGNATURE_NAME, lower),
        (commands._USER, lower),
        (commands._PASSWORD_FLAG, lower),
        (tabular_secrets._CREDENTIALS, lower),
    ):
        for _ in form.finditer(where):
            pass
    for part in (b"://", b"identified", b"insert", b"@"):
        for _ in scan.places(lower, part):
            pass


def others(text: str) -> None:
    """Search *text* for the other anchors: runs of digits and letters, addresses, escapes."""
    flattened(text)
    deobfuscation.plain(text)
    data = text.encode("ascii", "replace")
    shape = data.translate(scan.SHAPE)
    tokens = data.translate(scan.TOKENS)
    hardware = [form for sign, _, form in network._MAC_FORMS if sign in data]
    for form in (iban._ANCHOR, numbers._RUN):
        for _ in form.finditer(shape):
            pass
    for _ in network._COLON_RUN.finditer(data):
        pass
    for address in hardware:
        for _ in address.finditer(text):
            pass
    start = tokens.find(scan.TOKEN_RUN)
    while start >= 0:
        start = tokens.find(scan.TOKEN_RUN, tokens.find(b" ", start))


def hyperscan_pass() -> Callable[[bytes], object]:
    """Return one pass for every anchor by hyperscan; raises ImportError without it."""
    hyperscan = import_module("hyperscan")
    expressions = [*(re.escape(word).encode() for word in _WORDS), *_FORMS]
    database: Any = hyperscan.Database()
    database.compile(
        expressions=expressions,
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[hyperscan.HS_FLAG_CASELESS] * len(_WORDS) + [0] * len(_FORMS),
    )

    def run(data: bytes) -> object:
        found: list[tuple[int, int]] = []
        database.scan(data, match_event_handler=lambda each, _, end, *__: found.append((each, end)))
        return found

    return run


def aho_corasick_pass() -> Callable[[bytes], object]:
    """Return one pass for the words alone by ahocorasick-rs; raises ImportError without it."""
    library = import_module("ahocorasick_rs")
    automaton: Any = library.BytesAhoCorasick(
        [word.encode() for word in _WORDS], implementation=library.Implementation.DFA
    )
    return lambda data: automaton.find_matches_as_indexes(data.lower(), overlapping=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    passes: dict[str, Callable[[bytes], object]] = {}
    for name, make in (("hyperscan", hyperscan_pass), ("aho-corasick", aho_corasick_pass)):
        try:
            passes[name] = make()
        except ImportError as error:
            print(f"not installed: {error.name}", file=sys.stderr)
    print(
        f"{'ns a character':28}{'search':>8}{'words':>8}{'others':>8}"
        + "".join(f"{name:>16}" for name in passes)
        + f"{'free, MB/s':>12}"
    )
    for label, text in texts(200_000).items():
        size = len(text)
        data = text.encode("ascii", "replace")
        whole = nanoseconds(partial(find_all, text), size, rounds)
        by_word = nanoseconds(partial(words, text), size, rounds)
        by_form = nanoseconds(partial(others, text), size, rounds)
        cells = ""
        for name, run in passes.items():
            took = nanoseconds(partial(run, data), size, rounds)
            replaced = by_word + (by_form if name == "hyperscan" else 0.0)
            cells += f"{took:>8.1f} {whole / max(whole - replaced + took, took):>6.2f}x"
        free = 1e3 / (whole - by_word - by_form)
        print(f"{label:28}{whole:>8.1f}{by_word:>8.1f}{by_form:>8.1f}{cells}{free:>12.0f}")


if __name__ == "__main__":
    main()
