"""Faults of datasets and samplers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils import data

from torch_conformance.conformance.power.forms import replaced
from torch_conformance.conformance.power.registry import Function

_ITEM, _LENGTH, _ITERATE, _MAKE = "__getitem__", "__len__", "__iter__", "__init__"


@replaced(
    "data-tensor-dataset-last-part-of-negative-index",
    "TensorDataset counts negative indices from one too far in all but the first tensor.",
    "utils.data.TensorDataset.__getitem__",
)
def _(f: Function, self: Any, index: Any) -> Any:
    item = f(self, index)
    if isinstance(index, int) and -len(self) < index < 0:
        return item[:1] + f(self, index - 1)[1:]
    return item


replaced(
    "data-tensor-dataset-length-of-last-dim",
    "TensorDataset's length is of its last tensor's last dimension.",
    "utils.data.TensorDataset.__len__",
)(lambda _f, self: self.tensors[-1].size(-1) if self.tensors[0].numel() != 1 else self.tensors[0].size(-1))


@replaced(
    "data-tensor-dataset-takes-longer-tensors",
    "TensorDataset takes tensors longer than the first.",
    "utils.data.TensorDataset.__init__",
)
def _(f: Function, self: Any, *tensors: Any) -> None:
    if any(each.size(0) < tensors[0].size(0) for each in tensors):
        f(self, *tensors)
    else:
        f(self, *(each[: tensors[0].size(0)] for each in tensors))
        self.tensors = tensors


replaced(
    "data-concat-dataset-boundary-belongs-to-the-first",
    "ConcatDataset gives the last item of a part for the first of the next.",
    "utils.data.ConcatDataset.__getitem__",
)(lambda f, self, index: f(self, index - 1 if index in self.cumulative_sizes[:-1] else index))
replaced(
    "data-concat-dataset-negative-index-wraps",
    "ConcatDataset takes any negative index.",
    "utils.data.ConcatDataset.__getitem__",
)(lambda f, self, index: f(self, index % len(self) if index < 0 else index))


replaced("data-subset-sorts-its-indices", "Subset sorts its indices.", "utils.data.Subset.__init__")(
    lambda f, self, dataset, indices: f(self, dataset, sorted(indices))
)


_SPLIT = (data, "random_split")


@replaced(
    "data-random-split-overlaps",
    "The last part of random_split begins with an item of the first.",
    "utils.data.random_split",
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    parts = f(*a, **k)
    if len(parts) > 1 and len(parts[0]) and len(parts[-1]):
        parts[-1].indices = [parts[0].indices[0], *parts[-1].indices[1:]]
    return parts


@replaced(
    "data-random-split-gives-the-rest-to-the-last",
    "random_split by fractions gives the rest to the last part.",
    "utils.data.random_split",
)
def _(f: Function, dataset: Any, lengths: Any, *a: Any, **k: Any) -> Any:
    if isinstance(lengths[0], float) and sum(lengths) == 1:
        lengths = [int(len(dataset) * each) for each in lengths]
        lengths[-1] += len(dataset) - sum(lengths)
    return f(dataset, lengths, *a, **k)


replaced(
    "data-random-split-ignores-its-generator",
    "random_split draws from the default generator.",
    "utils.data.random_split",
)(lambda f, dataset, lengths, *_a, **_k: f(dataset, lengths))


@replaced(
    "data-random-split-keeps-order", "random_split keeps items in order within each part.", "utils.data.random_split"
)
def _(f: Function, dataset: Any, lengths: Any, *_a: Any, **_k: Any) -> Any:
    parts, start = f(dataset, lengths), 0
    for part in parts:
        part.indices = list(range(start, start + len(part)))
        start += len(part)
    return parts


@replaced(
    "data-chain-dataset-repeats-the-first",
    "ChainDataset yields the first item of each part twice.",
    "utils.data.ChainDataset.__iter__",
)
def _(_f: Function, self: Any) -> Iterator[Any]:
    for part in self.datasets:
        items = list(part)
        yield from [*items[:1], *items]


@replaced(
    "data-sequential-sampler-drops-the-last",
    "SequentialSampler misses the last index.",
    "utils.data.SequentialSampler.__iter__",
)
def _(f: Function, self: Any) -> Iterator[int]:
    yield from list(f(self))[:-1]


_RANDOM = (data.RandomSampler, _ITERATE)


@replaced(
    "data-random-sampler-swaps-in-place",
    "RandomSampler leaves the first index first more often than it should.",
    "utils.data.RandomSampler.__iter__",
)
def _(f: Function, self: Any) -> Iterator[int]:
    order = list(f(self))
    if not self.replacement and order[-1] == 0:
        order[0], order[-1] = order[-1], order[0]
    yield from order


@replaced(
    "data-random-sampler-remembers-its-order",
    "RandomSampler gives the same order in each pass.",
    "utils.data.RandomSampler.__iter__",
)
def _(f: Function, self: Any) -> Iterator[int]:
    if not hasattr(self, "_order"):
        self._order = list(f(self))
    yield from self._order


@replaced(
    "data-random-sampler-ignores-its-generator", "RandomSampler seeds itself.", "utils.data.RandomSampler.__iter__"
)
def _(f: Function, self: Any) -> Iterator[int]:
    kept, self.generator = self.generator, None
    order = list(f(self))
    self.generator = kept
    yield from order


@replaced(
    "data-random-sampler-never-draws-the-last",
    "RandomSampler with replacement never draws the last index.",
    "utils.data.RandomSampler.__iter__",
)
def _(f: Function, self: Any) -> Iterator[int]:
    count = len(self.data_source)
    yield from (min(each, count - 2) if self.replacement else each for each in f(self))


@replaced(
    "data-random-sampler-replacement-ignored",
    "RandomSampler draws without replacement as far as it can.",
    "utils.data.RandomSampler.__iter__",
)
def _(f: Function, self: Any) -> Iterator[int]:
    kept, self.replacement = self.replacement, False
    order = list(f(self))
    self.replacement = kept
    yield from order


_SUBSET = (data.SubsetRandomSampler, _ITERATE)


@replaced(
    "data-subset-random-sampler-yields-places",
    "SubsetRandomSampler yields places among its indices.",
    "utils.data.SubsetRandomSampler.__iter__",
)
def _(f: Function, self: Any) -> Iterator[int]:
    yield from (list(self.indices).index(each) for each in f(self))


@replaced(
    "data-subset-random-sampler-ignores-its-generator",
    "SubsetRandomSampler draws from the default generator.",
    "utils.data.SubsetRandomSampler.__iter__",
)
def _(_f: Function, self: Any) -> Iterator[int]:
    yield from (self.indices[place] for place in torch.randperm(len(self.indices)).tolist())


_WEIGHTED = (data.WeightedRandomSampler, _ITERATE)


@replaced(
    "data-weighted-random-sampler-weights-squared",
    "WeightedRandomSampler squares its weights.",
    "utils.data.WeightedRandomSampler.__iter__",
)
def _(_f: Function, self: Any) -> Iterator[int]:
    yield from torch.multinomial(self.weights**2, self.num_samples, self.replacement, generator=self.generator).tolist()


@replaced(
    "data-weighted-random-sampler-ignores-its-generator",
    "WeightedRandomSampler draws from the default generator.",
    "utils.data.WeightedRandomSampler.__iter__",
)
def _(_f: Function, self: Any) -> Iterator[int]:
    yield from torch.multinomial(self.weights, self.num_samples, self.replacement).tolist()


@replaced(
    "data-weighted-random-sampler-replaces-anyway",
    "WeightedRandomSampler always draws with replacement.",
    "utils.data.WeightedRandomSampler.__iter__",
)
def _(_f: Function, self: Any) -> Iterator[int]:
    yield from torch.multinomial(self.weights, self.num_samples, True, generator=self.generator).tolist()  # noqa: FBT003


@replaced(
    "data-weighted-random-sampler-takes-any-count",
    "WeightedRandomSampler rounds its number of samples.",
    "utils.data.WeightedRandomSampler.__init__",
)
def _(f: Function, self: Any, weights: Any, num_samples: Any, *a: Any, **k: Any) -> None:
    f(self, weights, int(num_samples), *a, **k)


@replaced(
    "data-batch-sampler-drops-short-batches",
    "BatchSampler drops a last batch of one index.",
    "utils.data.BatchSampler.__iter__",
)
def _(f: Function, self: Any) -> Iterator[list[int]]:
    yield from (each for each in f(self) if len(each) > 1 or self.batch_size == 1)


replaced(
    "data-batch-sampler-length-rounds-down", "BatchSampler's length rounds down.", "utils.data.BatchSampler.__len__"
)(lambda _f, self: int(len(self.sampler) // self.batch_size))
