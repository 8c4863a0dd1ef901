"""Models for the export chapter: their source text, which scripting needs to see, and their answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.strided import Strided

Array = npt.NDArray[Any]

MODELS = """
from typing import Dict, List, Optional, Tuple

import torch


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 4)
        self.second = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


class Convolutional(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 3, padding=1)
        self.relu = torch.nn.ReLU()
        self.pool = torch.nn.MaxPool2d(2)
        self.head = torch.nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.flatten(self.pool(self.relu(self.conv(x))), 1))


class Branching(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)

    def forward(self, x):
        if bool(x.sum() > 0):
            y = self.layer(x)
        else:
            y = -self.layer(x) * 2
        return y


def double_until(x, limit: float):
    count = 0
    while bool(x.sum() < limit):
        x = x * 2
        count += 1
    return x, count


def weigh(x, weights: List[int], scale: Optional[float] = None, shift: int = 1):
    total = torch.zeros_like(x)
    for i, weight in enumerate(weights):
        total = total + x * weight + i
    if scale is not None:
        total = total * scale
    return total + shift


def pick(x, table: Dict[str, int], names: Tuple[str, str]):
    y = x
    for name in names:
        if name in table:
            y = y * table[name]
        else:
            y = y - 1
    return y


def odd_only(x):
    parts = []
    for i in range(x.size(0)):
        if i % 2 == 0:
            continue
        parts.append(x[i] * i)
    return torch.stack(parts)


def yields(x):
    yield x


def tries(x):
    try:
        return x
    except ValueError:
        return x + 1


def keywords(x, **options):
    return x


def sets_global(x):
    global kept
    kept = x
    return kept


def two_types(x):
    if bool(x.sum() > 0):
        y = 1
    else:
        y = "a"
    return y


def sometimes_defined(x):
    if bool(x.sum() > 0):
        y = x * 2
    return y
"""
DEFINE = (
    "import linecache",
    "linecache.cache['<models>'] = (len(models), None, models.splitlines(True), '<models>')",
    "__name__ = '__main__'",
    "exec(compile(models, '<models>', 'exec'), globals())",
)
SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "Small": ((4, 3), (4,), (2, 4), (2,)),
    "Convolutional": ((2, 1, 3, 3), (2,), (3, 8), (3,)),
    "Branching": ((2, 3), (2,)),
}
INPUTS: dict[str, tuple[int, ...]] = {"Small": (3,), "Convolutional": (1, 4, 4), "Branching": (3,)}


def whole(generator: np.random.Generator, *size: int) -> Array:
    """Return whole numbers from -3 to 3, float32, whose sums of products are exact in any order."""
    return generator.integers(-3, 4, size).astype(np.float32)


def begin(
    cell: Cell, generator: np.random.Generator, name: str, **inputs: Any
) -> tuple[Trial, list[Array], Array, list[Array]]:
    """Begin a trial that has `model` with whole parameters, the input `x` of 4 samples and `others`.

    The others have 4, 1, 7 and 0 samples; those of Branching have positive and negative sums.

    Returns:
        The trial, and the values of the parameters, of x and of the others.
    """
    start = [whole(generator, *size) for size in SHAPES[name]]
    x = whole(generator, 4, *INPUTS[name])
    others = [whole(generator, batch, *INPUTS[name]) for batch in (4, 1, 7, 0)]
    if name == "Branching":
        x = np.abs(x) + 1
        others = [np.abs(each) + 1 for each in others[:2]] + [-np.abs(each) - 1 for each in others[:2]]
    trial = define(
        cell,
        x=Strided.from_array(x),
        others=[Strided.from_array(each) for each in others],
        start=[Strided.from_array(each) for each in start],
        **inputs,
    )
    trial.run(f"model = {name}().to(device)")
    trial.run("for each, value in zip(model.parameters(), start): each.data.copy_(value)")
    return trial, start, x, others


def define(cell: Cell, **inputs: Any) -> Trial:
    """Begin a trial in which the models and functions are defined, with a source that can be inspected."""
    trial = cell.trial(models=MODELS, **inputs)
    for line in DEFINE:
        trial.run(line)
    return trial


def answer(name: str, start: list[Array], x: Array) -> Array:
    """Return what a model answers; exact."""
    wide = [each.astype(np.float64) for each in start]
    if name == "Convolutional":
        padded = np.pad(x[:, 0].astype(np.float64), ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
        maps = np.einsum("bijkl,okl->boij", windows, wide[0][:, 0]) + wide[1][:, None, None]
        maps = np.maximum(maps, 0).reshape(len(x), 2, 2, 2, 2, 2).max((3, 5))
        return np.asarray(maps.reshape(len(x), 8) @ wide[2].T + wide[3], np.float32)
    hidden = x.astype(np.float64) @ wide[0].T + wide[1]
    if name == "Branching":
        return np.asarray(hidden if x.sum() > 0 else -2 * hidden, np.float32) + 0
    return np.asarray(np.maximum(hidden, 0) @ wide[2].T + wide[3], np.float32)


def gradients(start: list[Array], x: Array) -> list[Array]:
    """Return the gradients of the sum of what Small answers, by its parameters and by x; exact."""
    wide = [each.astype(np.float64) for each in start]
    hidden = x @ wide[0].T + wide[1]
    back = np.ones((len(x), 2))
    inner = back @ wide[2] * (hidden > 0)
    found = [inner.T @ x, inner.sum(0), back.T @ np.maximum(hidden, 0), back.sum(0), inner @ wide[0]]
    return [each.astype(np.float32) for each in found]
