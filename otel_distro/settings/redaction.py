"""The redaction policy from the file's section, overridden by variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from otel_distro.settings import environment_variables as env
from otel_redaction import DEFAULT_POLICY, Policy, PseudonymKey, load_detectors

if TYPE_CHECKING:
    from pathlib import Path

    from otel_redaction import Detector


def read_policy(values: Mapping[str, Any], section: Mapping[str, Any]) -> Policy:
    """Return the policy for *values* by variable name and the file's redaction *section*.

    Raises ValueError (also as `PolicyError`) or OSError for an invalid value.
    """
    table = dict(section)
    for kind in values.get(env.OTEL_DISTRO_REDACTION_ALLOW_KINDS, ()):
        table["kinds"] = {**_mapping(table, "kinds"), kind: "allow"}
    if allowed := values.get(env.OTEL_DISTRO_REDACTION_ALLOW_KEYS):
        known = table.get("allow_keys", [])
        table["allow_keys"] = [*(known if isinstance(known, list) else [known]), *allowed]
    if people := values.get(env.OTEL_DISTRO_REDACTION_PEOPLE):
        table["people"] = people
    key = _pseudonym_key(values)
    if key is not None:
        # A key enables pseudonyms, unless the file sets otherwise.
        table.setdefault("default", "pseudonym")
    policy = Policy.from_mapping(table) if table else DEFAULT_POLICY
    if key is not None:
        policy = replace(policy, pseudonym_key=key)
    detectors = _installed_detectors()
    return replace(policy, detectors=detectors) if detectors else policy


@cache
def _installed_detectors() -> tuple[Detector, ...]:
    return load_detectors()


def _mapping(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is not a table of kinds and actions")  # noqa: TRY004
    return dict(value)


def _pseudonym_key(values: Mapping[str, Any]) -> PseudonymKey | None:
    if text := values.get(env.OTEL_DISTRO_PSEUDONYM_KEY):
        return PseudonymKey(str(text).encode())
    file: Path | None = values.get(env.OTEL_DISTRO_PSEUDONYM_KEY_FILE)
    if file is None:
        return None
    try:
        return PseudonymKey(file.read_bytes().strip())
    except OSError as error:
        # The file name is not in the message: it may be the key itself, set by mistake.
        raise ValueError(
            f"cannot read the file that {env.OTEL_DISTRO_PSEUDONYM_KEY_FILE} names: "
            f"{error.strerror}"
        ) from error
