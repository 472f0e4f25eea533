"""The settings view: values with sources, and consent, changed by authorised visitors."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from otel_distro.cli import main
from otel_distro.privacy import audit, consent_state
from otel_distro.settings import load
from otel_distro.settings.sources import in_force
from otel_distro.ui.app import Site, make_app
from otel_distro.ui.forms import FormTokens
from otel_distro.ui.security import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


HOST = "127.0.0.1:4320"
ORIGIN = f"http://{HOST}"
TOKEN = "a long random text"
FORM = "/settings/consent"


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Environment of the process that serves the page."""
    made = {"OTEL_DISTRO_STATE_DIR": str(tmp_path), "OTEL_DISTRO_CONSENT": "required"}
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def visitor(environ: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """Make visitors; by default with the token, as a browser that has opened the page."""
    opened = []

    def make(token: str | None = TOKEN, *, shown: bool = True, **access: Any) -> TestClient:
        site = Site(tmp_path / "ledger.db", load(environ).settings, Access(token, **access))
        client = TestClient(make_app(site), base_url=ORIGIN, follow_redirects=False)
        opened.append(client)
        if token and shown:
            client.cookies.set("otel_distro_ui", Access(token).cookie_value)
        return client

    yield make
    for client in opened:
        client.close()


def token_in(page: str) -> str:
    return page.partition('name="form_token" value="')[2].partition('"')[0]


def send(client: TestClient, answer: str = "granted", **changes: Any) -> Any:
    """Send the form as a browser does; *changes* are to its headers and fields."""
    fields = {"form_token": token_in(client.get("/settings").text), "answer": answer}
    fields |= changes.pop("fields", {})
    headers = {"origin": ORIGIN, "sec-fetch-site": "same-origin"} | changes.pop("headers", {})
    headers = {name: value for name, value in headers.items() if value is not None}
    return client.post(changes.pop("path", FORM), data=fields, headers=headers)


def decided(tmp_path: Path) -> str | None:
    decision = consent_state.read(tmp_path)
    return decision.answer if decision else None


def test_consent_is_granted_and_revoked_on_the_page(
    visitor: Callable[..., TestClient], tmp_path: Path
) -> None:
    """Each decision is in the private audit trail: user, time, decision, address."""
    client = visitor()
    assert "not decided" in client.get("/settings").text

    assert send(client, "granted").headers["location"] == "/settings"
    assert decided(tmp_path) == "granted"
    assert send(client, "revoked").status_code == 303
    assert decided(tmp_path) == "revoked"

    found = list(audit.entries(tmp_path))
    assert [entry.action for entry in found] == ["consent.granted", "consent.revoked"]
    assert all(entry.by and entry.at for entry in found)
    assert found[0].detail == {"how": "page", "notice_version": 1, "address": "testclient"}
    assert audit.verify(tmp_path).problems == ()
    assert stat.S_IMODE((tmp_path / audit.FILE_NAME).stat().st_mode) == 0o600
    assert "consent.revoked" in client.get("/settings").text


def test_the_command_prints_what_the_page_shows(
    visitor: Callable[..., TestClient], tmp_path: Path
) -> None:
    """Decision, origin of the setting, effect."""
    client = visitor()
    send(client, "granted")
    page = client.get("/settings").text
    shown = CliRunner().invoke(main, ["privacy", "consent", "show"]).output

    for text in ("granted", "page", "environment", "telemetry is recorded by programs"):
        assert text in page
        assert text in shown


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("another origin", {"headers": {"origin": "https://evil.example"}}),
        ("another port", {"headers": {"origin": "http://127.0.0.1:9999"}}),
        ("another name of this machine", {"headers": {"origin": "http://localhost:4320"}}),
        ("no origin", {"headers": {"origin": None}}),
        ("an origin that is hidden", {"headers": {"origin": "null"}}),
        ("an origin that only begins so", {"headers": {"origin": f"{ORIGIN}.evil.example"}}),
        ("an origin with a user", {"headers": {"origin": f"http://x@{HOST}"}}),
        ("no address at all", {"headers": {"origin": "http://[::"}}),
        ("another site, by the browser", {"headers": {"sec-fetch-site": "cross-site"}}),
        ("a sister site, by the browser", {"headers": {"sec-fetch-site": "same-site"}}),
        ("no form token", {"fields": {"form_token": ""}}),
        ("a form token that was guessed", {"fields": {"form_token": "A" * 43}}),
        ("the token of the page as form token", {"fields": {"form_token": TOKEN}}),
        ("an answer that is not offered", {"fields": {"answer": "revoked"}}),
        ("no answer", {"fields": {"answer": ""}}),
        ("text that is no form", {"headers": {"content-type": "text/plain"}}),
        ("a form that is too long", {"fields": {"more": "x" * 5000}}),
        ("too many fields", {"fields": {f"f{number}": "1" for number in range(20)}}),
        ("another path", {"path": "/settings"}),
        ("a path with a slash", {"path": "/settings/consent/"}),
    ],
)
def test_a_form_that_is_not_from_the_page_changes_nothing(
    visitor: Callable[..., TestClient], tmp_path: Path, what: str, change: dict[str, Any]
) -> None:
    """Cookie and token of the page are right each time."""
    answer = send(visitor(), **change)

    assert 400 <= answer.status_code < 500, what
    assert decided(tmp_path) is None
    assert not (tmp_path / audit.FILE_NAME).exists()


def test_a_form_counts_once(visitor: Callable[..., TestClient], tmp_path: Path) -> None:
    """A replayed request is refused."""
    client = visitor()
    fields = {"form_token": token_in(client.get("/settings").text), "answer": "granted"}
    headers = {"origin": ORIGIN}
    first = client.post(FORM, data=fields, headers=headers)
    consent_state.write(tmp_path, "revoked", "command")
    second_response = client.post(FORM, data=fields, headers=headers)

    assert (first.status_code, second_response.status_code) == (303, 403)
    assert decided(tmp_path) == "revoked"


def test_a_form_token_ages_and_only_two_hundred_are_kept() -> None:
    now = 0.0
    tokens = FormTokens(lambda: now)
    first, *others = [tokens.issue() for _ in range(201)]
    assert not tokens.redeem(first)
    assert tokens.redeem(others[0])
    now = 3601.0
    assert not tokens.redeem(others[1])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_address_alone_changes_nothing(
    visitor: Callable[..., TestClient], tmp_path: Path, method: str
) -> None:
    """Neither an image nor a link does."""
    client = visitor()
    query = f"answer=granted&form_token={token_in(client.get('/settings').text)}"
    assert client.request(method, f"{FORM}?{query}", headers={"origin": ORIGIN}).status_code == 405
    assert decided(tmp_path) is None


@pytest.mark.parametrize("shown", ["", "?token=wrong", f"?token={TOKEN}"])
def test_a_visitor_without_the_token_changes_nothing(
    visitor: Callable[..., TestClient], tmp_path: Path, shown: str
) -> None:
    """Nor does a visitor with the token in the form's address, which others may have seen."""
    form_token = token_in(visitor().get("/settings").text)
    stranger = visitor(shown=False)
    answer = stranger.post(
        FORM + shown,
        data={"form_token": form_token, "answer": "granted"},
        headers={"origin": ORIGIN, "cookie": "otel_distro_ui=wrong"},
    )

    assert answer.status_code == 401
    assert decided(tmp_path) is None


@pytest.mark.parametrize(
    ("token", "access", "reason"),
    [
        (None, {}, "set OTEL_DISTRO_UI_TOKEN"),
        (TOKEN, {"read_only": True}, "read-only"),
    ],
)
def test_without_a_token_or_read_only_there_is_no_form_and_none_is_accepted(
    visitor: Callable[..., TestClient],
    tmp_path: Path,
    token: str | None,
    access: dict[str, Any],
    reason: str,
) -> None:
    """And the page gives the reason."""
    client = visitor(token, **access)
    page = client.get("/settings").text
    answer = send(client)

    assert "<form" not in page
    assert reason in page
    assert answer.status_code == 403
    assert decided(tmp_path) is None


def test_a_name_made_to_point_here_changes_nothing(
    visitor: Callable[..., TestClient], tmp_path: Path
) -> None:
    """DNS rebinding: the origin would be that of the host."""
    headers = {"host": "evil.example", "origin": "http://evil.example"}
    assert send(visitor(), headers=headers).status_code == 421
    assert decided(tmp_path) is None


def test_each_value_has_its_source_and_no_secret_is_shown(tmp_path: Path) -> None:
    """Environment before file before default; unusable values are ignored."""
    file = tmp_path / "settings.toml"
    file.write_text(
        'exit_timeout = 3\nstore_days = 9\nui_token = "sEcret-1"\n[redaction]\nkinds={}\n'
    )
    environ = {
        "OTEL_DISTRO_CONFIG": str(file),
        "OTEL_DISTRO_STORE_DAYS": "4",
        "OTEL_DISTRO_STORE_MB": "much",
        "OTEL_DISTRO_SERVE_TOKEN": "sEcret-2",
        "OTEL_DISTRO_BUDGET_STORE": "postgresql://u:sEcret-3@db/budgets",
        "DO_NOT_TRACK": "1",
    }
    found = {one.name: one for one in in_force(environ)}

    def of(name: str) -> tuple[str, str]:
        return found[name].value, found[name].source

    assert of("OTEL_DISTRO_STORE_DAYS") == ("4", "environment")
    assert of("OTEL_DISTRO_EXIT_TIMEOUT") == ("3", "file")
    assert found["OTEL_DISTRO_EXIT_TIMEOUT"].place.startswith("exit_timeout in ")
    assert of("OTEL_DISTRO_SPOOL") == ("undelivered", "default")
    assert found["OTEL_DISTRO_STORE_MB"].is_refused
    assert "much" not in found["OTEL_DISTRO_STORE_MB"].value
    assert of("[redaction]") == ("kinds", "file")
    assert of("DO_NOT_TRACK") == ("1", "environment")
    assert "sEcret" not in repr(found)


def test_hostile_values_are_text_on_the_page(
    visitor: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A value, a program's name in the trail, another user's decision."""
    monkeypatch.setenv("OTEL_DISTRO_SERVE_ORIGINS", "http://<img src=x onerror=alert(1)>")
    audit.record(tmp_path, "settings.changed", by="<b>me</b>", program="<script>alert(1)</script>")
    consent_state.write(tmp_path, "granted", "<i>them</i>\x1b[31m")
    page = visitor().get("/settings").text

    for tag in ("<img src=x", "<b>me", "<script>alert", "<i>them", "\x1b"):
        assert tag not in page
