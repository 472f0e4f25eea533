"""`otel-distro reports digest`: the review of a day, a week or a month."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from otel_distro.base import formatting as figures
from otel_distro.cli import output
from otel_distro.cli.options import (
    filter_options,
    json_option,
    ledger_option,
    ledger_path,
    until_option,
)
from otel_distro.cli.reading import reading
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.location import Location
    from otel_distro.reports.alerts.history import SentAlert
    from otel_distro.reports.digest.review import Figures, Period, Review
    from otel_distro.reports.digest.suggestions import Suggestion


@click.command("digest", epilog="Example: otel-distro reports digest weekly")
@click.argument("period", type=click.Choice(["daily", "weekly", "monthly"]))
@until_option
@filter_options
@ledger_option
@json_option
def command(
    period: Period,
    until: datetime | None,
    filters: Filters,
    ledger: Location | None,
    *,
    as_json: bool,
) -> None:
    """Review a day, a week or a month: errors, latency, cost, alerts, and what changed.

    Each is compared with the previous period. A week lists the most frequent failures, a month
    suggests thresholds.
    """
    from otel_distro.reports.alerts.history import FILE_NAME, History
    from otel_distro.reports.digest.review import review

    settings = load(process_environment()).settings
    with reading(ledger_path(ledger)) as opened:
        found = review(opened, period, until or datetime.now(UTC), filters)
        suggested = _suggested(opened, found) if period == "monthly" else []
    alerts = [
        one
        for one in History(settings.state_dir / FILE_NAME).since(found.since)
        if one.at < found.until and not one.resolved
    ]
    golden = _golden(found) if period == "monthly" else []
    if as_json:
        output.print_json({**_data(found, alerts, suggested), "golden": golden})
        return
    _print(found, alerts, suggested)
    for run in golden:
        click.echo(
            f"golden set {output.printable(run['golden_set'])}, {output.printable(run['model'])}: "
            f"{run['runs']} runs, {run['failed']} of {run['cases']} cases fail now, "
            f"{figures.usd(run['cost_nano_usd'])}"
        )


def _golden(review: Review) -> list[dict[str, Any]]:
    """Return the golden-set runs of the period, one row per set and model."""
    from otel_distro.reports.golden.runs import kept_runs

    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for done in kept_runs(load(process_environment()).settings.state_dir):
        if review.since <= datetime.fromisoformat(done.at) < review.until:
            row = rows.setdefault((done.golden_set, done.model), {"runs": 0, "cost_nano_usd": 0})
            row["golden_set"], row["model"] = done.golden_set, done.model
            row["runs"] += 1
            row["cost_nano_usd"] += done.cost_nano_usd
            row["cases"], row["failed"] = len(done.results), done.failed
    return list(rows.values())


def _suggested(ledger: Any, review: Review) -> list[Suggestion]:
    from otel_cost_ledger.query.violations import violations
    from otel_distro.reports.alerts.rules import hours_of
    from otel_distro.reports.digest.suggestions import suggestions

    settings = load(process_environment()).settings
    since = review.until - timedelta(days=30)
    return suggestions(
        hours_of(ledger, since, review.until),
        settings.cost_budgets,
        violations(ledger, since, review.until),
    )


def _data(
    review: Review, alerts: Sequence[SentAlert], suggested: Sequence[Suggestion]
) -> dict[str, Any]:
    return {
        "period": review.period,
        "since": review.since.isoformat(),
        "until": review.until.isoformat(),
        "complete": review.complete,
        "now": _figures_data(review.now),
        "before": _figures_data(review.before),
        "latency_violations": review.latency_violations,
        "alerts": [{"at": alert.at.isoformat(), "title": alert.title} for alert in alerts],
        "models": [asdict(model) for model in review.models],
        "failures": [asdict(failure) for failure in review.failures],
        "suggestions": [asdict(suggestion) for suggestion in suggested],
    }


def _figures_data(of: Figures) -> dict[str, Any]:
    return {**asdict(of), "error_rate": of.error_rate}


def _print(review: Review, alerts: Sequence[SentAlert], suggested: Sequence[Suggestion]) -> None:
    now, before = review.now, review.before
    click.echo(
        f"{review.period} review, "
        f"{review.since:%Y-%m-%d %H:%M} to {review.until:%Y-%m-%d %H:%M} UTC"
    )
    if not review.complete:
        output.note("some calls of this period are gone: the figures are too low")
    lines = [
        ("calls", f"{now.calls:,}", _change(now.calls, before.calls)),
        ("error rate", _share(now.error_rate), _share_before(before.error_rate)),
        ("mean latency", _ms(now.average_ms), _change(now.average_ms, before.average_ms)),
        ("p95 latency", _ms(now.p95_ms), _change(now.p95_ms, before.p95_ms)),
        ("cost", _cost(now), _change(now.cost_nano_usd, before.cost_nano_usd)),
        ("slow operations", f"{review.latency_violations:,} latency budgets exceeded", ""),
        ("alerts", f"{len(alerts)} sent", ""),
    ]
    for name, value, change in lines:
        click.echo(f"  {name:<16} {value:<45} {change}".rstrip())
    for alert in alerts[-5:]:
        click.echo(f"    {alert.at:%m-%d %H:%M}  {output.printable(alert.title)}")
    if review.period != "daily":
        _print_models(review)
        _print_failures(review)
    for suggestion in suggested:
        click.echo(
            f"suggestion: {output.printable(suggestion.subject)}: "
            f"{output.printable(suggestion.reason)}; {output.printable(suggestion.proposal)}"
        )


def _print_models(review: Review) -> None:
    for model in review.models[:5]:
        change = _change(model.cost_nano_usd, model.before_nano_usd)
        name = output.printable(model.model or "no model")
        click.echo(f"  {name:<30} {figures.usd_short(model.cost_nano_usd):>14}  {change}")


def _print_failures(review: Review) -> None:
    for failure in review.failures:
        error = failure.error_type or "error"
        status = f" {failure.http_status_code}" if failure.http_status_code else ""
        click.echo(
            f"  failed {figures.counted(failure.calls, 'time')}, was {failure.before:,}: "
            + output.printable(
                f"{error}{status} of {failure.operation} {failure.model} "
                f"({failure.category}, {failure.fingerprint})"
            )
        )


def _cost(of: Figures) -> str:
    if not of.exposure_nano_usd:
        return figures.usd_short(of.cost_nano_usd)
    more = figures.bound(of.exposure_nano_usd, of.likely_nano_usd, shown=figures.usd_short)
    return f"{figures.usd_short(of.cost_nano_usd)}, {more}"


def _share(share: float | None) -> str:
    return "no calls" if share is None else figures.percent(share)


def _share_before(share: float | None) -> str:
    return "no earlier data" if share is None else f"was {figures.percent(share)}"


def _ms(ms: float | None) -> str:
    return "no calls" if ms is None else figures.duration(ms)


def _change(now: float | None, before: float | None) -> str:
    if not before or now is None:
        return "no earlier data"
    change = now / before - 1
    return "as before" if abs(change) < 0.005 else f"{100 * change:+,.0f} %"
