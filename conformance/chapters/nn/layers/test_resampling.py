"""Sliding blocks, padding, pixel shuffles and upsampling."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.accuracy import roundings
from torch_conformance.conformance.judging.layers import (
    Answer,
    arranged,
    function,
    judge_gradients,
    plainly,
    rounded,
    selected,
    whole,
)
from torch_conformance.reference.nn import convolution, resampling

Array = npt.NDArray[Any]

_BLOCKS = tuple(itertools.product((2, (2, 3), (1, 2)), (1, (1, 2)), (0, 1, (0, 2)), (1, 2, (2, 1))))


def _blocks(options: tuple[Any, ...]) -> tuple[tuple[int, ...], ...]:
    return tuple(convolution.spread(each, 2) for each in options)


@clause("nn.unfold.lays-sliding-blocks-in-columns")
def test_unfold(cell: Cell) -> None:
    for turn, case in selected(cell, _BLOCKS):
        generator = cell.generator()
        size = (2, 2, 4, 5) if turn % 3 else (3, 4, 5)
        x = whole(generator, size, 9)
        batch = x if x.ndim == 4 else x[None]
        value = convolution.unfold(batch, *_blocks(case))
        g = whole(generator, value.shape, 2)
        gradient = convolution.fold(g, (4, 5), *_blocks(case))
        if x.ndim == 3:
            value, g, gradient = value[0], g[0], gradient[0]
        options = dict(zip(("kernel_size", "dilation", "padding", "stride"), case, strict=True))
        inputs = {"x": arranged(x, cell.dtype, turn), "options": options, "g": arranged(g, cell.dtype, turn + 1)}
        forms = [
            function("y = torch.nn.functional.unfold(x, **options)", leaves="(x,)"),
            function("y = torch.nn.Unfold(*options.values())(x)", leaves="(x,)"),
            function("y = torch.nn.functional.unfold(x, *options.values())", leaves="(x,)"),
        ]
        judge_gradients(
            cell, inputs, forms[turn % 2 : turn % 2 + 2], [Answer(gradient)], leaves="x", value=Answer(value)
        )


@clause("nn.fold.adds-sliding-blocks-at-their-places")
def test_fold(cell: Cell) -> None:
    for turn, case in selected(cell, _BLOCKS):
        generator = cell.generator()
        shape = convolution.unfold(np.zeros((2, 2, 4, 5)), *_blocks(case)).shape
        x = whole(generator, shape, 3)
        value = convolution.fold(x, (4, 5), *_blocks(case))
        g = whole(generator, value.shape, 2)
        gradient = convolution.unfold(g, *_blocks(case))
        if turn % 3 == 0:
            x, value, g, gradient = x[0], value[0], g[0], gradient[0]
        options = dict(zip(("kernel_size", "dilation", "padding", "stride"), case, strict=True))
        inputs = {"x": arranged(x, cell.dtype, turn), "options": options, "g": arranged(g, cell.dtype, turn + 1)}
        forms = [
            function("y = torch.nn.functional.fold(x, (4, 5), **options)", leaves="(x,)"),
            function("y = torch.nn.Fold((4, 5), *options.values())(x)", leaves="(x,)"),
            function("y = torch.nn.functional.fold(x, (4, 5), *options.values())", leaves="(x,)"),
        ]
        judge_gradients(
            cell, inputs, forms[turn % 2 : turn % 2 + 2], [Answer(gradient)], leaves="x", value=Answer(value)
        )


_PADS: dict[int, tuple[Any, ...]] = {
    1: (1, (2, 0), (0, 3)),
    2: (1, (2, 0, 1, 0), (0, 1, 0, 2)),
    3: (1, (1, 0, 0, 1, 2, 0)),
}
_PADDED = {1: (2, 2, 4), 2: (2, 2, 3, 4), 3: (1, 2, 3, 4, 3)}


@clause("nn.padding-layers.pad-the-last-dimensions")
def test_padding_layers(cell: Cell) -> None:
    modes = ("Constant", "Reflection", "Replication")
    cases = [(mode, dims, pads) for mode in modes for dims in (1, 2, 3) for pads in _PADS[dims]]
    # ZeroPad1d, ZeroPad3d and the circular layers came with torch 2.1.
    cases += [("Zero", 2, pads) for pads in _PADS[2]]
    for turn, (mode, dims, pads) in selected(cell, cases):
        generator = cell.generator()
        x = whole(generator, _PADDED[dims], 9)
        flat = convolution.spread(pads, 2 * dims)
        # The first two numbers are for the last dimension.
        amounts = [(flat[2 * at], flat[2 * at + 1]) for at in reversed(range(dims))]
        named = {"Constant": "constant", "Zero": "constant", "Reflection": "reflect", "Replication": "replicate"}[mode]
        fill = 2.5 if mode == "Constant" else 0.0
        value = convolution.pad(x, amounts, named, fill)
        g = whole(generator, value.shape, 2)
        gradient = convolution.pad_gradient(g, x.shape[2:], amounts, named)
        extra = ", 2.5" if mode == "Constant" else ""
        keyword = ", value=2.5" if mode == "Constant" else ""
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "p": pads,
            "flat": flat,
            "mode": named,
            "g": arranged(g, cell.dtype, turn + 1),
        }
        forms = [
            function(f"y = torch.nn.{mode}Pad{dims}d(p{extra})(x)", leaves="(x,)"),
            function(f"y = torch.nn.functional.pad(x, flat, mode=mode{keyword})", leaves="(x,)"),
            function(f"y = torch.nn.{mode}Pad{dims}d(padding=flat{keyword})(x)", leaves="(x,)"),
        ]
        judge_gradients(cell, inputs, forms, [Answer(gradient)], leaves="x", value=Answer(value))


@clause("nn.padding-layers.pad-circularly-and-take-away-by-negative-numbers")
def test_circular(cell: Cell) -> None:
    cases = [("circular", dims, pads) for dims in (1, 2, 3) for pads in _PADS[dims]]
    cases += [("constant", 1, (-1, 2)), ("constant", 2, (1, -1, -1, 0)), ("constant", 2, (-2, -1, 0, -1))]
    for turn, (mode, dims, pads) in enumerate(cases):
        generator = cell.generator()
        x = whole(generator, _PADDED[dims], 9)
        flat = convolution.spread(pads, 2 * dims)
        amounts = [(flat[2 * at], flat[2 * at + 1]) for at in reversed(range(dims))]
        value = convolution.pad(x, amounts, mode)
        g = whole(generator, value.shape, 2)
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "flat": flat,
            "mode": mode,
            "g": arranged(g, cell.dtype, turn + 1),
        }
        forms = [function("y = torch.nn.functional.pad(x, flat, mode)", leaves="(x,)")]
        gradient = convolution.pad_gradient(g, x.shape[2:], amounts, mode)
        judge_gradients(cell, inputs, forms, [Answer(gradient)], leaves="x", value=Answer(value))


@clause("nn.pixel-shuffle.moves-channels-into-extents-and-back")
def test_pixel_shuffle(cell: Cell) -> None:
    for turn, (lead, factor) in enumerate(itertools.product(((2,), (), (2, 1)), (2, 3, 1))):
        generator = cell.generator()
        x = whole(generator, (*lead, 2 * factor**2, 2, 3), 9)
        y = resampling.pixel_shuffle(x, factor)
        g = whole(generator, y.shape, 2)
        layout = plainly(turn, x.shape) if x.ndim > 4 else turn
        inputs = {
            "x": arranged(x, cell.dtype, layout),
            "f": factor,
            "g": arranged(g, cell.dtype, plainly(turn + 1, g.shape)),
        }
        forms = [
            function("y = torch.nn.functional.pixel_shuffle(x, f)", leaves="(x,)"),
            function("y = torch.nn.PixelShuffle(f)(x)", leaves="(x,)"),
            function("y = torch.pixel_shuffle(x, upscale_factor=f)", leaves="(x,)"),
        ]
        gradient = resampling.pixel_unshuffle(g, factor)
        judge_gradients(cell, inputs, forms, [Answer(gradient)], leaves="x", value=Answer(y))
        # pixel_unshuffle refuses five dimensions whose second is innermost.
        layout = plainly(turn + 2, y.shape) if y.ndim > 4 else turn + 2
        back = {"x": arranged(y, cell.dtype, layout), "f": factor, "g": arranged(gradient, cell.dtype, layout)}
        forms = [
            function("y = torch.nn.functional.pixel_unshuffle(x, f)", leaves="(x,)"),
            function("y = torch.nn.PixelUnshuffle(downscale_factor=f)(x)", leaves="(x,)"),
        ]
        judge_gradients(cell, back, forms, [Answer(g)], leaves="x", value=Answer(x))
    trial = cell.trial(x=arranged(np.ones((1, 6, 2, 3)), cell.dtype))
    trial.expect_error("torch.nn.functional.pixel_shuffle(x, 2)", RuntimeError)
    trial.expect_error("torch.nn.PixelUnshuffle(2)(x)", RuntimeError)


@clause("nn.upsample.repeats-the-nearest-element")
def test_nearest(cell: Cell) -> None:
    cases: tuple[tuple[int, int | tuple[int, ...]], ...] = ((1, 2), (2, 3), (2, (2, 1)), (3, 2), (3, (1, 3, 2)))
    for turn, (dims, factor) in enumerate(cases):
        generator = cell.generator()
        x = whole(generator, (2, 2, *(3, 2, 4)[:dims]), 9)
        factors = convolution.spread(factor, dims)
        value = resampling.repeated(x, factors)
        g = whole(generator, value.shape, 2)
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "factor": tuple(map(float, factors)) if isinstance(factor, tuple) else float(factor),
            "size": value.shape[2:],
            "g": arranged(g, cell.dtype, turn + 1),
        }
        forms = [
            function("y = torch.nn.functional.interpolate(x, size=size)", leaves="(x,)"),
            function("y = torch.nn.Upsample(scale_factor=factor)(x)", leaves="(x,)"),
            function("y = torch.nn.Upsample(size, mode='nearest')(x)", leaves="(x,)"),
            function("y = torch.nn.functional.interpolate(x, scale_factor=factor, mode='nearest')", leaves="(x,)"),
        ]
        if dims == 2:
            forms += [function("y = torch.nn.UpsamplingNearest2d(size)(x)", leaves="(x,)")]
        slope = Answer(resampling.repeated_gradient(g, factors))
        judge_gradients(cell, inputs, forms, [slope], leaves="x", value=Answer(value))


@clause("nn.upsample.interpolates-linearly")
def test_linear_upsampling(cell: Cell) -> None:
    cases = (((3,), (6,)), ((4,), (3,)), ((3, 2), (5, 4)), ((2, 4), (4, 4)), ((3, 4), (2, 7)), ((2, 2, 3), (3, 4, 2)))
    for turn, ((extents, size), corners) in enumerate(itertools.product(cases, (False, True))):
        generator = cell.generator()
        x = whole(generator, (2, 2, *extents), 9)
        matrices = [resampling.linear_weights(n, m, align_corners=corners) for n, m in zip(extents, size, strict=True)]
        value, room = resampling.applied(x, matrices), resampling.applied(np.abs(x), matrices)
        g = whole(generator, value.shape, 2)
        back = [each.T for each in matrices]
        mode = ("linear", "bilinear", "trilinear")[len(extents) - 1]
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "size": size,
            "mode": mode,
            "corners": corners,
            "g": arranged(g, cell.dtype, turn + 1),
        }
        forms = [
            function(
                "y = torch.nn.functional.interpolate(x, size=size, mode=mode, align_corners=corners)", leaves="(x,)"
            ),
            function("y = torch.nn.Upsample(size=size, mode=mode, align_corners=corners)(x)", leaves="(x,)"),
        ]
        if not corners:
            forms += [function("y = torch.nn.functional.interpolate(x, size, None, mode)", leaves="(x,)")]
        count = roundings(cell, "nn.interpolate", terms=math.prod(extents))
        reach = [np.ones_like(each) @ np.diag(np.ones(each.shape[1])) for each in matrices]
        around = resampling.applied(np.abs(x), reach)
        spread = resampling.applied(np.abs(g), [each.T for each in reach])
        answer = rounded(value, room + around / 4, cell, count)
        slope = rounded(resampling.applied(g, back), spread, cell, count)
        judge_gradients(cell, inputs, forms, [slope], leaves="x", value=answer)
