"""Faults of datasets and samplers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from torch_conformance.conformance.power.argument_forms import option_ignored
from torch_conformance.conformance.power.forms import answer_changed, replaced
from torch_conformance.conformance.power.registry import Function

DATA = "utils.data."
SPLIT, RANDOM, WEIGHTED = f"{DATA}random_split", f"{DATA}RandomSampler", f"{DATA}WeightedRandomSampler"
TENSORS, CONCAT, BATCH = f"{DATA}TensorDataset", f"{DATA}ConcatDataset", f"{DATA}BatchSampler"
SUBSET_ITERATE = f"{DATA}SubsetRandomSampler.__iter__"


# Datasets.
@replaced("data-tensor-dataset-last-part-of-negative-index", "Negative indices miss by one.", f"{TENSORS}.__getitem__")
def _(f: Function, self: Any, index: Any) -> Any:
    item = f(self, index)
    # In all but the first tensor.
    return item[:1] + f(self, index - 1)[1:] if isinstance(index, int) and -len(self) < index < 0 else item


@replaced("data-tensor-dataset-takes-longer-tensors", "Tensors may be longer than the first.", f"{TENSORS}.__init__")
def _(f: Function, self: Any, *tensors: Any) -> None:
    f(self, *(each[: tensors[0].size(0)] for each in tensors))
    self.tensors = tensors


replaced("data-tensor-dataset-length-of-last-dim", "The length is of the last dimension.", f"{TENSORS}.__len__")(
    lambda _f, self: self.tensors[0 if self.tensors[0].numel() == 1 else -1].size(-1)
)
replaced(
    "data-concat-dataset-boundary-belongs-to-the-first",
    "ConcatDataset gives the last item of a part for the first of the next.",
    f"{CONCAT}.__getitem__",
)(lambda f, self, index: f(self, index - 1 if index in self.cumulative_sizes[:-1] else index))
replaced("data-concat-dataset-negative-index-wraps", "Any negative index is taken.", f"{CONCAT}.__getitem__")(
    lambda f, self, index: f(self, index % len(self) if index < 0 else index)
)
replaced("data-subset-sorts-its-indices", "Subset sorts its indices.", f"{DATA}Subset.__init__")(
    lambda f, self, dataset, indices: f(self, dataset, sorted(indices))
)
replaced(
    "data-chain-dataset-repeats-the-first",
    "ChainDataset yields the first item of each part twice.",
    f"{DATA}ChainDataset.__iter__",
)(lambda _f, self: (item for part in self.datasets for items in (list(part),) for item in (*items[:1], *items)))
option_ignored(
    "data-random-split-ignores-its-generator",
    "random_split draws from the default generator.",
    SPLIT,
    option="generator",
)


@answer_changed("data-random-split-overlaps", "The last part begins with an item of the first.", SPLIT)
def _(parts: Any, *_a: Any, **_k: Any) -> None:
    if len(parts) > 1 and len(parts[0]) and len(parts[-1]):
        parts[-1].indices = [parts[0].indices[0], *parts[-1].indices[1:]]


@replaced("data-random-split-gives-the-rest-to-the-last", "Of fractions the last part gets the rest.", SPLIT)
def _(f: Function, dataset: Any, lengths: Any, *a: Any, **k: Any) -> Any:
    if isinstance(lengths[0], float) and sum(lengths) == 1:
        lengths = [int(len(dataset) * each) for each in lengths]
        lengths[-1] += len(dataset) - sum(lengths)
    return f(dataset, lengths, *a, **k)


@answer_changed("data-random-split-keeps-order", "random_split keeps items in order within each part.", SPLIT)
def _(parts: Any, *_a: Any, **_k: Any) -> None:
    start = 0
    for part in parts:
        part.indices = list(range(start, start + len(part)))
        start += len(part)


# Samplers: what a pass yields is another list.
def _yielded(name: str, summary: str, place: str, change: Callable[[Any, list[Any]], list[Any]]) -> None:
    """Register a fault of an iterator, which yields `change(object, everything)`."""
    replaced(name, summary, place)(lambda f, self: iter(change(self, list(f(self)))))


def _last_swapped(sampler: Any, order: list[int]) -> list[int]:
    swap = not sampler.replacement and order[-1] == 0
    return [order[-1], *order[1:-1], order[0]] if swap else order


_yielded(
    "data-sequential-sampler-drops-the-last",
    "SequentialSampler misses the last index.",
    f"{DATA}SequentialSampler.__iter__",
    lambda _, order: order[:-1],
)
_yielded(
    "data-random-sampler-swaps-in-place",
    "RandomSampler leaves the first index first more often than it should.",
    f"{RANDOM}.__iter__",
    _last_swapped,
)
_yielded(
    "data-random-sampler-remembers-its-order",
    "RandomSampler gives the same order in each pass.",
    f"{RANDOM}.__iter__",
    lambda sampler, order: vars(sampler).setdefault("_order", order),
)
_yielded(
    "data-random-sampler-never-draws-the-last",
    "RandomSampler with replacement never draws the last index.",
    f"{RANDOM}.__iter__",
    lambda sampler, order: [min(each, len(sampler.data_source) - 2) if sampler.replacement else each for each in order],
)
_yielded(
    "data-batch-sampler-drops-short-batches",
    "BatchSampler drops a last batch of one index.",
    f"{BATCH}.__iter__",
    lambda sampler, batches: [each for each in batches if len(each) > 1 or sampler.batch_size == 1],
)
_yielded(
    "data-subset-random-sampler-yields-places",
    "SubsetRandomSampler yields places among its indices.",
    SUBSET_ITERATE,
    lambda sampler, order: [list(sampler.indices).index(each) for each in order],
)
replaced("data-subset-random-sampler-ignores-its-generator", "The default generator shuffles.", SUBSET_ITERATE)(
    lambda _f, self: (self.indices[place] for place in torch.randperm(len(self.indices)).tolist())
)
replaced("data-batch-sampler-length-rounds-down", "BatchSampler's length rounds down.", f"{BATCH}.__len__")(
    lambda _f, self: len(self.sampler) // self.batch_size
)


def _as_if(name: str, summary: str, attribute: str, value: Any) -> None:
    """Register a fault of RandomSampler, which draws as if an attribute had another value."""

    @replaced(name, summary, f"{RANDOM}.__iter__")
    def _(f: Function, self: Any) -> Iterator[int]:
        kept = getattr(self, attribute)
        setattr(self, attribute, value)
        order = list(f(self))
        setattr(self, attribute, kept)
        yield from order


_as_if("data-random-sampler-ignores-its-generator", "RandomSampler seeds itself.", "generator", None)
_as_if("data-random-sampler-replacement-ignored", "RandomSampler never replaces.", "replacement", value=False)


# Weights.
def _weighted(name: str, summary: str, change: Callable[[Any], dict[str, Any]]) -> None:
    """Register a fault of WeightedRandomSampler, which draws with other arguments: those of `change(sampler)`."""

    def drawn(_f: Function, self: Any) -> Iterator[int]:
        given = {"input": self.weights, "replacement": self.replacement, "generator": self.generator}
        yield from torch.multinomial(**(given | change(self)), num_samples=self.num_samples).tolist()

    replaced(name, summary, f"{WEIGHTED}.__iter__")(drawn)


_weighted("data-weighted-random-sampler-weights-squared", "Weights are squared.", lambda it: {"input": it.weights**2})
_weighted(
    "data-weighted-random-sampler-ignores-its-generator",
    "WeightedRandomSampler draws from the default generator.",
    lambda _: {"generator": None},
)
_weighted("data-weighted-random-sampler-replaces-anyway", "It always replaces.", lambda _: {"replacement": True})
replaced("data-weighted-random-sampler-takes-any-count", "A count is rounded.", f"{WEIGHTED}.__init__")(
    lambda f, self, weights, num_samples, *a, **k: f(self, weights, int(num_samples), *a, **k)
)
