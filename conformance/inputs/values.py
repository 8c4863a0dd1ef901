"""Pools of element values: the edges of each dtype first, simplest of all at index 0, then random ones."""

from __future__ import annotations

import functools
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model import dtypes

Array = npt.NDArray[Any]

POOL_SIZE = 256
DOMAINS = ("any", "finite", "moderate", "positive", "unit", "small")


def _integer_edges(dtype: str, domain: str) -> list[int]:
    facts = dtypes.iinfo(dtype)
    edges = [0, 1, 2, 3, 5, 7, 10, 127]
    if domain in ("any", "finite"):
        edges += [facts.max, facts.max - 1, facts.min, facts.min + 1, facts.max // 2, facts.max // 2 + 1]
        if facts.max > 2**53:
            edges += [2**24 + 1, 2**31, 2**53 + 1]
    if facts.min < 0 and domain not in ("positive", "unit"):
        edges += [-1, -2, -3, -7, -128]
    return [edge for edge in edges if facts.min <= edge <= facts.max]


def _float_edges(dtype: str, domain: str) -> list[float]:
    facts = dtypes.finfo(dtype)
    top, tiny, eps = float(facts.max), float(facts.tiny), float(facts.eps)
    signed = [0.0, 1.0, 2.0, 0.5, 3.0, 1.5, 10.0, 1 + eps, 1 - eps / 2, 0.1, 100.0, 1 / 3]
    if domain in ("any", "finite"):
        signed += [top, tiny, tiny / 2, tiny * eps, top / 2, eps, 255.0, 2.0**31, 65504.0, 2049.0]
    if domain == "unit":
        signed = [0.0, 0.5, 1.0, 0.25, eps, 1 - eps / 2]
    edges = signed if domain in ("positive", "unit") else [v for value in signed for v in (value, -value)]
    if domain == "any":
        edges += [float("inf"), -float("inf"), float("nan")]
    if domain == "positive":
        edges = edges[1:]
    return edges


def _float_random(generator: np.random.Generator, dtype: str, domain: str, count: int) -> Array:
    if domain == "unit":
        return np.asarray(generator.random(count))
    if domain in ("moderate", "small"):
        return np.asarray(generator.standard_normal(count) * 4)
    if domain == "positive":
        return np.asarray(np.exp(generator.standard_normal(count) * 2))
    facts = dtypes.finfo(dtype)
    low, high = np.log2(float(facts.tiny) * 2), np.log2(float(facts.max) / 2)
    wide = np.exp2(generator.uniform(low, high, count))
    near = np.exp2(generator.uniform(-4, 8, count))
    return np.asarray(np.where(generator.random(count) < 0.5, wide, near) * generator.choice([-1.0, 1.0], count))


@functools.lru_cache(maxsize=8192)
def pool(dtype: str, domain: str, seed: int) -> Array:
    """Return 256 values of a dtype.

    Args:
        dtype: A dtype name.
        domain: "any" (with NaN and infinities), "finite", "moderate" (a few units in size), "positive",
            "unit" (0 to 1), or "small" (integers -8 to 8 in every dtype, so that sums and products are exact).
        seed: Which random values follow the edges.

    Returns:
        A read-only array; its first entry is the simplest value of the domain.
    """
    generator = np.random.default_rng([zlib.crc32(f"{dtype}/{domain}".encode()), seed])
    target = dtypes.numpy_dtype(dtype)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        values = _pool(generator, dtype, domain, target)
    values.setflags(write=False)
    return values


def _pool(generator: np.random.Generator, dtype: str, domain: str, target: np.dtype[Any]) -> Array:
    if dtype == "bool":
        return np.concatenate([[False, True], generator.integers(0, 2, POOL_SIZE - 2) > 0])
    if dtypes.is_complex(dtype):
        part = dtypes.real_of(dtype)
        real, imag = pool(part, domain, 0), generator.permutation(pool(part, domain, 1))
        imag[0], imag[1] = 0, 0
        return _join(real, imag)
    if domain == "small":
        low = -8 if dtypes.is_signed(dtype) else 0
        return np.concatenate([[0, 1, 2, 3], generator.integers(low, 9, POOL_SIZE - 4)]).astype(target)
    if dtypes.is_floating(dtype):
        edges = np.array(_float_edges(dtype, domain)).astype(target)
        if domain != "any":
            edges = edges[np.isfinite(edges)]
        return np.concatenate([edges, _float_random(generator, dtype, domain, POOL_SIZE - edges.size).astype(target)])
    integers = np.array(_integer_edges(dtype, domain), dtype=target)
    facts = dtypes.iinfo(dtype)
    low, high = facts.min, facts.max
    if domain not in ("any", "finite"):
        low, high = max(low, -100 if domain in ("moderate", "unit") else 1), min(high, 100)
    rest = generator.integers(low, high, POOL_SIZE - integers.size, dtype=target, endpoint=True)
    return np.concatenate([integers, rest])


def _join(real: Array, imag: Array) -> Array:
    joined = np.empty(real.size, dtype=np.complex64 if real.dtype == np.float32 else np.complex128)
    joined.real, joined.imag = real, imag
    return joined
