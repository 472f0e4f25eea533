"""Guarantees of the dashboards, read from the files (no Grafana needed)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.dashboards import DASHBOARDS
from tools.metric_names import KNOWN, names_in
from tools.panels import dashboard_json

CONFIG = Path(__file__).parents[2] / "collector-config"
GRAFANA = CONFIG / "grafana"
every_dashboard = pytest.mark.parametrize("name", sorted(DASHBOARDS))


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((GRAFANA / "dashboards" / name).read_text())
    return loaded


def recorded() -> set[str]:
    """Names of the recording rules."""
    return {
        rule["record"]
        for path in (CONFIG / "rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }


def data_sources() -> set[str]:
    files = (GRAFANA / "provisioning" / "datasources").glob("*.yml")
    return {source["uid"] for f in files for source in yaml.safe_load(f.read_text())["datasources"]}


@every_dashboard
def test_the_committed_file_is_what_the_code_makes(name: str) -> None:
    """To fix: python -m tools.panels collector-config/grafana/dashboards."""
    assert (GRAFANA / "dashboards" / name).read_text() == dashboard_json(DASHBOARDS[name])


def test_every_dashboard_file_is_generated() -> None:
    """A renamed dashboard leaves no old file."""
    assert {path.name for path in (GRAFANA / "dashboards").glob("*")} == set(DASHBOARDS)


@every_dashboard
def test_queries_read_metrics_that_exist(name: str) -> None:
    """A panel on a missing metric would stay empty."""
    for panel in DASHBOARDS[name].panels:
        for query in panel.queries:
            assert names_in(query.expr) <= KNOWN | recorded(), panel.title


@pytest.mark.parametrize("path", sorted((CONFIG / "rules").glob("*.yml")), ids=lambda p: p.name)
def test_rules_read_metrics_that_exist(path: Path) -> None:
    """An alert on a missing metric would never fire."""
    for group in yaml.safe_load(path.read_text())["groups"]:
        for rule in group["rules"]:
            assert names_in(rule["expr"]) <= KNOWN | recorded(), rule


def test_client_metrics_are_read_by_the_names_of_both_generations() -> None:
    """A panel or rule that reads a metric of one generation reads its other one, too."""
    expressions = [q.expr for d in DASHBOARDS.values() for p in d.panels for q in p.queries]
    for path in (CONFIG / "rules").glob("*.yml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            expressions += [rule["expr"] for rule in group["rules"]]

    clients = [e for e in expressions if "gen_ai_client_" in e]

    assert clients
    assert [e for e in clients if "gen_ai_client_inference_" not in e] == []


@every_dashboard
def test_panels_ask_data_sources_that_are_provisioned(name: str) -> None:
    """Uids are fixed, so that dashboards and data sources find each other."""
    used = set(re.findall(r'"uid": "(\w+)"\s*\}', (GRAFANA / "dashboards" / name).read_text()))

    assert used <= data_sources()


def test_links_between_data_sources_lead_somewhere() -> None:
    """From an exemplar to its trace, from a trace to its metrics."""
    text = (GRAFANA / "provisioning" / "datasources" / "stack.yml").read_text()

    assert set(re.findall(r"datasourceUid: (\w+)", text)) <= data_sources()


def test_dashboards_have_different_uids() -> None:
    """Two with one uid would overwrite each other."""
    assert len({dashboard.uid for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@every_dashboard
def test_panels_do_not_overlap(name: str) -> None:
    """Every panel has a place on the grid of 24 columns."""
    taken: set[tuple[int, int]] = set()
    for panel in load(name)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells


@every_dashboard
def test_variables_used_are_offered(name: str) -> None:
    """`$service` in a query is a list at the top of the dashboard."""
    dashboard = DASHBOARDS[name]
    used = {
        variable
        for panel in dashboard.panels
        for query in panel.queries
        for variable in re.findall(r"\$(\w+)", query.expr)
        if not variable.startswith("__")
    }

    assert used == {variable for variable, _ in dashboard.variables}


@pytest.mark.parametrize(
    ("expr", "names"),
    [
        ('sum by (job) (increase(a_total{job=~"x"}[5m])) / 1e9', {"a_total"}),
        ("a and on (job) b:c > 0.5 or vector(0)", {"a", "b:c"}),
        ("x > 3 * (x offset 1w)", {"x"}),
        ('topk(20, sum(rate(b_total{x=~"b_.*"}[5m])))', {"b_total"}),
        ("histogram_quantile(0.95, sum by (le) (rate(h_bucket[$__range])))", {"h_bucket"}),
    ],
)
def test_metric_names_are_found_in_an_expression(expr: str, names: set[str]) -> None:
    """They are parsed from the query's text."""
    assert names_in(expr) == names
