"""Values of settings that may hold secrets are never printed, not even invalid ones."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from otel_distro.base.errors import SettingsError
from otel_distro.cli.doctor_command import command as doctor
from otel_distro.privacy.content.sealing import new_key_pair
from otel_distro.settings import audit, load
from otel_distro.settings import environment_variables as env
from otel_distro.settings.variables import VARIABLES, Variable

PRIVATE_KEY, PUBLIC_KEY = new_key_pair()
MISTAKES = {
    "private content key": (PRIVATE_KEY, PRIVATE_KEY.removeprefix("otc1-private-")),
    "cut private content key": (PRIVATE_KEY[:-5], PRIVATE_KEY[13:-5]),
    "token": ("tok_live_51H8xqLk2eZvKYlo2C", "51H8xqLk2eZvKYlo2C"),
    "url with a password": ("mysql://otel:hunter2secret@db.internal/x", "hunter2secret"),
    "url without its slashes": ("postgres:otel:hunter2secret@db.internal/x", "hunter2secret"),
    "pair with a token": ("httpx=tok_live_51H8xqLk2eZvKYlo2C", "51H8xqLk2eZvKYlo2C"),
    "list with a token": ("email,tok_live_51H8xqLk2eZvKYlo2C", "51H8xqLk2eZvKYlo2C"),
    "api key": ("sk-proj-a8Kd93jfLs02mfn38dJ1lqPz", "a8Kd93jfLs02mfn38dJ1lqPz"),
}
"""Invalid settings, and the part that must not be printed."""


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_no_message_has_the_value(variable: Variable, mistake: str, tmp_path: Path) -> None:
    """Neither at the start nor in `doctor --settings`."""
    name = variable.name
    value, secret = MISTAKES[mistake]
    environ = {env.OTEL_DISTRO_STATE_DIR: str(tmp_path), name: value}
    loaded = load(environ)

    assert secret not in str(SettingsError(loaded.problems))
    listed = CliRunner().invoke(doctor, ["--settings", "--json"], env={name: value})
    assert secret not in listed.output


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize(
    "key", [variable.key for variable in VARIABLES if variable.key], ids=lambda key: key
)
def test_no_message_has_the_value_of_a_file(key: str, mistake: str, tmp_path: Path) -> None:
    """The same settings in TOML."""
    value, secret = MISTAKES[mistake]
    text = f"{key} = {json.dumps(value)}\n"
    section = tomllib.loads(text)

    assert secret not in str(SettingsError(load({}, section).problems))


@pytest.mark.parametrize("name", [variable.name for variable in VARIABLES if variable.secret])
def test_the_audit_trail_has_no_secret(name: str, tmp_path: Path) -> None:
    """Of a changed secret only the fact is recorded."""
    secret = "x7Kd93jfLs02mfn38dJ1lqPz"
    environ = {env.OTEL_DISTRO_STATE_DIR: str(tmp_path), name: secret}
    audit.note(load(environ).settings, "shop")

    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secret.encode() not in written
