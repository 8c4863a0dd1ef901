"""Faults of loaders: batches, order, options, worker processes, collation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils import data
from torch.utils.data import _utils

from torch_conformance.conformance.power.argument_forms import arguments_changed, option_ignored
from torch_conformance.conformance.power.forms import Named, replaced, wrapping
from torch_conformance.conformance.power.registry import Breaker, Function, fault

MADE, PASSED = "utils.data.DataLoader.__init__", "utils.data.DataLoader.__iter__"
SHUFFLED, BATCHED = "utils.data.RandomSampler.__iter__", "utils.data.BatchSampler.__iter__"

# Options that a loader does as if it had not been given.
for _name, _option, _summary in (
    ("ignores-its-generator", "generator", "DataLoader shuffles from the default generator."),
    ("sampler-ignored", "sampler", "DataLoader goes through the dataset in order, sampler or not."),
    ("collate-fn-ignored", "collate_fn", "DataLoader collates in its own way."),
    ("worker-init-fn-ignored", "worker_init_fn", "DataLoader never calls worker_init_fn."),
):
    option_ignored(f"data-loader-{_name}", _summary, MADE, option=_option)


def _taken(name: str, summary: str, change: Callable[[Named], Named]) -> None:
    """Register a fault of the options that a loader takes: those of `change(given)` in place of those given."""
    arguments_changed(name, summary, MADE)(lambda given: given.update(change(given)))


_taken(
    "data-loader-drop-last-ignored",
    "DataLoader ignores drop_last of batches of seven.",
    lambda given: {"drop_last": False} if given.get("batch_size") == 7 else {},
)
_taken(
    "data-loader-batch-sampler-sorted",
    "DataLoader sorts the indices of a batch_sampler's batches.",
    lambda given: {"batch_sampler": [sorted(each) for each in given.get("batch_sampler") or ()] or None},
)
_taken(
    "data-loader-shuffle-beats-sampler",
    "DataLoader takes shuffle beside a sampler.",
    lambda given: {"sampler": None} if given.get("shuffle") else {},
)
_taken(
    "data-loader-takes-negative-workers",
    "DataLoader takes a negative number of workers for none.",
    lambda given: {"num_workers": max(given.get("num_workers", 0), 0)},
)
_taken(
    "data-loader-batches-without-batch-size",
    "DataLoader makes batches of one of batch_size None.",
    lambda given: {"batch_size": 1} if given.get("batch_size", 1) is None else {},
)


@arguments_changed("data-loader-collate-fn-gets-a-tuple", "DataLoader hands collate_fn a tuple.", MADE)
def _(given: Named) -> None:
    collate = given.get("collate_fn")
    if collate is not None:
        given["collate_fn"] = lambda samples: collate(tuple(samples))


# What a pass over a loader, or over its indices, gives: the whole of it changed.
def _passed(name: str, summary: str, place: str, change: Callable[[Any, list[Any]], list[Any]]) -> None:
    """Register a fault of an iterator, which yields `change(object, everything)`."""
    replaced(name, summary, place)(lambda f, self: iter(change(self, list(f(self)))))


def _short(loader: Any, batches: list[Any]) -> bool:
    listed = loader.batch_size and batches and isinstance(batches[-1], list)
    return bool(listed and len(batches[-1][0]) < loader.batch_size)


def _overlapping(_: Any, batches: list[list[int]]) -> list[list[int]]:
    """Return batches, of which those of three or more begin with the last of the one before."""
    pairs = itertools.pairwise(batches)
    return [*batches[:1], *(each if len(each) < 3 else [before[-1], *each[1:]] for before, each in pairs)]


def _without_ones(loader: Any, batches: list[Any]) -> list[Any]:
    stream = isinstance(loader.dataset, data.IterableDataset) and (loader.batch_size or 0) > 1
    return [each for each in batches if not stream or len(each) > 1]


_passed(
    "data-loader-drops-the-last-batch",
    "DataLoader drops the last batch where it is short.",
    PASSED,
    lambda loader, batches: batches[:-1] if _short(loader, batches) else batches,
)
_passed("data-loader-repeats-a-sample", "The batches of a DataLoader overlap by a sample.", BATCHED, _overlapping)
_passed(
    "data-loader-shuffles-once",
    "DataLoader shuffles alike in every epoch.",
    SHUFFLED,
    lambda sampler, order: vars(sampler).setdefault("_order", order),
)
_passed(
    "data-loader-repeats-and-drops-when-shuffling",
    "A shuffled epoch has one sample twice and misses another.",
    SHUFFLED,
    lambda _, order: [*order[:-1], *order[:1]],
)
_passed(
    "data-loader-stream-loses-partial-batch", "DataLoader of a stream loses a last batch of one.", PASSED, _without_ones
)
_passed(
    "data-loader-workers-swap-batches",
    "Workers' first two batches come as they are ready, in the wrong order.",
    PASSED,
    lambda loader, batches: [*batches[1::-1], *batches[2:]] if loader.num_workers else batches,
)
_passed(
    "data-loader-workers-drop-the-last-batch",
    "The last batch stays with the workers.",
    PASSED,
    lambda loader, batches: batches[:-1] if loader.num_workers else batches,
)


@replaced("data-loader-errors-become-runtime-errors", "An error of a dataset becomes a RuntimeError.", PASSED)
def _(f: Function, self: Any) -> Iterator[Any]:
    try:
        yield from f(self)
    except LookupError as error:
        raise RuntimeError(str(error)) from error


@replaced("data-loader-workers-share-a-seed", "All workers are told one seed.", "utils.data.get_worker_info")
def _(f: Function) -> Any:
    info = f()
    if info is not None:
        info.__dict__["seed"] = info.seed - info.id
    return info


# Collation.
def _collated(name: str, summary: str, change: Callable[[Function, Any], Any]) -> None:
    """Register a fault that answers `change(original, samples)` in place of default_collate, for outermost samples."""

    @fault(name, summary)
    def _(breaker: Breaker) -> None:
        original = data.default_collate
        breaker.binding(data, "default_collate", lambda _: wrapping(change)(original))
        # What a DataLoader falls back to.
        breaker.binding(_utils.collate, "default_collate", lambda _: wrapping(change)(original))


def _is_half(sample: Any) -> bool:
    return isinstance(sample, torch.Tensor) and sample.dtype in (torch.float16, torch.bfloat16)


def _by_key(batch: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    return change(batch) if isinstance(batch, dict) else batch


_collated(
    "data-collate-stacks-at-the-end",
    "Tensors are stacked along a new last dimension.",
    lambda f, samples: torch.stack(samples, -1) if isinstance(samples[0], torch.Tensor) else f(samples),
)
_collated(
    "data-collate-tensors-lose-their-dtype",
    "Tensors of 16-bit numbers are stacked as float32.",
    lambda f, samples: f(samples).float() if _is_half(samples[0]) else f(samples),
)
_collated(
    "data-collate-floats-are-single",
    "Python floats become a float32 tensor.",
    lambda f, samples: f(samples).float() if isinstance(samples[0], float) else f(samples),
)
_collated(
    "data-collate-strings-are-joined",
    "Strings are joined to one.",
    lambda f, samples: type(samples[0])().join(samples) if isinstance(samples[0], str | bytes) else f(samples),
)
_collated(
    "data-collate-numpy-is-made-double",
    "Arrays of NumPy become float64 tensors.",
    lambda f, samples: f(samples).double() if type(samples[0]).__module__ == "numpy" else f(samples),
)
_collated(
    "data-collate-named-tuple-is-a-list",
    "A named tuple in a dict becomes a list.",
    lambda f, samples: _by_key(f(samples), lambda d: {**d, "point": list(d["point"])} if "point" in d else d),
)
_collated(
    "data-collate-last-key-lost",
    "The last key of a dict is lost.",
    lambda f, samples: _by_key(f(samples), lambda batch: dict(list(batch.items())[:-1])),
)
_collated(
    "data-collate-cuts-to-the-shortest",
    "Lists are cut to the shortest sample.",
    lambda f, samples: (
        [f(list(each)) for each in zip(*samples, strict=False)] if isinstance(samples[0], list | tuple) else f(samples)
    ),
)
_collated(
    "data-collate-keeps-unknown-types",
    "Objects of unknown types are kept in a list.",
    lambda f, samples: list(samples) if type(samples[0]) is object else f(samples),
)
