"""Addresses of the bundled stack, and the health check of each part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One part of the stack as reached from this host."""

    service: str
    """Its name in docker-compose.yml."""
    url: str
    health: str
    """Path that returns 200 while the part is healthy."""
    purpose: str
    for_people: bool = True
    """Whether it has a web page."""


PLACES: tuple[Place, ...] = (
    Place("grafana", "http://localhost:3000", "/api/health", "dashboards (user admin)"),
    Place("jaeger", "http://localhost:16686", "/api/services", "traces"),
    Place("prometheus", "http://localhost:9090", "/-/ready", "metrics, rules, alerts"),
    Place("alertmanager", "http://localhost:9093", "/-/ready", "alerts being sent"),
    Place("collector", "http://localhost:13133", "/", "health of the Collector", for_people=False),
)
OTLP_HTTP = "http://localhost:4318"
"""Default endpoint of programs."""
