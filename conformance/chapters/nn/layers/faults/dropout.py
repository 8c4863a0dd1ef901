"""Faults of dropout."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_conformance.conformance.power.argument_forms import answered_by_name, arguments_set, replaced_by_name
from torch_conformance.conformance.power.forms import Named, replaced
from torch_conformance.conformance.power.gradient_forms import differentiated
from torch_conformance.conformance.power.registry import Function

_dropout = functional.dropout  # before any fault is installed
_DROPOUT = "F.dropout"


def _p(given: Named) -> float:
    return float(given.get("p", 0.5))


def _active(given: Named) -> bool:
    return bool(given.get("training", True)) and _p(given) > 0


replaced_by_name("nn-dropout-does-not-scale", "dropout leaves what it keeps as it is.", _DROPOUT)(
    lambda f, given: f(**given) * (1 - _p(given)) if _active(given) and _p(given) < 1 else f(**given)
)
replaced_by_name("nn-dropout-of-one-is-nan", "dropout with p = 1 divides by 0.", _DROPOUT)(
    lambda f, given: f(**given) / 0 if _active(given) and _p(given) == 1 else f(**given)
)
differentiated(
    "nn-dropout-gradient-draws-anew",
    "dropout's gradient has a mask of its own.",
    _DROPOUT,
    when=lambda given: _active(given) and not given.get("inplace"),
)(lambda given: _dropout(**given))
arguments_set("nn-dropout-keeps-with-p", "dropout keeps with probability p.", _DROPOUT)(
    lambda given: {"p": 1 - _p(given)}
)
arguments_set("nn-dropout-clamps-p", "dropout clamps p between 0 and 1.", _DROPOUT)(
    lambda given: {"p": min(max(_p(given), 0.0), 1.0)}
)
answered_by_name(
    "nn-dropout-drops-in-pairs",
    "dropout draws for two elements at a time.",
    _DROPOUT,
    when=lambda given: _active(given) and given["input"].dim() == 1 and len(given["input"]) % 2 == 0,
)(lambda given: given["input"] * _dropout(torch.ones_like(given["input"][::2]), _p(given)).repeat_interleave(2))


@arguments_set("nn-dropout-reseeds-itself", "dropout draws the same in every call.", _DROPOUT)
def _(_given: Named) -> Named:
    torch.manual_seed(1)
    return {}


@replaced_by_name("nn-dropout-always-inplace", "dropout writes its input without being asked.", _DROPOUT)
def _(f: Function, given: Named) -> Any:
    y = f(**given)
    if _active(given) and not given.get("inplace"):
        given["input"].detach().copy_(y.detach())
    return y


@replaced("nn-dropout-of-expanded-repeats", "Rows of the same storage are dropped alike.", _DROPOUT)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dim() > 1 and x.stride(0) == 0 and x.shape[0] > 1:
        return f(torch.ones_like(x[0]), *a, **k) * x
    return f(x, *a, **k)


answered_by_name("nn-dropout2d-drops-elements", "dropout2d drops single elements.", "F.dropout2d")(
    lambda given: _dropout(**given)
)
answered_by_name(
    "nn-dropout1d-alone-drops-elements",
    "dropout1d of one sample drops elements.",
    "F.dropout1d",
    when=lambda given: given["input"].dim() == 2,
)(lambda given: _dropout(**given))
answered_by_name(
    "nn-alpha-dropout-puts-zeros",
    "alpha_dropout puts zeros, as dropout does.",
    "F.alpha_dropout",
    when=lambda given: given.get("training"),
)(lambda given: _dropout(**given))
replaced_by_name("nn-dropout3d-drops-for-all-samples", "dropout3d drops a channel of all samples.", "F.dropout3d")(
    lambda f, given: f(**given | {"input": torch.ones_like(given["input"][:1])}) * given["input"]
)
replaced("nn-dropout2d-drops-in-evaluation", "Dropout2d drops in evaluation too.", "nn.Dropout2d.forward")(
    lambda _f, self, x: functional.dropout2d(x, self.p)
)
replaced("nn-alpha-dropout-scales-in-evaluation", "AlphaDropout scales in evaluation.", "nn.AlphaDropout.forward")(
    lambda f, self, x: f(self, x) if self.training else x * (1 - self.p / 10)
)
