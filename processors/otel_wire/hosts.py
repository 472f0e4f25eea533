"""Private hosts: gateways and local models, not providers."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=1024)
def is_own_host(host: str) -> bool:
    """Return whether *host* is this machine or in its network: a gateway, not a provider."""
    name = host.strip("[]").lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith((".local", ".internal", ".localhost", ".svc"))
    return address.is_loopback or address.is_private or address.is_link_local
