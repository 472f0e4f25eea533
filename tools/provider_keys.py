"""Generator of the table of providers' keys for redaction: who issues what form of key.

    go mod download github.com/trufflesecurity/trufflehog/v3@v3.90.0
    go mod download github.com/zricethezav/gitleaks/v8@v8.24.0
    pip install --target /tmp/rules kingfisher-secret-scanner credsweeper
    export PYTHONPATH=/tmp/rules
    python -m tools.provider_keys processors/otel_redaction/detectors/provider_forms.txt

The rules of scanners are read for facts: the name of a service, the fixed beginning of its keys,
the alphabet and the length of the rest. Neither an expression nor a sentence of theirs is kept.
Ours are the choice and the form: each key is a sequence of fixed pieces and runs of one of a
dozen alphabets. What the expressions of `providers` already find is left out. A service whose
name technical prose uses as well is marked: its name alone, beside a value, means little.
"""

# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_redaction.detectors.provider_table import ALPHABETS, has_beginning
from otel_redaction.detectors.providers import published_key_end
from otel_redaction.patterns.words import words
from tools.target import target

if TYPE_CHECKING:
    from collections.abc import Iterator

try:  # the parser of the standard library, under its name since Python 3.11
    from re import _constants as opcodes  # type: ignore[attr-defined,unused-ignore]
    from re import _parser as parser  # type: ignore[attr-defined,unused-ignore]
except ImportError:  # pragma: no cover
    raise SystemExit("Python 3.11 or later is needed") from None

_HEADER = """\
# Services and the forms of their keys: names, a tab, forms. A form is written as runs of an
# alphabet and their length (`h32`, `a20-40`; alphabets are listed in provider_table.py), fixed
# pieces in quotes between them. `~` before the names says that prose uses the first as a word.
# Made by tools/provider_keys.py from facts in the rules of TruffleHog, gitleaks, betterleaks,
# Veles and CredSweeper.
"""
_PRINTED = sorted(map(chr, range(0x21, 0x7F)), key=str.isalnum)
_MEMBERS = {
    letter: "".join(filter(re.compile(alphabet).fullmatch, _PRINTED))
    for letter, alphabet in ALPHABETS.items()
}
"""The characters of each alphabet, signs first."""
_FEWEST = 8
_LONGEST = 400
_MOST_FORMS = 12
_NO_KEY = re.compile(
    r"(?i)id(?:pat)?\b|domain|url|host|user|email|account|region|subdomain|name|endpoint|org|server"
)
_PREFIX = re.compile(r"PrefixRegex\(\[\]string\{([^}]*)\}\)\s*\+\s*`([^`]*)`")
_PATTERN = re.compile(r"(\w+)\s*(?::?=|:)\s*regexp\.MustCompile\((.*)\)")
_COMPANY = re.compile(
    r"(?:[-_ ]?(?:v?\d|api|app|user|admin|access|client|personal|private|project|service|account|"
    r"auth|oauth\d?|bot|web|management|refresh|publish(?:able)?|secret|key|token|pat|webhook|"
    r"integration|license|credentials?|server|legacy|old|new|id|url|password|test|live|ingest|"
    r"query|insights|insert|mobile|browser|developer))+$",
    re.IGNORECASE,
)
_IN_PROSE = words(
    "abstract akamai azure azureopenai betterstack bitbucket brevo bulksms chatbot circle "
    "circleci cloudflare codacy codecov confluent cosmos coveralls cursor customer daily "
    "databento datadog debounce delighted devin discord docker ebay elastic etsy facebook "
    "fileio gemini github gitlab gitter google grafana greptile groq gumroad hubspot "
    "huggingface instagram jira keen klaviyo kraken lark linear mailchimp mailersend mailgun "
    "manifest mattermost messagebird miro mistral nasdaq nexmo notion openai opsgenie pagerduty "
    "paypal perplexity plivo polar postman postmark privacy pushbullet replicate ringcentral "
    "rubygems segment semaphore sentry shortcut sinch slack sonar splunk square telegram telnyx "
    "tgram travis travisci twist twitter typeform webex youtube zoho"
)
"""Services whose name technical prose uses as well, in the documentation of a hundred packages."""
Piece = tuple[str, int, int] | str


def main(path: Path) -> None:
    """Write the table to *path*."""
    found: dict[str, set[tuple[Piece, ...]]] = {}
    for names, forms in (*_trufflehog(), *_gitleaks(), *_kingfisher(), *_credsweeper()):
        for name in names:
            found.setdefault(name, set()).update(forms)
    lines = []
    for name in sorted(found):
        written = sorted({_written(form) for form in found[name] if _is_new(form)})
        if written and name and name not in _GENERAL and not name.startswith("https"):
            mark = "~" if name in _IN_PROSE or len(name) < 4 else ""
            lines.append(f"{mark}{name}\t{' '.join(written)}".rstrip() + "\n")
    path.write_text(_HEADER + "".join(lines), encoding="ascii")
    sys.stdout.write(f"{len(lines)} services\n")


def _module(path: str) -> Path:
    found = subprocess.run(
        ["go", "mod", "download", "-json", path], check=True, capture_output=True, text=True
    ).stdout
    return Path(re.findall(r'"Dir": "([^"]+)"', found)[0])


def _trufflehog() -> Iterator[tuple[set[str], list[tuple[Piece, ...]]]]:
    folder = _module("github.com/trufflesecurity/trufflehog/v3@v3.90.0") / "pkg" / "detectors"
    for file in sorted(folder.rglob("*.go")):
        if file.name.endswith("_test.go"):
            continue
        own = file.relative_to(folder).parts[0]
        for line in file.read_text().splitlines():
            pattern = _PATTERN.search(line)
            if pattern is None or _NO_KEY.search(pattern[1]):
                continue
            prefixed = _PREFIX.search(line)
            raw = re.search(r"`([^`]*)`", pattern[2])
            if prefixed is not None:
                quoted = re.findall(r'"([^"]+)"', prefixed[1])
                yield {_plain(name) for name in (*quoted, own)}, _forms(prefixed[2])
            elif raw is not None and "detectors." not in pattern[2]:
                forms = [form for form in _forms(raw[1]) if has_beginning(_written(form))]
                yield {_plain(own)}, forms


def _gitleaks() -> Iterator[tuple[set[str], list[tuple[Piece, ...]]]]:
    file = _module("github.com/zricethezav/gitleaks/v8@v8.24.0") / "config" / "gitleaks.toml"
    for rule in tomllib.loads(file.read_text())["rules"]:
        yield from _of_rule(rule["id"], rule.get("regex", ""))


def _kingfisher() -> Iterator[tuple[set[str], list[tuple[Piece, ...]]]]:
    from kingfisher_sdk import _native  # type: ignore[import-not-found,unused-ignore]

    rules: Any = _native.Rules([], builtins=True, confidence="low", cache=False)
    for rule in rules.metadata():
        yield from _of_rule(rule["id"].split(".")[1], rules.detail(rule["id"])["pattern"])


def _credsweeper() -> Iterator[tuple[set[str], list[tuple[Piece, ...]]]]:
    import yaml

    # Without an import of the package, which needs a good deal more.
    spec = find_spec("credsweeper")
    if spec is None or spec.origin is None:
        raise SystemExit("credsweeper is not installed")
    file = Path(spec.origin).parent / "rules" / "config.yaml"
    for rule in yaml.safe_load(file.read_text(encoding="utf-8")):
        if rule["type"] == "pattern" and len(rule["values"]) == 1:
            yield from _of_rule(rule["name"], rule["values"][0])


_GENERAL = {
    "user",
    "host",
    "json",
    "line",
    "less",
    "do",
    "dd",
    "pd",
    "mem",
    "rev",
    "rap",
    "subscription",
    "tenant",
    "protocols",
    "consumer",
    "checkout",
    "column",
    "flat",
    "float",
    "accesskey",
    "apikey",
    "api",
    "app",
    "base",
    "secret",
    "token",
    "key",
    "auth",
    "login",
    "age",
    "generic",
    "curl",
    "jwt",
    "private",
    "hashicorp",
    "doc",
    "cmd",
    "ipv4",
    "ipv6",
    "url",
    "sql",
    "pem",
    "nonce",
    "salt",
    "uuid",
    "bearer",
    "basic",
    "credential",
    "password",
}


def _of_rule(name: str, pattern: str) -> Iterator[tuple[set[str], list[tuple[Piece, ...]]]]:
    """Yield the service that a rule is named after, and the keys it is for."""
    service = _folded(name)
    if not service or service in _GENERAL or _NO_KEY.search(name.replace("-", " ")):
        return
    named = _folded(re.split(r"[-_ ]", name)[0]) in pattern.lower()
    forms = _forms(pattern)
    yield {service}, forms if named else [form for form in forms if has_beginning(_written(form))]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _folded(name: str) -> str:
    short = _COMPANY.sub("", name)
    return _plain(short if len(short) > 2 else name)


def _forms(pattern: str) -> list[tuple[Piece, ...]]:
    """Return the forms of the first group of *pattern*; none if it is no sequence of runs."""
    text = pattern.replace("[:alnum:]", "0-9A-Za-z").replace("[:alpha:]", "A-Za-z")
    text = (
        text.replace("a-zA-Z-0-9", "a-zA-Z0-9-")
        .replace("0-9A-Z-a-z", "0-9A-Za-z-")
        .replace("\\z", "\\Z")
        .replace("[[", "[\\[")
    )
    text = re.sub(
        r"\\x\{?60\}?|\\_|\(\?<!\[[^\]]*\]\)|\(\?<!\\w\)",
        lambda m: {"\\_": "_"}.get(m[0], ""),
        text,
    )
    ignore = "(?i)" in text or "(?i:" in text
    text = re.sub(r"\(\?-?i\)", "", text)
    text = re.sub(r"\(\?-?i:", "(?:", text)
    try:
        tree = parser.parse(text)
    except (re.error, OverflowError):
        return []
    group = _first_group(tree)
    found = []
    for pieces in _expanded(tree if group is None else group, ignore=ignore)[: _MOST_FORMS + 1]:
        form = _joined(pieces)
        shortest = sum(len(piece) if isinstance(piece, str) else piece[1] for piece in form)
        if (
            form
            and _FEWEST <= shortest <= _LONGEST
            and any(isinstance(piece, tuple) for piece in form)
        ):
            found.append(form)
    return found if len(found) <= _MOST_FORMS else []


def _first_group(tree: Any) -> Any:
    for code, value in tree:
        if code is opcodes.SUBPATTERN and value[0] is not None:
            return value[3]
        if code is opcodes.SUBPATTERN:
            inner = _first_group(value[3])
            if inner is not None:
                return inner
        if code is opcodes.BRANCH:
            for branch in value[1]:
                inner = _first_group(branch)
                if inner is not None:
                    return None
    return None


class _UnusableError(Exception):
    """An expression that is no sequence of runs."""


def _expanded(tree: Any, *, ignore: bool) -> list[list[Piece]]:
    try:
        return _sequences(tree, ignore=ignore)
    except _UnusableError:
        return []


def _sequences(tree: Any, *, ignore: bool) -> list[list[Piece]]:
    found: list[list[Piece]] = [[]]
    for code, value in tree:
        found = [one + more for one in found for more in _of_item(code, value, ignore=ignore)]
        if len(found) > 4 * _MOST_FORMS:
            raise _UnusableError
    return found


def _of_item(code: Any, value: Any, *, ignore: bool) -> list[list[Piece]]:
    if code is opcodes.AT or code in {opcodes.ASSERT, opcodes.ASSERT_NOT}:
        return [[]]
    if code is opcodes.LITERAL:
        return [[chr(value)]]
    if code is opcodes.IN:
        return [[(_alphabet(value, ignore=ignore), 1, 1)]]
    if code is opcodes.ANY:
        return [[("p", 1, 1)]]
    if code is opcodes.SUBPATTERN:
        return _sequences(value[3], ignore=ignore)
    if code is opcodes.BRANCH:
        return [one for branch in value[1] for one in _sequences(branch, ignore=ignore)]
    if code in {opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT}:
        least, most, inner = value
        most = min(int(most), _LONGEST)
        one = _sequences(inner, ignore=ignore)
        if len(one) == 1 and len(one[0]) == 1 and not isinstance(one[0][0], str):
            return [[(one[0][0][0], least, most)]]
        if least == most and least <= 6:
            written: list[list[Piece]] = [[]]
            for _ in range(least):
                written = [first + more for first in written for more in one]
            return written
        if (least, most) == (0, 1):
            return [[], *one]
        if len(one) == 1 and len(one[0]) == 1 and isinstance(one[0][0], str):
            return [[("b" if one[0][0] == "=" else "p", least, most)]]
    raise _UnusableError


def _alphabet(items: Any, *, ignore: bool) -> str:
    members: set[str] = set()
    for code, value in items:
        if code is opcodes.LITERAL:
            members.add(chr(value))
        elif code is opcodes.RANGE:
            members.update(map(chr, range(value[0], value[1] + 1)))
        elif code is opcodes.CATEGORY and value is opcodes.CATEGORY_WORD:
            members.update(_MEMBERS["w"].replace("-", ""))
        elif code is opcodes.CATEGORY and value is opcodes.CATEGORY_DIGIT:
            members.update(_MEMBERS["d"])
        else:
            return "p"
    if ignore:
        members |= {member.swapcase() for member in members}
    for letter, alphabet in _MEMBERS.items():
        if members <= set(alphabet):
            return letter
    return "p"


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Return *pieces* with neighbours of one sort made one."""
    found: list[Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        if isinstance(piece, str) and isinstance(last, str):
            found[-1] = last + piece
        elif isinstance(piece, tuple) and isinstance(last, tuple) and piece[0] == last[0]:
            found[-1] = (piece[0], last[1] + piece[1], min(_LONGEST, last[2] + piece[2]))
        else:
            found.append(piece)
    return tuple(found)


def _written(form: tuple[Piece, ...]) -> str:
    parts = []
    for piece in form:
        if isinstance(piece, str):
            parts.append(f'"{piece}"')
        else:
            letter, least, most = piece
            parts.append(f"{letter}{least}" if least == most else f"{letter}{least}-{most}")
    return "".join(parts)


_HOST_OR_NAME = re.compile(r"\.(?:com|net|io|org)\b|\w=$|_session=|[&\"'` \t\\<>]")


def _is_new(form: tuple[Piece, ...]) -> bool:
    """Return whether *form* may be kept: plain, long enough, and not found without the table."""
    text = "".join(piece for piece in form if isinstance(piece, str))
    if "%" in text and has_beginning(_written(form)):
        return False  # encoded, and decoded before the search
    if _HOST_OR_NAME.search(text) or not text.isascii() or text.startswith("http"):
        return False
    if any(isinstance(piece, tuple) and piece[0] == "p" and piece[1] != piece[2] for piece in form):
        return False
    if not has_beginning(_written(form)):
        # Beside a name, a value of one length or of a narrow range of lengths says something.
        spread = sum(piece[2] - piece[1] for piece in form if isinstance(piece, tuple))
        return spread <= 48
    return any(published_key_end(key, 0) != len(key) for key in _examples(form))


def _examples(form: tuple[Piece, ...]) -> Iterator[str]:
    """Yield shortest keys of *form* that have each character of an alphabet at each place.

    A key runs through the alphabets in order, from another character on than the key before. If
    the expressions of `providers` match all of these to the end, the form says nothing new: they
    accept every character at every place, so that also a mix of them is accepted.
    """
    for first in range(max(map(len, _MEMBERS.values()))):
        yield "".join(
            piece
            if isinstance(piece, str)
            else "".join(_cycle(_MEMBERS[piece[0]], first, piece[1]))
            for piece in form
        )


def _cycle(members: str, first: int, count: int) -> Iterator[str]:
    """Yield *count* of *members* from the one at *first* on, and from the beginning again."""
    for place in range(first, first + count):
        yield members[place % len(members)]


if __name__ == "__main__":
    main(target(__doc__))
