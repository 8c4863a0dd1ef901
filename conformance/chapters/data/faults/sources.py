"""Faults of datasets and samplers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils import data

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_ITEM, _LENGTH, _ITERATE, _MAKE = "__getitem__", "__len__", "__iter__", "__init__"


@bound(
    "data-tensor-dataset-last-part-of-negative-index",
    "TensorDataset counts negative indices from one too far in all but the first tensor.",
    (data.TensorDataset, _ITEM),
)
def _(f: Function, self: Any, index: Any) -> Any:
    item = f(self, index)
    if isinstance(index, int) and -len(self) < index < 0:
        return item[:1] + f(self, index - 1)[1:]
    return item


@bound(
    "data-tensor-dataset-length-of-last-dim",
    "TensorDataset's length is of its last tensor's last dimension.",
    (data.TensorDataset, _LENGTH),
)
def _(_f: Function, self: Any) -> Any:
    return self.tensors[-1].size(-1) if self.tensors[0].numel() != 1 else self.tensors[0].size(-1)


@bound(
    "data-tensor-dataset-takes-longer-tensors",
    "TensorDataset takes tensors longer than the first.",
    (data.TensorDataset, _MAKE),
)
def _(f: Function, self: Any, *tensors: Any) -> None:
    if any(each.size(0) < tensors[0].size(0) for each in tensors):
        f(self, *tensors)
    else:
        f(self, *(each[: tensors[0].size(0)] for each in tensors))
        self.tensors = tensors


@bound(
    "data-concat-dataset-boundary-belongs-to-the-first",
    "ConcatDataset gives the last item of a part for the first of the next.",
    (data.ConcatDataset, _ITEM),
)
def _(f: Function, self: Any, index: int) -> Any:
    return f(self, index - 1 if index in self.cumulative_sizes[:-1] else index)


@bound(
    "data-concat-dataset-negative-index-wraps", "ConcatDataset takes any negative index.", (data.ConcatDataset, _ITEM)
)
def _(f: Function, self: Any, index: int) -> Any:
    return f(self, index % len(self) if index < 0 else index)


@bound("data-subset-sorts-its-indices", "Subset sorts its indices.", (data.Subset, _MAKE))
def _(f: Function, self: Any, dataset: Any, indices: Any) -> None:
    f(self, dataset, sorted(indices))


_SPLIT = (data, "random_split")


@bound("data-random-split-overlaps", "The last part of random_split begins with an item of the first.", _SPLIT)
def _(f: Function, *a: Any, **k: Any) -> Any:
    parts = f(*a, **k)
    if len(parts) > 1 and len(parts[0]) and len(parts[-1]):
        parts[-1].indices = [parts[0].indices[0], *parts[-1].indices[1:]]
    return parts


@bound(
    "data-random-split-gives-the-rest-to-the-last", "random_split by fractions gives the rest to the last part.", _SPLIT
)
def _(f: Function, dataset: Any, lengths: Any, *a: Any, **k: Any) -> Any:
    if isinstance(lengths[0], float) and sum(lengths) == 1:
        lengths = [int(len(dataset) * each) for each in lengths]
        lengths[-1] += len(dataset) - sum(lengths)
    return f(dataset, lengths, *a, **k)


@bound("data-random-split-ignores-its-generator", "random_split draws from the default generator.", _SPLIT)
def _(f: Function, dataset: Any, lengths: Any, *_a: Any, **_k: Any) -> Any:
    return f(dataset, lengths)


@bound("data-random-split-keeps-order", "random_split keeps items in order within each part.", _SPLIT)
def _(f: Function, dataset: Any, lengths: Any, *_a: Any, **_k: Any) -> Any:
    parts, start = f(dataset, lengths), 0
    for part in parts:
        part.indices = list(range(start, start + len(part)))
        start += len(part)
    return parts


@bound(
    "data-chain-dataset-repeats-the-first",
    "ChainDataset yields the first item of each part twice.",
    (data.ChainDataset, _ITERATE),
)
def _(_f: Function, self: Any) -> Iterator[Any]:
    for part in self.datasets:
        items = list(part)
        yield from [*items[:1], *items]


@bound(
    "data-sequential-sampler-drops-the-last",
    "SequentialSampler misses the last index.",
    (data.SequentialSampler, _ITERATE),
)
def _(f: Function, self: Any) -> Iterator[int]:
    yield from list(f(self))[:-1]


_RANDOM = (data.RandomSampler, _ITERATE)


@bound(
    "data-random-sampler-swaps-in-place",
    "RandomSampler leaves the first index first more often than it should.",
    _RANDOM,
)
def _(f: Function, self: Any) -> Iterator[int]:
    order = list(f(self))
    if not self.replacement and order[-1] == 0:
        order[0], order[-1] = order[-1], order[0]
    yield from order


@bound("data-random-sampler-remembers-its-order", "RandomSampler gives the same order in each pass.", _RANDOM)
def _(f: Function, self: Any) -> Iterator[int]:
    if not hasattr(self, "_order"):
        self._order = list(f(self))
    yield from self._order


@bound("data-random-sampler-ignores-its-generator", "RandomSampler seeds itself.", _RANDOM)
def _(f: Function, self: Any) -> Iterator[int]:
    kept, self.generator = self.generator, None
    order = list(f(self))
    self.generator = kept
    yield from order


@bound(
    "data-random-sampler-never-draws-the-last", "RandomSampler with replacement never draws the last index.", _RANDOM
)
def _(f: Function, self: Any) -> Iterator[int]:
    count = len(self.data_source)
    yield from (min(each, count - 2) if self.replacement else each for each in f(self))


@bound("data-random-sampler-replacement-ignored", "RandomSampler draws without replacement as far as it can.", _RANDOM)
def _(f: Function, self: Any) -> Iterator[int]:
    kept, self.replacement = self.replacement, False
    order = list(f(self))
    self.replacement = kept
    yield from order


_SUBSET = (data.SubsetRandomSampler, _ITERATE)


@bound("data-subset-random-sampler-yields-places", "SubsetRandomSampler yields places among its indices.", _SUBSET)
def _(f: Function, self: Any) -> Iterator[int]:
    yield from (list(self.indices).index(each) for each in f(self))


@bound(
    "data-subset-random-sampler-ignores-its-generator", "SubsetRandomSampler draws from the default generator.", _SUBSET
)
def _(_f: Function, self: Any) -> Iterator[int]:
    yield from (self.indices[place] for place in torch.randperm(len(self.indices)).tolist())


_WEIGHTED = (data.WeightedRandomSampler, _ITERATE)


@bound("data-weighted-random-sampler-weights-squared", "WeightedRandomSampler squares its weights.", _WEIGHTED)
def _(_f: Function, self: Any) -> Iterator[int]:
    yield from torch.multinomial(self.weights**2, self.num_samples, self.replacement, generator=self.generator).tolist()


@bound(
    "data-weighted-random-sampler-ignores-its-generator",
    "WeightedRandomSampler draws from the default generator.",
    _WEIGHTED,
)
def _(_f: Function, self: Any) -> Iterator[int]:
    yield from torch.multinomial(self.weights, self.num_samples, self.replacement).tolist()


@bound(
    "data-weighted-random-sampler-replaces-anyway", "WeightedRandomSampler always draws with replacement.", _WEIGHTED
)
def _(_f: Function, self: Any) -> Iterator[int]:
    yield from torch.multinomial(self.weights, self.num_samples, True, generator=self.generator).tolist()  # noqa: FBT003


@bound(
    "data-weighted-random-sampler-takes-any-count",
    "WeightedRandomSampler rounds its number of samples.",
    (data.WeightedRandomSampler, _MAKE),
)
def _(f: Function, self: Any, weights: Any, num_samples: Any, *a: Any, **k: Any) -> None:
    f(self, weights, int(num_samples), *a, **k)


@bound(
    "data-batch-sampler-drops-short-batches",
    "BatchSampler drops a last batch of one index.",
    (data.BatchSampler, _ITERATE),
)
def _(f: Function, self: Any) -> Iterator[list[int]]:
    yield from (each for each in f(self) if len(each) > 1 or self.batch_size == 1)


@bound("data-batch-sampler-length-rounds-down", "BatchSampler's length rounds down.", (data.BatchSampler, _LENGTH))
def _(_f: Function, self: Any) -> int:
    return int(len(self.sampler) // self.batch_size)
