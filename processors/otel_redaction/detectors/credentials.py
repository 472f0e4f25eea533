"""Credentials with a distinct format: PEM blocks, URL userinfo, bearer and basic tokens."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from typing import TYPE_CHECKING

from otel_redaction.detectors.commands import find_about_passwords, find_in_commands
from otel_redaction.detectors.providers import looks_random
from otel_redaction.detectors.templates import is_template
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.scan import add_at, add_found, places

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

_PEM_BEGIN = lazy_pattern(r"-{4,5} ?BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?[ ]?-{4,5}")
_PEM_END = lazy_pattern(
    r"-{4,5} ?END[ A-Z0-9]{0,40}(?:PRIVATE KEY)?(?: BLOCK)?[ A-Z0-9]{0,20}-{4,5}"
)
_PEM_LINES = lazy_pattern(
    r"(?:[^A-Za-z0-9+/\r\n]{0,40}(?:[\w#.:>|\[\] -]{1,40}[ >|:\]])?[^A-Za-z0-9+/\r\n]{0,8}"
    r"(?:[A-Za-z0-9+/=]{16,8192}|[A-Z][A-Za-z-]{2,30}: [^\r\n]{0,120}|)[^A-Za-z0-9+/\r\n]{0,8}(?:\r?\n|\Z|(?=\\?[\"'])))"
    r"{1,400}"
    r"|[A-Za-z0-9+/=:,.() \t\r\n\x00\\-]{24,20000}"
)
_PUTTY = lazy_pattern(
    r"Private-Lines:[ \t]{0,2}\d{1,3}\r?\n((?:[A-Za-z0-9+/=]{16,80}(?:\r?\n|\Z)){1,400})"
)
_LONGEST_PEM = 20_000
_DER = lazy_pattern(r"(?<![A-Za-z0-9+/])MII[A-Za-z0-9+/]{3}IBA[AD][A-Za-z0-9+/=]{20,20000}")
"""The beginning of a private key's body without its marker, which may be in another record."""
_DER_BEGINNING = lazy_pattern(rb"MII")
_HASH_SCHEME = lazy_pattern(rb"\{(?:S|MD5|CRYPT|PBKDF)")
_HASH = lazy_pattern(
    r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{22,53}"
    r"|\$(?:[156y]|md5|sha1|apr1|7)\$(?:rounds=\d{1,9}\$)?[^\s$:\"']{0,40}\$[./A-Za-z0-9]{20,90}"
    r"|\$argon2(?:id|i|d)\$(?:v=\d{1,3}\$)?[^\s$\"']{1,60}\$[\w+/=-]{8,100}\$[\w+/=-]{16,200}"
    r"|\$scrypt\$[^\s$\"']{1,60}\$[\w+/=.-]{8,100}\$[\w+/=.-]{16,200}"
    r"|\{(?:SSHA|SHA|SMD5|MD5|CRYPT|SSHA\d{3}|PBKDF2\w{0,12})\}[\w+/=.$-]{16,200}"
)
_CRYPT = len("scrypt")
_SHORTEST_KEY = 24
_USERINFO = lazy_pattern(r"[^\s/?#\"'<>\x00]{1,256}@")
_HARMLESS_USERS = frozenset({"git", "hg", "svn", "anonymous"})
_URL_REST = lazy_pattern(r"[^\s\"'<>]{0,2048}")
_QUERY_SECRET = lazy_pattern(
    r"[?&;](?:sig|signature|x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature"
    r"|x-goog-credential|code|otp|pin|key|state|nonce|hash|hmac|ticket|invite|reset|access_token"
    r"|id_token|sid|s?auth|session(?:id)?)=([^&#\s\"'<>]{6,2048})",
    re.IGNORECASE,
)
_BEARER = lazy_pattern(r"bearer[\s:]{1,4}([\w.~+/=-]{8,4096})", re.IGNORECASE)
_BASIC = lazy_pattern(r"basic\s{1,4}([\w+/]{8,1024}={0,2})", re.IGNORECASE)
_WEBHOOK = lazy_pattern(
    r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{20,120}"
    r"|discord(?:app)?\.com/api/webhooks/\d{16,20}/[\w-]{50,90}"
)
_LONGEST_NAME = 60
_LONGEST_WEBHOOK = 340
_OFFICE_WEBHOOK = lazy_pattern(r"[\w-]{1,60}\.webhook\.office\.com/webhookb2/[\w@/-]{40,300}")
_CODE = lazy_pattern(
    r"(?:cvv2?|cvc2?|otp|pin|code)(?: code| number)?[\"']?"
    r"\s{0,2}(?:is|was|:|=|#)?\s{0,2}[\"']?(\d{3}[ -]\d{3}|\d{3,8})(?!\w|\.\d)",
    re.IGNORECASE,
)
_NAMED_HASH = lazy_pattern(
    r"\b(?:pbkdf2|pbkdf2_sha\d{1,3}|pbkdf2:sha\d{1,3}|scrypt|bcrypt_sha256|bcrypt)"
    r"[$:][\w=,:.-]{1,40}\$[^\s$\"']{2,60}\$[\w+/=.-]{16,200}"
)
_HASH_NAME = lazy_pattern(rb"p(?:bkdf2|t(?<=[sb]crypt))")
_SIGNATURE_NAME = lazy_pattern(rb"g(?<=sig)(?:nature)?[=:]")
_SIGNATURE = lazy_pattern(r"[ \t]{0,2}[\"']?([A-Za-z0-9+/%_=-]{20,1024})")
# A code is secret only after a word for its purpose.
_CODE_OWNER_REVERSED = lazy_pattern(
    r"(?:[ _-]?(?:noitacifirev|ytiruces|noitacitnehtua|htua|noitamrifnoc|nigol|emit-eno"
    r"|emit eno|pto|afm|af2|rotcaf-owt|ssecca|yrevocer|teser|ngis|drowssap"
    r"|ssap))(?![a-z])",
    re.IGNORECASE,
)


def find_credentials(scan: Scan) -> None:
    """Add private keys, credentials in URLs and headers, and webhook addresses."""
    cues = scan.cues
    if "pem" in cues:
        _find_private_keys(scan)
    if "name" in cues:
        find_about_passwords(scan)
        if b"-Key-File-" in scan.data:
            add_at(scan, scan.data, b"Private-Lines:", _PUTTY, "private_key", group=1)
    add_found(scan, _DER_BEGINNING, _DER, "private_key")
    _find_hashes(scan)
    if "/" in scan.text:
        _find_in_urls(scan)
    find_in_commands(scan)
    if "webhook" in cues and "/" in scan.text:
        for beginning in (b"hooks.slack.com/", b"discord"):
            add_at(scan, scan.data, beginning, _WEBHOOK, "api_key")
        for place in places(scan.data, b".webhook.office.com/"):
            webhook = _OFFICE_WEBHOOK.search(
                scan.text, max(0, place - _LONGEST_NAME), place + _LONGEST_WEBHOOK
            )
            if webhook is not None:
                scan.add(*webhook.span(), "api_key")
    done = 0
    for name in _SIGNATURE_NAME.finditer(scan.lower):
        if name.end() < done:
            continue
        signature = _SIGNATURE.match(scan.text, name.end())
        done = signature.end() if signature else name.end()
        if signature is not None and looks_random(signature[1]):
            scan.add(*signature.span(1), "token")
    if "code" in cues and b"0" in scan.shape:
        _find_codes(scan)
    if "bearer" in cues:
        _find_bearer(scan)
    if "basic" in cues:
        _find_basic(scan)


def _find_private_keys(scan: Scan) -> None:
    """Add private keys: from marker to marker, with any prefix of each line."""
    text = scan.text
    begin = _PEM_BEGIN.search(text)
    while begin is not None:
        done = begin.end()
        following = _PEM_BEGIN.search(text, done)
        limit = min(done + _LONGEST_PEM, following.start() if following else len(text))
        end = _PEM_END.search(text, done, limit)
        if end is not None:
            if end.start() - done >= _SHORTEST_KEY:
                scan.add(begin.start(), end.end(), "private_key")
            done = end.end()
        else:
            # A truncated block is a key as well: take the lines that look like its body.
            body = _PEM_LINES.match(text, done, limit)
            if body is not None and len(body.group().strip()) >= _SHORTEST_KEY:
                done = body.end()
                scan.add(begin.start(), done, "private_key")
        begin = (
            following if following and following.start() >= done else _PEM_BEGIN.search(text, done)
        )


def _find_hashes(scan: Scan) -> None:
    if b"$" in scan.data:
        add_at(scan, scan.data, b"$", _HASH, "password")
        for name in _HASH_NAME.finditer(scan.data):
            start = name.start() if name.end() - name.start() > 2 else name.end() - _CRYPT
            found = _NAMED_HASH.match(scan.text, start)
            if found is not None:
                scan.add(*found.span(), "password")
    if b"{" in scan.data:
        add_found(scan, _HASH_SCHEME, _HASH, "password")


def _find_in_urls(scan: Scan) -> None:
    text = scan.text
    done = 0
    for position in places(text, "://"):
        start = position + 3
        userinfo = _USERINFO.match(text, start)
        if userinfo is not None and _is_secret_user(userinfo.group()[:-1]):
            scan.add(start, userinfo.end() - 1, "password")
        if start >= done:
            # A URL in another one's query is covered by the outer URL.
            rest = _URL_REST.match(text, start)
            done = rest.end() if rest else start
            question = text.find("?", start, done)
            if question >= 0:
                _find_in_query(scan, question, done)


def _is_secret_user(userinfo: str) -> bool:
    """Return whether the user of a URL has a password, or is a token itself."""
    user, colon, password = userinfo.partition(":")
    if not colon:
        return len(user) >= _SHORTEST_TOKEN and looks_random(user)
    return bool(password) and user not in _HARMLESS_USERS and not is_template(password)


_SHORTEST_TOKEN = 16


def _find_in_query(scan: Scan, start: int, end: int) -> None:
    for secret in _QUERY_SECRET.finditer(scan.text, start, end):
        if looks_random(secret.group(1)):
            scan.add(*secret.span(1), "token")


def _find_codes(scan: Scan) -> None:
    """Add card verification numbers, one-time codes and PINs."""
    for position in scan.cues["code"]:
        code = _CODE.match(scan.text, position)
        if code is None:
            continue
        if scan.text[position] in "cC" and scan.text[position + 1] in "oO":
            lead = scan.text[max(0, position - 20) : position][::-1]
            if _CODE_OWNER_REVERSED.match(lead) is None:
                continue
        elif scan.text[position - 1 : position].isalnum():
            continue
        scan.add(*code.span(1), "password")


def _find_bearer(scan: Scan) -> None:
    done = 0
    for position in scan.cues["bearer"]:
        bearer = _BEARER.match(scan.text, position) if position >= done else None
        if bearer is not None:
            done = bearer.end()
            if any(digit in bearer.group(1) for digit in "0123456789="):
                scan.add(*bearer.span(1), "token")


def _find_basic(scan: Scan) -> None:
    done = 0
    for position in scan.cues["basic"]:
        basic = _BASIC.match(scan.text, position) if position >= done else None
        if basic is None:
            continue
        done = basic.end()
        value = basic.group(1)
        try:
            decoded = a2b_base64(value + "=" * (-len(value) % 4))
        except (Error, ValueError):
            continue
        if b":" in decoded:
            scan.add(*basic.span(1), "token")
