"""Charts over time as SVG: stacked bars and lines, drawn in percent so that they fit any width.

Colours are classes (`s0`, `s1`, ...), so that the style sheet decides for light and dark, and no
inline style is needed. Every step has an invisible target with a `title`, which a pointer shows and
`ui.js` reads out on keyboard navigation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_distro.ui.markup import element, joined
from otel_distro.ui.scale import Scale, scale, spread

if TYPE_CHECKING:
    from markupsafe import Markup

    from otel_distro.ui.steps import Step

HEIGHT: Final = 216
_ABOVE: Final = 14
_BELOW: Final = 24
_LABELS: Final = 8
_CHARACTER: Final = 6.6
"""Width of a digit in labels, in pixels."""
_AROUND: Final = _ABOVE + _BELOW
_SPAN: Final = 1000
"""Width of the coordinate system of lines; stretched to the width of the chart."""

Format = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a chart."""

    name: str
    values: Sequence[float | None]
    """One value per step; None if unknown."""
    style: str
    """CSS class of the colour, such as `s0`."""


def bars(
    title: str,
    steps: Sequence[Step],
    series: Sequence[Series],
    format_value: Format,
    tick: Format,
    *,
    height: int = HEIGHT,
    whole: bool = False,
) -> Markup:
    """Return stacked bars, the first series at the bottom; *whole* for integers."""
    totals = [sum(one.values[n] or 0 for one in series) for n in range(len(steps))]
    axis = scale(max(totals, default=0), height=height - _AROUND, above=_ABOVE, whole=whole)
    slot = 100 / len(steps)
    width = slot * (0.72 if len(steps) > 2 else 0.3)
    drawn = []
    for place, _ in enumerate(steps):
        below = 0.0
        for one in series:
            value = one.values[place] or 0
            if value <= 0:
                continue
            top = axis.y(below + value)
            # Thin background lines between the bars, for colour-blind readers.
            thick = max(0.8, axis.y(below) - top - (1 if below else 0))
            drawn.append(
                element(
                    "rect",
                    class_=f"bar {one.style}",
                    x=f"{_number(place * slot + (slot - width) / 2)}%",
                    y=top,
                    width=f"{_number(width)}%",
                    height=thick,
                    data_value=_number(value),
                )
            )
            below += value
    return _chart(title, steps, series, axis, format_value, tick, joined(drawn), total=True)


def lines(
    title: str, steps: Sequence[Step], series: Sequence[Series], format_value: Format, tick: Format
) -> Markup:
    """Return one line per series, broken at unknown values."""
    largest = max((v for one in series for v in one.values if v is not None), default=0)
    axis = scale(largest, height=HEIGHT - _AROUND, above=_ABOVE)
    slot = 100 / len(steps)
    paths, points = [], []
    for one in series:
        paths.append(
            element(
                "path",
                class_=f"line {one.style}",
                d=_path(one.values, axis),
                vector_effect="non-scaling-stroke",
            )
        )
        points += [
            element(
                "circle",
                class_=f"dot {one.style}",
                cx=f"{_number((place + 0.5) * slot)}%",
                cy=axis.y(value),
                r=3 if _alone(one.values, place) else 2,
                data_value=_number(value),
            )
            for place, value in enumerate(one.values)
            if value is not None and (len(steps) <= 31 or _alone(one.values, place))
        ]
    plot = element(
        "svg",
        joined(paths),
        x=0,
        y=0,
        width="100%",
        height=HEIGHT,
        viewBox=f"0 0 {_SPAN} {HEIGHT}",
        preserveAspectRatio="none",
    )
    return _chart(
        title, steps, series, axis, format_value, tick, plot + joined(points), total=False
    )


def _path(values: Sequence[float | None], axis: Scale) -> str:
    slot = _SPAN / len(values)
    written, pen_down = [], False
    for place, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        command = "L" if pen_down else "M"
        written.append(f"{command}{(place + 0.5) * slot:.1f} {axis.y(value):.1f}")
        pen_down = True
    return "".join(written)


def _alone(values: Sequence[float | None], place: int) -> bool:
    """Whether this value has no neighbour, so that only a dot can show it."""
    near = [*values[max(0, place - 1) : place], *values[place + 1 : place + 2]]
    return all(value is None for value in near)


def _chart(
    title: str,
    steps: Sequence[Step],
    series: Sequence[Series],
    axis: Scale,
    format_value: Format,
    written: Format,
    marks: Markup,
    *,
    total: bool,
) -> Markup:
    slot = 100 / len(steps)
    height = axis.height + _AROUND
    grid = [
        element(
            "line",
            class_="grid" if tick else "grid base",
            x1=0,
            x2="100%",
            y1=axis.y(tick),
            y2=axis.y(tick),
        )
        for tick in axis.ticks
    ]
    labels = []
    named = spread(len(steps), _LABELS)
    few = spread(len(steps), _LABELS // 2)
    for place in sorted(named):
        at_edge = "end" if place == len(steps) - 1 else "start" if place == 0 else "middle"
        anchor = "middle" if len(steps) <= _LABELS else at_edge
        x = (place + 0.5) * slot
        x = 100 if anchor == "end" else 0 if anchor == "start" else x
        labels.append(
            element(
                "text",
                steps[place].label,
                class_="label" if place in few else "label minor",
                x=f"{_number(x)}%",
                y=height - 6,
                text_anchor=anchor,
            )
        )
    targets = [
        element(
            "rect",
            element("title", _step_text(steps[place], series, place, format_value, total=total)),
            class_="hit",
            x=f"{_number(place * slot)}%",
            y=0,
            width=f"{_number(slot)}%",
            height=height - _BELOW,
        )
        for place in range(len(steps))
    ]
    drawing = element(
        "svg",
        joined([*grid, marks, *labels, *targets]),
        class_="chart",
        width="100%",
        height=height,
        role="img",
        aria_label=title,
        focusable="false",
    )
    return element(
        "div",
        _gutter(axis, written),
        drawing,
        class_="plot",
        tabindex="0",
        role="group",
        aria_label=f"{title} Use the arrow keys to read single values.",
    )


def _gutter(axis: Scale, written: Format) -> Markup:
    """Return the axis labels beside the chart, in a column of their width."""
    texts = [(axis.y(tick), written(tick) if tick else "0") for tick in axis.ticks]
    width = round(_CHARACTER * max(len(text) for _, text in texts)) + 8
    return element(
        "svg",
        *(
            element("text", text, class_="tick", x=width - 8, y=y + 4, text_anchor="end")
            for y, text in texts
        ),
        class_="gutter",
        width=width,
        height=axis.height + _AROUND,
        aria_hidden="true",
    )


def _step_text(
    step: Step, series: Sequence[Series], place: int, format_value: Format, *, total: bool
) -> str:
    """Return the text of one step, its largest parts first."""
    known = [(one.name, one.values[place]) for one in series]
    parts = [(name, value) for name, value in known if value is not None and (value or not total)]
    if not parts:
        return f"{step.name}: nothing"
    if total:
        parts.sort(key=lambda part: -part[1])
        head = f"{step.name}: {format_value(sum(value for _, value in parts))}"
    else:
        head = f"{step.name}:"
    return "\n".join([head, *(f"{name} {format_value(value)}" for name, value in parts)])


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def share_bar(share: float, style: str = "s0") -> Markup:
    """Return a bar for a table cell, *share* (0 to 1) of its width long."""
    width = _number(100 * min(1.0, max(0.0, share)))
    return element(
        "svg",
        element("rect", class_="track", width="100%", height=6, rx=3),
        element("rect", class_=style, width=f"{width}%", height=6, rx=3),
        class_="share",
        width="100%",
        height=6,
        aria_hidden="true",
    )


def swatch(style: str) -> Markup:
    """Return the legend mark of a series."""
    return element(
        "svg",
        element("rect", class_=style, width=10, height=10, rx=2),
        class_="swatch",
        width=10,
        height=10,
        aria_hidden="true",
    )
