"""Faults of activation functions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from torch_conformance.conformance.chapters.nn.faults.layers import SHRINK, SOFTPLUS
from torch_conformance.conformance.power.argument_forms import answered_by_name, arguments_set, replaced_by_name
from torch_conformance.conformance.power.forms import Named, replaced
from torch_conformance.conformance.power.gradient_forms import differentiated


def _inplace(given: Named) -> bool:
    return bool(given.get("inplace"))


def _anew(given: Named) -> bool:
    return not given.get("inplace")


answered_by_name("nn-relu-gradient-one-at-zero", "relu has the derivative 1 at 0.", "F.relu", when=_anew)(
    lambda given: given["input"].clamp(min=0)
)
answered_by_name("nn-relu6-not-clipped-inplace", "relu6 in place has no upper bound.", "F.relu6", when=_inplace)(
    lambda given: given["input"].relu_()
)
answered_by_name("nn-mish-inplace-is-silu", "mish in place is silu.", "F.mish", when=_inplace)(
    lambda given: functional.silu(given["input"], inplace=True)
)


@answered_by_name("nn-celu-alpha-outside-only", "celu does not divide by alpha.", "F.celu", when=_anew)
def _(given: Named) -> Tensor:
    x, alpha = given["input"], given.get("alpha", 1.0)
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))


@answered_by_name("nn-selu-alpha-rounded", "selu's constants have three digits.", "F.selu", when=_anew)
def _(given: Named) -> Tensor:
    x = given["input"]
    return 1.05 * torch.where(x > 0, x, 1.67 * torch.expm1(x.clamp(max=0)))


answered_by_name("nn-hardsigmoid-of-a-fifth", "hardsigmoid has the slope 1/5.", "F.hardsigmoid", when=_anew)(
    lambda given: (given["input"] / 5 + 0.5).clamp(0, 1)
)
answered_by_name("nn-tanhshrink-adds", "tanhshrink adds tanh.", "F.tanhshrink")(
    lambda given: given["input"] + given["input"].tanh()
)
answered_by_name("nn-softshrink-does-not-move", "softshrink is hardshrink.", "F.softshrink", order=SHRINK)(
    lambda given: torch.hardshrink(given["input"], given.get("lambd", 0.5))
)
answered_by_name("nn-logsigmoid-overflows", "logsigmoid is the sigmoid's logarithm.", "F.logsigmoid", order="input")(
    lambda given: (1 / (1 + (-given["input"]).exp())).log()
)
answered_by_name("nn-softmin-is-softmax", "softmin is softmax.", "F.softmin")(
    lambda given: given["input"].softmax(given["dim"])
)
answered_by_name(
    "nn-rrelu-evaluates-with-lower",
    "rrelu takes its lower bound in evaluation.",
    "F.rrelu",
    when=lambda given: not given.get("training"),
)(lambda given: functional.leaky_relu(given["input"], given.get("lower", 1 / 8)))
replaced_by_name("nn-softplus-beta-not-divided", "softplus does not divide by beta.", "F.softplus", order=SOFTPLUS)(
    lambda f, given: f(**given) * given.get("beta", 1)
)

differentiated(
    "nn-leaky-relu-gradient-without-slope", "leaky_relu has no gradient below 0.", "F.leaky_relu", when=_anew
)(lambda given: given["input"].relu())
differentiated(
    "nn-gelu-gradient-without-density", "gelu's gradient is the distribution.", "F.gelu", order="input approximate"
)(lambda given: given["input"] * torch.special.ndtr(given["input"].detach()))
differentiated("nn-silu-gradient-is-sigmoid", "silu's gradient is the sigmoid.", "F.silu", when=_anew)(
    lambda given: given["input"] * given["input"].detach().sigmoid()
)
differentiated("nn-softsign-gradient-not-squared", "softsign's gradient is not squared.", "F.softsign")(
    lambda given: given["input"] / (1 + given["input"].detach().abs())
)
differentiated("nn-log-softmax-gradient-without-sum", "log_softmax has its input's gradient.", "F.log_softmax")(
    lambda given: given["input"]
)

arguments_set("nn-softplus-threshold-of-x", "softplus compares x itself.", "F.softplus", order=SOFTPLUS)(
    lambda given: {"threshold": given.get("threshold", 20) * given.get("beta", 1)}
)
arguments_set("nn-hardtanh-symmetric", "hardtanh takes -max_val for min_val.", "F.hardtanh")(
    lambda given: {"min_val": -given.get("max_val", 1.0)}
)
arguments_set("nn-threshold-value-is-zero", "threshold puts zeros.", "F.threshold")(lambda _: {"value": 0.0})
arguments_set("nn-prelu-weights-reversed", "prelu takes its weights in reverse.", "F.prelu", order="input weight")(
    lambda given: {"weight": given["weight"].flip(0)}
)
arguments_set("nn-log-softmax-of-first-dimension", "log_softmax takes the first dimension.", "F.log_softmax")(
    lambda _: {"dim": 0}
)


@arguments_set("nn-glu-halves-swapped", "glu gates the second half by the first.", "F.glu")
def _(given: Named) -> Named:
    x, dim = given["input"], given.get("dim", -1)
    return {"input": x.roll(x.shape[dim] // 2, dim)}


replaced("nn-tanh-module-saturates", "Tanh saturates at 3.", "nn.Tanh.forward")(
    lambda f, self, x: f(self, x.clamp(-3, 3))
)
replaced("nn-hardshrink-method-lambd-ignored", "The method hardshrink takes lambd 0.5.", "Tensor.hardshrink")(
    lambda f, x, *_a, **_k: f(x)
)
replaced("nn-softmax-method-overflows", "The method softmax does not subtract the largest.", "Tensor.softmax")(
    lambda _f, x, dim, *_a, **_k: x.exp() / x.exp().sum(dim, keepdim=True)
)
