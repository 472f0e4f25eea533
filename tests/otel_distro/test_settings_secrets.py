"""No value that may be a secret is printed, whatever variable it was put into by mistake."""

from __future__ import annotations

import pytest

from otel_distro.settings import load
from otel_distro.settings.variables import VARIABLES

SECRETS = {
    "API key": "sk-proj-Zx81Qm0LrT7vYb2NcW4eHs9K",
    "private content key": "otcs1" + "Ab3_" * 10 + "x9Z",
    "URL with password": "mysql://otel:Wq7hunter2pass@db.internal/x",
    "base64": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEg==",
    "hexadecimal": "deadbeef0badc0de1234567890abcdef",
    "words before it": "password=Tr0ub4dor.and.3.more",
    "a key with a list": "httpx=sk-proj-Zx81Qm0LrT7vYb2NcW4eHs9K,a=b",
    "a short URL": "ftp://u:Wq7hunter2pass@h",
}
SPECIMENS = ("Zx81Qm0", "Ab3_Ab3", "hunter2", "q83vEj", "deadbeef", "Tr0ub4", "NcW4e")


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_a_secret_in_any_variable_is_not_printed(variable: object, kind: str) -> None:
    """Neither by the problem's name nor by its reason, from the environment or from the file."""
    name, key = variable.name, variable.key  # type: ignore[attr-defined]  # parametrized
    loads = [load({"XDG_STATE_HOME": "/s", name: SECRETS[kind]})]
    if key:
        loads.append(load({"XDG_STATE_HOME": "/s"}, {key: SECRETS[kind]}))

    for loaded in loads:
        said = " ".join(map(str, loaded.problems)) + repr(loaded.problems)
        assert not [part for part in SPECIMENS if part in said]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_DISTRO_BUDGET_USD_PER_DAY", "ten"),
        ("OTEL_DISTRO_STRICT", "maybe"),
        ("OTEL_DISTRO_SPOOL", "sometimes"),
        ("OTEL_DISTRO_LOG_FILE_MB", "10MB"),
    ],
)
def test_a_harmless_value_is_shown(name: str, value: str) -> None:
    """It is what helps to find the mistake."""
    (problem,) = load({"XDG_STATE_HOME": "/s", name: value}).problems

    assert repr(value) in problem.name
