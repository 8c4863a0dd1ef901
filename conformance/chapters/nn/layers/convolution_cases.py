"""Cases of convolutions: every combination of options on tiny tensors of whole numbers."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.judging.layers import whole
from torch_conformance.reference.nn import convolution
from torch_conformance.reference.nn.convolution import spread

Array = npt.NDArray[Any]
Option = int | tuple[int, ...]

# A kernel and an extent for each dimension, all different, so that swapped dimensions show.
_KERNELS = {1: ((3,), (2,), (1,)), 2: ((2, 3), (3, 1), (1, 2)), 3: ((2, 1, 2), (1, 2, 2), (2, 2, 1))}
_EXTENTS = {1: (9,), 2: (5, 7), 3: (3, 4, 5)}
_STRIDES: dict[int, tuple[Option, ...]] = {1: (1, 2, (3,)), 2: (1, 2, (2, 1)), 3: (1, (1, 2, 1), 2)}
_PADDINGS: dict[int, tuple[Option, ...]] = {1: (0, 1, (2,)), 2: (0, 1, (1, 2)), 3: (0, (1, 0, 1), (0, 2, 1))}
_DILATIONS: dict[int, tuple[Option, ...]] = {1: (1, 2), 2: (1, (1, 2)), 3: (1, (2, 1, 2))}
# Groups, channels, output channels; the last is a depthwise convolution.
_CHANNELS = ((1, 2, 3), (2, 4, 2), (3, 3, 6), (1, 1, 1))


@dataclasses.dataclass(frozen=True)
class Convolution:
    """The options of one case.

    Attributes:
        kernel: Kernel size.
        stride: As it is given to torch, like the options after it.
        padding: Numbers, or "same" or "valid".
        dilation: Step between taps.
        groups: Groups of channels.
        channels: Input channels.
        outs: Output channels.
        bias: Whether there is one.
        batch: Batch size; None for an input without a batch.
        output_padding: Of a transposed convolution.
        mode: Padding mode.
    """

    kernel: tuple[int, ...]
    stride: Option
    padding: Option | str
    dilation: Option
    groups: int
    channels: int
    outs: int
    bias: bool
    batch: int | None
    output_padding: Option = 0
    mode: str = "zeros"

    @property
    def dims(self) -> int:
        """Number of spatial dimensions."""
        return len(self.kernel)

    @property
    def steps(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Stride and dilation per dimension."""
        return spread(self.stride, self.dims), spread(self.dilation, self.dims)

    @property
    def cut(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Padding and output padding per dimension of a transposed convolution, which takes numbers alone."""
        if isinstance(self.padding, str):
            raise TypeError(f"padding {self.padding!r}: a transposed convolution takes numbers")
        return spread(self.padding, self.dims), spread(self.output_padding, self.dims)

    @property
    def amounts(self) -> list[tuple[int, int]]:
        """Padding in front and behind, per dimension."""
        if self.padding == "valid":
            return [(0, 0)] * self.dims
        if isinstance(self.padding, str):
            return convolution.same_amounts(self.kernel, self.steps[1])
        return [(each, each) for each in spread(self.padding, self.dims)]

    @property
    def extents(self) -> tuple[int, ...]:
        """Extents of the input."""
        return _EXTENTS[self.dims]

    def options(self, *, transposed: bool = False) -> dict[str, Any]:
        """Return the options as keywords of the functional forms."""
        found: dict[str, Any] = {"stride": self.stride, "padding": self.padding}
        if transposed:
            found |= {"output_padding": self.output_padding}
        return found | {"groups": self.groups, "dilation": self.dilation}


def _batches() -> Iterator[int | None]:
    return itertools.cycle((2, None, 1, 3, None))


def table(dims: int) -> list[Convolution]:
    """Return every combination of stride, padding, dilation and groups; kernel, bias and batch change in turn."""
    options = itertools.product(_STRIDES[dims], _PADDINGS[dims], _DILATIONS[dims], _CHANNELS)
    batches, kernels = _batches(), itertools.cycle(_KERNELS[dims])
    found = []
    for number, (stride, padding, dilation, (groups, channels, outs)) in enumerate(options):
        kernel, batch = next(kernels), next(batches)
        found.append(Convolution(kernel, stride, padding, dilation, groups, channels, outs, number % 3 != 2, batch))
    return found


def transposed_table(dims: int) -> list[Convolution]:
    """Return the same combinations for transposed convolutions, with every output padding that they allow."""
    found = []
    for number, case in enumerate(table(dims)):
        kernel = tuple(min(each, 2) for each in case.kernel) if dims == 3 else case.kernel
        stride, dilation = case.steps
        extra: Option = 0
        if number % 3:
            # Less than the stride or the dilation, as documented.
            extra = tuple(
                max(a, b) - 1 if number % 3 == 1 else min(1, max(a, b) - 1)
                for a, b in zip(stride, dilation, strict=True)
            )
        outs = case.outs if case.groups > 1 else 2
        found.append(
            dataclasses.replace(case, kernel=kernel, output_padding=extra, channels=case.groups * 2, outs=outs)
        )
    # torch 2.0 refuses a single tap in groups.
    found = [case for case in found if set(case.kernel) != {1} or case.groups == 1]
    return [case for case in found if all(each > 0 for each in transposed_outs(case))]


def transposed_outs(case: Convolution) -> tuple[int, ...]:
    """Return the extents of a transposed convolution's result."""
    stride, dilation = case.steps
    padding, extra = case.cut
    return convolution.transposed_extents(small_extents(case), case.kernel, stride, padding, extra, dilation)


def small_extents(case: Convolution) -> tuple[int, ...]:
    """Return extents for a transposed convolution, whose result is larger than its input."""
    return {1: (5,), 2: (3, 4), 3: (2, 3, 2)}[case.dims]


@dataclasses.dataclass(frozen=True)
class Operands:
    """Whole numbers for a case: input (with a batch), weight, bias."""

    x: Array
    w: Array
    b: Array | None

    def magnitudes(self) -> Operands:
        """Return the absolute values."""
        return Operands(np.abs(self.x), np.abs(self.w), None if self.b is None else np.abs(self.b))


def operands(case: Convolution, generator: np.random.Generator, *, transposed: bool = False) -> Operands:
    """Return whole numbers whose products add up to less than 256, mostly positive ones."""
    extents = small_extents(case) if transposed else case.extents
    weight = (case.channels, case.outs // case.groups) if transposed else (case.outs, case.channels // case.groups)
    return Operands(
        whole(generator, (case.batch or 1, case.channels, *extents)),
        whole(generator, (*weight, *case.kernel)),
        whole(generator, (case.outs,), 9) if case.bias else None,
    )


def forward(case: Convolution, given: Operands) -> Array:
    """Return the convolution of a batch."""
    stride, dilation = case.steps
    x = convolution.pad(given.x, case.amounts, case.mode)
    return convolution.with_bias(convolution.correlate(x, given.w, stride, dilation, case.groups), given.b)


def backward(case: Convolution, given: Operands, g: Array) -> list[Array]:
    """Return the gradients of input, weight and, where there is one, bias."""
    stride, dilation = case.steps
    x = convolution.pad(given.x, case.amounts, case.mode)
    padded = convolution.correlate_input_gradient(g, given.w, x.shape[2:], stride, dilation, case.groups)
    return [
        convolution.pad_gradient(padded, given.x.shape[2:], case.amounts, case.mode),
        convolution.correlate_weight_gradient(g, x, case.kernel, stride, dilation, case.groups),
        *([] if given.b is None else [convolution.bias_gradient(g)]),
    ]


def transposed_forward(case: Convolution, given: Operands) -> Array:
    """Return the transposed convolution of a batch."""
    stride, dilation = case.steps
    padding, extra = case.cut
    y = convolution.transposed(given.x, given.w, stride, padding, extra, dilation, case.groups)
    return convolution.with_bias(y, given.b)


def transposed_backward(case: Convolution, given: Operands, g: Array) -> list[Array]:
    """Return the gradients of input, weight and, where there is one, bias of the transposed convolution."""
    stride, dilation = case.steps
    wide = convolution.pad(g, case.amounts)
    # The output padding lies behind what any tap of the last input element meets.
    reach = convolution.transposed_extents(
        given.x.shape[2:], case.kernel, stride, (0,) * case.dims, (0,) * case.dims, dilation
    )
    within: Any = (Ellipsis, *(slice(each) for each in reach))
    met = wide[within]
    return [
        convolution.correlate(met, given.w, stride, dilation, case.groups),
        convolution.correlate_weight_gradient(given.x, met, case.kernel, stride, dilation, case.groups),
        *([] if given.b is None else [convolution.bias_gradient(g)]),
    ]
