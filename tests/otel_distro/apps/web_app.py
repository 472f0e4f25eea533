"""A real app with secrets in every field that may contain text.

usage: web_app.py PROVIDER_URL
"""

from __future__ import annotations

import logging
import sqlite3
import sys

import anthropic
import flask
import openai
from opentelemetry import metrics, trace

EMAIL = "grace.hopper@navy-mail.example"
CARD = "5555 5555 5555 4444"
KEY = "sk-ant-api03-Zx8QwErTy12UiOpAsDfGhJkL45ZxCvBnM67QwErTy89UiOpAsDf-AA"
SSN = "219-54-1873"
PASSWORD = "Tr0ub4dor&3xyz"
SECRETS = (EMAIL, CARD, KEY, SSN, PASSWORD)

tracer = trace.get_tracer("web_app")
meter = metrics.get_meter("web_app")
log = logging.getLogger("web_app")
app = flask.Flask("web_app")


@app.get("/pay/<who>")
def pay(who: str) -> str:
    span = trace.get_current_span()
    span.set_attribute("note", f"card {CARD}")
    span.set_attribute("nested", {"deep": [{"mail": EMAIL}, f'{{"api_key": "{KEY}"}}']})
    span.add_event(f"asked by {EMAIL}", {"ssn": SSN})
    connection = sqlite3.connect(":memory:")
    connection.cursor().execute(f"select '{EMAIL}', '{CARD}' where '{SSN}' = '1'")
    log.warning("user %s pays with %s", EMAIL, CARD, extra={"contact": EMAIL})
    try:
        raise ValueError(f"card {CARD} of {EMAIL} was refused")
    except ValueError:
        log.exception("payment of %s failed", EMAIL)
    meter.create_counter("payments").add(1, {"who": EMAIL})
    return who


def main(provider: str) -> None:
    client = openai.OpenAI(base_url=f"{provider}/v1", api_key=KEY, max_retries=0)
    client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": f"I am {EMAIL}, ssn {SSN}, key {KEY}, card {CARD}"}],
    )
    claude = anthropic.Anthropic(base_url=provider, api_key=KEY, max_retries=0)
    claude.messages.create(
        model="claude-sonnet-4-5-20250929",
        max_tokens=100,
        messages=[{"role": "user", "content": f"write to {EMAIL}"}],
    )
    web = app.test_client()
    web.get(f"/pay/{EMAIL}?api_key={KEY}&password={PASSWORD}", headers={"authorization": KEY})
    try:
        with tracer.start_as_current_span(f"lookup {EMAIL}", attributes={"password": PASSWORD}):
            raise RuntimeError(f"token {KEY} for {EMAIL}")
    except RuntimeError:
        pass
    context = trace.get_current_span().get_span_context()
    with tracer.start_as_current_span("linked", links=[trace.Link(context, {"mail": EMAIL})]):
        pass
    with trace.get_tracer("scoped", attributes={"owner": EMAIL}).start_as_current_span("scoped"):
        pass


if __name__ == "__main__":
    main(sys.argv[1])
