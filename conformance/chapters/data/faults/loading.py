"""Faults of loaders: batches, order, options, worker processes, collation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils import data
from torch.utils.data import _utils

from torch_conformance.conformance.power.forms import replaced, wrapping
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_ITERATE, _MAKE = "__iter__", "__init__"
_LOADER = (data.DataLoader, _ITERATE)
_MADE = (data.DataLoader, _MAKE)
_SHUFFLED = (data.RandomSampler, _ITERATE)


@replaced(
    "data-loader-drops-the-last-batch",
    "DataLoader drops the last batch where it is short.",
    "utils.data.DataLoader.__iter__",
)
def _(f: Function, self: Any) -> Iterator[Any]:
    batches = list(f(self))
    short = self.batch_size and batches and isinstance(batches[-1], list) and len(batches[-1][0]) < self.batch_size
    yield from batches[: -1 if short else None]


@replaced(
    "data-loader-repeats-a-sample",
    "The batches of a DataLoader overlap by a sample.",
    "utils.data.BatchSampler.__iter__",
)
def _(f: Function, self: Any) -> Iterator[list[int]]:
    last = None
    for each in f(self):
        yield each if last is None or len(each) < 3 else [last, *each[1:]]
        last = each[-1]


@replaced(
    "data-loader-drop-last-ignored",
    "DataLoader ignores drop_last of batches of seven.",
    "utils.data.DataLoader.__init__",
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **({**k, "drop_last": False} if k.get("batch_size") == 7 else k))


@replaced("data-loader-shuffles-once", "DataLoader shuffles alike in every epoch.", "utils.data.RandomSampler.__iter__")
def _(f: Function, self: Any) -> Iterator[int]:
    if not hasattr(self, "_order"):
        self._order = list(f(self))
    yield from self._order


@replaced(
    "data-loader-repeats-and-drops-when-shuffling",
    "A shuffled epoch has one sample twice and misses another.",
    "utils.data.RandomSampler.__iter__",
)
def _(f: Function, self: Any) -> Iterator[int]:
    order = list(f(self))
    yield from [*order[:-1], *order[:1]]


@replaced(
    "data-loader-ignores-its-generator",
    "DataLoader shuffles from the default generator.",
    "utils.data.DataLoader.__init__",
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **{**k, "generator": None})


@replaced(
    "data-loader-sampler-ignored",
    "DataLoader goes through the dataset in order, sampler or not.",
    "utils.data.DataLoader.__init__",
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **{**k, "sampler": None})


@replaced(
    "data-loader-batch-sampler-sorted",
    "DataLoader sorts the indices of a batch_sampler's batches.",
    "utils.data.DataLoader.__init__",
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    if k.get("batch_sampler"):
        k["batch_sampler"] = [sorted(each) for each in k["batch_sampler"]]
    f(self, *a, **k)


@replaced(
    "data-loader-shuffle-beats-sampler", "DataLoader takes shuffle beside a sampler.", "utils.data.DataLoader.__init__"
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **({**k, "sampler": None} if k.get("shuffle") else k))


@replaced(
    "data-loader-takes-negative-workers",
    "DataLoader takes a negative number of workers for none.",
    "utils.data.DataLoader.__init__",
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **{**k, "num_workers": max(k.get("num_workers", 0), 0)})


@replaced(
    "data-loader-batches-without-batch-size",
    "DataLoader makes batches of one of batch_size None.",
    "utils.data.DataLoader.__init__",
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **({**k, "batch_size": 1} if "batch_size" in k and k["batch_size"] is None else k))


replaced("data-loader-collate-fn-ignored", "DataLoader collates in its own way.", "utils.data.DataLoader.__init__")(
    lambda f, self, *a, **k: f(self, *a, **{**k, "collate_fn": None})
)


@replaced(
    "data-loader-collate-fn-gets-a-tuple", "DataLoader hands collate_fn a tuple.", "utils.data.DataLoader.__init__"
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    given = k.get("collate_fn")
    f(self, *a, **({**k, "collate_fn": lambda samples: given(tuple(samples))} if given else k))


@replaced(
    "data-loader-stream-loses-partial-batch",
    "DataLoader of a stream loses a last batch of one.",
    "utils.data.DataLoader.__iter__",
)
def _(f: Function, self: Any) -> Iterator[Any]:
    stream = isinstance(self.dataset, data.IterableDataset) and (self.batch_size or 0) > 1
    yield from (each for each in f(self) if not stream or len(each) > 1)


@replaced(
    "data-loader-workers-swap-batches",
    "Workers' first two batches come as they are ready, in the wrong order.",
    "utils.data.DataLoader.__iter__",
)
def _(f: Function, self: Any) -> Iterator[Any]:
    batches = list(f(self))
    yield from [*batches[1::-1], *batches[2:]] if self.num_workers else batches


@replaced(
    "data-loader-workers-drop-the-last-batch",
    "The last batch stays with the workers.",
    "utils.data.DataLoader.__iter__",
)
def _(f: Function, self: Any) -> Iterator[Any]:
    batches = list(f(self))
    yield from batches[:-1] if self.num_workers else batches


@replaced(
    "data-loader-worker-init-fn-ignored", "DataLoader never calls worker_init_fn.", "utils.data.DataLoader.__init__"
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **{**k, "worker_init_fn": None})


@replaced(
    "data-loader-workers-share-a-seed", "get_worker_info tells all workers one seed.", "utils.data.get_worker_info"
)
def _(f: Function) -> Any:
    info = f()
    if info is not None:
        info.__dict__["seed"] = info.seed - info.id
    return info


@fault("data-loader-errors-become-runtime-errors", "What a dataset raises reaches the caller as a RuntimeError.")
def _(breaker: Breaker) -> None:
    def iterate(original: Function, self: Any) -> Iterator[Any]:
        try:
            yield from original(self)
        except LookupError as error:
            raise RuntimeError(str(error)) from error

    breaker.binding(data.DataLoader, _ITERATE, wrapping(iterate))


def _collated(name: str, summary: str) -> Callable[[Function], Function]:
    """Register a fault that answers `change(original, samples)` in place of default_collate, for outermost samples."""

    def register(change: Function) -> Function:
        def install(breaker: Breaker) -> None:
            original = data.default_collate

            def collate(samples: Any) -> Any:
                return change(original, samples)

            breaker.binding(data, "default_collate", lambda _: collate)
            # What a DataLoader falls back to.
            breaker.binding(_utils.collate, "default_collate", lambda _: collate)

        fault(name, summary)(install)
        return change

    return register


_collated("data-collate-stacks-at-the-end", "Tensors are stacked along a new last dimension.")(
    lambda f, samples: torch.stack(samples, -1) if isinstance(samples[0], torch.Tensor) else f(samples)
)


@_collated("data-collate-tensors-lose-their-dtype", "Tensors of 16-bit numbers are stacked as float32.")
def _(f: Function, samples: Any) -> Any:
    batch = f(samples)
    half = isinstance(samples[0], torch.Tensor) and samples[0].dtype in (torch.float16, torch.bfloat16)
    return batch.float() if half else batch


_collated("data-collate-floats-are-single", "Python floats become a float32 tensor.")(
    lambda f, samples: f(samples).float() if isinstance(samples[0], float) else f(samples)
)
_collated("data-collate-strings-are-joined", "Strings are joined to one.")(
    lambda f, samples: type(samples[0])().join(samples) if isinstance(samples[0], str | bytes) else f(samples)
)


@_collated("data-collate-numpy-is-made-double", "Arrays of NumPy become float64 tensors.")
def _(f: Function, samples: Any) -> Any:
    batch = f(samples)
    return batch.double() if type(samples[0]).__module__ == "numpy" else batch


@_collated("data-collate-named-tuple-is-a-list", "A named tuple in a dict becomes a list.")
def _(f: Function, samples: Any) -> Any:
    batch = f(samples)
    if isinstance(batch, dict) and "point" in batch:
        batch["point"] = list(batch["point"])
    return batch


@_collated("data-collate-last-key-lost", "The last key of a dict is lost.")
def _(f: Function, samples: Any) -> Any:
    batch = f(samples)
    return dict(list(batch.items())[:-1]) if isinstance(batch, dict) else batch


@_collated("data-collate-cuts-to-the-shortest", "Lists are cut to the shortest sample.")
def _(f: Function, samples: Any) -> Any:
    if isinstance(samples[0], list | tuple):
        return [f(list(each)) for each in zip(*samples, strict=False)]
    return f(samples)


_collated("data-collate-keeps-unknown-types", "Objects of unknown types are kept in a list.")(
    lambda f, samples: list(samples) if type(samples[0]) is object else f(samples)
)
