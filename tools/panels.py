"""Grafana dashboards as values: panels and their JSON.

python -m tools.panels collector-config/grafana/dashboards
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tools.target import target

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["timeseries", "stat", "table", "bargauge", "heatmap", "text"]

_COLUMNS = 24
_SCHEMA_VERSION = 41
_PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and how its series are called."""

    expr: str
    legend: str = ""
    instant: bool = False
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; panels of a row are side by side and share its width equally."""

    title: str
    kind: Kind
    queries: tuple[Query, ...]
    unit: str = "short"
    description: str = ""
    stacked: bool = False
    warn_at: float | None = None
    """From this value on the panel turns red."""
    min_step: str = ""
    """Shortest step between points; programs report once a minute, so bars need two."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side."""

    panels: tuple[Panel, ...]
    height: int = 8


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard: its rows, and the label values that one can choose."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[tuple[str, str], ...] = ()
    """Name shown, and the query that lists the values."""
    since: str = "now-24h"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel, in reading order."""
        return tuple(panel for row in self.rows for panel in row.panels)


def dashboard_json(dashboard: Dashboard) -> str:
    """Return *dashboard* as the JSON file that Grafana provisions."""
    return json.dumps(_dashboard(dashboard), indent=2) + "\n"


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["otel-distro"],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": dashboard.since, "to": "now"},
        "timezone": "browser",
        "links": [
            {
                "type": "dashboards",
                "tags": ["otel-distro"],
                "title": "Model calls",
                "asDropdown": True,
                "keepTime": True,
            }
        ],
        "templating": {"list": [_variable(*variable) for variable in dashboard.variables]},
        "panels": _panels(dashboard),
    }


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "type": "query",
        "name": name,
        "label": name,
        "datasource": _PROMETHEUS,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    top = 0
    for row in dashboard.rows:
        width = _COLUMNS // len(row.panels)
        for column, panel in enumerate(row.panels):
            place = {"x": column * width, "y": top, "w": width, "h": row.height}
            found.append({"id": len(found) + 1, "gridPos": place, **_panel(panel)})
        top += row.height
    return found


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "title": panel.title,
        "type": panel.kind,
        "description": panel.description,
        "datasource": _PROMETHEUS,
        **({"interval": panel.min_step} if panel.min_step else {}),
        "targets": [_target(number, query, panel) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(number: int, query: Query, panel: Panel) -> dict[str, Any]:
    instant = query.instant or panel.kind in {"stat", "table", "bargauge"}
    return {
        "refId": chr(ord("A") + number),
        "datasource": _PROMETHEUS,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": instant,
        "range": not instant,
        "exemplar": query.exemplars,
        "format": {"table": "table", "heatmap": "heatmap"}.get(panel.kind, "time_series"),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.warn_at is not None:
        steps.append({"color": "red", "value": panel.warn_at})
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "fillOpacity": 30 if panel.stacked else 5,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "showPoints": "never",
            "thresholdsStyle": {"mode": "off" if panel.warn_at is None else "dashed"},
        }
    return defaults


def _options(panel: Panel) -> dict[str, Any]:
    reduce = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if panel.kind == "stat":
        return {"reduceOptions": reduce, "colorMode": "value", "graphMode": "none"}
    if panel.kind == "bargauge":
        return {"reduceOptions": reduce, "orientation": "horizontal", "displayMode": "gradient"}
    if panel.kind == "heatmap":
        return {"calculate": False, "yAxis": {"unit": panel.unit}, "exemplars": {"color": "orange"}}
    if panel.kind == "table":
        return {"showHeader": True}
    return {
        "legend": {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def write(folder: Path) -> None:
    """Write every dashboard into *folder*."""
    from tools.dashboards import DASHBOARDS

    for name, dashboard in DASHBOARDS.items():
        (folder / name).write_text(dashboard_json(dashboard), encoding="utf-8")


if __name__ == "__main__":
    write(target(__doc__))
