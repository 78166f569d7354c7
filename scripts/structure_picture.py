"""Draw packages as layers, as an SVG that needs nothing but this file.

1. Each unit is a box on its level; an arrow that passes a level has a way point there.
2. The order within a level is found by averaging the neighbours' places, a fixed number of times:
   the same imports always give the same picture.
3. Colours follow the reader's setting for light or dark.
"""

from __future__ import annotations

from collections import defaultdict
from html import escape
from itertools import pairwise
from typing import NamedTuple

BOX_WIDTH = 118
BOX_HEIGHT = 34
BOX_GAP = 26
WAY_POINT_WIDTH = 14
LEVEL_HEIGHT = 78
MARGIN = 24
LABEL_WIDTH = 70
CAPTION_HEIGHT = 46
ARROW_LENGTH = 8
SWEEPS = 24

Arrows = dict[str, set[str]]

STYLE = """
  .ground { fill: #ffffff }
  .band { fill: #f3f5f8 }
  .box { fill: #ffffff; stroke: #3d5a80; stroke-width: 1.4 }
  .name { fill: #14213d; font: 600 14px system-ui, sans-serif; text-anchor: middle }
  .small { fill: #57606a; font: 12px system-ui, sans-serif }
  .arrow { fill: none; stroke: #6b7f99; stroke-width: 1.3 }
  .types { stroke-dasharray: 4 3 }
  .head { fill: #6b7f99 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 }
    .band { fill: #161b22 }
    .box { fill: #1f2733; stroke: #8fb3dd }
    .name { fill: #e6edf3 }
    .small { fill: #9da7b1 }
    .arrow { stroke: #8492a6 }
    .head { fill: #8492a6 }
  }
"""


class Point(NamedTuple):
    """A place in the picture, in pixels."""

    x: float
    y: float


class Layout:
    """Where each unit and each way point stands.

    A way point is named after its arrow and its level.
    """

    def __init__(self, shown: Arrows, levels: dict[str, int]) -> None:
        self.top = max(levels.values())
        self.rows: dict[int, list[str]] = {level: [] for level in range(1, self.top + 1)}
        self.widths: dict[str, int] = {}
        self.above: dict[str, list[str]] = defaultdict(list)
        self.below: dict[str, list[str]] = defaultdict(list)
        self.ways: dict[tuple[str, str], list[str]] = {}
        for unit in sorted(levels):
            self._add(unit, levels[unit], BOX_WIDTH)
        for importer in sorted(shown):
            for target in sorted(shown[importer]):
                self._add_arrow(importer, target, levels)
        self._sort()
        self.centres = self._place()

    def _add(self, name: str, level: int, width: int) -> None:
        self.rows[level].append(name)
        self.widths[name] = width

    def _add_arrow(self, importer: str, target: str, levels: dict[str, int]) -> None:
        way = [importer]
        for level in range(levels[importer] - 1, levels[target], -1):
            way.append(f"{importer} > {target} @ {level}")
            self._add(way[-1], level, WAY_POINT_WIDTH)
        way.append(target)
        self.ways[importer, target] = way
        for upper, lower in pairwise(way):
            self.below[upper].append(lower)
            self.above[lower].append(upper)

    def _sort(self) -> None:
        for sweep in range(SWEEPS):
            downwards = sweep % 2 == 0
            neighbours = self.above if downwards else self.below
            for level in sorted(self.rows, reverse=downwards):
                place = self._places()
                wish = {
                    name: mean([place[each] for each in neighbours[name]], place[name])
                    for name in self.rows[level]
                }
                self.rows[level] = [name for _, name in sorted((wish[name], name) for name in wish)]

    def _places(self) -> dict[str, float]:
        """Return where each name stands within its level, from 0 to 1."""
        return {
            name: place / max(1, len(row) - 1)
            for row in self.rows.values()
            for place, name in enumerate(row)
        }

    def _place(self) -> dict[str, float]:
        """Return the centre of each box and way point: near its neighbours, never overlapping."""
        centres: dict[str, float] = {}
        for row in self.rows.values():
            x = 0.0
            for name in row:
                centres[name] = x + self.widths[name] / 2
                x += self.widths[name] + BOX_GAP
        widest = max(sum(self.widths[name] + BOX_GAP for name in row) for row in self.rows.values())
        for row in self.rows.values():
            shift = (widest - sum(self.widths[name] + BOX_GAP for name in row)) / 2
            for name in row:
                centres[name] += shift
        for sweep in range(SWEEPS):
            for level in sorted(self.rows, reverse=sweep % 2 == 0):
                self._pull(self.rows[level], centres, widest)
        return centres

    def _pull(self, row: list[str], centres: dict[str, float], widest: float) -> None:
        """Move each box of a level towards its neighbours, as far as those beside it let it."""
        for number, name in enumerate(row):
            near = [centres[each] for each in (*self.above[name], *self.below[name])]
            wish = mean(near, centres[name])
            lowest, highest = self.widths[name] / 2, widest - BOX_GAP - self.widths[name] / 2
            if number > 0:
                left = row[number - 1]
                gap = (self.widths[left] + self.widths[name]) / 2 + BOX_GAP
                lowest = centres[left] + gap
            if number + 1 < len(row):
                right = row[number + 1]
                gap = (self.widths[right] + self.widths[name]) / 2 + BOX_GAP
                highest = centres[right] - gap
            if lowest <= highest:
                centres[name] = min(max(wish, lowest), highest)

    def centre(self, name: str, level: int) -> Point:
        """Return the centre of a box or way point."""
        return Point(
            MARGIN + LABEL_WIDTH + self.centres[name],
            MARGIN + (self.top - level) * LEVEL_HEIGHT + LEVEL_HEIGHT / 2,
        )

    @property
    def width(self) -> float:
        """The width of the picture."""
        right = max(self.centres[name] + self.widths[name] / 2 for name in self.widths)
        return MARGIN * 2 + LABEL_WIDTH + right

    @property
    def height(self) -> float:
        """The height of the picture."""
        return MARGIN * 2 + self.top * LEVEL_HEIGHT + CAPTION_HEIGHT


def mean(values: list[float], otherwise: float) -> float:
    """Return the mean of values, or another value if there are none."""
    return sum(values) / len(values) if values else otherwise


def number(value: float) -> str:
    """Return a coordinate without needless digits."""
    return f"{value:.1f}".removesuffix(".0")


def curve(points: list[Point]) -> str:
    """Return a path through points that leaves and enters each of them vertically."""
    start = points[0]
    parts = [f"M{number(start.x)} {number(start.y)}"]
    for before, after in pairwise(points):
        middle = number((before.y + after.y) / 2)
        parts.append(
            f"C{number(before.x)} {middle} {number(after.x)} {middle} "
            f"{number(after.x)} {number(after.y)}"
        )
    return " ".join(parts)


def ports(layout: Layout, levels: dict[str, int]) -> dict[tuple[str, str, bool], float]:
    """Return where each arrow leaves (False) and enters (True) its boxes, spread over the edge."""
    spread: dict[tuple[str, str, bool], float] = {}
    for unit in levels:
        for entering in (True, False):
            ends = sorted(
                (
                    (layout.centres[way[-2] if entering else way[1]], arrow)
                    for arrow, way in layout.ways.items()
                    if arrow[entering] == unit
                ),
            )
            for place, (_, arrow) in enumerate(ends, 1):
                offset = BOX_WIDTH * (place / (len(ends) + 1) - 0.5) * 0.8
                spread[*arrow, entering] = offset
    return spread


def draw(arrows: Arrows, shown: Arrows, at_run_time: Arrows, levels: dict[str, int]) -> str:
    """Draw units as boxes on their levels.

    Args:
        arrows: All imports, for the text that a box shows when it is pointed at.
        shown: The imports that are drawn.
        at_run_time: The imports without those for types; the others are dashed.
        levels: The level of each unit, 1 at the bottom.

    Returns:
        The text of the SVG file.
    """
    layout = Layout(shown, levels)
    spread = ports(layout, levels)
    width, height = number(layout.width), number(layout.height)
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title text"',
        f'     viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        '<title id="title">The packages of wisblock_bridge as layers</title>',
        f'<desc id="text">{escape(in_words(arrows))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{width}" height="{height}" rx="8"/>',
    ]
    for level in range(layout.top, 0, -1):
        top = MARGIN + (layout.top - level) * LEVEL_HEIGHT
        if (layout.top - level) % 2 == 0:
            out.append(
                f'<rect class="band" x="0" y="{top}" width="{width}" height="{LEVEL_HEIGHT}"/>'
            )
        y = number(top + LEVEL_HEIGHT / 2 + 4)
        out.append(f'<text class="small" x="{MARGIN}" y="{y}">level {level}</text>')
    for (importer, target), way in layout.ways.items():
        points = [layout.centre(name, levels[importer] - step) for step, name in enumerate(way)]
        start = Point(points[0].x + spread[importer, target, False], points[0].y + BOX_HEIGHT / 2)
        tip = Point(points[-1].x + spread[importer, target, True], points[-1].y - BOX_HEIGHT / 2)
        base = Point(tip.x, tip.y - ARROW_LENGTH)
        types = "" if target in at_run_time[importer] else " types"
        out.append(
            f'<path class="arrow{types}" d="{curve([start, *points[1:-1], base])}"/>'
            f'<path class="head" d="M{number(tip.x)} {number(tip.y)} l-4 -{ARROW_LENGTH} h8 z"/>'
        )
    for unit in sorted(levels):
        centre = layout.centre(unit, levels[unit])
        x = number(centre.x - BOX_WIDTH / 2)
        y = number(centre.y - BOX_HEIGHT / 2)
        imported = ", ".join(sorted(arrows[unit])) or "nothing"
        out.append(
            f"<g><title>{escape(f'{unit} imports {imported}')}</title>"
            f'<rect class="box" x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5"/>'
            f'<text class="name" x="{number(centre.x)}" y="{number(centre.y + 5)}">'
            f"{escape(unit)}</text></g>"
        )
    caption = layout.height - MARGIN - CAPTION_HEIGHT + 26
    for line, sentence in enumerate(
        (
            "An arrow leads from a package to one that it imports; a dashed one is for types only.",
            "Arrows that a chain of other arrows implies are left out.",
        )
    ):
        out.append(
            f'<text class="small" x="{MARGIN}" y="{number(caption + line * 17)}">{sentence}</text>'
        )
    return "\n".join([*out, "</svg>", ""])


def in_words(arrows: Arrows) -> str:
    """Return the imports as text, for readers that do not see the picture."""
    return " ".join(
        f"{unit} imports {', '.join(sorted(arrows[unit])) or 'nothing'}." for unit in sorted(arrows)
    )
