"""`otel-distro golden`: prompts with expected answers, run against a model."""

from __future__ import annotations

import os
import shlex
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_distro.base.formatting import counted
from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from otel_distro.reports.golden.runs import Result, Run
    from otel_pricing import PriceBook

_SET = click.option(
    "--set",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("golden.jsonl"),
    show_default=True,
    help="File of the golden set, one JSON object per line.",
)


@click.group(
    "golden", epilog="Example: otel-distro golden run --model gpt-4o-mini --budget-usd 0.50"
)
def command() -> None:
    """Run prompts with expected properties against a model, and compare with the run before."""


@command.command("add", epilog="Example: otel-distro golden add greeting -p 'Say hello' -c hello")
@click.argument("name")
@click.option("--prompt", "-p", help="The prompt; without it, it is read from standard input.")
@click.option("--contains", "-c", multiple=True, help="A text that the answer must contain.")
@click.option(
    "--matches", "-m", multiple=True, help="A regular expression that the answer must match."
)
@click.option(
    "--schema",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a JSON Schema of the answer.",
)
@click.option("--judge", help="Command that gets prompt and answer as JSON; exit code 0 passes.")
@_SET
def add_command(
    name: str,
    prompt: str | None,
    contains: tuple[str, ...],
    matches: tuple[str, ...],
    schema: Path | None,
    judge: str | None,
    path: Path,
) -> None:
    """Add the case NAME to the golden set."""
    import json

    from otel_distro.reports.golden.cases import Case, GoldenSetError, case_line, read_cases

    if prompt is None:
        prompt = sys.stdin.read()
    try:
        known = read_cases(path) if path.exists() else []
        if any(case.name == name for case in known):
            raise output.fail(f"{path} has a case named {name!r} already", code=2)
        case = Case(
            name=name,
            prompt=prompt,  # pyright: ignore[reportArgumentType]
            contains=contains,
            matches=matches,
            schema=json.loads(schema.read_text(encoding="utf-8")) if schema else None,
            judge=tuple(shlex.split(judge or "")),
        )
        with path.open("a", encoding="utf-8") as file:
            file.write(case_line(case))
        read_cases(path)
    except (GoldenSetError, OSError, ValueError) as error:
        raise output.fail(str(error), code=2) from error
    click.echo(f"{path}: {counted(len(known) + 1, 'case')}")


@command.command("run", epilog="Example: otel-distro golden run --model gpt-4o-mini --budget-usd 1")
@click.option("--model", required=True, help="Model to ask.")
@click.option("--base-url", help="Endpoint; by default OPENAI_BASE_URL or OpenAI's own.")
@click.option("--budget-usd", help="Cost limit of the run; cases beyond it are not run and fail.")
@click.option("--max-output-tokens", type=click.IntRange(1), default=1_000, show_default=True)
@_SET
@json_option
def run_command(
    model: str,
    base_url: str | None,
    budget_usd: str | None,
    max_output_tokens: int,
    path: Path,
    *,
    as_json: bool,
) -> None:
    """Run every case once; exit code 1 if an answer lacks a property.

    The key is read from OPENAI_API_KEY or ANTHROPIC_API_KEY. Answers are not stored; costs,
    latencies and failures are, for `otel-distro golden report`.
    """
    from otel_distro.reports.golden.cases import GoldenSetError, read_cases
    from otel_distro.reports.golden.runs import keep, kept_runs, run

    settings = load(process_environment()).settings
    try:
        cases = read_cases(path)
        before = kept_runs(settings.state_dir, golden_set=path.name)
        done = run(
            cases,
            _endpoint(model, base_url, max_output_tokens),
            _prices(settings.prices),
            golden_set=path.name,
            budget_usd=_amount(budget_usd),
            note=lambda result: None if as_json else _print(result),
        )
        keep(settings.state_dir, done)
    except (GoldenSetError, OSError) as error:
        raise output.fail(str(error), code=2) from error
    if as_json:
        output.print_json(_json(done))
    else:
        click.echo(_summary(done, before[-1] if before else None))
    if done.failed:
        raise click.exceptions.Exit(1)


@command.command("report", epilog="Example: otel-distro golden report")
@click.option("--limit", type=click.IntRange(1, 1_000), default=10, show_default=True)
@json_option
def report_command(limit: int, *, as_json: bool) -> None:
    """List the latest runs: failures, cost, latency, and what changed."""
    from otel_distro.reports.golden.runs import kept_runs

    runs = kept_runs(load(process_environment()).settings.state_dir)
    if as_json:
        output.print_json({"runs": [_json(done) for done in runs[-limit:]]})
        return
    if not runs:
        output.note("no golden set has been run yet; see `otel-distro golden run --help`")
    for n, done in list(enumerate(runs))[-limit:]:
        same = [r for r in runs[:n] if (r.golden_set, r.model) == (done.golden_set, done.model)]
        click.echo(f"{done.at}  {done.golden_set}  {done.model}")
        click.echo(f"  {_summary(done, same[-1] if same else None)}")


def _endpoint(model: str, base_url: str | None, max_output_tokens: int) -> Any:
    from otel_distro.reports.golden.model import Endpoint

    environ = process_environment()
    is_claude = model.startswith("claude")
    name, default = (
        ("ANTHROPIC", "https://api.anthropic.com") if is_claude
        else ("OPENAI", "https://api.openai.com/v1")
    )  # fmt: skip
    url = base_url or environ.get(f"{name}_BASE_URL") or default
    return Endpoint(url, model, environ.get(f"{name}_API_KEY", ""), max_output_tokens)


def _prices(prices: Path | None) -> PriceBook:
    from otel_pricing import PriceBook, read_price_file

    return PriceBook(read_price_file(prices)) if prices else PriceBook()


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise output.fail(f"--budget-usd {text!r} is no amount; for example 0.50", code=2)
    return amount


def _print(result: Result) -> None:
    word = "ok  " if result.passed else "FAIL"
    click.echo(f"{word}  {output.printable(result.name)}")
    for problem in result.problems:
        click.echo(f"      {output.printable(problem)}")


def _summary(done: Run, before: Run | None) -> str:
    text = f"{len(done.results) - done.failed} of {len(done.results)} passed, "
    text += output.usd(done.cost_nano_usd)
    if done.unpriced:
        text += f" and {done.unpriced} answers without a known cost"
    if done.mean_latency_ms is not None:
        text += f", {output.milliseconds(done.mean_latency_ms)} a call"
    if before is None:
        return text
    newly = sorted(_failed(done) - _failed(before))
    fixed = sorted(_failed(before) - _failed(done))
    text += f"; the run before: {len(before.results) - before.failed} passed, "
    text += output.usd(before.cost_nano_usd)
    if newly:
        text += f"{os.linesep}  new failures: {', '.join(map(output.printable, newly))}"
    if fixed:
        text += f"{os.linesep}  pass again: {', '.join(map(output.printable, fixed))}"
    return text


def _failed(done: Run) -> set[str]:
    return {result.name for result in done.results if not result.passed}


def _json(done: Run) -> dict[str, Any]:
    from dataclasses import asdict

    totals = {
        "failed": done.failed,
        "cost_nano_usd": done.cost_nano_usd,
        "unpriced": done.unpriced,
        "mean_latency_ms": done.mean_latency_ms,
    }
    return {**asdict(done), **totals}
