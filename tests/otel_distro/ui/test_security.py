"""Access to the page, and its security headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.ui.app import STATIC
from otel_distro.ui.security import COOKIE, POLICY, Access, host_name
from otel_distro.ui.serving import CannotServeError, address_of, check_host, listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

TOKEN = "correct horse battery staple"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:4320", "localhost", "LOCALHOST:1", "[::1]", "[::1]:4320"],
)
def test_the_page_is_served_under_the_names_of_this_machine(visit: TestClient, host: str) -> None:
    """With any port, because it may be forwarded."""
    assert visit.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:4320", "127.0.0.1.evil.example", "localhost.evil.example",
        "evil.example:127.0.0.1", "127.0.0.1@evil.example", "0.0.0.0", "2130706433", "localhost.",
        "[::1].evil.example", "[::1", "", "192.168.0.7", "127.0.0.1, evil.example", "127.0.0.1 ",
    ],
)  # fmt: skip
def test_a_name_made_to_point_here_is_refused(visit: TestClient, host: str) -> None:
    """DNS rebinding: for the browser the page would belong to the attacker's origin."""
    answer = visit.get("/", headers={"host": host})

    expected = 200 if host.strip() == "127.0.0.1" else 421
    assert answer.status_code == expected
    assert ("Model calls" in answer.text) == (expected == 200)


def test_every_path_is_behind_the_check(visit: TestClient) -> None:
    """Style sheets too: they would reveal the installed version."""
    for path in ("/", "/calls", "/panel/spend", "/static/ui.css", "/nowhere", f"/trace/{'0' * 32}"):
        assert visit.get(path, headers={"host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_the_page_is_read_only(visit: TestClient, method: str) -> None:
    """Except the form of the settings view, which has separate tests."""
    assert visit.request(method, "/").status_code == 405


@pytest.mark.parametrize("path", ["/", "/calls", "/panel/spend", "/nowhere", "/static/ui.js"])
def test_every_answer_is_marked_as_private(visit: TestClient, path: str) -> None:
    """No caching, no framing, no sharing, no foreign script."""
    headers = visit.get(path).headers

    assert headers["content-security-policy"] == POLICY
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    """No 'unsafe-inline', no scheme, no wildcard."""
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert "*" not in POLICY


def test_our_files_load_nothing_from_other_hosts() -> None:
    """No font, no image, no script of another host."""
    for file in STATIC.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
        assert "//cdn" not in text


def test_files_outside_the_folder_cannot_be_had(visit: TestClient) -> None:
    """Neither by dots nor by encoded dots."""
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
        assert visit.get(path).status_code == 404


@pytest.fixture
def locked(month: object, visitor: Callable[..., TestClient]) -> TestClient:
    """The page behind a token."""
    return visitor(month, access=Access(TOKEN))


def test_a_token_is_required_if_set(locked: TestClient) -> None:
    """And the response says where to find it."""
    for path in ("/", "/static/ui.css", "/?token=wrong", "/?token="):
        answer = locked.get(path)
        assert answer.status_code == 401
        assert "?token=" in answer.text


def test_the_token_opens_the_page_and_leaves_the_address(locked: TestClient) -> None:
    """A cookie remains that no script can read and no other site can send."""
    answer = locked.get("/?by=tenant&token=" + TOKEN.replace(" ", "%20"), follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/?by=tenant")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert locked.get("/?by=tenant").status_code == 200


def test_programs_send_the_token_as_bearer(locked: TestClient) -> None:
    """A wrong one is refused."""
    right = locked.get("/panel/spend", headers={"authorization": f"Bearer {TOKEN}"})
    wrong = locked.get("/panel/spend", headers={"authorization": "Bearer wrong"})

    assert (right.status_code, wrong.status_code) == (200, 401)


@pytest.mark.parametrize("cookie", [f"{COOKIE}=x", f"{COOKIE}={TOKEN}", "=;=", f'{COOKIE}="'])
def test_a_forged_cookie_is_refused(locked: TestClient, cookie: str) -> None:
    """Not even the token itself, because the cookie has another value."""
    answer = locked.get("/", headers={"cookie": cookie})

    assert answer.status_code == 401


def test_the_redirect_never_leads_away(locked: TestClient) -> None:
    """A path of two slashes names another host."""
    answer = locked.get(
        f"{locked.base_url}//evil.example/?token={TOKEN}".replace(" ", "%20"),
        follow_redirects=False,
    )

    assert answer.headers["location"].startswith("/evil.example")


def test_with_a_token_addresses_are_good_names_and_other_names_are_not() -> None:
    """Only names can be rebound; one may be allowed."""
    access = Access(TOKEN, frozenset({"box.internal"}))

    assert access.allows_host("192.168.0.7:4320")
    assert access.allows_host("[fe80::1]:4320")
    assert access.allows_host("box.internal:4320")
    assert not access.allows_host("evil.example")
    assert not Access().allows_host("192.168.0.7")


@given(st.text())
def test_no_host_header_breaks_it(header: str) -> None:
    """It is allowed or not."""
    assert isinstance(Access().allows_host(header), bool)
    assert isinstance(host_name(header), str)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "box.internal", ""])
def test_others_are_let_in_only_with_a_token(host: str) -> None:
    """The message says how to set one."""
    with pytest.raises(CannotServeError, match="OTEL_DISTRO_UI_TOKEN"):
        check_host(host, None)
    check_host(host, TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    """No other machine reaches it."""
    check_host(host, None)


def test_a_port_in_use_is_reported() -> None:
    """With what to do; port 0 is any free one."""
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(CannotServeError, match=f"port {port}: address already in use"):
            listen("127.0.0.1", port)

        assert address_of(first, "127.0.0.1", None) == f"http://127.0.0.1:{port}/"
        assert address_of(first, "0.0.0.0", "a b&c").endswith(f":{port}/?token=a%20b%26c")
