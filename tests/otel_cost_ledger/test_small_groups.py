"""Reports that merge small groups of users."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.query.costs import CostReport, costs
from otel_cost_ledger.query.small_groups import without_small_groups
from otel_distro.cli import main
from otel_pricing.model.call import PricedCall

MakeCall = Callable[..., PricedCall]


def joined(path: Path, least_users: int, *by: str) -> CostReport:
    with open_ledger(path) as ledger:
        report = costs(ledger, by=by or ("tenant",))
        return without_small_groups(ledger, report, None, None, least_users=least_users)


def lines(report: CostReport) -> dict[str, int]:
    return {line.key[0]: line.calls for line in report.groups}


def test_groups_of_few_users_are_one_line(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """One user in `b`, two in `c`, three in `a`; calls of one user count as one user."""
    writer.write([make_call(tenant="a", user=f"u{n}") for n in (1, 2, 3)])
    writer.write([make_call(tenant="b", user="u1") for _ in range(5)])
    writer.write([make_call(tenant="c", user=f"u{n}") for n in (4, 5)])

    report = joined(path, 3)

    assert lines(report) == {"a": 3, "(fewer than 3 users)": 7}
    assert report.groups[-1].p50_ms is None
    assert report.total.calls == 10


def test_the_merged_line_covers_enough_users(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Otherwise it would be the one user of `b` under another name."""
    writer.write([make_call(tenant="a", user=f"u{n}") for n in (1, 2, 3)])
    writer.write([make_call(tenant="d", user=f"u{n}") for n in (1, 2, 3, 4)])
    writer.write([make_call(tenant="b", user="u9")])

    assert lines(joined(path, 3)) == {"d": 4, "(fewer than 3 users)": 4}


def test_calls_without_users_form_no_group(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Where no user is known, there is none to protect."""
    writer.write([make_call(tenant="a"), make_call(tenant="b")])

    assert lines(joined(path, 5)) == {"a": 1, "b": 1}


def test_a_report_by_person_is_refused(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Each line would be one person."""
    writer.write([make_call(user="u1")])
    with pytest.raises(ValueError, match="one person"):
        joined(path, 2, "session")

    done = CliRunner().invoke(
        main, ["costs", "--by", "user", "--least-users", "2", "--ledger", str(path)]
    )
    assert done.exit_code == 2


def test_the_command_does_it(writer: LedgerWriter, make_call: MakeCall, path: Path) -> None:
    """In JSON and in the table."""
    writer.write([make_call(tenant="a", user=f"u{n}") for n in range(4)])
    writer.write([make_call(tenant="b", user="u1"), make_call(tenant="c", user="u2")])
    arguments = ["costs", "--by", "tenant,model", "--least-users", "2", "--ledger", str(path)]

    data = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    text = CliRunner().invoke(main, arguments).stdout

    assert [group["tenant"] for group in data["by_tenant_model"]] == ["a", "(fewer than 2 users)"]
    assert "(fewer than 2 users)" in text


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    found=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 6)), min_size=1, max_size=30),
    least=st.integers(2, 5),
)
def test_no_line_has_few_users_unless_it_is_the_only_one(
    make_call: MakeCall, found: list[tuple[str, int]], least: int
) -> None:
    """For any calls and users; and the lines add up to the total."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        writer = LedgerWriter(path, pseudonym_key=bytes(32))
        writer.write([make_call(tenant=tenant, user=f"u{user}") for tenant, user in found])
        writer.shutdown()
        report = joined(path, least)

    users = {tenant: {user for of, user in found if of == tenant} for tenant, _ in found}
    kept = {line.key[0] for line in report.groups} & set(users)
    hidden: set[int] = set().union(*(users[tenant] for tenant in set(users) - kept))
    assert all(len(users[tenant]) >= least for tenant in kept)
    assert not hidden or len(hidden) >= least or not kept
    assert sum(line.calls for line in report.groups) == report.total.calls == len(found)
