"""Cases of a golden set, and their JSON Lines file."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from otel_distro.base.errors import OtelDistroError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

JUDGE_TIMEOUT_S = 60
_LONGEST_REASON = 200


class GoldenSetError(OtelDistroError):
    """A golden set that cannot be read or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One prompt and the properties that its answer must have; each is optional."""

    name: str
    prompt: str
    contains: tuple[str, ...] = ()
    """Texts that the answer must contain, compared case-insensitively."""
    matches: tuple[str, ...] = ()
    """Regular expressions that the answer must match."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema of the answer; needs the package jsonschema."""
    judge: tuple[str, ...] = ()
    """Command that gets `{"prompt", "answer"}` as JSON on standard input; exit code 0 passes."""


def read_cases(path: Path) -> list[Case]:
    """Return the cases in *path*, in order.

    Raises GoldenSetError, with the line number, for an invalid file.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GoldenSetError(f"cannot read the golden set {path}: {error}") from error
    cases = [_case(line, f"{path}, line {n}") for n, line in enumerate(lines, 1) if line.strip()]
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise GoldenSetError(f"{path} has two cases named {name!r}; rename one of them")
    return cases


def case_line(case: Case) -> str:
    """Return *case* as a line of a golden set, without unset properties."""
    properties = {key: value for key, value in asdict(case).items() if value}
    return json.dumps(properties, ensure_ascii=False) + "\n"


def _case(line: str, place: str) -> Case:
    try:
        unknown = json.loads(line)  # its known fields are removed below
        if not isinstance(unknown, dict):
            raise TypeError("it is something else")
        known = {field: unknown.pop(field) for field in Case.__slots__ if field in unknown}
    except (ValueError, TypeError) as error:
        raise GoldenSetError(f"{place} is not a JSON object: {error}") from error
    if unknown:
        fields = ", ".join(Case.__slots__)
        raise GoldenSetError(f"{place} has unknown fields {', '.join(unknown)}; known are {fields}")
    for field in ("name", "prompt"):
        if not isinstance(known.get(field), str) or not known[field]:
            raise GoldenSetError(f"{place} has no text in {field!r}")
    for field in ("contains", "matches", "judge"):
        values = known.get(field, [])
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise GoldenSetError(f"{place}: {field!r} is not a list of texts")
        known[field] = tuple(values)
    if not isinstance(known.get("schema", {}), dict):
        raise GoldenSetError(f"{place}: 'schema' is not a JSON object")
    for pattern in known["matches"]:
        try:
            re.compile(pattern)
        except re.error as error:
            raise GoldenSetError(
                f"{place}: {pattern!r} is no regular expression: {error}"
            ) from error
    return Case(**known)


def failures(case: Case, answer: str) -> list[str]:
    """Return why *answer* lacks properties of *case*; empty if it has all."""
    return list(_failures(case, answer))


def _failures(case: Case, answer: str) -> Iterator[str]:
    folded = answer.casefold()
    for text in case.contains:
        if text.casefold() not in folded:
            yield f"does not contain {text!r}"
    for pattern in case.matches:
        if re.search(pattern, answer) is None:
            yield f"does not match {pattern!r}"
    if case.schema is not None:
        yield from _schema_failures(case.schema, answer)
    if case.judge:
        yield from _judged(case.judge, case.prompt, answer)


def _schema_failures(schema: Mapping[str, Any], answer: str) -> Iterator[str]:
    try:
        from jsonschema import ValidationError, validate
        from jsonschema.exceptions import SchemaError
    except ImportError as error:
        raise GoldenSetError(
            "a case has a JSON Schema and jsonschema is not installed; run: pip install jsonschema"
        ) from error
    try:
        validate(json.loads(answer), dict(schema))
    except ValueError:
        yield "is not JSON"
    except ValidationError as error:
        yield f"breaks the schema at {error.json_path}: {error.message[:_LONGEST_REASON]}"
    except SchemaError as error:
        raise GoldenSetError(f"a case has an unusable JSON Schema: {error.message}") from error


def _judged(command: Sequence[str], prompt: str, answer: str) -> Iterator[str]:
    case = json.dumps({"prompt": prompt, "answer": answer})
    try:
        done = subprocess.run(
            command,
            input=case,
            capture_output=True,
            text=True,
            timeout=JUDGE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield f"judge {command[0]!r} did not answer: {error}"
        return
    if done.returncode:
        why = " ".join((done.stdout or done.stderr).split())[:_LONGEST_REASON]
        yield f"rejected by {command[0]!r}" + (f": {why}" if why else "")
