"""Access control of the receivers: loopback or token; browsers only from allowed origins.

A page of another origin can reach loopback ports too. Its requests have an `Origin`, or a foreign
`Host` after DNS rebinding; both are refused.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from otel_distro.ui.security import LOOPBACK, host_name


@dataclass(frozen=True, slots=True)
class SenderAccess:
    """The access rules of the receivers."""

    token: str | None = None
    """Bearer token that senders need; None allows anyone who reaches the port."""
    hosts: frozenset[str] = frozenset()
    """Host names of the receivers besides those of loopback."""
    origins: frozenset[str] = frozenset()
    """Origins, such as `http://localhost:3000`, whose pages may send."""

    def refusal(self, headers: dict[bytes, list[bytes]]) -> tuple[int, str] | None:
        """Return status and reason if a request with *headers* is refused, else None."""
        hosts = headers.get(b"host", [])
        if len(hosts) != 1 or not self._allows_host(hosts[0].decode("latin-1")):
            return 421, "nothing is received under that name; address 127.0.0.1 or localhost"
        origins = headers.get(b"origin", [])
        if origins and not self.allows_origin(origins):
            return 403, (
                "pages of that origin may not send; allow it with --allow-origin or "
                "OTEL_DISTRO_SERVE_ORIGINS"
            )
        if self.token is not None and not self.is_authorized(headers.get(b"authorization", [])):
            return (
                401,
                "a token is needed: authorization=Bearer followed by OTEL_DISTRO_SERVE_TOKEN",
            )
        return None

    def allows_origin(self, origins: list[bytes]) -> bool:
        """Return whether pages of *origin* may send."""
        return len(origins) == 1 and origins[0].decode("latin-1").lower() in self.origins

    def is_authorized(self, header_values: list[bytes]) -> bool:
        """Return whether *header_values* has the token."""
        if self.token is None or len(header_values) != 1:
            return False
        kind, _, credential = header_values[0].partition(b" ")
        return kind.lower() == b"bearer" and hmac.compare_digest(
            credential.strip(), self.token.encode("utf-8", "replace")
        )

    def _allows_host(self, header: str) -> bool:
        name = host_name(header)
        if name in LOOPBACK or name in self.hosts:
            return True
        # With a token an IP address is allowed too: DNS rebinding needs a name.
        return self.token is not None and _is_address(name)


def _is_address(name: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
