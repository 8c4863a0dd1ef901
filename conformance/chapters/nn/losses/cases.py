"""Cases of losses: every option of each with values that matter, on small tensors of few-bit numbers."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.judging.layers import whole
from torch_conformance.reference.nn import losses
from torch_conformance.reference.nn.losses import Terms

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


def _long(array: Array) -> Array:
    return array.astype(np.longdouble)


def _pairs(generator: Generator, limit: int = 4) -> list[tuple[Array, Array]]:
    """Return pairs of tensors of whole and half numbers, some of them equal."""
    return [(whole(generator, size, limit) / 2, whole(generator, size, limit) / 2) for size in _SIZES]


def _of_elements(function: Callable[..., Terms], options: tuple[dict[str, Any], ...], leaves: str) -> Any:
    """Return the cases of a loss of two tensors with options that are numbers."""

    def cases(generator: Generator) -> list[Loss]:
        found = []
        for number, (first, t) in enumerate(_pairs(generator)):
            chosen = options[number % len(options)]
            # With beta 0, torch 2.0 divides 0 by 0 where elements are equal.
            x = first + 0.25 if chosen.get("beta") == 0 else first
            extra = ", ".join(f"{name}={name}" for name in chosen)
            found.append(Loss({"x": x, "t": t}, extra, chosen, function(_long(x), _long(t), **chosen), leaves))
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
    ignored = (-100, 1, 0, -1)[number // 2 % 4]
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
        smoothing = (0.0, 0.25, 0.0, 0.0, 0.5)[number % 5]
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
        extra = "weight=weight" if options else ""
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
        extra = ", ".join(f"{name}={name}" for name in options)
        terms = losses.bce_with_logits(_long(x), _long(t), **options)
        found.append(Loss({"x": x, "t": t}, extra, options, terms))
    return found


def _kl_div(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(((5,), (3, 4), (2, 3, 4), (4, 2))):
        x = whole(generator, size, 8) / 4
        t = generator.integers(0, 5, size) / 4.0
        found.append(Loss({"x": x, "t": t}, "", {}, losses.kl_div(_long(x), _long(t))))
        t = whole(generator, size, 6) / 4
        options = {"log_target": True}
        terms = losses.kl_div(_long(x), _long(t), log_target=True)
        found.append(Loss({"x": x, "t": t}, "log_target=log_target", options, terms))
        assert number < 4
    return found


def _signs(generator: Generator, size: tuple[int, ...]) -> Array:
    return np.where(generator.random(size) < 0.5, 1.0, -1.0)


def _hinge_embedding(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(_SIZES):
        # A quarter beside whole numbers, so that no element lies on the kink.
        x, t = whole(generator, size, 3) + 0.25, _signs(generator, size)
        options = ({}, {"margin": 2.5}, {"margin": 0.5})[number % 3]
        terms = losses.hinge_embedding(_long(x), t, **options)
        found.append(Loss({"x": x, "t": t}, "margin=margin" if options else "", options, terms))
    return found


def _margin_ranking(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(_SIZES):
        x, t, u = whole(generator, size, 3) + 0.25, whole(generator, size, 3), _signs(generator, size)
        options = ({}, {"margin": 2.5}, {"margin": -1.0})[number % 3]
        terms = losses.margin_ranking(_long(x), _long(t), u, **options)
        found.append(Loss({"x": x, "t": t, "u": u}, "margin=margin" if options else "", options, terms, "x t"))
    return found


def _soft_margin(generator: Generator) -> list[Loss]:
    tensors = [(whole(generator, size, 6) / 2, _signs(generator, size)) for size in _SIZES]
    return [Loss({"x": x, "t": t}, "", {}, losses.soft_margin(_long(x), t)) for x, t in tensors]


def _apart(generator: Generator, size: tuple[int, ...]) -> Array:
    """Return numbers whose differences along the last dimension are not whole."""
    return whole(generator, size, 2) + np.arange(size[-1]) / 8


def _multi_margin(generator: Generator) -> list[Loss]:
    found = []
    choices: tuple[dict[str, Any], ...] = (
        {},
        {"p": 2},
        {"margin": 2.0},
        {"p": 2, "margin": 0.5},
        {"weight": 3},
        {"p": 2, "weight": 4},
    )
    for size, options in zip(((4, 3), (3, 5), (4,), (2, 4), (5, 3), (4, 4)), choices, strict=True):
        x, t = _apart(generator, size), np.asarray(generator.integers(0, size[-1], size[:-1]))
        given = dict(options)
        if "weight" in given:
            given["weight"] = generator.permutation(np.array([1.0, 0.5, 2.0, 3.0])[: size[-1]])
        extra = ", ".join(f"{name}={name}" for name in given)
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
        extra = "weight=weight" if options else ""
        terms = losses.multilabel_soft_margin(_long(x), _long(t), *options.values())
        found.append(Loss({"x": x, "t": t}, extra, options, terms))
    return found


def _poisson(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(((5,), (3, 4), (2, 3, 4), (7,))):
        logs = number % 2 == 0
        x = whole(generator, size, 6) / 4 if logs else generator.integers(1, 9, size) / 4.0
        t = generator.integers(0, 6, size).astype(np.float64)
        choices: tuple[dict[str, Any], ...] = (
            {},
            {"log_input": False, "eps": 0.25},
            {"full": True},
            {"log_input": False, "full": True},
        )
        options = choices[number]
        extra = ", ".join(f"{name}={name}" for name in options)
        found.append(Loss({"x": x, "t": t}, extra, options, losses.poisson_nll(_long(x), _long(t), **options)))
    return found


def _gaussian(generator: Generator) -> list[Loss]:
    found = []
    for number, size in enumerate(((5,), (3, 4), (2, 3, 4))):
        x, t = whole(generator, size, 6) / 2, whole(generator, size, 6) / 2
        u = generator.integers(1, 9, size) / 4.0
        options: dict[str, Any] = ({}, {"full": True}, {"eps": 0.6})[number]
        extra = ", ".join(f"{name}={name}" for name in options)
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
        options = {"margin": 0.25} if number % 2 else {}
        x, t = _at_angles(generator, size, options.get("margin", 0.0))
        u = _signs(generator, size[:-1])
        terms = losses.cosine_embedding(_long(x), _long(t), u, **options)
        found.append(Loss({"x": x, "t": t, "u": u}, "margin=margin" if options else "", options, terms, "x t"))
    return found


def _triplet(generator: Generator) -> list[Loss]:
    found = []
    choices: tuple[dict[str, Any], ...] = (
        *({}, {"margin": 3.0}, {"swap": True, "margin": 4.0}, {"p": 1.0, "eps": 0.25}),
        *({"p": 3.0, "margin": 2.5, "eps": 0.125}, {"swap": True, "p": 1.0, "eps": 0.25, "margin": 5.0}),
    )
    for size, options in zip(((4, 3), (3, 2), (5, 3), (4, 2), (3,), (4, 4)), choices, strict=True):
        # Odd parts of different size beside whole numbers, so that no difference vanishes and no distances are equal.
        columns = np.arange(size[-1])
        x, t, u = whole(generator, size, 3), whole(generator, size, 3) + 0.5, whole(generator, size, 2) - 0.25
        t, u = t + (columns == 0) / 128, u + 2.0**columns / 32
        extra = ", ".join(f"{name}={name}" for name in options)
        terms = losses.triplet_margin(_long(x), _long(t), _long(u), **options)
        found.append(Loss({"x": x, "t": t, "u": u}, extra, options, terms, "x t u"))
    return found


# Function, module and cases by the clause's subject.
LOSSES: dict[str, tuple[str, str, Callable[[Generator], list[Loss]]]] = {
    "l1-loss": ("l1_loss", "L1Loss", _of_elements(losses.l1, ({},), "x t")),
    "mse-loss": ("mse_loss", "MSELoss", _of_elements(losses.mse, ({},), "x t")),
    "smooth-l1-loss": (
        "smooth_l1_loss",
        "SmoothL1Loss",
        _of_elements(losses.smooth_l1, ({}, {"beta": 0.5}, {"beta": 2.0}, {"beta": 0.0}), "x t"),
    ),
    "huber-loss": ("huber_loss", "HuberLoss", _of_elements(losses.huber, ({}, {"delta": 0.5}, {"delta": 2.0}), "x t")),
    "cross-entropy-loss": ("cross_entropy", "CrossEntropyLoss", _cross_entropy),
    "nll-loss": ("nll_loss", "NLLLoss", _nll),
    "bce-loss": ("binary_cross_entropy", "BCELoss", _bce),
    "bce-with-logits-loss": ("binary_cross_entropy_with_logits", "BCEWithLogitsLoss", _bce_with_logits),
    "kl-div-loss": ("kl_div", "KLDivLoss", _kl_div),
    "hinge-embedding-loss": ("hinge_embedding_loss", "HingeEmbeddingLoss", _hinge_embedding),
    "margin-ranking-loss": ("margin_ranking_loss", "MarginRankingLoss", _margin_ranking),
    "cosine-embedding-loss": ("cosine_embedding_loss", "CosineEmbeddingLoss", _cosine_embedding),
    "triplet-margin-loss": ("triplet_margin_loss", "TripletMarginLoss", _triplet),
    "soft-margin-loss": ("soft_margin_loss", "SoftMarginLoss", _soft_margin),
    "multi-margin-loss": ("multi_margin_loss", "MultiMarginLoss", _multi_margin),
    "multi-label-margin-loss": ("multilabel_margin_loss", "MultiLabelMarginLoss", _multilabel_margin),
    "multi-label-soft-margin-loss": (
        "multilabel_soft_margin_loss",
        "MultiLabelSoftMarginLoss",
        _multilabel_soft_margin,
    ),
    "poisson-nll-loss": ("poisson_nll_loss", "PoissonNLLLoss", _poisson),
    "gaussian-nll-loss": ("gaussian_nll_loss", "GaussianNLLLoss", _gaussian),
}
