"""Service names of programs without OTEL_SERVICE_NAME."""

from __future__ import annotations

import pytest

from otel_distro.bootstrap.service_name import default_service_name


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python app.py", "app"),
        ("python -X dev -W error /srv/shop/app.py --port 1", "app"),
        ("python /venv/bin/shop --port 1", "shop"),
        ("python -m shop.worker", "shop"),
        ("python -u /srv/shop/__main__.py", "shop"),
    ],
)
def test_a_program_is_named_after_its_file_or_module(command: str, name: str) -> None:
    """Options of the interpreter are skipped with their values."""
    assert default_service_name({}, command.split()) == {"service.name": name}


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python /venv/bin/uvicorn --port 8000 shop.web:app", "shop"),
        ("python -m uvicorn shop:app", "shop"),
        ("python /venv/bin/gunicorn -w 4 -b localhost:8000 shop:make_app()", "shop"),
        ("python /venv/bin/flask --app examples/flask_shop.py run", "flask_shop"),
        ("python /venv/bin/celery -A tasks worker", "tasks"),
        ("python /venv/bin/celery --app=shop.tasks worker", "shop"),
        ("python /venv/bin/gunicorn -c gunicorn.conf.py", "gunicorn"),
    ],
)
def test_a_server_is_named_after_the_app_that_it_serves(command: str, name: str) -> None:
    """Two apps under one server are two services; an address is not an app."""
    assert default_service_name({}, command.split()) == {"service.name": name}


def test_flask_run_is_named_after_the_app_of_its_variable() -> None:
    """FLASK_APP is the usual variable."""
    command = ["python", "/venv/bin/flask", "run"]

    assert default_service_name({"FLASK_APP": "shop.py"}, command) == {"service.name": "shop"}


@pytest.mark.parametrize(
    ("environ", "name"),
    [({}, "notebook"), ({"JPY_SESSION_NAME": "/home/ada/costs.ipynb"}, "costs")],
)
def test_a_notebook_is_named_after_its_file(environ: dict[str, str], name: str) -> None:
    """If Jupyter provides it."""
    command = ["python", "-m", "ipykernel_launcher", "-f", "kernel.json"]

    assert default_service_name(environ, command) == {"service.name": name}


@pytest.mark.parametrize("command", ["python", "python -c pass", "python -", "python -Ic pass"])
def test_a_program_without_a_name_keeps_the_default_of_the_sdk(command: str) -> None:
    """Code on the command line has no name."""
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
