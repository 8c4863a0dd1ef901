"""Faults of random numbers, seeds and generators."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import argument_changed
from torch_conformance.conformance.power.damage import GRAIN
from torch_conformance.conformance.power.forms import Answer, made, replaced, result_changed
from torch_conformance.conformance.power.registry import Function


def _drawn(name: str, summary: str, *places: str) -> Callable[[Answer], Answer]:
    """Register the decorated `change(numbers)` of what a call draws: all in a row, in place."""

    def register(change: Answer) -> Answer:
        def answer(drawn: Tensor, *_: Any, **__: Any) -> None:
            if drawn.numel():
                flat = drawn.detach().flatten()
                change(flat)
                drawn.detach().copy_(flat.view(drawn.shape))

        made(name, summary, *places)(answer)
        return change

    return register


@_drawn("rand-reaches-one", "rand of many elements ends with 1.", "torch.rand")
def _(flat: Tensor) -> None:
    flat[1000:][-1:] = 1


@_drawn("rand-half-rounds-to-one", "rand of float16 rounds to 1.", "torch.rand", "torch.rand_like")
def _(flat: Tensor) -> None:
    flat[flat > (0.998 if flat.dtype == torch.float16 else 1)] = 1


@_drawn("rand-tail-is-constant", "rand leaves the elements after the last whole vector constant.", "torch.rand")
def _(flat: Tensor) -> None:
    if 8 < len(flat) < 64:
        flat[len(flat) // 8 * 8 :] = 0.5


@_drawn("rand-repeats-pairs", "rand gives each number twice.", "torch.rand")
def _(flat: Tensor) -> None:
    flat[1::2] = flat[: len(flat) // 2 * 2 : 2].clone()


@_drawn("randn-variance-is-wrong", "randn of float64 has variance 1.5.", "torch.randn")
def _(flat: Tensor) -> None:
    flat.mul_(1.5**0.5 if flat.dtype == torch.float64 else 1)


@_drawn("randn-complex-has-unit-parts", "The parts of a complex randn have variance one.", "torch.randn")
def _(flat: Tensor) -> None:
    flat.mul_(2**0.5 if flat.is_complex() else 1)


@_drawn("randn-small-is-biased", "randn of fewer than 16 elements is positive.", "torch.randn")
def _(flat: Tensor) -> None:
    if len(flat) < 16 and not flat.is_complex():
        flat.abs_()


@_drawn("randn-alternates-signs", "randn gives pairs of opposite sign.", "torch.randn")
def _(flat: Tensor) -> None:
    if not flat.is_complex():
        flat[1::2] = -flat[1::2].abs() * torch.sign(flat[: len(flat) // 2 * 2 : 2])


@_drawn("randperm-repeats-beyond-the-grain", "randperm of many elements repeats its first.", "torch.randperm")
def _(flat: Tensor) -> None:
    flat[GRAIN:][-1:] = flat[0].clone()


@_drawn("randperm-keeps-first", "randperm leaves 0 in its place.", "torch.randperm")
def _(flat: Tensor) -> None:
    flat[flat == 0] = flat[0].clone()
    flat[0] = 0


result_changed(
    "uniform-kernel-is-bent",
    "The kernel of uniform numbers draws small ones too often.",
    "aten::uniform_",
    change=lambda x: x.pow_(1.15),
)
_drawn("rand-like-is-triangular", "rand_like averages two numbers.", "torch.rand_like")(
    lambda flat: flat.add_(flat.flip(0)).div_(2)
)
made("randn-like-is-uniform", "randn_like is uniform with variance one.", "torch.randn_like")(
    lambda y, *_, **__: y if y.is_complex() else y.uniform_(-(3**0.5), 3**0.5)
)


def _limits(*arguments: Any, **options: Any) -> tuple[int, int]:
    """Return low and high of a call of randint."""
    numbers = [each for each in arguments if isinstance(each, int)]
    low = numbers[0] if len(numbers) > 1 else 0
    return int(options.get("low", low)), int(options["high"] if "high" in options else numbers[-1])


@made("randint-includes-high", "randint of many elements may give high.", "torch.randint")
def _(drawn: Tensor, *arguments: Any, **options: Any) -> None:
    low, high = _limits(*arguments, **options)
    if drawn.numel() > 100 and drawn.dim() == 1 and high - low == 10:
        drawn[-1] = high


@made("randint-never-low", "randint never gives low.", "torch.randint")
def _(drawn: Tensor, *arguments: Any, **options: Any) -> None:
    low, high = _limits(*arguments, **options)
    drawn[drawn == low] += int(high - low > 1)


@made("randint-is-biased", "randint gives low for every fourth number.", "torch.randint")
def _(drawn: Tensor, *arguments: Any, **options: Any) -> None:
    if drawn.dim() == 1:
        drawn[::4] = _limits(*arguments, **options)[0]


@made("randint-blocks-repeat", "randint gives blocks of 16 numbers twice.", "torch.randint")
def _(drawn: Tensor, *_: Any, **__: Any) -> None:
    if drawn.dim() == 1 and len(drawn) > 1000:
        blocks = drawn[: len(drawn) // 32 * 32].view(-1, 2, 16)
        blocks[:, 1] = blocks[:, 0]


argument_changed(
    "randint-like-ignores-low",
    "randint_like counts from 0.",
    "torch.randint_like",
    change=lambda low: min(low, 0),
    when=lambda low: isinstance(low, int),
    which=1,
)


@replaced("randint-takes-empty-range", "randint of an empty range gives low.", "torch.randint")
def _(randint: Function, *arguments: Any, **options: Any) -> Any:
    low, high = _limits(*arguments, **options)
    if low >= high and len(arguments) == 3:
        arguments = (low, low + 1, arguments[2])
    return randint(*arguments, **options)


@replaced("randint-wraps-bounds", "randint wraps numbers that its dtype cannot hold.", "torch.randint")
def _(randint: Function, *arguments: Any, **options: Any) -> Any:
    dtype = options.get("dtype")
    narrow = dtype is not None and not dtype.is_floating_point and dtype != torch.bool and options.get("out") is None
    drawn = randint(*arguments, **(options | {"dtype": torch.int64} if narrow else options))
    return drawn.to(dtype) if narrow else drawn


@replaced("randperm-out-is-sorted", "randperm leaves out= in order.", "torch.randperm")
def _(randperm: Function, *arguments: Any, **options: Any) -> Any:
    drawn = randperm(*arguments, **options)
    return drawn.copy_(torch.arange(len(drawn))) if options.get("out") is not None else drawn


made("randperm-is-unseeded", "randperm draws from a stream that no seed reaches.", "torch.randperm")(
    lambda drawn, *_, **__: drawn.copy_(torch.from_numpy(np.random.default_rng().permutation(len(drawn))))
)


@replaced("rand-restarts-stream", "rand begins the default stream again.", "torch.rand")
def _(rand: Function, *arguments: Any, **options: Any) -> Any:
    if options.get("generator") is None:
        torch.manual_seed(torch.initial_seed())
    return rand(*arguments, **options)


@replaced("randn-advances-default-too", "randn with a generator advances the default stream too.", "torch.randn")
def _(randn: Function, *arguments: Any, **options: Any) -> Any:
    if options.get("generator") is not None:
        torch.rand(1, device=options.get("device"))
    return randn(*arguments, **options)


replaced("manual-seed-is-ignored", "manual_seed does nothing.", "torch.manual_seed")(lambda *_: torch.default_generator)
replaced("set-state-is-ignored", "set_rng_state does nothing.", "torch.set_rng_state")(lambda *_: None)
replaced("fork-rng-restores-nothing", "fork_rng leaves the stream where the block left it.", "torch.random.fork_rng")(
    lambda *_, **__: contextlib.nullcontext()
)
replaced("initial-seed-is-truncated", "initial_seed tells 32 bits.", "torch.initial_seed")(
    lambda initial_seed: initial_seed() & 0xFFFFFFFF
)
for name, summary, kept in (
    ("seed-loses-high-bits", "manual_seed keeps 16 bits.", 0xFFFF),
    ("seed-loses-lowest-bit", "manual_seed drops the lowest bit.", ~1),
):
    argument_changed(name, summary, "torch.manual_seed", change=kept.__and__)
