"""Programs without OTEL_SERVICE_NAME are named after themselves."""

from __future__ import annotations

import pytest

from otel_distro.bootstrap.service_name import default_service_name


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python app.py", "app"),
        ("python -X dev -W error /srv/shop/app.py --port 1", "app"),
        ("python /venv/bin/uvicorn app:app", "uvicorn"),
        ("python -m shop.worker", "shop"),
        ("python -u /srv/shop/__main__.py", "shop"),
    ],
)
def test_a_program_is_named_after_its_file_or_module(command: str, name: str) -> None:
    """Options of the interpreter are skipped with their values."""
    assert default_service_name({}, command.split()) == {"service.name": name}


@pytest.mark.parametrize("command", ["python", "python -c pass", "python -", "python -Ic pass"])
def test_a_program_without_a_name_keeps_the_default_of_the_sdk(command: str) -> None:
    """Code given on the command line is no name."""
    assert default_service_name({}, command.split()) == {}


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_SERVICE_NAME": "shop"},
        {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=dev,service.name=shop"},
    ],
)
def test_a_name_given_by_the_user_stays(environ: dict[str, str]) -> None:
    """By either variable."""
    assert default_service_name(environ, ["python", "app.py"]) == {}
