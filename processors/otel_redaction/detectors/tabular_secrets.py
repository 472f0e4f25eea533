"""Secrets separate from their names: CSV columns, SQL columns, YAML pairs, other languages.

The name is a column header, the previous field (`name: DB_PASSWORD`, then `value: x`), or a word in
a language that the ASCII scan does not cover.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.detectors.announced_secrets import is_generated
from otel_redaction.detectors.secret_values import Written, is_password, is_secret
from otel_redaction.detectors.templates import is_template
from otel_redaction.patterns.foreign_words import foreign_words
from otel_redaction.patterns.keys import secret_kind
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.scan import places

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

_FOREIGN_NAME = lazy_pattern(
    r"(?:пароль|парол[аяею]|密码|密碼|口令|パスワード|暗証番号|비밀번호|비번|암호|패스워드|contraseña|hasło|hasłem|"
    r"mật khẩu|şifre(?:si|m)?|parolă|parola|סיסמה|סיסמא|كلمة المرور|كلمة السر|पासवर्ड|รหัสผ่าน|"
    r"lösenord(?:et)?|κωδικός|jelszó|slaptažodis|geslo|salasõna)"
    r"[\"'`]?(?:(?:[ \t]\w{1,16}){1,3}(?=[ \t]{0,2}[:=：]))?[ \t]{0,3}(?:\([\w ]{1,20}\)[ \t]{0,2})?"
    r"(?:[:=：]|->|=>|is|es|jest|это|は|は、|为|是|est|är|:=|-|는|은|이)?[ \t]{0,3}[\"'`「]?"
    r"([^\s\"'`,;，。、」<>]{3,64})",
    re.IGNORECASE,
)
_FOREIGN_NAMES = foreign_words(
    _FOREIGN_NAME,
    *(
        "парол",
        "密码",
        "密碼",
        "口令",
        "パスワード",
        "暗証番号",
        "비밀번호",
        "비번",
        "암호",
        "패스워드",
    ),
    *("סיסמ", "كلمة", "पासवर्ड", "รหัสผ่าน", "κωδικός", "contraseña", "hasł", "mật khẩu", "şifre"),
    *("parolă", "parola", "lösenord", "jelszó", "slaptažodis", "geslo", "salasõna"),
)
_FOREIGN_KEY = lazy_pattern(
    r"(?:clé|jeton|schlüssel|ключ|токен|令牌|密钥|密鑰|トークン|秘密鍵|토큰|비밀키)"
    r"(?:[ \t][\w']{1,16}){0,2}[\"'`]?[ \t]{0,3}(?:[:=：]|->|=>|は|为|是|est|ist|это)[ \t]{0,3}"
    r"[\"'`「]?([\w+/=.~-]{12,512})",
    re.IGNORECASE,
)
_FOREIGN_KEYS = foreign_words(
    _FOREIGN_KEY,
    *("clé", "jeton", "schlüssel", "ключ", "токен", "令牌", "密钥", "密鑰", "トークン", "秘密鍵"),
    *("토큰", "비밀키"),
)
_IDENTIFIED = lazy_pattern(
    r"identified[ \t]{1,4}(?:by|with[ \t]{1,4}[\w'\"`]{1,40}[ \t]{1,4}(?:by|as))[ \t]{1,4}"
    r"(?:password[ \t]{1,4})?(?:([\"'])([^\"'\r\n]{1,256})\1|(?=\S{0,60}\d)(\S{6,64}))",
    re.IGNORECASE,
)
_INSERT = lazy_pattern(
    r"insert[ \t]{1,8}(?:into|ignore)[^(\r\n]{1,120}\(([^()]{3,600})\)\s{0,20}values\s{0,20}\(",
    re.IGNORECASE,
)
_NEXT_ROW = lazy_pattern(r"\s{0,20},\s{0,20}\(")
_SQL_VALUE = lazy_pattern(
    r"\s{0,8}(?:N?'((?:[^'\\]|''|\\.){0,400})'|\"([^\"]{0,400})\"|([^,()'\"]{0,200}))\s{0,8}([,)])"
)
# Separators between a name and its value if both are data. Each begins at the name's end.
_REST_OF_NAME = lazy_pattern(r"[\w.\[\]-]{0,60}")
_NAME_FIELD = lazy_pattern(
    r"(?:name|key|field|header|th|td|dt)[\"']?\s{0,3}[:=>]\s{0,3}[\"']?\Z", re.IGNORECASE
)
_FIELD_SIGNS = frozenset(":=>")
_BETWEEN = (
    # `name: x` and then `value: y`, as YAML, JSON and HTML write it
    lazy_pattern(
        r"(?:\",\s{0,20}\"(?!value\")[\w-]{1,40}\"\s{0,3}:\s{0,3}(?:\"[^\"\r\n]{0,60}(?=\")|\w{1,20})){0,3}"
        r"[\"']?\s{0,4},?\s{0,60}[\"']?\b(?:value|content|val)[\"']?\s{0,3}[:=]\s{0,3}(?:\|[-+]?\s{1,40})?"
        r"([\"']?)([^\r\n\"'<>]{1,256})\1",
        re.IGNORECASE,
    ),
    lazy_pattern(r"[\"'][^<>\r\n]{0,80}?\bvalue=([\"'])([^\"'<>\r\n]{1,256})\1", re.IGNORECASE),
    # a field of a form
    lazy_pattern(
        r"\"(?:;[^\r\n]{0,80})?(\r?\n)(?:[\w-]{1,40}:[^\r\n]{0,80}\r?\n)?\r?\n([^\r\n]{1,256})"
    ),
    # `<key>x</key><string>y</string>`
    lazy_pattern(
        r"</(?:key|name|th|td|dt)>\s{0,40}<(string|value|td|dd)>([^<>\r\n]{1,400})</\1>",
        re.IGNORECASE,
    ),
)
_BLOCK = lazy_pattern(
    r"[\"']?:[ \t]{0,4}[|>][-+]?\d?[ \t]{0,4}\r?\n([ \t]{1,40})(\S[^\r\n]{2,256})"
)
_SEPARATORS = (",", ";", "\t", "|")
_LONGEST_HEADER = 1000
_MOST_COLUMNS = 64
_MOST_ROWS = 2000
_MOST_DIGITS = 2
_QUOTED = Written("tight", "", quoted=True, setting=True)


# The second argument of what holds a user's name and password.
_CREDENTIAL_CALL = lazy_pattern(
    r"(?:credentials?|basicauth|auth ?= ?)\(\s{0,20}"
    r"([\"'])[^\"'\r\n]{1,100}\1\s{0,4},\s{0,40}([\"'])([^\"'\r\n]{3,100})\2",
    re.IGNORECASE,
)


_SECURE_STRING = lazy_pattern(
    r"SecureString[ \t]{1,4}(?:-String[ \t]{1,4})?([\"'])([^\"'$\r\n]{3,100})\1", re.IGNORECASE
)
# The parenthesis after the name of such a call; the group is the name.
_CREDENTIALS = lazy_pattern(
    rb"\((?:(?<=(credential)\()|(?<=(credentials)\()|(?<=(basicauth)\()|(?<=(auth=)\()|(?<=(auth = )\())"
)


def _find_in_calls(scan: Scan) -> None:
    for bracket in _CREDENTIALS.finditer(scan.lower):
        call = _CREDENTIAL_CALL.match(scan.text, bracket.start(bracket.lastindex or 0))
        if call is not None and _is_value(call[3], "password"):
            scan.add(*call.span(3), "password")


def _find_secure_strings(scan: Scan) -> None:
    for place in places(scan.lower, b"securestring "):
        string = _SECURE_STRING.match(scan.text, place)
        if string is not None and _is_value(string[2], "password"):
            scan.add(*string.span(2), "password")


def _find_foreign(scan: Scan) -> None:
    """Add the secrets after names in other languages."""
    first = last = 0
    for found in _FOREIGN_NAMES.matches(scan):
        if first <= found.start() < last:
            continue  # within the value before
        first, last = found.span(1)
        if _is_value(found[1], "password", loose=True):
            scan.add(*found.span(1), "password")
    for found in _FOREIGN_KEYS.matches(scan):
        if found[1].isascii() and any(map(str.isdigit, found[1])) and is_generated(found[1]):
            scan.add(*found.span(1), "token")


def find_paired(scan: Scan) -> None:
    """Add the secrets that are separate from their names."""
    if not scan.text.isascii():
        _find_foreign(scan)
    if "name" not in scan.cues:
        return
    _find_identified(scan)
    if b"(" in scan.data:
        _find_in_calls(scan)
        _find_secure_strings(scan)
    if b"insert" in scan.lower:
        _find_in_inserts(scan)
    done = 0
    for anchor in sorted(scan.cues["name"]):
        if anchor >= done:
            done = _find_pair(scan, anchor)
    if b"\n" in scan.data:
        _find_in_tables(scan)


def _find_identified(scan: Scan) -> None:
    for position in places(scan.lower, b"identified"):
        found = _IDENTIFIED.match(scan.text, position)
        if found is not None:
            group = 2 if found[2] is not None else 3
            if not is_template(found[group]) and found[group] not in {"?", "%s"}:
                scan.add(*found.span(group), "password")


def _find_pair(scan: Scan, anchor: int) -> int:
    """Add the value in the field after the name around *anchor*; return the next position."""
    text = scan.text
    rest = _REST_OF_NAME.match(text, anchor)
    end = rest.end() if rest else anchor
    following = text[end : end + 1]
    if following not in {'"', "'", "\n", "\r", "<", ":", " ", ","}:
        return anchor + 1
    lead = text[max(0, anchor - 60) : anchor]
    start = anchor - (len(lead) - len(lead.rstrip(_NAME_CHARACTERS)))
    if following == ":" or text[end : end + 2] in {'":', "':"}:
        block = _BLOCK.match(text, end)
        return _add_pair(scan, text[start:end], block) if block else anchor + 1
    before = text[max(0, start - 16) : start]
    # Most names have no such field before them; its last sign shows it without a search.
    if before.rstrip("\"'").rstrip()[-1:] not in _FIELD_SIGNS or not _NAME_FIELD.search(before):
        return anchor + 1
    for form in _BETWEEN:
        found = form.match(text, end)
        if found is not None:
            return _add_pair(scan, text[start:end], found)
    return anchor + 1


_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-[]"


def _add_pair(scan: Scan, name: str, found: re.Match[str]) -> int:
    kind = secret_kind(name)
    if kind is not None and _is_value(found[2], kind):
        start, end = found.span(2)
        scan.add(start, start + len(scan.text[start:end].rstrip(" ,}]")), kind)
    return found.start() + 1


def _is_value(value: str, kind: str, *, loose: bool = False) -> bool:
    written = Written("loose", "", quoted=False) if loose else _QUOTED
    accept = is_password if kind == "password" else is_secret
    return accept(value.strip(), written)


def _find_in_inserts(scan: Scan) -> None:
    text = scan.text
    insert = scan.lower.find(b"insert")
    while insert >= 0:
        found = _INSERT.match(text, insert)
        insert = scan.lower.find(b"insert", insert + 6)
        if found is None:
            continue
        kinds = [secret_kind(column.strip(' \t\r\n`"[]')) for column in found[1].split(",")]
        if not any(kinds):
            continue
        position = found.end()
        for _ in range(_MOST_ROWS):
            position = _find_in_row(scan, position, kinds)
            following = _NEXT_ROW.match(text, position)
            if position == 0 or following is None:
                break
            position = following.end()


def _find_in_row(scan: Scan, position: int, kinds: list[str | None]) -> int:
    """Add the secrets of one row of values; return its end, or 0."""
    for kind in kinds:
        value = _SQL_VALUE.match(scan.text, position)
        if value is None:
            return 0
        group = next((number for number in (1, 2, 3) if value[number] is not None), 3)
        written = value[group].strip()
        if kind is not None and written and not is_template(written) and written.lower() != "null":
            if group != 3 or written not in {"?", "%s"}:
                scan.add(*value.span(group), kind)
        position = value.end()
        if value[4] == ")":
            return position
    return position


def _find_in_tables(scan: Scan) -> None:
    """Add the cells below a header such as `password`."""
    text = scan.text
    position = 0
    for anchor in sorted(scan.cues["name"]):
        if anchor < position:
            continue
        first = text.rfind("\n", max(0, anchor - _LONGEST_HEADER - 1), anchor) + 1
        last = text.find("\n", anchor, anchor + _LONGEST_HEADER + 1)
        if last < 0 or last - first > _LONGEST_HEADER:
            continue
        position = last
        if _HEADER.fullmatch(text, first, last) is None:
            continue
        header = text[first:last].strip("\r |")
        separator = next((sign for sign in _SEPARATORS if sign in header), "")
        columns = (
            [column.strip(" \t\"'`") for column in header.split(separator)] if separator else []
        )
        if not 2 <= len(columns) <= _MOST_COLUMNS or not all(map(_is_column, columns)):
            continue
        kinds = [secret_kind(column) for column in columns]
        if any(kinds):
            position = _find_in_rows(scan, last + 1, kinds, separator)


_SPOKEN = lazy_pattern(r"[A-Za-z][a-z]*(?:[ ,;/-]{1,2}[A-Z]?[a-z]+){0,12}[.]?|\d{1,9}")
"""Words of a table about tokens and keys, or a count of them."""
_HEADER = lazy_pattern(r"[\w .,;|\"'`\t\r-]+")
"""What names of columns and the signs between them are made of; code has others."""
_COLUMN = lazy_pattern(r"[^\W\d][\w .-]{0,39}")


def _is_column(name: str) -> bool:
    return _COLUMN.fullmatch(name) is not None and sum(map(str.isdigit, name)) <= _MOST_DIGITS


def _find_in_rows(scan: Scan, position: int, kinds: list[str | None], separator: str) -> int:
    text = scan.text
    for _ in range(_MOST_ROWS):
        if position >= len(text):
            break
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        row = text[position:end].rstrip("\r")
        lead = len(row) - len(row.lstrip(" |")) if separator == "|" else 0
        cells = row[lead:].rstrip("| " if separator == "|" else "").split(separator)
        if len(cells) != len(kinds):
            break
        start = position + lead
        for cell, kind in zip(cells, kinds, strict=True):
            value = cell.strip(" \t\"'`")
            if (
                kind is not None
                and (kind == "password" or not _SPOKEN.fullmatch(value))
                and len(value) >= 3
                and value.strip("-: ")
                and not is_template(value)
            ):
                first = start + cell.index(value)
                scan.add(first, first + len(value), kind)
            start += len(cell) + 1
        position = end + 1
    return position
