"""The settings page: effective values with their sources, and the consent decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from otel_distro.base.errors import OtelDistroError
from otel_distro.base.formatting import printable
from otel_distro.privacy import audit, consent
from otel_distro.settings import environment_variables as env
from otel_distro.settings import load, process_environment
from otel_distro.settings.sources import in_force
from otel_distro.ui.forms import FormTokens, RefusedFormError, read_form
from otel_distro.ui.rendering import render

if TYPE_CHECKING:
    from starlette.requests import Request

    from otel_distro.privacy.consent_state import Answer
    from otel_distro.settings import Settings
    from otel_distro.ui.security import Access

PATH: Final = "/settings"
CONSENT: Final = "/settings/consent"
"""The only path that accepts a form."""
_MOST_ENTRIES: Final = 20
_ACTIONS: Final = ("consent.", "settings.")


class SettingsPages:
    """The endpoints of the page for *settings*."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self._settings = settings
        self._access = access
        self._tokens = FormTokens()
        environ = process_environment()
        loaded = load(environ)
        self._in_force = in_force(environ, loaded)
        self._problems = [f"{problem.name}: {problem.message}" for problem in loaded.problems]

    def show(self, request: Request) -> Response:
        """Show the settings; the query is ignored."""
        status = consent.status_of(self._settings)
        required = next(one for one in self._in_force if one.name == env.OTEL_DISTRO_CONSENT)
        why_not = self._why_not()
        return HTMLResponse(
            render(
                "settings.html",
                path=PATH,
                status=status,
                required=required,
                notice=consent.notice_of(self._settings).splitlines(),
                answers=_answers(status),
                why_not=why_not,
                form_token="" if why_not else self._tokens.issue(),
                chosen=[one for one in self._in_force if one.source != "default"],
                standard=[one for one in self._in_force if one.source == "default"],
                problems=self._problems,
                trail=self._trail(),
            )
        )

    async def decide(self, request: Request) -> Response:
        """Store the decision of a form; raises HTTPException if it is refused."""
        why_not = self._why_not()
        if why_not:
            raise HTTPException(403, why_not)
        try:
            fields = await read_form(request, self._tokens)
        except RefusedFormError as error:
            raise HTTPException(error.status, str(error)) from error
        answer = fields.get("answer", "")
        offered = [name for name, _ in _answers(consent.status_of(self._settings))]
        if answer not in offered:
            raise HTTPException(409, "this decision is not possible now; open the page again")
        address = request.client.host if request.client else ""
        try:
            await run_in_threadpool(
                consent.decide, self._settings, cast("Answer", answer), "page", address=address
            )
        except OtelDistroError as error:
            raise HTTPException(503, str(error)) from error
        return RedirectResponse(PATH, 303)

    def _why_not(self) -> str:
        """Return why changes are disabled; empty if they are enabled."""
        if self._access.read_only:
            return "This page is read-only. `otel-distro privacy consent` decides."
        if self._access.token is None:
            return (
                "Nothing can be changed here without a token, because others may reach this page: "
                f"set {env.OTEL_DISTRO_UI_TOKEN}, or use `otel-distro privacy consent`."
            )
        return ""

    def _trail(self) -> list[tuple[str, str, str, str]]:
        """Return the last decisions, newest first: time, decision, author, details."""
        try:
            decisions = [
                entry
                for entry in audit.entries(self._settings.state_dir)
                if entry.action.startswith(_ACTIONS)
            ]
        except audit.AuditError:
            return []
        return [
            (
                entry.at[:19].replace("T", " "),
                printable(entry.action),
                printable(entry.by),
                printable(
                    ", ".join(f"{key} {value}" for key, value in entry.detail.items() if value)
                ),
            )
            for entry in reversed(decisions[-_MOST_ENTRIES:])
        ]


def _answers(status: consent.Status) -> list[tuple[str, str]]:
    """Return the currently possible decisions, with their button labels."""
    decision = status.decision
    if decision is not None and decision.granted:
        return [("revoked", "Revoke consent")]
    if decision is None or decision.answer in {"granted", "unanswered"}:
        return [("granted", "Agree"), ("refused", "Do not agree")]
    return [("granted", "Agree")]
