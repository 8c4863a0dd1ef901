"""Pictures as inline SVG, drawn by matplotlib and rebuilt from the few elements that a drawing needs.

matplotlib is imported when something is drawn: that takes half a second.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch_conformance.reports.page.numerics import Distance
from torch_conformance.reports.records.model import Picture, Series
from torch_conformance.reports.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours of the page: matplotlib draws with the keys, the style sheet says what they are in light and in dark.
_INK, _LINE = "#000001", "#000002"
_SERIES = tuple(f"#00001{number}" for number in range(8))
_PAGE_COLOURS = {_INK: "var(--ink)", _LINE: "var(--line)"} | {
    colour: f"var(--series-{number})" for number, colour in enumerate(_SERIES)
}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LABEL = 60
_OPERATIONS = 20

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_ELEMENTS = ("svg", "g", "path", "defs", "clipPath", "rect", "use", "text", "tspan")
_ATTRIBUTES = (
    *("viewBox", "width", "height", "d", "x", "y", "transform", "clip-path", "fill", "fill-opacity", "fill-rule"),
    *("stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap"),
    *("stroke-linejoin", "stroke-miterlimit", "opacity", "text-anchor", "font-size"),
)
_SAFE_VALUE = re.compile(r"[\w\s#.,:()+-]*\Z")
_REFERENCE = re.compile(r"url\(#([\w-]+)\)\Z")


class CannotDraw(Exception):
    """matplotlib cannot be imported in this environment; one sentence."""


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    """Draw alike everywhere: without the user's settings, mathematical markup, dates or warnings about fonts."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        import matplotlib as mpl  # noqa: PLC0415
    except (ImportError, AttributeError, RuntimeError, OSError) as error:
        # Built for another NumPy, for one; the numbers are on the page without it.
        raise CannotDraw(f"matplotlib cannot be imported: {one_line(str(error), 200)}") from None
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "torch-conformance",
                "text.parse_math": False,
                "font.size": 9,
                "text.color": _INK,
                "axes.labelcolor": _INK,
                "axes.edgecolor": _LINE,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.grid": True,
                "axes.axisbelow": True,
                "grid.color": _LINE,
                "grid.linewidth": 0.5,
                "xtick.color": _LINE,
                "ytick.color": _LINE,
                "xtick.labelcolor": _INK,
                "ytick.labelcolor": _INK,
                "legend.frameon": False,
                "lines.linewidth": 1.4,
            }
        )
        yield


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    return figure, axes


def _finished(figure: Figure, prefix: str) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return rebuilt(stream.getvalue(), prefix)


def rebuilt(svg: str, prefix: str) -> str:
    """Return a drawing made of the elements and attributes that drawings need, and of no others.

    Ids get a prefix, for several drawings stand in one page; colours become those of the page.
    """
    root = ET.fromstring(svg[svg.index("<svg") :])  # noqa: S314 - written by matplotlib a moment ago
    copy = _copied(root, prefix)
    if copy is None:
        raise ValueError("this is no SVG")
    copy.set("class", "drawing")
    copy.set("aria-hidden", "true")
    return ET.tostring(copy, encoding="unicode")


def _copied(element: ET.Element, prefix: str) -> ET.Element | None:
    name = element.tag.rpartition("}")[2]
    if element.tag != f"{{{_SVG}}}{name}" or name not in _ELEMENTS:
        return None
    copy = ET.Element(name, _attributes(element, prefix))
    copy.text = element.text if name in ("text", "tspan") else None
    for child in element:
        kept = _copied(child, prefix)
        if kept is not None:
            copy.append(kept)
    return copy


def _attributes(element: ET.Element, prefix: str) -> dict[str, str]:
    """Return the attributes to keep, with those of a style attribute as attributes: the page allows no styles."""
    found = dict(element.attrib)
    for declaration in found.pop("style", "").split(";"):
        key, _, value = declaration.partition(":")
        found[key.strip()] = value.strip()
    size = re.match(r"([\d.]+px)", found.pop("font", ""))
    if size:
        found["font-size"] = size.group(1)
    kept = {}
    for key in _ATTRIBUTES:
        value = found.get(key, "")
        reference = _REFERENCE.match(value)
        if reference:
            kept[key] = f"url(#{prefix}-{reference.group(1)})"
        elif value and _SAFE_VALUE.match(value) and "url" not in value:
            kept[key] = _PAGE_COLOURS.get(value, value)
    if "id" in found and element.tag.endswith(("}clipPath", "}path")):
        plain = re.sub(r"[^\w-]", "-", found["id"])
        kept["id"] = f"{prefix}-{plain}"
    target = found.get(f"{{{_XLINK}}}href", "")
    if re.match(r"#[\w-]+\Z", target):
        kept["href"] = f"#{prefix}-{target[1:]}"
    return kept


def training(pictures: Sequence[tuple[str, Picture]], prefix: str) -> str:
    """Return the curves of one clause and dtype, those of every device over each other.

    Args:
        pictures: What each series belongs to, such as a device, with the picture; same axes in all of them.
        prefix: Begins the ids of the drawing.

    Raises:
        CannotDraw: Without a matplotlib that can be imported.
    """
    with _settings():
        figure, axes = _figure(6.0, 3.2)
        first = pictures[0][1]
        shared: list[Series] = []
        for number, (owner, picture) in enumerate(pictures):
            for series in picture.series:
                # What is expected, and the data, are the same on every device, as a rule.
                if series.role != "observed" and series in shared:
                    continue
                shared.append(series)
                name = f"{series.name}, {owner}" if series.role == "observed" and len(pictures) > 1 else series.name
                _draw_series(axes, series, one_line(name, _LABEL), number)
        axes.set_xlabel(one_line(first.x_label, _LABEL))
        axes.set_ylabel(one_line(first.y_label, _LABEL))
        if first.logarithmic:
            _logarithmic(axes)
        if axes.lines:
            axes.legend(fontsize=8)
        return _finished(figure, prefix)


def _draw_series(axes: Axes, series: Series, label: str, number: int) -> None:
    values = [float("nan") if each is None else each for each in series.y]
    length = min(len(series.x), len(values))
    looks: Mapping[str, Any] = {
        "observed": {"color": _SERIES[number % len(_SERIES)], "linewidth": 2.4, "alpha": 0.75, "zorder": 2},
        "expected": {"color": _INK, "linestyle": "--", "linewidth": 1, "zorder": 3},
        "data": {"color": _INK, "alpha": 0.45, "linestyle": "none", "marker": ".", "markersize": 4, "zorder": 1},
    }[series.role]
    axes.plot(series.x[:length], values[:length], label=label, **looks)


def _logarithmic(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with labels that need no mathematical markup."""
    from matplotlib.ticker import LogFormatter, NullFormatter  # noqa: PLC0415

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(LogFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _dtype(distance: Distance) -> str:
    """Return a dtype of its own colour: integers are taken as the default float, all of them alike."""
    return distance.dtype if distance.dtype.startswith(("float", "bfloat", "complex")) else "integers"


def numerics(distances: Sequence[Distance], prefix: str) -> str:
    """Return the operations with the smallest head-room, each worst distance beside its bound.

    Args:
        distances: In the order in which they are to be shown; those without a share of a bound are left out.
        prefix: Begins the ids of the drawing.

    Raises:
        CannotDraw: Without a matplotlib that can be imported.
    """
    drawn = [each for each in distances if each.share is not None]
    lanes: dict[str, list[Distance]] = {}
    for each in drawn:
        if each.label in lanes or len(lanes) < _OPERATIONS:
            lanes.setdefault(each.label, []).append(each)
    shown = [each for lane in lanes.values() for each in lane]
    dtypes = list(dict.fromkeys(_dtype(each) for each in shown))
    places = list(dict.fromkeys((each.install, each.device) for each in shown))
    several = len({install for install, _ in places}) > 1
    heights = {name: row for row, name in enumerate(lanes)}
    with _settings():
        figure, axes = _figure(8.0, 1.1 + 0.27 * len(lanes))
        for dtype_number, dtype in enumerate(dtypes):
            colour = _SERIES[dtype_number % len(_SERIES)]
            above = 0.5 * ((dtype_number + 0.5) / len(dtypes) - 0.5)
            for place_number, place in enumerate(places):
                own = [each for each in shown if _dtype(each) == dtype and (each.install, each.device) == place]
                rows = [heights[each.label] + above for each in own]
                looks: dict[str, Any] = {"color": colour, "linestyle": "none"}
                axes.plot([each.bound for each in own], rows, marker="|", markersize=7, **looks)
                marker = _MARKERS[place_number % len(_MARKERS)]
                axes.plot([each.ulp or 0.0 for each in own], rows, marker=marker, markersize=4, **looks)
        axes.set_yticks(range(len(lanes)), [one_line(name, 32) for name in lanes])
        axes.set_ylim(len(lanes) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("units in the last place")
        keys: dict[str, Any] = {"linestyle": "none", "markersize": 4}
        for number, name in enumerate(dtypes):
            label = one_line(name, _LABEL)
            axes.plot([], [], marker="o", color=_SERIES[number % len(_SERIES)], label=label, **keys)
        for number, (install, device) in enumerate(places if len(places) > 1 else ()):
            label = one_line(f"{device}, {install}" if several else device, _LABEL)
            axes.plot([], [], marker=_MARKERS[number % len(_MARKERS)], color=_INK, label=label, **keys)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=6, fontsize=8)
        return _finished(figure, prefix)
