"""A tape: operations on arrays that remember how their gradients pass, so that any graph of them can be derived.

A vector-Jacobian product is itself made of these operations, so that gradients have gradients. For complex arrays the
convention is that of PyTorch: the gradient of a real loss is its derivative by the conjugate, times two, so that a
holomorphic function passes g conj(f').

Source: PyTorch documentation, "Autograd mechanics" (how history is encoded; "Autograd for complex numbers"),
torch.autograd.grad.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import is_complex
from torch_conformance.reference.numerics import bounded, bounded_functions, bounded_sums
from torch_conformance.reference.numerics.bounded import Bounded

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A value in a graph.

    Attributes:
        data: The value, with a bound on its rounding error.
        parents: What it was computed from, each with the function that passes a gradient on to it.
    """

    data: Bounded
    # Not shown: a graph in which variables are used twice would be written out once per path.
    parents: tuple[tuple[Variable, Pass], ...] = dataclasses.field(default=(), repr=False)

    @property
    def shape(self) -> Shape:
        """The value's shape."""
        return self.data.shape

    @property
    def dtype(self) -> str:
        """The value's dtype name."""
        return self.data.dtype

    def __add__(self, other: Variable | complex) -> Variable:
        """Return the sum, broadcast."""
        return add(self, lifted(other, self))

    def __radd__(self, other: complex) -> Variable:
        """Return the sum with a number."""
        return add(lifted(other, self), self)

    def __sub__(self, other: Variable | complex) -> Variable:
        """Return the difference, broadcast."""
        return add(self, negative(lifted(other, self)))

    def __rsub__(self, other: complex) -> Variable:
        """Return a number less the value."""
        return add(lifted(other, self), negative(self))

    def __mul__(self, other: Variable | complex) -> Variable:
        """Return the product, broadcast."""
        return multiply(self, lifted(other, self))

    def __rmul__(self, other: complex) -> Variable:
        """Return the product with a number."""
        return multiply(lifted(other, self), self)

    def __truediv__(self, other: Variable | complex) -> Variable:
        """Return the quotient, broadcast."""
        return divide(self, lifted(other, self))

    def __rtruediv__(self, other: complex) -> Variable:
        """Return a number over the value."""
        return divide(lifted(other, self), self)

    def __neg__(self) -> Variable:
        """Return the value with the other sign."""
        return negative(self)

    def __matmul__(self, other: Variable) -> Variable:
        """Return the product of matrices, or of batches of them."""
        return matmul(self, other)

    def __getitem__(self, index: Any) -> Variable:
        """Return a part."""
        return taken(self, places_of(self.shape)[index])


Pass: TypeAlias = Callable[[Variable], Variable]


def variable(array: Array, dtype: str, shortened: float = 0.0) -> Variable:
    """Return a leaf whose elements the dtype holds; hardware may shorten factors to a unit roundoff."""
    return Variable(bounded.exact(array, dtype, shortened))


def lifted(value: Variable | complex, like: Variable) -> Variable:
    """Return a number as a constant of the graph, a variable as it is."""
    return value if isinstance(value, Variable) else Variable(bounded.lifted(value, like.data))


def constant(array: Array, like: Variable) -> Variable:
    """Return exact values (signs, masks) as a constant of the graph."""
    values = np.asarray(array).astype(like.data.values.dtype)
    return Variable(bounded.like(like.data, values, np.zeros(values.shape)))


def node(data: Bounded, *parents: tuple[Variable, Pass]) -> Variable:
    """Return the result of an operation."""
    return Variable(data, parents)


def add(left: Variable, right: Variable) -> Variable:
    """Return the sum."""
    data = left.data + right.data
    return node(data, (left, lambda g: summed_to(g, left.shape)), (right, lambda g: summed_to(g, right.shape)))


def negative(operand: Variable) -> Variable:
    """Return the value with the other sign."""
    return node(-operand.data, (operand, negative))


def conjugate(operand: Variable) -> Variable:
    """Return the complex conjugate; a real value as it is."""
    if not is_complex(operand.dtype):
        return operand
    return node(operand.data.conjugate(), (operand, conjugate))


def multiply(left: Variable, right: Variable) -> Variable:
    """Return the product, each factor of which is the other's derivative."""
    return node(
        left.data * right.data,
        (left, lambda g: summed_to(multiply(g, conjugate(right)), left.shape)),
        (right, lambda g: summed_to(multiply(g, conjugate(left)), right.shape)),
    )


def divide(left: Variable, right: Variable) -> Variable:
    """Return the quotient q, which derives to 1 / b and -q / b."""
    quotient = left.data / right.data
    return node(
        quotient,
        (left, lambda g: summed_to(divide(g, conjugate(right)), left.shape)),
        (right, lambda g: summed_to(multiply(negative(g), conjugate(divide(divide(left, right), right))), right.shape)),
    )


def elementary(
    operand: Variable,
    function: Callable[[Array], Array],
    slope: Callable[[Array], Array],
    derivative: Callable[[Variable, Variable], Variable],
) -> Variable:
    """Return a holomorphic function of an operand, elementwise.

    Args:
        operand: Its argument.
        function: The function of wide values.
        slope: Its derivative of wide values, which passes errors on.
        derivative: Its derivative as torch's formula or an equal one has it, of the argument and the result.
    """
    data = bounded_functions.elementary(function, operand.data, slope=slope)
    result = Variable(data)

    def passed(g: Variable) -> Variable:
        return multiply(g, conjugate(derivative(operand, whole)))

    whole = node(result.data, (operand, passed))
    return whole


def taken(operand: Variable, places: Array) -> Variable:
    """Return the elements at places of the flattened operand, in the shape of `places`."""
    shape = operand.shape
    return node(bounded_sums.taken(operand.data, places), (operand, lambda g: put(g, places, shape)))


def put(operand: Variable, places: Array, shape: Shape) -> Variable:
    """Return zeros of a shape with every element of the operand added at its place."""
    return node(bounded_sums.put(operand.data, places, shape), (operand, lambda g: taken(g, places)))


def places_of(shape: Shape) -> Array:
    """Return the place of each element in the flattened array."""
    return np.arange(int(np.prod(shape, dtype=np.int64))).reshape(shape)


def reshape(operand: Variable, shape: Shape) -> Variable:
    """Return the elements in row-major order in another shape."""
    return taken(operand, places_of(operand.shape).reshape(shape))


def expand(operand: Variable, shape: Shape) -> Variable:
    """Return the operand broadcast to a shape."""
    return taken(operand, np.broadcast_to(places_of(operand.shape), shape))


def total(operand: Variable, along: tuple[int, ...], *, keepdim: bool = False) -> Variable:
    """Return the sum over dimensions, all counted from 0."""
    shape = operand.shape
    kept = tuple(1 if dim in along else extent for dim, extent in enumerate(shape))
    data = bounded_sums.total(operand.data, along, keepdim=keepdim)
    return node(data, (operand, lambda g: expand(reshape(g, kept), shape)))


def summed_to(operand: Variable, shape: Shape) -> Variable:
    """Return the sum over the dimensions along which a shape was broadcast."""
    if operand.shape == shape:
        return operand
    missing = len(operand.shape) - len(shape)
    padded = (1,) * missing + shape
    pairs = enumerate(zip(operand.shape, padded, strict=True))
    along = tuple(dim for dim, (extent, wanted) in pairs if dim < missing or (wanted == 1 and extent != 1))
    return reshape(total(operand, along), shape) if along else reshape(operand, shape)


def transposed(operand: Variable) -> Variable:
    """Return matrices with rows and columns exchanged."""
    return taken(operand, np.swapaxes(places_of(operand.shape), -1, -2))


def permuted(operand: Variable, order: Sequence[int]) -> Variable:
    """Return the operand with its dimensions in another order."""
    return taken(operand, places_of(operand.shape).transpose(order))


def matmul(left: Variable, right: Variable) -> Variable:
    """Return the product of matrices, or of batches of them that are broadcast; both of two dimensions or more."""
    return node(
        bounded_sums.matmul(left.data, right.data),
        (left, lambda g: summed_to(matmul(g, transposed(conjugate(right))), left.shape)),
        (right, lambda g: summed_to(matmul(transposed(conjugate(left)), g), right.shape)),
    )


def linear(pairs: Sequence[tuple[Variable, Variable]], terms: Sequence[Variable] = ()) -> Variable:
    """Return the sum of x weight^T over pairs, and of terms that broadcast, all added in any order.

    Args:
        pairs: Each x of shape (..., features), and a weight of shape (outputs, features).
        terms: Such as biases.
    """
    data = bounded_sums.linear([(x.data, weight.data) for x, weight in pairs], [each.data for each in terms])
    parents: list[tuple[Variable, Pass]] = []
    for x, weight in pairs:
        parents += [(x, _times(weight)), (weight, _times_transposed(x))]
    parents += [(each, _summed_like(each)) for each in terms]
    return node(data, *parents)


def _times(weight: Variable) -> Pass:
    return lambda g: matmul(g, conjugate(weight))


def _times_transposed(x: Variable) -> Pass:
    rows = reshape(x, (-1, x.shape[-1]))
    return lambda g: matmul(transposed(reshape(g, (-1, g.shape[-1]))), conjugate(rows))


def _summed_like(term: Variable) -> Pass:
    return lambda g: summed_to(g, term.shape)


def running_total(operand: Variable, dim: int) -> Variable:
    """Return the running sum along a dimension, whose gradient is the running sum from the other end."""
    data = bounded_sums.running_total(operand.data, dim)

    def passed(g: Variable) -> Variable:
        backwards = np.flip(places_of(g.shape), dim)
        return taken(running_total(taken(g, backwards), dim), backwards)

    return node(data, (operand, passed))


def concatenated(operands: Sequence[Variable]) -> Variable:
    """Return the flattened operands one after the other."""
    ends = np.cumsum([0, *(each.data.values.size for each in operands)])
    values = np.concatenate([each.data.values.reshape(-1) for each in operands])
    bound = np.concatenate([each.data.bound.reshape(-1) for each in operands])
    parents = [
        (each, _slice_of(int(start), each.shape)) for each, start in zip(operands, ends[:-1].tolist(), strict=True)
    ]
    return node(bounded.like(operands[0].data, values, bound), *parents)


def _slice_of(start: int, shape: Shape) -> Pass:
    return lambda g: taken(g, start + places_of(shape))


def joined(operands: Sequence[Variable], join: Callable[[list[Array]], Array]) -> Variable:
    """Return the elements of several operands where `join` (np.concatenate, np.stack, ...) puts them."""
    start, places = 0, []
    for each in operands:
        places.append(start + places_of(each.shape))
        start += each.data.values.size
    return taken(concatenated(operands), join(places))


def written(operand: Variable, places: Array, values: Variable) -> Variable:
    """Return the operand with its elements at (distinct) places replaced by values of the shape of `places`."""
    size = operand.data.values.size
    sources = places_of(operand.shape).reshape(-1)
    sources[places.reshape(-1)] = size + np.arange(places.size)
    return taken(concatenated([operand, values]), sources.reshape(operand.shape))


def selected(mask: Array, left: Variable, right: Variable) -> Variable:
    """Return `left` where a mask holds and `right` elsewhere, broadcast."""
    shape = np.broadcast_shapes(mask.shape, left.shape, right.shape)
    first = np.broadcast_to(places_of(left.shape), shape)
    second = left.data.values.size + np.broadcast_to(places_of(right.shape), shape)
    return taken(concatenated([left, right]), np.where(mask, first, second))


def _order(outputs: Sequence[Variable]) -> list[Variable]:
    """Return the variables that outputs depend on, each before everything that it was computed from."""
    order: list[Variable] = []
    seen: set[int] = set()
    stack: list[tuple[Variable, bool]] = [(output, False) for output in outputs]
    while stack:
        current, done = stack.pop()
        if done:
            order.append(current)
        elif id(current) not in seen:
            seen.add(id(current))
            stack.append((current, True))
            stack.extend((parent, False) for parent, _ in current.parents)
    return order[::-1]


def accumulated(terms: Sequence[Variable]) -> Variable:
    """Return the sum of terms of one shape, such as the gradients that reach one variable."""
    if len(terms) == 1:
        return terms[0]
    return node(bounded_sums.accumulated([each.data for each in terms]), *((each, lambda g: g) for each in terms))


def gradients(output: Variable, inputs: Sequence[Variable], g: Variable) -> list[Variable | None]:
    """Return the gradient that reaches each input when `g` arrives at the output; None where no path leads."""
    return gradients_of([output], inputs, [g])


def gradients_of(
    outputs: Sequence[Variable], inputs: Sequence[Variable], gs: Sequence[Variable]
) -> list[Variable | None]:
    """Return the gradient that reaches each input when one of `gs` arrives at each output; None where none does."""
    arrived: dict[int, list[Variable]] = {}
    for output, g in zip(outputs, gs, strict=True):
        arrived.setdefault(id(output), []).append(g)
    wanted = {id(each) for each in inputs}
    result: dict[int, Variable] = {}
    needed: set[int] = set()
    order = _order(outputs)
    for current in reversed(order):
        if id(current) in wanted or any(id(parent) in needed for parent, _ in current.parents):
            needed.add(id(current))
    for current in order:
        terms = arrived.pop(id(current), None)
        if terms is None:
            continue
        gradient = accumulated(terms)
        if id(current) in wanted:
            result[id(current)] = gradient
        for parent, passing in current.parents:
            if id(parent) in needed:
                arrived.setdefault(id(parent), []).append(passing(gradient))
    return [result.get(id(each)) for each in inputs]
