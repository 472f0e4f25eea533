"""Hosts of one's own, where gateways and local models are, and no sellers."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=1024)
def is_own_host(host: str) -> bool:
    """Return whether *host* is of this machine or its network: where gateways are, not sellers."""
    name = host.strip("[]").lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith((".local", ".internal", ".localhost", ".svc"))
    return address.is_loopback or address.is_private or address.is_link_local
