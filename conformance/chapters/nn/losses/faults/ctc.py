"""Faults of the CTC loss."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from torch_conformance.conformance.power.older_forms.altering import changing_gradient
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_CTC = (functional, "ctc_loss")
_NAMES = ("log_probs", "targets", "input_lengths", "target_lengths", "blank", "reduction", "zero_infinity")


def _named(a: tuple[Any, ...], k: dict[str, Any]) -> dict[str, Any]:
    return {**dict(zip(_NAMES, a, strict=False)), **k}


@bound("nn-ctc-blank-ignored", "The blank is class 0.", _CTC)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(**{**_named(a, k), "blank": 0})


@bound("nn-ctc-mean-not-by-length", "The mean does not divide by the lengths of the labels.", _CTC)
def _(f: Function, *a: Any, **k: Any) -> Any:
    given = _named(a, k)
    if given.get("reduction", "mean") != "mean" or given["log_probs"].dim() < 3:
        return f(**given)
    return f(**{**given, "reduction": "none"}).mean()


@bound("nn-ctc-gradient-one-percent-off", "The gradient of the CTC loss is 1% off.", _CTC)
def _(f: Function, *a: Any, **k: Any) -> Any:
    given = _named(a, k)
    return f(**{**given, "log_probs": changing_gradient(given["log_probs"], lambda g: g * 1.01)})


@bound("nn-ctc-zero-infinity-ignored", "zero_infinity is ignored.", _CTC)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(**{**_named(a, k), "zero_infinity": False})


@bound("nn-ctc-single-sequence-in-full", "The loss of a single sequence is not divided by its length.", _CTC)
def _(f: Function, log_probs: Tensor, *a: Any, **k: Any) -> Any:
    given = _named((log_probs, *a), k)
    return f(**{**given, "reduction": "sum"}) if log_probs.dim() == 2 else f(**given)
