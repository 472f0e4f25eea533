"""Result files of batch jobs, imported into a ledger."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from support.ledger_cli import answer, run

if TYPE_CHECKING:
    from pathlib import Path

CREATED = 1_795_000_000
OPENAI: list[dict[str, Any]] = [
    {
        "id": "batch_req_1",
        "custom_id": "a",
        "response": {
            "status_code": 200,
            "body": {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": CREATED,
                "model": "gpt-4o-2024-08-06",
                "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
            },
        },
        "error": None,
    },
    {"id": "batch_req_2", "custom_id": "b", "response": None, "error": {"code": "batch_expired"}},
    {
        "id": "batch_req_3",
        "custom_id": "c",
        "response": {
            "status_code": 200,
            "body": {
                "object": "list",
                "model": "text-embedding-3-small",
                "usage": {"prompt_tokens": 1000, "total_tokens": 1000},
            },
        },
        "error": None,
    },
]
ANTHROPIC: list[dict[str, Any]] = [
    {
        "custom_id": "a",
        "result": {
            "type": "succeeded",
            "message": {
                "id": "msg_1",
                "model": "claude-sonnet-4-5-20250929",
                "usage": {
                    "input_tokens": 100,
                    "cache_read_input_tokens": 1000,
                    "cache_creation_input_tokens": 0,
                    "output_tokens": 100,
                    "service_tier": "batch",
                },
            },
        },
    },
    {"custom_id": "b", "result": {"type": "errored", "error": {"type": "invalid_request"}}},
]
GEMINI: list[dict[str, Any]] = [
    {
        "key": "a",
        "response": {
            "modelVersion": "gemini-2.5-pro",
            "responseId": "g-1",
            "usageMetadata": {
                "promptTokenCount": 1000,
                "candidatesTokenCount": 100,
                "totalTokenCount": 1100,
            },
        },
    }
]


def written(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("lines", "nano_usd", "calls"),
    [
        # 1000 × 1.25 + 100 × 5 = 1750; 1000 × 0.02 = 20, of which the list has no batch rate
        (OPENAI, 1_770_000, 2),
        # 100 × 1.5 + 1000 × 0.15 + 100 × 7.5 = 1050
        (ANTHROPIC, 1_050_000, 1),
        # 1000 × 0.625 + 100 × 5 = 1125
        (GEMINI, 1_125_000, 1),
    ],
    ids=["openai", "anthropic", "gemini"],
)
def test_a_result_is_one_call_at_batch_rates(
    tmp_path: Path, lines: list[dict[str, Any]], nano_usd: int, calls: int
) -> None:
    """Lines that did not run are skipped; a second import, or a later copy, changes nothing."""
    ledger = tmp_path / "ledger.db"
    first = run("ledger", "import", written(tmp_path / "1.jsonl", lines), "--ledger", ledger)
    copy = written(tmp_path / "2.jsonl", lines)
    os.utime(copy, (CREATED + 9, CREATED + 9))
    second_import = run("ledger", "import", copy, "--ledger", ledger)

    total = answer("costs", "--ledger", ledger)["total"]

    assert (first.exit_code, second_import.exit_code) == (0, 0), first.output + second_import.output
    assert (total["calls"], total["cost_nano_usd"]) == (calls, nano_usd)
    assert f"0 new in {ledger}, {calls} already there" in second_import.stdout
    dated = [c for c in answer("calls", "--ledger", ledger)["calls"] if c["provider"] == "openai"]
    assert all(
        c["start"] == "2026-11-18T11:06:40+00:00" for c in dated if "gpt" in c["response_model"]
    )
    for call in answer("calls", "--ledger", ledger)["calls"]:
        has_batch_rate = not call["response_model"].startswith("text-embedding")
        assert call["cost_status"] == ("priced" if has_batch_rate else "estimated")
