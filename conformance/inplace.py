"""Tensors that are written: operands in any layout, and what the written tensor must hold afterwards.

Operands take 256 values each; results of one operand are computed for those, and looked up.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch_conformance.conformance.cell import Cell, Unsupported
from torch_conformance.conformance.comparison import UNSIGNED_ZERO, Rule
from torch_conformance.conformance.elementwise import case_of, operand_pool, rule_for
from torch_conformance.conformance.recipes import SIZE_CLASSES, Recipe, Structure, structures
from torch_conformance.conformance.values import pool
from torch_conformance.reference import elementwise
from torch_conformance.reference import inplace as reference
from torch_conformance.reference.casting import cast
from torch_conformance.reference.dtypes import is_floating, is_signed, numpy_dtype
from torch_conformance.reference.strided import Strided, row_major
from torch_conformance.spec import load
from torch_conformance.spec.inplace import Method, methods
from torch_conformance.spec.operators import Operator, operators

Array = npt.NDArray[Any]
Size = tuple[int, ...]

_POOL = 256
BELOW_GRAIN = ("scalar", "small", "empty", "tail")
# Layouts of the sizes in which identity, storage and refusals are judged, where values do not matter.
FEW_SIZES: tuple[Size, ...] = ((), (0,), (3,), (2, 0), (2, 3), (17,), (3, 1, 2))


class _Pool(Recipe):
    """Every value of the pool, in order."""

    def indices(self, *, variant: int = 0) -> Array:  # noqa: ARG002
        return np.arange(_POOL, dtype=np.uint8)


_POOL_STRUCTURE = Structure("contiguous", _POOL, (_POOL,), (1,), 0)


@functools.lru_cache(maxsize=4096)
def _unary(name: str, dtype: str, seed: int) -> tuple[Array, Array]:
    """Return the pool of an operator of one operand, and the results for it."""
    case = case_of(operators()[name], _Pool(_POOL_STRUCTURE, seed, b"\1"), dtype)
    return case.operands["a"].storage, case.expected


@functools.lru_cache(maxsize=4096)
def operands(name: str, dtype: str, seed: int, which: str) -> Array:
    """Return the 256 values that operand a or b of an operator takes."""
    row = operators()[name]
    return _unary(name, dtype, seed)[0] if row.operands == 1 else operand_pool(row, dtype, seed, which)


@functools.cache
def _is_bounded(name: str) -> bool:
    return any(bound.operation == name for bound in load().bounds)


def result(row: Operator, dtype: str, a: Array, b: Array) -> Array:
    """Return the result of two operands out of place, in its dtype or, where a bound holds, a wider type."""
    if _is_bounded(row.name):
        a, b = (elementwise.widened(each, dtype) for each in (a, b))
    elif is_floating(dtype) and a.dtype.itemsize == 2:
        # One IEEE operation in float32, rounded once more, is the one in 16 bits.
        a, b = (each.astype(np.float32) for each in (a, b))
    with np.errstate(all="ignore"):
        answer = np.asarray(elementwise.BINARY[row.name](a, b))
        if row.result == "bool":
            return answer.astype(np.bool_)
        return answer if _is_bounded(row.name) else answer.astype(numpy_dtype(dtype))


@dataclasses.dataclass
class Write:
    """Operands of a call that writes a, and what computes the elements that a must have afterwards."""

    operands: dict[str, Any]
    compute: Callable[[], Array]
    rule: Rule

    @functools.cached_property
    def expected(self) -> Array:
        """The elements that the reference gives."""
        return self.compute()


def _spread(codes: Array, structure: Structure, values: Array) -> Strided:
    return Strided(values[codes], structure.size, structure.stride, structure.offset)


@functools.cache
def writable(size: Size) -> tuple[Structure, ...]:
    """Return the layouts of a size in which no two elements share memory."""
    return tuple(each for each in structures(size) if each.layout != "expanded")


@functools.cache
def broadcastable(size: Size) -> tuple[Structure, ...]:
    """Return contiguous layouts of the sizes that are broadcast to a size."""
    smaller = {size[1:], (*size[:-1], 1), (1, *size[1:]), ()} if size else set()
    return tuple(Structure("broadcast", math.prod(each), each, row_major(each), 0) for each in sorted(smaller - {size}))


@functools.cache
def others(size: Size) -> tuple[Structure, ...]:
    """Return layouts of a second operand: of the same size, and of sizes that are broadcast to it."""
    return (*structures(size), *broadcastable(size))


def write(row: Operator, dtype: str, recipe: Recipe, other: Structure | None = None) -> Write:
    """Return operands of an operator with a laid out by a recipe, and b by a structure (the recipe's own by default).

    What is expected is the result out of place: bool for a comparison.
    """
    seed = recipe.seed % 16
    codes, rule = recipe.indices(), rule_for(row, dtype)
    a = _spread(codes, recipe.structure, operands(row.name, dtype, seed, "a"))
    if row.operands == 1:
        places = Strided(codes, a.size, a.stride, a.offset).array
        return Write({"a": a}, lambda: _unary(row.name, dtype, seed)[1][places], rule)
    layout = other or recipe.structure
    second = dataclasses.replace(recipe, structure=layout).indices(variant=1)
    b = _spread(second, layout, operands(row.name, dtype, seed, "b"))
    return Write({"a": a, "b": b}, lambda: result(row, dtype, a.array, np.broadcast_to(b.array, a.size)), rule)


def stored(row: Operator, dtype: str, expected: Array) -> Array:
    """Return a result as a tensor of the operands' dtype holds it."""
    return cast(expected, dtype) if row.result == "bool" != dtype else expected


def in_dtype(names: str, dtype: str) -> bool:
    """Whether a dtype belongs to a set."""
    return dtype in load().dtype_sets[names]


def written(dtype: str, family: str | None = None) -> Iterator[Operator]:
    """Return the rows with in-place spellings that are judged in a dtype, of one family or all."""
    return (
        row
        for row in operators().values()
        if row.inplace and in_dtype(row.dtypes, dtype) and family in (None, row.family)
    )


def table_methods(dtype: str, *judges: str) -> Iterator[Method]:
    """Return the methods that are judged in a dtype, by some of the judges or all."""
    return (
        each
        for each in methods().methods.values()
        if in_dtype(each.dtypes, dtype) and (not judges or each.judge in judges)
    )


def recipes(cell: Cell, classes: Iterable[str] = BELOW_GRAIN, *, share: float = 0.25) -> list[Recipe]:
    """Return recipes of tensors that can be written, of each size class, chosen by the cell's seed.

    Args:
        cell: Whose seed and profile decide.
        classes: Names of SIZE_CLASSES.
        share: Recipes of a class per drawn example of the profile.
    """
    generator = cell.generator()
    chosen = []
    for name in classes:
        options = [each for each in SIZE_CLASSES[name] if each.layout != "expanded"]
        for _ in range(max(1, round(cell.profile.examples * share))):
            structure = options[int(generator.integers(len(options)))]
            chosen.append(Recipe(structure, cell.seed % 256, generator.bytes(32)))
    return chosen


def grain_recipes(cell: Cell) -> list[Recipe]:
    """Return a contiguous recipe beyond the size at which loops are split over threads, and one in another layout."""
    generator = cell.generator()
    found = []
    for contiguous in (True, False):
        options = [
            each
            for each in SIZE_CLASSES["grain"]
            if (each.layout == "contiguous") == contiguous and each.layout not in ("offset", "expanded")
        ]
        found.append(Recipe(options[int(generator.integers(len(options)))], cell.seed % 256, generator.bytes(32)))
    return found


def row_recipes(cell: Cell, row: Operator, *, share: float = 0.25) -> list[Recipe]:
    """Return recipes for an operator: of each size class, and beyond the grain.

    Results beyond the grain take long to judge: operators take turns with them where their values are not the subject.
    """
    found, large = recipes(cell, share=share), grain_recipes(cell)
    exact = not rule_for(row, cell.dtype).ulps or cell.profile.exhaustive
    turn = (cell.seed + sum(map(ord, row.name))) % 4
    if share > 0.2:
        return [*found, *(large if exact else large[turn % 2 : turn % 2 + 1])]
    return [*found, *large[turn : turn + 1]]


def few_recipes(cell: Cell, turn: int, sizes: Sequence[Size] = FEW_SIZES) -> list[Recipe]:
    """Return recipes of some of a few sizes, others and in other layouts at each turn; of all where time is no object.

    Facts about identity, memory and refusals hold for every operator and dtype: sizes go round among these.
    """
    count = min(len(sizes), max(2, cell.profile.examples // 4))
    start = turn + cell.seed % 97
    found = []
    for place in range(start, start + count):
        options = writable(sizes[place % len(sizes)])
        found.append(Recipe(options[(turn + place) % len(options)], cell.seed % 16, bytes(range(1, 33))))
    return found


def each_implemented(cell: Cell, parts: Iterable[tuple[str, Callable[[], None]]]) -> None:
    """Judge every part; a part that the device does not implement ends the cell only after all others were judged."""
    __tracebackhide__ = True
    missing: dict[str, str] = {}
    for name, judge in parts:
        try:
            judge()
        except Unsupported as gap:
            missing.setdefault(name, str(gap.msg))
    if missing:
        cell.unsupported(f"not implemented: {', '.join(missing)} ({next(iter(missing.values()))})")


# Arguments of the methods of the table, by the names that spec/inplace.toml explains.


def tiny(dtype: str, count: int, generator: np.random.Generator) -> Array:
    """Return whole numbers from -3 to 3, or from 0 in unsigned dtypes; complex ones have such parts."""
    low = -3 if is_signed(dtype) else 0
    high = 2 if dtype == "bool" else 4
    values = generator.integers(low, high, count)
    if dtype.startswith("complex"):
        return np.asarray(values + 1j * generator.integers(-3, 4, count)).astype(numpy_dtype(dtype))
    return cast(values, dtype)


def drawn(dtype: str, values: str, count: int, generator: np.random.Generator) -> Array:
    """Return as many values of a kind."""
    if values == "tiny":
        return tiny(dtype, count, generator)
    return pool(dtype, values, 0)[generator.integers(0, _POOL, count)]


_METHOD_SIZES: dict[str, tuple[Size, ...]] = {
    "any": ((), (0,), (1,), (3,), (2, 3), (17,), (2, 0, 3), (2, 3, 2), (65,), (5, 33)),
    "rows": ((1,), (3,), (2, 3), (5, 1), (17,), (4, 0), (4, 3, 2), (9, 33)),
    "matrices": ((1, 1), (2, 3), (5, 2), (3, 3), (0, 3), (2, 3, 4), (2, 1, 5, 3), (17, 9)),
    "matrix": ((1, 1), (2, 3), (7, 2), (3, 3), (9, 4)),
    "vector": ((3,), (1,), (7,)),
    "product": ((3, 4), (1, 2), (5, 1), (7, 3)),
    "batch": ((2, 3, 4), (1, 2, 1), (3, 5, 2)),
}
LARGE: dict[str, tuple[Size, ...]] = {"any": ((32_771,), (3, 10_925)), "rows": ((181, 183),), "matrices": ((183, 181),)}


def method_sizes(method: Method, dtype: str) -> tuple[Size, ...]:
    """Return the sizes in which a method is judged in a dtype.

    Left out by name: index_reduce_ of 16-bit floating rows of one element, where torch fails an internal check.
    """
    sizes = _METHOD_SIZES[method.shape]
    if method.name == "index_reduce_" and dtype in ("float16", "bfloat16"):
        return tuple(size for size in sizes if len(size) == 1 or size[-1] != 1)
    return sizes


def _factor(name: str, size: Size) -> Size:
    """Return the size of a factor of a product of this size, with an inner dimension of 3."""
    inner = 3
    if name == "p1":
        return (*size[:-1], inner) if len(size) > 1 else (*size, inner)
    if name == "p2":
        return (*size[:-2], inner, size[-1]) if len(size) > 1 else (inner,)
    return {"p3": size[:1], "p4": size[-1:], "p5": (2, size[0], inner), "p6": (2, inner, size[-1])}[name]


class Arguments:
    """Arguments of one call on a tensor of some size, drawn when they are first asked for."""

    def __init__(self, method: Method, dtype: str, structure: Structure, seed: int) -> None:
        """Begin with the tensor itself."""
        self._method, self._dtype, self._structure = method, dtype, structure
        self._generator = np.random.default_rng([seed, len(method.name), math.prod(structure.size)])
        storage = drawn(dtype, method.values, structure.length, self._generator)
        self.values: dict[str, Any] = {"a": Strided(storage, structure.size, structure.stride, structure.offset)}

    def __getitem__(self, name: str) -> Any:
        """Return an argument by its name in a call."""
        if name not in self.values:
            self.values[name] = self._draw(name)
        return self.values[name]

    def _draw(self, name: str) -> Strided:
        size = self._structure.size
        numel = math.prod(size)
        if name in ("b", "c", "lo", "hi", "p", "w"):
            layouts = structures(size)
            layout = layouts[int(self._generator.integers(len(layouts)))]
            return Strided(self._elements(name, layout.length), size, layout.stride, layout.offset)
        if name == "k":
            return Strided.from_array(self._generator.integers(-3, 4, size))
        if name in ("m", "n"):
            return Strided.from_array(self._generator.random(size if name == "m" else size[-1:]) < 0.5)
        if name in ("z", "g"):
            shape = () if name == "z" else (numel,)
            return Strided.from_array(self._elements(name, math.prod(shape)).reshape(shape))
        return Strided.from_array(self._rows(name, size, numel))

    def _rows(self, name: str, size: Size, numel: int) -> Array:
        """Return what indexes rows, places or columns, and what is stored there."""
        count = (size[0] + 1) // 2
        if name == "i":
            return self._generator.permutation(size[0])[:count]
        if name == "r":
            return self._generator.integers(0, max(size[0] // 2, 1), count)
        if name == "x":
            order = np.argsort(self._generator.random(size), axis=0)
            return np.asarray(order, dtype=np.int64)
        if name == "l":
            return self._generator.permutation(numel)[: (numel + 1) // 2]
        shapes = {"s": (count, *size[1:]), "f": ((numel + 1) // 2,)}
        shape = shapes.get(name) or _factor(name, size)
        return self._elements(name, math.prod(shape)).reshape(shape)

    def _elements(self, name: str, count: int) -> Array:
        if name == "p":
            return cast(np.exp2(self._generator.integers(-1, 3, count)), self._dtype)
        if name == "w":
            return cast(self._generator.integers(0, 5, count) / 4, self._dtype)
        if name in ("lo", "hi"):
            return tiny(self._dtype, count, self._generator)
        return drawn(self._dtype, self._method.values, count, self._generator)


@functools.cache
def _call(text: str) -> ast.Call:
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    return node


@functools.cache
def _names(text: str) -> tuple[str, ...]:
    found = {node.id for node in ast.walk(_call(text)) if isinstance(node, ast.Name)} - {"a", "torch"}
    return tuple(sorted(found))


def _value(node: ast.expr, arguments: Arguments) -> Any:
    if isinstance(node, ast.Name):
        return arguments[node.id].array
    if isinstance(node, ast.Tuple):
        return tuple(_value(each, arguments) for each in node.elts)
    return ast.literal_eval(node)


def method_write(method: Method, call: str, dtype: str, structure: Structure, seed: int) -> Write:
    """Return a call's operands, and what the reference says that a then holds."""
    arguments = Arguments(method, dtype, structure, seed)
    inputs = {name: arguments[name] for name in ("a", *_names(call))}
    return Write(inputs, functools.partial(_answer, method, call, arguments), UNSIGNED_ZERO)


def _answer(method: Method, call: str, arguments: Arguments) -> Array:
    """Return what the reference says of a call: the same function of the same arguments."""
    a, node = arguments["a"].array, _call(call)
    positional = [_value(each, arguments) for each in node.args if not (isinstance(each, ast.Name) and each.id == "a")]
    keywords = {str(each.arg): _value(each.value, arguments) for each in node.keywords}
    with np.errstate(all="ignore"):
        elements = np.ascontiguousarray(a).reshape(a.shape)
        return reference.METHODS[method.name[:-1]](elements, *positional, **keywords)


def structure_of(size: Size, turn: int, call: str = "") -> Structure:
    """Return a layout of a size in which a tensor can be written, another at each turn.

    Left out by name: fill_diagonal_ with wrap=True of a tensor that is not contiguous, where torch counts places in
    memory as if it were, and writes outside the tensor.
    """
    options = writable(size)
    if "wrap=True" in call:
        options = tuple(each for each in options if each.layout in ("contiguous", "offset"))
    return options[turn % len(options)]
