"""Passwords and secrets whose name stands apart: CSV columns, SQL columns, YAML pairs, other tongues.

The name is a column's header, the field before (`name: DB_PASSWORD`, then `value: x`), or a word
in a language that the ASCII scan does not know.
"""

# ruff: noqa: E501 - the expressions are tables

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.detectors.secret_values import Written, is_password, is_secret, is_template
from otel_redaction.keys import secret_kind

if TYPE_CHECKING:
    from otel_redaction.scan import Scan

_FOREIGN_NAMES = re.compile(
    r"(?:пароль|парол[аяею]|密码|密碼|口令|パスワード|暗証番号|비밀번호|비번|암호|패스워드|contraseña|hasło|hasłem|"
    r"mật khẩu|şifre(?:si|m)?|parolă|parola|סיסמה|סיסמא|كلمة المرور|كلمة السر|पासवर्ड|รหัสผ่าน|"
    r"lösenord(?:et)?|κωδικός|jelszó|slaptažodis|geslo|salasõna)"
    r"[\"'`]?[ \t]{0,3}(?:\([\w ]{1,20}\)[ \t]{0,2})?"
    r"(?:[:=：]|->|=>|is|es|jest|это|は|は、|为|是|est|är|:=|-|는|은|이)?[ \t]{0,3}[\"'`「]?"
    r"([^\s\"'`,;，。、」<>]{3,64})",
    re.IGNORECASE,
)
_IDENTIFIED = re.compile(
    r"identified[ \t]{1,4}(?:by|with[ \t]{1,4}[\w'\"`]{1,40}[ \t]{1,4}(?:by|as))[ \t]{1,4}"
    r"(?:password[ \t]{1,4})?(?:([\"'])([^\"'\r\n]{1,256})\1|(?=\S{0,60}\d)(\S{6,64}))",
    re.IGNORECASE,
)
_INSERT = re.compile(
    r"insert[ \t]{1,8}(?:into|ignore)[^(\r\n]{1,120}\(([^()]{3,600})\)\s{0,20}values\s{0,20}\(",
    re.IGNORECASE,
)
_SQL_VALUE = re.compile(
    r"\s{0,8}(?:N?'((?:[^'\\]|''|\\.){0,400})'|\"([^\"]{0,400})\"|([^,()'\"]{0,200}))\s{0,8}([,)])"
)
_YAML_PAIR = re.compile(
    r"[\"']?\b(?:name|key|field|header)[\"']?\s{0,3}[:=]\s{0,3}[\"']?([\w.-]{2,60})[\"']?\s{0,4},?\s{1,60}"
    r"[\"']?(?:value|content|val)[\"']?\s{0,3}[:=]\s{0,3}(?:\|[-+]?\s{1,40})?([\"']?)([^\r\n\"']{1,256})\2",
    re.IGNORECASE,
)
_MULTIPART = re.compile(
    r"name=\"([\w.\[\]-]{2,60})\"(?:;[^\r\n]{0,80})?\r?\n(?:[\w-]{1,40}:[^\r\n]{0,80}\r?\n)?\r?\n([^\r\n]{1,256})",
    re.IGNORECASE,
)
_FORM_FIELD = re.compile(
    r"name=([\"'])([\w.\[\]-]{2,60})\1[^<>\r\n]{0,80}?\bvalue=([\"'])([^\"'<>\r\n]{1,256})\3",
    re.IGNORECASE,
)
_PLIST = re.compile(
    r"<(?:key|name|th|td|dt)>([\w .-]{2,60})</(?:key|name|th|td|dt)>\s{0,40}"
    r"<(string|value|td|dd)>([^<>\r\n]{1,400})</\2>",
    re.IGNORECASE,
)
_BLOCK = re.compile(
    r"([\w.-]{2,60})[\"']?:[ \t]{0,4}[|>][-+]?\d?[ \t]{0,4}\r?\n([ \t]{1,40})(\S[^\r\n]{2,256})"
)
_SEPARATORS = (",", ";", "\t", "|")
_MOST_COLUMNS = 64
_MOST_ROWS = 2000
_MOST_DIGITS = 2
_QUOTED = Written("tight", "", quoted=True, setting=True)
_BARE = Written("tight", "", quoted=False, setting=True)


def find_paired(scan: Scan) -> None:
    """Add the secrets whose names stand apart from them."""
    text = scan.text
    if not text.isascii():
        for found in _FOREIGN_NAMES.finditer(text):
            if _is_value(found[1], "password", quoted=False, loose=True):
                scan.add(*found.span(1), "password")
    lower = scan.lower
    if b"identified" in lower:
        for found in _IDENTIFIED.finditer(text):
            group = 2 if found[2] is not None else 3
            if not is_template(found[group]) and found[group] not in {"?", "%s"}:
                scan.add(*found.span(group), "password")
    if "name" not in scan.cues:
        return
    if b"insert" in lower:
        _find_in_inserts(scan)
    if b"value" in lower or b"content" in lower:
        _find_pairs(scan, _YAML_PAIR, 1, 3)
        if b"name=" in lower:
            _find_pairs(scan, _FORM_FIELD, 2, 4)
    if b'name="' in lower:
        _find_pairs(scan, _MULTIPART, 1, 2)
    if b"</" in lower:
        _find_pairs(scan, _PLIST, 1, 3)
    if b"|" in lower or b">" in lower:
        _find_pairs(scan, _BLOCK, 1, 3)
    if b"\n" in lower:
        _find_in_tables(scan)


def _is_value(value: str, kind: str, *, quoted: bool, loose: bool = False) -> bool:
    written = Written("loose", "", quoted=False) if loose else (_QUOTED if quoted else _BARE)
    accept = is_password if kind == "password" else is_secret
    return accept(value.strip(), written)


def _find_pairs(scan: Scan, form: re.Pattern[str], name: int, value: int) -> None:
    for found in form.finditer(scan.text):
        kind = secret_kind(found[name])
        if kind is not None and _is_value(found[value], kind, quoted=True):
            start, end = found.span(value)
            scan.add(start, start + len(scan.text[start:end].rstrip(" ,}]")), kind)


def _find_in_inserts(scan: Scan) -> None:
    text = scan.text
    for found in _INSERT.finditer(text):
        kinds = [secret_kind(column.strip(' \t\r\n`"[]')) for column in found[1].split(",")]
        if not any(kinds):
            continue
        position = found.end()
        for _ in range(_MOST_ROWS):
            position = _find_in_row(scan, position, kinds)
            following = re.compile(r"\s{0,20},\s{0,20}\(").match(text, position)
            if position == 0 or following is None:
                break
            position = following.end()


def _find_in_row(scan: Scan, position: int, kinds: list[str | None]) -> int:
    """Add the secrets of one row of values; return where it ends, or 0."""
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
    """Add the cells below a header that says `password`."""
    text = scan.text
    position = 0
    for anchor in sorted(scan.cues["name"]):
        if anchor < position:
            continue
        first = text.rfind("\n", 0, anchor) + 1
        last = text.find("\n", anchor)
        if last < 0 or last - first > 1000:
            continue
        position = last
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


_COLUMN = re.compile(r"[^\W\d][\w .-]{0,39}")


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
                and len(value) >= 3
                and value.strip("-: ")
                and not is_template(value)
            ):
                first = start + cell.index(value)
                scan.add(first, first + len(value), kind)
            start += len(cell) + 1
        position = end + 1
    return position
