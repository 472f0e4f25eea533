"""Reports telemetry spooled for the same receiver under other credentials."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from otel_distro.base.messages import warn_once
from otel_distro.export.spool.address import ROOT, Address, read_address
from otel_distro.export.spool.segment_folder import names

if TYPE_CHECKING:
    from pathlib import Path


def warn_of_others(state_dir: Path, address: Address) -> None:
    """Report once that the spool has telemetry of the app recorded under other credentials."""
    try:
        folders = sorted((state_dir / ROOT).iterdir())
    except OSError:
        return
    for folder in folders:
        other_address = read_address(folder)
        if other_address is None or other_address == address or not names(folder):
            continue
        if replace(other_address, credentials=address.credentials) == address:
            warn_once(
                f"telemetry of {address.service} for {address.endpoint}, recorded under other "
                f"credentials, waits in {folder}; run `otel-distro spool drain` to send it with "
                "the current credentials"
            )
            return
