"""Faults of random numbers, seeds and generators."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_RAND = (torch, "rand")
_RANDN = (torch, "randn")
_RANDINT = (torch, "randint")
_RANDPERM = (torch, "randperm")
_GRAIN = 32_768


def _flat_fault(name: str, summary: str, *places: tuple[Any, str]) -> Callable[[Callable[[torch.Tensor], None]], Any]:
    """Register a change, in place, of the elements of a result in a row."""

    def register(change: Callable[[torch.Tensor], None]) -> Any:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            if result.device.type != "meta" and result.numel():
                flat = result.detach().reshape(-1)
                change(flat)
                if flat.data_ptr() != result.data_ptr():
                    result.detach().copy_(flat.view(result.shape))
            return result

        return bound(name, summary, *places)(answer)

    return register


@_flat_fault("rand-reaches-one", "rand of many elements ends with 1.", _RAND)
def _(flat: torch.Tensor) -> None:
    if len(flat) > 1000:
        flat[-1] = 1


@_flat_fault("rand-half-rounds-to-one", "rand of float16 rounds to 1.", _RAND, (torch, "rand_like"))
def _(flat: torch.Tensor) -> None:
    if flat.dtype == torch.float16:
        flat[flat > 0.998] = 1


@_flat_fault("rand-tail-is-constant", "rand leaves the elements after the last whole vector constant.", _RAND)
def _(flat: torch.Tensor) -> None:
    if 8 < len(flat) < 64 and len(flat) % 8:
        flat[-(len(flat) % 8) :] = 0.5


@fault("uniform-kernel-is-bent", "The kernel of uniform numbers draws small ones too often.")
def _(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        def kernel(target: torch.Tensor, low: float = 0, high: float = 1, *, generator: Any = None) -> torch.Tensor:
            original(target, low, high, generator=generator)
            target.pow_(1.15)
            return target

        return kernel

    breaker.kernel("aten::uniform_", make)


@_flat_fault("rand-like-is-triangular", "rand_like averages two numbers.", (torch, "rand_like"))
def _(flat: torch.Tensor) -> None:
    flat.add_(flat.flip(0)).div_(2)


@_flat_fault("randn-variance-is-wrong", "randn of float64 has variance 1.5.", _RANDN)
def _(flat: torch.Tensor) -> None:
    if flat.dtype == torch.float64:
        flat.mul_(1.5**0.5)


@bound("randn-like-is-uniform", "randn_like is uniform with variance one.", (torch, "randn_like"))
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    result = original(*arguments, **options)
    if result.device.type != "meta" and not result.is_complex():
        result.uniform_(-(3**0.5), 3**0.5)
    return result


@_flat_fault("randn-complex-has-unit-parts", "The parts of a complex randn have variance one.", _RANDN)
def _(flat: torch.Tensor) -> None:
    if flat.is_complex():
        flat.mul_(2**0.5)


@_flat_fault("randn-small-is-biased", "randn of fewer than 16 elements is positive.", _RANDN)
def _(flat: torch.Tensor) -> None:
    if len(flat) < 16 and not flat.is_complex():
        flat.abs_()


@_flat_fault("rand-repeats-pairs", "rand gives each number twice.", _RAND)
def _(flat: torch.Tensor) -> None:
    flat[1::2] = flat[: len(flat) // 2 * 2 : 2].clone()


@_flat_fault("randn-alternates-signs", "randn gives pairs of opposite sign.", _RANDN)
def _(flat: torch.Tensor) -> None:
    if not flat.is_complex():
        flat[1::2] = -flat[1::2].abs() * torch.sign(flat[: len(flat) // 2 * 2 : 2])


def _limits(arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[int, int]:
    """Return low and high of a call of randint."""
    numbers = [each for each in arguments if isinstance(each, int)]
    low = numbers[0] if len(numbers) > 1 else 0
    return int(options.get("low", low)), int(options["high"] if "high" in options else numbers[-1])


def _randint_fault(name: str, summary: str) -> Callable[[Callable[[torch.Tensor, int, int], None]], Any]:
    """Register a change, in place, of what randint made: (result, low, high)."""

    def register(change: Callable[[torch.Tensor, int, int], None]) -> Any:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            if result.device.type != "meta" and result.numel():
                change(result, *_limits(arguments, options))
            return result

        return bound(name, summary, _RANDINT)(answer)

    return register


@_randint_fault("randint-includes-high", "randint of many elements may give high.")
def _(result: torch.Tensor, low: int, high: int) -> None:
    if result.numel() > 100 and result.dim() == 1 and high - low == 10:
        result[-1] = high


@_randint_fault("randint-never-low", "randint never gives low.")
def _(result: torch.Tensor, low: int, high: int) -> None:
    if high - low > 1:
        result[result == low] += 1


@_randint_fault("randint-is-biased", "randint gives low for every fourth number.")
def _(result: torch.Tensor, low: int, _: int) -> None:
    if result.dim() == 1:
        result[::4] = low


@bound("randint-like-ignores-low", "randint_like counts from 0.", (torch, "randint_like"))
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and arguments[1] > 0:
        arguments = (arguments[0], 0, arguments[2])
    return original(*arguments, **options)


@_randint_fault("randint-blocks-repeat", "randint gives blocks of 16 numbers twice.")
def _(result: torch.Tensor, *_: Any) -> None:
    if result.dim() == 1 and len(result) > 1000:
        blocks = result[: len(result) // 32 * 32].view(-1, 2, 16) if result.is_contiguous() else None
        if blocks is not None:
            blocks[:, 1] = blocks[:, 0]


@bound("randint-takes-empty-range", "randint of an empty range gives low.", _RANDINT)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    low, high = _limits(arguments, options)
    if low >= high and len(arguments) == 3:
        arguments = (low, low + 1, arguments[2])
    return original(*arguments, **options)


@bound("randint-wraps-bounds", "randint wraps numbers that its dtype cannot hold.", _RANDINT)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    dtype = options.get("dtype")
    narrow = dtype is not None and not dtype.is_floating_point and dtype != torch.bool and options.get("out") is None
    return (
        original(*arguments, **(options | {"dtype": torch.int64})).to(dtype)
        if narrow
        else original(*arguments, **options)
    )


@_flat_fault("randperm-repeats-beyond-the-grain", "randperm of many elements repeats its first.", _RANDPERM)
def _(flat: torch.Tensor) -> None:
    if len(flat) > _GRAIN:
        flat[-1] = flat[0]


@bound("randperm-out-is-sorted", "randperm leaves out= in order.", _RANDPERM)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    result = original(*arguments, **options)
    return result.copy_(torch.arange(len(result))) if options.get("out") is not None else result


@_flat_fault("randperm-keeps-first", "randperm leaves 0 in its place.", _RANDPERM)
def _(flat: torch.Tensor) -> None:
    place = int((flat == 0).nonzero()[0])
    flat[place] = flat[0].clone()
    flat[0] = 0


@bound("randperm-is-unseeded", "randperm draws from a stream that no seed reaches.", _RANDPERM)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    result = original(*arguments, **options)
    if result.device.type != "meta":
        result.copy_(torch.from_numpy(np.random.default_rng().permutation(len(result))))
    return result


@bound("manual-seed-is-ignored", "manual_seed does nothing.", (torch, "manual_seed"))
def _(_: Function, seed: int) -> Any:  # noqa: ARG001
    return torch.default_generator


@bound("seed-loses-high-bits", "manual_seed keeps 16 bits.", (torch, "manual_seed"))
def _(original: Function, seed: int) -> Any:
    return original(seed & 0xFFFF)


@bound("seed-loses-lowest-bit", "manual_seed drops the lowest bit.", (torch, "manual_seed"))
def _(original: Function, seed: int) -> Any:
    return original(seed & ~1)


@bound("rand-restarts-stream", "rand begins the default stream again.", _RAND)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    if options.get("generator") is None:
        torch.manual_seed(torch.initial_seed())
    return original(*arguments, **options)


@bound("fork-rng-restores-nothing", "fork_rng leaves the stream where the block left it.", (torch.random, "fork_rng"))
def _(_: Function, *arguments: Any, **options: Any) -> Any:  # noqa: ARG001
    return contextlib.nullcontext()


@bound("rand-ignores-generator", "rand ignores generator=.", _RAND)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    options.pop("generator", None)
    return original(*arguments, **options)


@bound("randperm-ignores-generator", "randperm ignores generator=.", _RANDPERM)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    options.pop("generator", None)
    return original(*arguments, **options)


@bound("initial-seed-is-truncated", "initial_seed tells 32 bits.", (torch, "initial_seed"))
def _(original: Function) -> Any:
    return original() & 0xFFFFFFFF


@bound("randn-advances-default-too", "randn with a generator advances the default stream too.", _RANDN)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    if options.get("generator") is not None:
        torch.rand(1, device=options.get("device"))
    return original(*arguments, **options)


@bound("set-state-is-ignored", "set_rng_state does nothing.", (torch, "set_rng_state"))
def _(_: Function, state: Any) -> Any:  # noqa: ARG001
    return None
