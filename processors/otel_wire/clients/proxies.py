"""Requests through a plain HTTP proxy: the connection is to the proxy, not to the provider."""

from __future__ import annotations


def place_of(host: str, url: str) -> tuple[str, str]:
    """Return host and path of *url*, without its query; *host* is that of the connection.

    A request to a proxy has the whole URL.
    """
    path = url.partition("?")[0]
    if "://" in path:
        authority, _, path = path.partition("://")[2].partition("/")
        return _host_of(authority), "/" + path
    return host, path


def _host_of(authority: str) -> str:
    """Return the host of *authority* as clients name it: no user, no port, no brackets."""
    name = authority.rpartition("@")[2]
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]
