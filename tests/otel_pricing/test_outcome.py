"""Outcome of a call, and the possible cost of a failed one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_pricing import CostStatus, ModelCall, PriceBook, SpanEvent, Usage, price_call

if TYPE_CHECKING:
    from collections.abc import Callable

CHAT: dict[str, object] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
}


def exception(**attributes: object) -> SpanEvent:
    """Return an exception event."""
    return SpanEvent(
        name="exception",
        attributes={f"exception.{name}": value for name, value in attributes.items()},
    )


def test_a_call_without_an_error_did_not_fail(read: Callable[..., ModelCall]) -> None:
    """Neither an unset nor an ok status is an error."""
    assert not read(CHAT).failed


@pytest.mark.parametrize(
    ("attributes", "fields", "error"),
    [
        pytest.param(
            {"error.type": "openai.RateLimitError"}, {}, "openai.RateLimitError", id="attribute"
        ),
        pytest.param(
            {},
            {"status_is_error": True, "events": (exception(type="TimeoutError"),)},
            "TimeoutError",
            id="exception event",
        ),
        pytest.param(
            {},
            {"status_is_error": True, "status_message": "RateLimitError: Error code: 429 - x"},
            "RateLimitError",
            id="status message",
        ),
        pytest.param(
            {}, {"status_is_error": True, "status_message": "no luck"}, "_OTHER", id="unnamed"
        ),
    ],
)
def test_the_error_is_named_by_the_best_source(
    attributes: dict[str, object],
    fields: dict[str, object],
    error: str,
    read: Callable[..., ModelCall],
) -> None:
    """A status of error always gives the call an error type."""
    assert read(CHAT | attributes, **fields).error_type == error


@pytest.mark.parametrize(
    ("attributes", "message", "code"),
    [
        ({"http.response.status_code": 429}, "", 429),
        ({"http.status_code": 503}, "", 503),
        ({"error.type": "429"}, "", 429),
        ({}, "Error code: 402 - {'error': 'budget'}", 402),
        ({}, "HTTP 404 Not Found", 404),
        ({}, "failed with status_code=500", 500),
        ({}, "took 429 ms", None),
        ({"http.response.status_code": 42}, "", None),
        ({}, "", None),
    ],
)
def test_the_http_status_is_read_from_the_span(
    attributes: dict[str, object], message: str, code: int | None, read: Callable[..., ModelCall]
) -> None:
    """Few instrumentations have an attribute for it; the error message has it."""
    call = read(CHAT | attributes, status_is_error=True, status_message=message)

    assert call.http_status_code == code


REJECTED = [
    "openai.RateLimitError",
    "rate_limit_error",
    "ThrottlingException",
    "AuthenticationError",
    "PermissionDeniedError",
    "AccessDeniedException",
    "NotFoundError",
    "BadRequestError",
    "invalid_request_error",
    "InvalidRequestError",
    "ValidationException",
    "UnprocessableEntityError",
    "request_too_large",
    "ResourceExhausted",
    "ServiceQuotaExceededException",
    "PaymentRequiredError",
    "billing_error",
    "BudgetExceeded",
    "overloaded_error",
    "ContextWindowExceededError",
    "ContentPolicyViolationError",
    "ModelNotReadyException",
    "NoCredentialsError",
    "EndpointConnectionError",
    "httpx.ConnectError",
    "ConnectionRefusedError",
    "langchain_openai.chat_models.base.OpenAIRateLimitError",
]
UNKNOWABLE = [
    "APITimeoutError",
    "TimeoutError",
    "asyncio.CancelledError",
    "GeneratorExit",
    "APIConnectionError",
    "InternalServerError",
    "ReadError",
    "RemoteProtocolError",
    "JSONDecodeError",
    "_OTHER",
]


@pytest.mark.parametrize("error", REJECTED)
def test_a_call_that_was_turned_away_is_free(
    error: str, call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """The provider did no work, so the cost is known to be zero."""
    priced = price_call(call(usage=None, error_type=error), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.FREE, 0)
    assert error in priced.reason


@pytest.mark.parametrize("error", UNKNOWABLE)
def test_a_call_that_may_have_run_is_unpriced(
    error: str, call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """A timeout or a broken stream may still be billed by the provider."""
    priced = price_call(call(usage=None, error_type=error), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.UNPRICED, None)
    assert priced.exposure_nano_usd is not None


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (400, CostStatus.FREE),
        (401, CostStatus.FREE),
        (402, CostStatus.FREE),
        (403, CostStatus.FREE),
        (404, CostStatus.FREE),
        (408, CostStatus.UNPRICED),
        (413, CostStatus.FREE),
        (422, CostStatus.FREE),
        (429, CostStatus.FREE),
        (499, CostStatus.UNPRICED),
        (500, CostStatus.UNPRICED),
        (502, CostStatus.UNPRICED),
        (503, CostStatus.FREE),
        (504, CostStatus.UNPRICED),
        (529, CostStatus.FREE),
        (200, CostStatus.UNPRICED),
    ],
)
def test_the_http_status_takes_precedence_over_the_class(
    code: int, status: CostStatus, call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """A general error class with 402 is a refusal; with 500 it may have run."""
    failed = call(usage=None, error_type="APIStatusError", http_status_code=code)

    assert price_call(failed, book).status is status


@pytest.mark.parametrize("where", ["message", "stacktrace"])
def test_a_request_that_never_left_is_free(
    where: str, read: Callable[..., ModelCall], book: PriceBook
) -> None:
    """The exception shows that the connection was refused."""
    event = exception(
        type="APIConnectionError", **{where: "httpx.ConnectError: Connection refused"}
    )

    call = read(CHAT, status_is_error=True, events=(event,))

    assert call.request_never_sent
    assert price_call(call, book).status is CostStatus.FREE


@pytest.mark.parametrize(
    ("attributes", "milliseconds", "never_sent"),
    [
        pytest.param({}, 1, True, id="refused at once"),
        pytest.param({}, 50, False, id="after some time"),
        pytest.param({"gen_ai.response.id": "r"}, 1, False, id="with an answer"),
        pytest.param({"http.response.status_code": 200}, 1, False, id="with a status"),
    ],
)
def test_a_client_that_refuses_its_own_arguments_sends_nothing(
    attributes: dict[str, object],
    milliseconds: int,
    never_sent: bool,
    read: Callable[..., ModelCall],
) -> None:
    """The Anthropic client demands streaming for long answers, before it makes a request."""
    failed = CHAT | {"error.type": "ValueError"} | attributes

    call = read(failed, start_ns=0, end_ns=milliseconds * 1_000_000)

    assert call.request_never_sent is never_sent


def test_a_failed_call_with_usage_is_charged_for_it(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """1000 × 2.50 / 1 000 000 + 10 × 10 / 1 000 000 = 0.0026 USD, failed or not."""
    used = Usage(input_tokens=1000, output_tokens=10)

    priced = price_call(call(usage=used, error_type="APITimeoutError"), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.PRICED, 2_600_000)


def test_zeros_on_a_rejected_call_are_not_usage(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """Some instrumentations fill in zeros; the call is `free`, not `priced`."""
    zeros = Usage(input_tokens=0, output_tokens=0)

    priced = price_call(call(usage=zeros, error_type="RateLimitError"), book)

    assert priced.status is CostStatus.FREE


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("429 RESOURCE_EXHAUSTED. {'error': {'code': 429}}", 429),
        ("ClientError: 404 NOT_FOUND. {'error': 'x'}", 404),
        ("Client error '429 Too Many Requests' for url 'http://127.0.0.1'", 429),
        ("An error occurred (429) when calling the Converse operation", 429),
        ("headers: {'x': 'y'}, status_code: 429, body: {}", 429),
        ('{"error": {"code": 503, "message": "busy"}}', 503),
        ("Timed out after 429 seconds", None),
    ],
)
def test_the_http_status_is_found_in_a_recorded_exception(
    message: str, code: int | None, read: Callable[..., ModelCall]
) -> None:
    """Some instrumentations have only the exception, with a client-specific message."""
    event = SpanEvent(name="exception", attributes={"exception.message": message})

    call = read(CHAT, status_is_error=True, events=(event,))

    assert call.http_status_code == code


def test_an_error_without_a_class_has_the_name_of_the_service(
    read: Callable[..., ModelCall], book: PriceBook
) -> None:
    """The AWS client raises one class for every unknown error."""
    call = read(
        CHAT | {"error.type": "botocore.exceptions.ClientError"},
        status_is_error=True,
        status_message="An error occurred (ThrottlingException) when calling Converse: slow down",
    )

    assert call.error_type == "ThrottlingException"
    assert price_call(call, book).status is CostStatus.FREE
