"""Cases of losses: every option of each with values that matter, on small tensors of few-bit numbers."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.judging.layers import whole
from torch_conformance.reference.nn import losses
from torch_conformance.reference.nn.losses import Terms
from torch_conformance.spec.layers import layers

Array = npt.NDArray[Any]
Generator = np.random.Generator

_SIZES: tuple[tuple[int, ...], ...] = ((5,), (3, 4), (), (2, 3, 4), (17,))


@dataclasses.dataclass(frozen=True)
class Loss:
    """A call of a loss.

    Attributes:
        tensors: The arguments in order: x, t, and perhaps u; floating ones are differentiated as far as slopes go.
        extra: Further keywords, as text.
        inputs: What `extra` names.
        terms: The answer.
        leaves: Names of the tensors whose gradients `terms` has.
        differentiable: Whether gradients are judged.
    """

    tensors: dict[str, Array]
    extra: str
    inputs: dict[str, Any]
    terms: Terms
    leaves: str = "x"
    differentiable: bool = True


def _options(name: str) -> tuple[dict[str, Any], ...]:
    """Return the sets of options of a loss."""
    return tuple(dict(case) for case in layers()[name].cases)


def _by_name(options: Iterable[str]) -> str:
    """Return keywords that pass inputs of the same names."""
    return ", ".join(f"{name}={name}" for name in options)


def _long(array: Array) -> Array:
    return array.astype(np.longdouble)


def _pairs(generator: Generator, limit: int = 4) -> list[tuple[Array, Array]]:
    """Return pairs of tensors of whole and half numbers, some of them equal."""
    return [(whole(generator, size, limit) / 2, whole(generator, size, limit) / 2) for size in _SIZES]


def _of_elements(name: str) -> Callable[[Generator], list[Loss]]:
    """Return the cases of a loss of two tensors with options that are numbers."""
    options = _options(name)
    function: Callable[..., Terms] = getattr(losses, layers()[name].reference.partition(".")[2])

    def cases(generator: Generator) -> list[Loss]:
        found = []
        for number, (first, t) in enumerate(_pairs(generator)):
            chosen = options[number % len(options)]
            # With beta 0, torch 2.0 divides 0 by 0 where elements are equal.
            x = first + 0.25 if chosen.get("beta") == 0 else first
            terms = function(_long(x), _long(t), **chosen)
            found.append(Loss({"x": x, "t": t}, _by_name(chosen), chosen, terms, "x t"))
        return found

    return cases


def _class_sizes() -> tuple[tuple[int, ...], ...]:
    return ((4, 3), (3, 4, 2), (5,), (2, 3, 2, 3), (6, 2))


def _targets(generator: Generator, size: tuple[int, ...]) -> tuple[Array, int]:
    axis = 0 if len(size) == 1 else 1
    shape = size[:axis] + size[axis + 1 :]
    return generator.integers(0, size[axis], shape), size[axis]


def _with_ignored(target: Array, ignored: int, classes: int) -> Array:
    """Return targets of which the first is ignored, and another is not."""
    flat = target.copy().reshape(-1)
    if flat.size > 1:
        flat[0], flat[-1] = ignored, (ignored + 1) % classes if ignored >= 0 else flat[-1]
    elif flat[0] == ignored:
        flat[0] = (ignored + 1) % classes
    return np.asarray(flat.reshape(target.shape))


def _index_options(generator: Generator, number: int, classes: int) -> tuple[dict[str, Any], list[str]]:
    """Return weights and an ignored class in every combination, by number, and the keywords that pass them."""
    weight = generator.permutation(np.array([1.0, 0.5, 2.0, 3.0, 0.25])[:classes]) if number % 2 else None
    ignored = layers()["nll-loss"].values("ignore_index")[number // 2 % 4]
    options = {"weight": None if weight is None else weight, "ignore_index": ignored}
    spelled = ["weight=weight"] if weight is not None else []
    return options, [*spelled, "ignore_index=ignore_index"] if ignored != -100 else spelled


def _cross_entropy(generator: Generator) -> list[Loss]:
    found = []
    for number, size in zip(range(16), itertools.cycle(_class_sizes()), strict=False):
        x = whole(generator, size, 4) / 2
        target, classes = _targets(generator, size)
        options, spelled = _index_options(generator, number, classes)
        target = _with_ignored(target, options["ignore_index"], classes)
        smoothing = layers()["cross-entropy-loss"].values("label_smoothing")[number % 5]
        if smoothing:
            options["label_smoothing"] = smoothing
            spelled = [*spelled, "label_smoothing=label_smoothing"]
        terms = losses.cross_entropy(_long(x), target, **options)
        found.append(Loss({"x": x, "t": target}, ", ".join(spelled), options, terms))
        if number % 3 == 0:
            axis = 0 if len(size) == 1 else 1
            shares = generator.integers(0, 4, size) / 4
            kept = {key: value for key, value in options.items() if key != "ignore_index"}
            spelled = [each for each in spelled if not each.startswith("ignore")]
            terms = losses.cross_entropy(_long(x), shares, **kept)
            assert terms.row_axis == axis
            found.append(Loss({"x": x, "t": shares}, ", ".join(spelled), kept, terms))
    return found


def _nll(generator: Generator) -> list[Loss]:
    found = []
    for number, size in zip(range(10), itertools.cycle(_class_sizes()), strict=False):
        x = whole(generator, size, 8) / 4
        target, classes = _targets(generator, size)
        options, spelled = _index_options(generator, number, classes)
        target = _with_ignored(target, options["ignore_index"], classes)
        terms = losses.nll(_long(x), target, options["weight"], options["ignore_index"])
        found.append(Loss({"x": x, "t": target}, ", ".join(spelled), options, terms))
    return found


def _bce(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(((5,), (3, 4), (), (2, 3, 4))):
        x, t = generator.integers(1, 8, size) / 8.0, generator.integers(0, 3, size) / 2.0
        weight = np.asarray(generator.integers(1, 5, size[-1:]) / 2.0)
        options = {"weight": weight} if number % 2 else {}
        extra = _by_name(options)
        found.append(Loss({"x": x, "t": t}, extra, options, losses.bce(_long(x), _long(t), *options.values())))
    x, t = np.array([0.0, 1.0, 0.0, 1.0, 0.5]), np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    terms = losses.bce(_long(x), _long(t))
    return [*found, Loss({"x": x, "t": t}, "", {}, terms, differentiable=False)]


def _bce_with_logits(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(((5,), (3, 4), (2, 3, 4), (4, 3), (), (3, 17), (3, 3))):
        x, t = whole(generator, size, 6), generator.integers(0, 5, size) / 4.0
        x = np.where(generator.random(size) < 0.2, generator.choice([24, 200], size) * np.sign(x), x)
        options: dict[str, Any] = {}
        if number % 2:
            options["weight"] = np.asarray(generator.integers(1, 5, size[-1:]) / 2.0)
        if number % 3:
            options["pos_weight"] = np.asarray(generator.integers(1, 7, size[-1:]) / 2.0)
        extra = _by_name(options)
        terms = losses.bce_with_logits(_long(x), _long(t), **options)
        found.append(Loss({"x": x, "t": t}, extra, options, terms))
    return found


def _kl_div(generator: Generator) -> list[Loss]:
    found = []
    for size in ((5,), (3, 4), (2, 3, 4), (4, 2)):
        x = whole(generator, size, 8) / 4
        for options in _options("kl-div-loss"):
            t = whole(generator, size, 6) / 4 if options else generator.integers(0, 5, size) / 4.0
            terms = losses.kl_div(_long(x), _long(t), **options)
            found.append(Loss({"x": x, "t": t}, _by_name(options), options, terms))
    return found


def _signs(generator: Generator, size: tuple[int, ...]) -> Array:
    return np.where(generator.random(size) < 0.5, 1.0, -1.0)


def _hinge_embedding(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(_SIZES):
        # A quarter beside whole numbers, so that no element lies on the kink.
        x, t = whole(generator, size, 3) + 0.25, _signs(generator, size)
        options = _options("hinge-embedding-loss")[number % 3]
        terms = losses.hinge_embedding(_long(x), t, **options)
        found.append(Loss({"x": x, "t": t}, _by_name(options), options, terms))
    return found


def _margin_ranking(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(_SIZES):
        x, t, u = whole(generator, size, 3) + 0.25, whole(generator, size, 3), _signs(generator, size)
        options = _options("margin-ranking-loss")[number % 3]
        terms = losses.margin_ranking(_long(x), _long(t), u, **options)
        found.append(Loss({"x": x, "t": t, "u": u}, _by_name(options), options, terms, "x t"))
    return found


def _soft_margin(generator: Generator) -> list[Loss]:
    tensors = [(whole(generator, size, 6) / 2, _signs(generator, size)) for size in _SIZES]
    return [Loss({"x": x, "t": t}, "", {}, losses.soft_margin(_long(x), t)) for x, t in tensors]


def _apart(generator: Generator, size: tuple[int, ...]) -> Array:
    """Return numbers whose differences along the last dimension are not whole."""
    return whole(generator, size, 2) + np.arange(size[-1]) / 8


def _multi_margin(generator: Generator) -> list[Loss]:
    found = []
    sizes = ((4, 3), (3, 5), (4,), (2, 4), (5, 3), (4, 4))
    for size, given in zip(sizes, _options("multi-margin-loss"), strict=True):
        x, t = _apart(generator, size), np.asarray(generator.integers(0, size[-1], size[:-1]))
        if "weight" in given:
            given["weight"] = generator.permutation(np.array([1.0, 0.5, 2.0, 3.0])[: size[-1]])
        extra = _by_name(given)
        found.append(Loss({"x": x, "t": t}, extra, given, losses.multi_margin(_long(x), t, **given)))
    return found


def _multilabel_margin(generator: Generator) -> list[Loss]:
    found = []
    for size in ((3, 4), (4,), (2, 5)):
        x = _apart(generator, size)
        rows = [generator.permutation(size[-1]) for _ in range(int(np.prod(size[:-1])))]
        t = np.array(rows).reshape(size)
        t[..., 2:] = np.where(np.arange(size[-1] - 2) == 0, -1, t[..., 2:])
        found.append(Loss({"x": x, "t": t}, "", {}, losses.multilabel_margin(_long(x), t)))
    return found


def _multilabel_soft_margin(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(((3, 4), (5, 3), (2, 2, 3))):
        x, t = whole(generator, size, 6) / 2, generator.integers(0, 2, size).astype(np.float64)
        options = {"weight": np.array(generator.integers(1, 5, size[-1:])) / 2.0} if number else {}
        extra = _by_name(options)
        terms = losses.multilabel_soft_margin(_long(x), _long(t), *options.values())
        found.append(Loss({"x": x, "t": t}, extra, options, terms))
    return found


def _poisson(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(((5,), (3, 4), (2, 3, 4), (7,))):
        logs = number % 2 == 0
        x = whole(generator, size, 6) / 4 if logs else generator.integers(1, 9, size) / 4.0
        t = generator.integers(0, 6, size).astype(np.float64)
        options = _options("poisson-nll-loss")[number]
        extra = _by_name(options)
        found.append(Loss({"x": x, "t": t}, extra, options, losses.poisson_nll(_long(x), _long(t), **options)))
    return found


def _gaussian(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(((5,), (3, 4), (2, 3, 4))):
        x, t = whole(generator, size, 6) / 2, whole(generator, size, 6) / 2
        u = generator.integers(1, 9, size) / 4.0
        options = _options("gaussian-nll-loss")[number]
        extra = _by_name(options)
        terms = losses.gaussian_nll(_long(x), _long(t), _long(u), **options)
        found.append(Loss({"x": x, "t": t, "u": u}, extra, options, terms, "x u"))
    return found


def _at_angles(generator: Generator, size: tuple[int, ...], margin: float) -> tuple[Array, Array]:
    """Return vectors of halves, no two of which have nearly the margin for the cosine of their angle: a kink."""
    while True:
        x, t = (whole(generator, size, 3) + 0.5 for _ in range(2))
        cosine = (x * t).sum(axis=-1) / np.sqrt((x * x).sum(axis=-1) * (t * t).sum(axis=-1))
        if np.all(np.abs(cosine - margin) > 0.01):
            return x, t


def _cosine_embedding(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(((4, 3), (3, 5), (6,), (5, 2))):
        options = _options("cosine-embedding-loss")[number % 2]
        x, t = _at_angles(generator, size, options.get("margin", 0.0))
        u = _signs(generator, size[:-1])
        terms = losses.cosine_embedding(_long(x), _long(t), u, **options)
        found.append(Loss({"x": x, "t": t, "u": u}, _by_name(options), options, terms, "x t"))
    return found


def _triplet(generator: Generator) -> list[Loss]:
    found = []
    sizes = ((4, 3), (3, 2), (5, 3), (4, 2), (3,), (4, 4))
    for size, options in zip(sizes, _options("triplet-margin-loss"), strict=True):
        # Odd parts of different size beside whole numbers, so that no difference vanishes and no distances are equal.
        columns = np.arange(size[-1])
        x, t, u = whole(generator, size, 3), whole(generator, size, 3) + 0.5, whole(generator, size, 2) - 0.25
        t, u = t + (columns == 0) / 128, u + 2.0**columns / 32
        extra = _by_name(options)
        terms = losses.triplet_margin(_long(x), _long(t), _long(u), **options)
        found.append(Loss({"x": x, "t": t, "u": u}, extra, options, terms, "x t u"))
    return found


# Cases by the clause's subject, which is the name of a row.
LOSSES: dict[str, Callable[[Generator], list[Loss]]] = {
    **{name: _of_elements(name) for name in ("l1-loss", "mse-loss", "smooth-l1-loss", "huber-loss")},
    "cross-entropy-loss": _cross_entropy,
    "nll-loss": _nll,
    "bce-loss": _bce,
    "bce-with-logits-loss": _bce_with_logits,
    "kl-div-loss": _kl_div,
    "hinge-embedding-loss": _hinge_embedding,
    "margin-ranking-loss": _margin_ranking,
    "cosine-embedding-loss": _cosine_embedding,
    "triplet-margin-loss": _triplet,
    "soft-margin-loss": _soft_margin,
    "multi-margin-loss": _multi_margin,
    "multi-label-margin-loss": _multilabel_margin,
    "multi-label-soft-margin-loss": _multilabel_soft_margin,
    "poisson-nll-loss": _poisson,
    "gaussian-nll-loss": _gaussian,
}
