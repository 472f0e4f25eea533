"""Delivery of alerts, with retries after an outage of the receiver."""

from __future__ import annotations

import os
import time
from email import message_from_string
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otel_distro.cli import main
from otel_distro.reports.doctor.telling import check_alerts
from otel_distro.settings import load, process_environment
from support.message_servers import MailServer, WebHook

# apprise imports it, and handles its removal.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True)
def _host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with a spent budget, which raises an alert."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("OTEL_DISTRO_BUDGET_USD_PER_DAY", "1")
    run("budgets", "set", "day", "1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_web_hook_is_called_once_at_the_beginning_and_once_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For any number of checks."""
    with WebHook() as hook:
        monkeypatch.setenv("OTEL_DISTRO_ALERT_URLS", hook.url)
        for _ in range(2):
            assert run("reports", "alerts", "check").exit_code == 1
        run("budgets", "reset", "day")
        assert run("reports", "alerts", "check").exit_code == 0

    assert [message["title"] for message in hook.messages] == [
        "[critical] budget 'day' is spent",
        "[resolved] budget 'day' is spent",
    ]


def test_failed_messages_are_sent_at_the_next_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver answered with an error the first time."""
    with WebHook(failures=1) as hook:
        monkeypatch.setenv("OTEL_DISTRO_ALERT_URLS", hook.url)
        run("reports", "alerts", "check")
        assert hook.messages == []
        run("reports", "alerts", "check")
        run("reports", "alerts", "check")

    assert [message["title"] for message in hook.messages] == ["[critical] budget 'day' is spent"]


def test_a_mail_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the recipient in the URL."""
    with MailServer() as server:
        monkeypatch.setenv("OTEL_DISTRO_ALERT_URLS", server.url)
        run("reports", "alerts", "check")

    (mail,) = map(message_from_string, server.mails)
    assert mail["Subject"] == "[critical] budget 'day' is spent"
    assert "ops@example.org" in mail["To"]


def test_a_test_message_is_sent_to_every_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a receiver that refuses is reported as a failure, without its secret."""
    with WebHook() as hook, MailServer() as server:
        monkeypatch.setenv("OTEL_DISTRO_ALERT_URLS", f"{hook.url},{server.url}")
        done = run("reports", "alerts", "test")
    monkeypatch.setenv("OTEL_DISTRO_ALERT_URLS", hook.url.replace("/ops", "/secret-token"))
    failed = run("reports", "alerts", "test")

    assert (done.exit_code, len(hook.messages), len(server.mails)) == (0, 1, 1)
    assert failed.exit_code == 1
    assert "secret-token" not in failed.output


def test_the_doctor_reports_whether_alerts_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No recipients, never checked, checked just now, not for two days."""

    def said() -> tuple[str, str]:
        (found,) = check_alerts(load(process_environment()).settings)
        return found.status, found.found

    assert said() == ("ok", "are not sent (OTEL_DISTRO_ALERT_URLS is not set)")
    with WebHook() as hook:
        monkeypatch.setenv("OTEL_DISTRO_ALERT_URLS", hook.url)
        assert said() == ("warn", "1 place, and no check has run yet")
        run("reports", "alerts", "check")
        assert said() == ("ok", "1 place, looked for 0 minutes ago")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(tmp_path / "otel-distro" / "alerts.json", (two_days_ago, two_days_ago))
    assert said() == ("warn", "1 place, looked for 2.0 days ago")
