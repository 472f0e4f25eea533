"""A web service that stays within its budget, with its own message when it is spent.

export OTEL_DISTRO_BUDGET_USD_PER_DAY=5 OTEL_DISTRO_BUDGET_ACTION=refuse
opentelemetry-instrument flask --app app.py run
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flask import Flask, jsonify, request
from models import anthropic_client

import otel_distro
from otel_distro import BudgetExceeded
from otel_distro.api import budget

app = Flask(__name__)


@app.post("/ask")
def ask() -> Any:
    """Answer a question, or return the time of the budget's reset."""
    text = str((request.get_json(silent=True) or {}).get("text", ""))
    with otel_distro.session(request.headers.get("x-session-id")):
        try:
            with budget.typed_errors(), otel_distro.measure("ask", component="api"):
                done = anthropic_client().messages.create(
                    model="claude-sonnet-4-5",
                    max_tokens=300,
                    messages=[{"role": "user", "content": text}],
                )
        except BudgetExceeded as error:
            return jsonify(error="too expensive today", try_again_at=error.resets_at), 429
    return jsonify(answer=done.content[0].text)
