"""Calls of the methods of the table of methods in place: their tensors, arguments, and what the reference says."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.inplace.writes import Size, Write, in_dtype, layouts, tiny
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.inputs.recipes import Structure
from torch_conformance.conformance.inputs.values import POOL_SIZE, pool
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import inplace as reference
from torch_conformance.spec.inplace import Method, methods

Array = npt.NDArray[Any]


def table_methods(dtype: str, *judges: str) -> Iterator[Method]:
    """Return the methods that are judged in a dtype, by some of the judges or all."""
    return (
        each
        for each in methods().methods.values()
        if in_dtype(each.dtypes, dtype) and (not judges or each.judge in judges)
    )


def drawn(dtype: str, values: str, count: int, generator: np.random.Generator) -> Array:
    """Return as many values of a kind."""
    if values == "tiny":
        return tiny(dtype, count, generator)
    return pool(dtype, values, 0)[generator.integers(0, POOL_SIZE, count)]


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
    """Arguments of one call on a tensor of some size, by the names that spec/tables/inplace.toml explains."""

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
            options = layouts(size)
            layout = options[int(self._generator.integers(len(options)))]
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
