"""A worker whose model calls have the session, user and tenant of the original request.

Session, user and tenant travel in the task's headers, because OTEL_DISTRO_BAGGAGE allows it, and
the worker trusts them: both sides are ours. `opentelemetry-instrumentation-celery` puts them there.

export OTEL_DISTRO_BAGGAGE=session.id,user.id,tenant.id
opentelemetry-instrument celery --workdir examples/celery_worker -A tasks worker --pool solo
opentelemetry-instrument python examples/celery_worker/tasks.py
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from celery import Celery
from models import openai_client

import otel_distro

folder = Path(os.environ.get("BROKER_DIR") or Path(tempfile.gettempdir()) / "otel-distro-broker")
folder.mkdir(parents=True, exist_ok=True)

# Files in a folder instead of a server, so that the example needs none.
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(folder),
    "data_folder_out": str(folder),
    "control_folder": str(folder / "control"),
}


@app.task(name="summarise")
def summarise(text: str) -> str:
    """Ask the model for a summary."""
    with otel_distro.measure("summarise", component="worker"):
        done = openai_client().chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": f"Summarise: {text}"}]
        )
    return str(done.choices[0].message.content)


def main() -> None:
    """Submit a task for a tenant and a user."""
    with (
        otel_distro.tenant("acme"),
        otel_distro.user("ada"),
        otel_distro.session() as session,
        otel_distro.measure("request"),
    ):
        summarise.delay("a long text")
    print(f"asked in session {session}")


if __name__ == "__main__":
    main()
