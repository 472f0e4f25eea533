"""Burn-down chart of a budget in its window, with a projection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_distro.ui.markup import element, joined

if TYPE_CHECKING:
    from markupsafe import Markup

    from otel_distro.reports.budgets.report import BudgetLine

_WIDTH: Final = 1000
_HEIGHT: Final = 72
_ABOVE: Final = 4


def burn_down(title: str, line: BudgetLine, course: list[tuple[int, int]] | None) -> Markup:
    """Return the remaining amount over the window of *line*, with a dashed projection.

    *course* is the spending over time. Without it only the current amount is drawn.
    """
    length = max(1, line.until_ns - line.since_ns)
    limit = max(1, line.budget.limit)

    def x(at_ns: int) -> float:
        return _WIDTH * min(1.0, max(0.0, (at_ns - line.since_ns) / length))

    def y(spent: int) -> float:
        left = min(1.0, max(0.0, (limit - spent) / limit))
        return _ABOVE + (_HEIGHT - 2 * _ABOVE) * (1 - left)

    def path(points: list[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in points)

    # The accounts have the exact amount; the ledger has the times.
    points = [(x(at), y(spent)) for at, spent in (course or [(line.since_ns, 0)])]
    now = x(line.now_ns), y(line.spent + line.reserved)
    points = [*points[:-1], now] if len(points) > 1 else [*points, now]
    parts = [
        element("line", class_="grid base", x1=0, x2=_WIDTH, y1=y(limit), y2=y(limit)),
        element("path", class_="ideal", d=path([(0, y(0)), (_WIDTH, y(limit))])),
        element("path", class_="fill", d=path([(0, y(limit)), *points, (now[0], y(limit))]) + "Z"),
        element("path", class_="line s0", d=path(points)),
    ]
    ends = line.runs_out_ns
    if line.left and line.per_hour:
        rest = line.spent + line.reserved + line.per_hour * (line.until_ns - line.now_ns) // _HOUR
        goal = (x(ends), y(limit)) if ends is not None else (float(_WIDTH), y(rest))
        parts.append(element("path", class_="forecast", d=path([now, goal])))
    return element(
        "svg",
        joined(parts),
        class_="burn",
        width="100%",
        height=_HEIGHT,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=title,
        focusable="false",
    )


_HOUR: Final = 3_600_000_000_000
