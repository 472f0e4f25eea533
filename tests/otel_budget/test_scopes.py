"""Scopes of a call, and the budget functions for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from otel_budget.cost_budget import Action, CostBudget
from otel_budget.refusal import Refusal, Refused
from otel_distro import BudgetExceeded
from otel_distro.api import budget
from otel_distro.pipeline.budgets.scopes import WITHOUT, Scopes, ScopeSpanProcessor, without_scope
from otel_wire.requests import ModelRequest
from support.process import clean_environment, instrumented

if TYPE_CHECKING:
    from pathlib import Path

    from support.budgets import SlowProvider

REQUEST = ModelRequest("openai", "gpt-4o", "chat", 10)


def test_the_app_sets_the_scope() -> None:
    """The innermost value wins, and is gone afterwards."""
    scopes = Scopes(())
    with budget.scope(tenant="acme", user="ada"), budget.scope(user="grace"):
        values = scopes(REQUEST, {})

    assert (values["tenant"], values["user"]) == ("acme", "grace")
    assert scopes(REQUEST, {})["tenant"] is None


def test_only_trusted_baggage_counts() -> None:
    """Any client may send baggage."""
    token = context.attach(
        baggage.set_baggage("tenant.id", "acme", baggage.set_baggage("user.id", "eve"))
    )
    try:
        values = Scopes(("tenant.id",))(REQUEST, {})
    finally:
        context.detach(token)

    assert (values["tenant"], values["user"]) == ("acme", None)


def test_the_current_span_may_set_the_scope() -> None:
    """By the same attributes as in the ledger."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("app")
    with tracer.start_as_current_span("work", attributes={"session.id": "s-1"}):
        values = Scopes(())(REQUEST, {})

    assert values["session"] == "s-1"


class CopiesBaggage(SpanProcessor):
    """As upstream's processor: each span gets the baggage at its start."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        for key, value in baggage.get_all(parent_context).items():
            span.set_attribute(key, value)


@pytest.mark.parametrize("copies_first", [True, False])
@pytest.mark.parametrize("kept", [True, False])
def test_baggage_copied_to_spans_is_no_more_trusted_than_baggage(
    copies_first: bool, kept: bool
) -> None:
    """Also where the baggage is gone when the call is made."""
    scopes = Scopes(())
    provider = TracerProvider(shutdown_on_exit=False)
    processors = [CopiesBaggage(), ScopeSpanProcessor(scopes)]
    for processor in processors if copies_first else reversed(processors):
        provider.add_span_processor(processor)
    came_in = baggage.set_baggage("tenant.id", "forged")
    span = provider.get_tracer("app").start_span("serve", context=came_in)
    assert getattr(span, "attributes", {})["tenant.id"] == "forged"
    token = context.attach(trace.set_span_in_context(span, came_in if kept else None))
    try:
        assert scopes(REQUEST, {})["tenant"] is None
        span.set_attribute("tenant.id", "acme")
        assert scopes(REQUEST, {})["tenant"] == "acme"
    finally:
        context.detach(token)


def test_calls_charged_after_their_end_follow_the_same_rule() -> None:
    """Values from the app count, values from baggage do not."""
    scopes = Scopes(("user.id",))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(CopiesBaggage())
    provider.add_span_processor(ScopeSpanProcessor(scopes))
    came_in = baggage.set_baggage("tenant.id", "forged", baggage.set_baggage("user.id", "ada"))
    ids = provider.get_tracer("app").start_span("chat", context=came_in).get_span_context()
    forged: dict[str, str | None] = {"tenant": "forged", "user": "ada"}
    own: dict[str, str | None] = {"tenant": "acme", "user": "ada"}

    assert scopes.trusted(forged, ids.trace_id, ids.span_id) == {"tenant": None, "user": "ada"}
    assert scopes.trusted(own, ids.trace_id, ids.span_id) == own
    assert scopes.trusted(forged, 1, 1) == forged


def test_calls_without_a_scope_value_meet_the_stated_policy() -> None:
    """One account together, nothing, or a refusal that says what to do."""
    each = CostBudget(name="each", limit=1, scope="tenant", action=Action.REFUSE)
    one = CostBudget(name="one", limit=1, scope="tenant", match="acme", action=Action.REFUSE)
    nobody: dict[str, str | None] = {"tenant": None, "model": "m"}

    assert without_scope(nobody, "together", [each])["tenant"] == WITHOUT
    assert without_scope(nobody, "allow", [each])["tenant"] is None
    assert without_scope(nobody, "refuse", [one])["tenant"] is None
    with pytest.raises(Refused, match=r"budget\.scope\(tenant="):
        without_scope(nobody, "refuse", [each])


@pytest.mark.parametrize(("policy", "what"), [("together", "one account"), ("allow", "not count")])
def test_a_call_without_a_tenant_under_a_budget_per_tenant_is_reported_once(
    policy: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the policy; calls with a tenant are not."""
    each = CostBudget(name=f"each-{policy}", limit=1, scope="tenant")

    for tenant in ("acme", None, None):
        without_scope({"tenant": tenant}, policy, [each])

    said = capsys.readouterr().err
    assert said.count(f"budget 'each-{policy}' is kept for each tenant") == 1
    assert what in said


def test_an_api_key_is_read_from_any_of_its_headers() -> None:
    """It is hidden before it is stored."""
    assert Scopes(())(REQUEST, {"x-api-key": "sk-1"})["api_key"] == "sk-1"


def test_spans_have_the_scope_attributes() -> None:
    """So that the ledger has it as well; attributes of the span stay."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ScopeSpanProcessor(Scopes(())))
    tracer = provider.get_tracer("app")
    with budget.scope(tenant="acme", user="ada"):
        span = tracer.start_span("work", attributes={"user.id": "own"})

    attributes = getattr(span, "attributes", {})
    assert attributes == {"user.id": "own", "tenant.id": "acme"}
    assert trace.get_current_span() is not span


def test_a_typed_error_replaces_the_clients_own() -> None:
    """Only around refused calls; the client's error is its cause."""
    refusal = Refusal("no room", "gpt-4o", "day", "usd", "5", "5", "0", "2026-01-01T00:00:00Z")
    with pytest.raises(BudgetExceeded, match="no room") as caught, budget.typed_errors():
        budget.note_refusal(refusal)
        raise KeyError("status 402")

    assert (caught.value.budget, caught.value.limit) == ("day", "5")
    assert isinstance(caught.value.__cause__, KeyError)


def test_other_errors_are_unchanged() -> None:
    """No call was refused."""
    with pytest.raises(KeyError), budget.typed_errors():
        raise KeyError("other")


def test_remaining_without_any_budget_is_all_of_it() -> None:
    """A program that picks a model by it runs under plain `python` as well."""
    found = budget.remaining("per tenant", tenant="acme")

    assert (found.limit, found.left, found.share) == (None, None, 1.0)


ROUTER = """
import sys, openai
from otel_distro import BudgetExceeded, budget
heard = []
budget.on_threshold(lambda crossing: heard.append(crossing.percent))
client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="sk-x")

def call(model):
    client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "hi"}], max_tokens=300
    )

for tenant in ("acme", "globex"):
    with budget.scope(tenant=tenant):
        for _ in range(4):
            share = budget.remaining("per tenant", tenant=tenant).share
            try:
                with budget.typed_errors():
                    call("gpt-4o")
                print(tenant, round(share, 2), "sent")
            except BudgetExceeded as error:
                print(tenant, round(share, 2), error.budget, error.spent)
print(sorted(heard))
"""


@pytest.mark.slow
@pytest.mark.process
def test_each_tenant_has_a_budget_and_a_router_can_ask(
    tmp_path: Path, provider: SlowProvider
) -> None:
    """Three calls each at 0.006 of 0.018."""
    file = tmp_path / "otel-distro.toml"
    file.write_text(
        '[[budgets]]\nname = "per tenant"\nscope = "tenant"\nlimit_usd = 0.018\n'
        'action = "refuse"\nwindow = "month"\n'
    )
    environ = clean_environment(
        tmp_path,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_DISTRO_CONFIG=str(file),
    )
    done = instrumented(ROUTER, environ, provider.url)

    assert done.stdout.splitlines() == [
        "acme 1.0 sent",
        "acme 0.67 sent",
        "acme 0.33 sent",
        "acme 0.0 per tenant 0.018",
        "globex 1.0 sent",
        "globex 0.67 sent",
        "globex 0.33 sent",
        "globex 0.0 per tenant 0.018",
        "[50, 50, 80, 80, 95, 95, 100, 100]",
    ], done.stderr
    assert len(provider.requests) == 6
