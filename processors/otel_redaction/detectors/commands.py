"""Passwords in one-letter flags of commands: `mysql -psecret`, `curl -u me:secret`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.scan import add_at

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

_CURL_USER = lazy_pattern(
    r"(?<=\s)(?:-u|-U|--user|--proxy-user)[ =]{0,2}[\"']?([^\s\"':$\x00]{1,64}:"
    r"(?:'[^'\s]{3,128}'|\"[^\"\s]{3,128}\"|[^\s\"'$]{3,128}))"
)
_CURL_COOKIE = lazy_pattern(r"(?<=\s)(?:-b|--cookie)[ =]{0,2}[\"']?([\w.-]{1,40}=[^\s\"']{6,2048})")
_PORTS = lazy_pattern(r"[\d.:/-]+(?:tcp|udp)?")
# Programs that take a password after `-p` or `-P`, and take `-u`.
_LOGIN = lazy_pattern(
    r"\b(?:docker|podman|ftp|lftp|sftp|ssh|scp|mongo\w{0,6}|psql|mariadb\w{0,6}|cqlsh|az|oc|kubectl|"
    r"helm|nuget|mvn|rabbitmqadmin|influx|smbclient|rdesktop|xfreerdp|net|sqlcmd|isql|sqlplus|"
    r"cypher-shell|psexec\w{0,4}|plink|pscp|winexe|skopeo|crane|buildah|twine|nexus|artifactory|vault|consul|etcdctl|snmp\w{0,8})"
    r"[ \t][^\r\n|;]{0,120}?(?<=\s)-(?:p|P)[ \t]{1,4}[\"']?([^\s\"'$-][^\s\"'$]{2,64})"
)
_SHARE = lazy_pattern(
    r"net use[ \t]{1,4}(?:[A-Z*]:?[ \t]{1,4})?\\\\[^\s]{3,120}[ \t]{1,4}(?!/)([^\s\"'$]{3,64})[ \t]{1,4}/user:",
    re.IGNORECASE,
)
_USER = lazy_pattern(rb"/user:")
_PASSWORD_FLAG = lazy_pattern(rb"-p (?<= -p )")
_LONGEST_PASSWORD = 72
_LONGEST_COMMAND = 256
_COMMANDS = (
    # Commands with the password as a positional argument.
    (
        b"mysql",
        lazy_pattern(r"\bmysql\w{0,10}[ \t][^\r\n|;]{0,200}?(?<=\s)-p([^\s\"'-][^\s\"']{2,64})"),
    ),
    (b"sshpass", lazy_pattern(r"\bsshpass[ \t]{1,4}-p[ \t]{0,4}[\"']?([^\s\"'$]{3,64})")),
    (
        b"redis-cli",
        lazy_pattern(
            r"\bredis-cli[ \t][^\r\n|;]{0,120}?(?<=\s)-a[ \t]{1,4}[\"']?([^\s\"'$]{3,128})"
        ),
    ),
    (
        b"sqlplus ",
        lazy_pattern(r"sqlplus (?:-\w{1,8}[ \t]{1,4}){0,4}[\"']?\w{1,40}/([^\s@\"'$/]{3,64})"),
    ),
    (b":oracle:thin:", lazy_pattern(r":oracle:thin:\w{1,40}/([^\s@\"'$/]{3,64})@")),
    (
        b"smbclient ",
        lazy_pattern(
            r"smbclient [^\r\n|;]{0,200}?(?<=\s)-U[ \t]{0,4}[\"']?[^\s%\"']{1,64}%([^\s\"'$]{3,64})"
        ),
    ),
    (
        b"ldap",
        lazy_pattern(
            r"ldap\w{3,8}[ \t][^\r\n|;]{0,200}?(?<=\s)-w[ \t]{1,4}[\"']?([^\s\"'$-][^\s\"'$]{2,64})"
        ),
    ),
    (
        b"snmp-server community ",
        lazy_pattern(r"snmp-server community[ \t]{1,4}(?:\d[ \t])?([^\s\"']{3,64})"),
    ),
)


# Programs that are searched for only beside a name such as `password`.
_ABOUT_PASSWORDS = (
    (
        b"htpasswd -",
        lazy_pattern(
            r"htpasswd[ \t]{1,4}-[A-Za-z]{0,8}b[A-Za-z]{0,8}[ \t]{1,4}"
            r"[^\s]{1,120}[ \t]{1,4}[^\s]{1,64}[ \t]{1,4}[\"']?([^\s\"'$]{3,64})"
        ),
    ),
    (
        b"echo ",
        lazy_pattern(
            r"echo[ \t]{1,4}[\"']?([^\s\"'$|]{3,128})[\"']?[ \t]{0,4}\|[^\r\n|]{1,120}"
            r"--password-stdin"
        ),
    ),
)


def find_about_passwords(scan: Scan) -> None:
    """Add the passwords of commands whose own words are about passwords."""
    if b"passw" in scan.lower:
        for program, command in _ABOUT_PASSWORDS:
            add_at(scan, scan.data, program, command, "password", group=1)


def find_in_commands(scan: Scan) -> None:
    """Add the passwords and cookies in command lines."""
    if "curl" in scan.cues:
        for flag in (b"-u", b"--user", b"--proxy-user"):
            add_at(scan, scan.lower, flag, _CURL_USER, "password", group=1)
        for flag in (b"-b", b"--cookie"):
            add_at(scan, scan.lower, flag, _CURL_COOKIE, "cookie", group=1)
    if "command" in scan.cues:
        for program, command in _COMMANDS:
            add_at(scan, scan.data, program, command, "password", group=1)
    if _USER.search(scan.lower) is not None:
        add_at(scan, scan.lower, b"net use", _SHARE, "password", group=1)
    searched = 0
    for option in _PASSWORD_FLAG.finditer(scan.lower):
        place = option.start() - 1
        if place < searched:
            continue
        searched = place + _LONGEST_COMMAND - _LONGEST_PASSWORD
        first, last = max(0, place - _LONGEST_COMMAND), place + _LONGEST_COMMAND
        for login in _LOGIN.finditer(scan.text, first, last):
            if not login[1].isdigit() and not _PORTS.fullmatch(login[1]):
                scan.add(*login.span(1), "password")
