"""Faults of activation functions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from torch_conformance.conformance.power.older_forms.nn_breaking import (
    Named,
    argument_gradient,
    changed,
    differentiated_as,
    functional,
    ignored,
    named,
    result_gradient,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_INPLACE = "input inplace"
_SOFT = "input dim _stacklevel dtype"


@named("nn-relu-gradient-one-at-zero", "relu has the derivative 1 at 0.", _INPLACE, functional("relu"))
def _(f: Function, given: Named) -> Any:
    return f(**given) if given.get("inplace") else given["input"].clamp(min=0)


ignored("nn-relu-inplace-copies", "relu ignores inplace.", _INPLACE, "inplace", functional("relu"))


@named("nn-relu6-not-clipped-inplace", "relu6 in place has no upper bound.", _INPLACE, functional("relu6"))
def _(f: Function, given: Named) -> Any:
    return given["input"].relu_() if given.get("inplace") else f(**given)


@changed(
    "nn-leaky-relu-default-slope",
    "leaky_relu has the default slope 0.02.",
    "input negative_slope inplace",
    functional("leaky_relu"),
)
def _(given: Named) -> None:
    given.setdefault("negative_slope", 0.02)


@named(
    "nn-leaky-relu-gradient-without-slope",
    "leaky_relu has no gradient below 0.",
    "input negative_slope inplace",
    functional("leaky_relu"),
)
def _(f: Function, given: Named) -> Any:
    if given.get("inplace"):
        return f(**given)
    return differentiated_as(f(**given), given["input"].relu())


_ELU = "input alpha inplace"
ignored("nn-elu-alpha-ignored", "elu takes alpha 1.", _ELU, "alpha", functional("elu"))
argument_gradient("nn-elu-gradient-one-percent-off", "elu's gradient is 1 % off.", _ELU, "input", functional("elu"))


@named("nn-celu-alpha-outside-only", "celu does not divide by alpha.", _ELU, functional("celu"))
def _(f: Function, given: Named) -> Any:
    x, alpha = given["input"], given.get("alpha", 1.0)
    if given.get("inplace"):
        return f(**given)
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))


@named("nn-selu-alpha-rounded", "selu's constants have three digits.", _INPLACE, functional("selu"))
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    if given.get("inplace"):
        return f(**given)
    return 1.05 * torch.where(x > 0, x, 1.67 * torch.expm1(x.clamp(max=0)))


ignored(
    "nn-gelu-approximate-ignored", "gelu ignores approximate.", "input approximate", "approximate", functional("gelu")
)


@named(
    "nn-gelu-gradient-without-density",
    "gelu's gradient is the distribution function.",
    "input approximate",
    functional("gelu"),
)
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    return differentiated_as(f(**given), x * torch.special.ndtr(x.detach()))


@named("nn-silu-gradient-is-sigmoid", "silu's gradient is the sigmoid.", _INPLACE, functional("silu"))
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    return f(**given) if given.get("inplace") else differentiated_as(f(**given), x * x.detach().sigmoid())


@named("nn-mish-inplace-is-silu", "mish in place is silu.", _INPLACE, functional("mish"))
def _(f: Function, given: Named) -> Any:
    return F.silu(given["input"], inplace=True) if given.get("inplace") else f(**given)


_SOFTPLUS = "input beta threshold"


@changed(
    "nn-softplus-threshold-of-x", "softplus compares x itself with the threshold.", _SOFTPLUS, functional("softplus")
)
def _(given: Named) -> None:
    given["threshold"] = given.get("threshold", 20) * given.get("beta", 1)


@named("nn-softplus-beta-not-divided", "softplus does not divide by beta.", _SOFTPLUS, functional("softplus"))
def _(f: Function, given: Named) -> Any:
    return f(**given) * given.get("beta", 1)


@named("nn-softsign-gradient-not-squared", "softsign's gradient is not squared.", "input", functional("softsign"))
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    return differentiated_as(f(**given), x / (1 + x.detach().abs()))


@named("nn-tanhshrink-adds", "tanhshrink adds tanh.", "input", functional("tanhshrink"))
def _(_f: Function, given: Named) -> Any:
    return given["input"] + given["input"].tanh()


@named("nn-softshrink-does-not-move", "softshrink is hardshrink.", "input lambd", functional("softshrink"))
def _(_f: Function, given: Named) -> Any:
    return torch.hardshrink(given["input"], given.get("lambd", 0.5))


@bound("nn-hardshrink-method-lambd-ignored", "The method hardshrink takes lambd 0.5.", (Tensor, "hardshrink"))
def _(f: Function, x: Tensor, *_a: Any, **_k: Any) -> Any:
    return f(x)


_HARDTANH = "input min_val max_val inplace"


@changed("nn-hardtanh-symmetric", "hardtanh takes -max_val for min_val.", _HARDTANH, functional("hardtanh"))
def _(given: Named) -> None:
    given["min_val"] = -given.get("max_val", 1.0)


@named("nn-hardsigmoid-of-a-fifth", "hardsigmoid has the slope 1/5.", _INPLACE, functional("hardsigmoid"))
def _(f: Function, given: Named) -> Any:
    return f(**given) if given.get("inplace") else (given["input"] / 5 + 0.5).clamp(0, 1)


argument_gradient(
    "nn-hardswish-gradient-one-percent-off",
    "hardswish's gradient is 1 % off.",
    _INPLACE,
    "input",
    functional("hardswish"),
)


@named("nn-logsigmoid-overflows", "logsigmoid is the logarithm of the sigmoid.", "input", functional("logsigmoid"))
def _(_f: Function, given: Named) -> Any:
    return (1 / (1 + (-given["input"]).exp())).log()


_THRESHOLD = "input threshold value inplace"


@changed("nn-threshold-value-is-zero", "threshold puts zeros.", _THRESHOLD, functional("threshold"))
def _(given: Named) -> None:
    given["value"] = 0.0


result_gradient(
    "nn-sigmoid-module-gradient-one-percent-off", "The gradient of Sigmoid is 1 % off.", (torch.nn.Sigmoid, "forward")
)


@bound("nn-tanh-module-saturates", "Tanh saturates at 3.", (torch.nn.Tanh, "forward"))
def _(f: Function, self: Any, x: Tensor) -> Any:
    return f(self, x.clamp(-3, 3))


_RRELU = "input lower upper training inplace"


@named("nn-rrelu-evaluates-with-lower", "rrelu takes its lower bound in evaluation.", _RRELU, functional("rrelu"))
def _(f: Function, given: Named) -> Any:
    return f(**given) if given.get("training") else F.leaky_relu(given["input"], given.get("lower", 1 / 8))


@named("nn-rrelu-one-slope-for-all", "rrelu in training has one slope.", _RRELU, functional("rrelu"))
def _(f: Function, given: Named) -> Any:
    return f(**(given | {"training": False}))


argument_gradient(
    "nn-prelu-weight-gradient-one-percent-off",
    "prelu's gradient of the weight is 1 % off.",
    "input weight",
    "weight",
    functional("prelu"),
)


@changed("nn-prelu-weights-reversed", "prelu takes its weights in reverse.", "input weight", functional("prelu"))
def _(given: Named) -> None:
    given["weight"] = given["weight"].flip(0)


@changed("nn-glu-halves-swapped", "glu gates the second half by the first.", "input dim", functional("glu"))
def _(given: Named) -> None:
    dim = given.get("dim", -1)
    extent = given["input"].shape[dim]
    given["input"] = given["input"].roll(extent // 2, dim)


ignored("nn-glu-dim-ignored", "glu takes the last dimension.", "input dim", "dim", functional("glu"))


@bound("nn-softmax-method-overflows", "The method softmax does not subtract the largest.", (Tensor, "softmax"))
def _(_f: Function, x: Tensor, dim: int, *_a: Any, **_k: Any) -> Any:
    powers = x.exp()
    return powers / powers.sum(dim, keepdim=True)


result_gradient("nn-softmax-gradient-one-percent-off", "softmax's gradient is 1 % off.", functional("softmax"))


@named("nn-softmin-is-softmax", "softmin is softmax.", _SOFT, functional("softmin"))
def _(_f: Function, given: Named) -> Any:
    return given["input"].softmax(given["dim"])


@named(
    "nn-log-softmax-gradient-without-sum",
    "log_softmax's gradient is that of its input.",
    _SOFT,
    functional("log_softmax"),
)
def _(f: Function, given: Named) -> Any:
    y = f(**given)
    return differentiated_as(y, given["input"].to(y.dtype))


@changed(
    "nn-log-softmax-of-first-dimension", "log_softmax takes the first dimension.", _SOFT, functional("log_softmax")
)
def _(given: Named) -> None:
    given["dim"] = 0
