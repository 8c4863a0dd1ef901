"""Which pictures the page has, and the words beside each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from torch_conformance.reports.page import drawings
from torch_conformance.reports.page.gathering import Gathered
from torch_conformance.reports.page.numerics import Distance
from torch_conformance.reports.records.model import Picture

# A drawing takes about 40 ms.
_DRAWN = 40


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A picture with its words; the drawing is empty where it was not drawn."""

    title: str
    clause: str
    dtype: str
    devices: tuple[str, ...]
    svg: Markup


@dataclasses.dataclass(frozen=True)
class Plots:
    """All pictures of a page, and why there are none where something could have been drawn."""

    numerics: Markup
    training: tuple[Drawing, ...]
    refusal: str


def draw(installs: Sequence[Gathered], distances: Sequence[Distance]) -> Plots:
    """Return the pictures of a page; matplotlib is not imported when there is nothing to draw."""
    groups = _groups(installs)
    overview = Markup()
    refusal = ""
    drawn: list[Drawing] = []
    try:
        if any(each.share is not None for each in distances):
            overview = _markup(drawings.numerics(distances, "numerics"))
        for number, pictures in enumerate(groups):
            svg = drawings.training(pictures, f"training{number}") if number < _DRAWN else ""
            drawn.append(_described(pictures, _markup(svg)))
    except drawings.CannotDraw as error:
        refusal = str(error)
        drawn = [_described(pictures, Markup()) for pictures in groups]
    return Plots(overview, tuple(drawn), refusal)


def _markup(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - rebuilt from known elements and attributes alone


def _described(pictures: list[tuple[str, Picture]], svg: Markup) -> Drawing:
    first = pictures[0][1]
    return Drawing(first.title, first.clause, first.dtype, tuple(owner for owner, _ in pictures), svg)


def _groups(installs: Sequence[Gathered]) -> list[list[tuple[str, Picture]]]:
    """Return the pictures that belong over each other: one clause, dtype, title and pair of axes, on every device."""
    groups: dict[tuple[str, ...], list[tuple[str, Picture]]] = {}
    for install in installs:
        for each in install.pictures:
            key = (each.clause, each.dtype, each.title, each.x_label, each.y_label, str(each.logarithmic))
            owner = f"{each.device}, {install.label}" if len(installs) > 1 else each.device
            groups.setdefault(key, []).append((owner, each))
    return list(groups.values())
