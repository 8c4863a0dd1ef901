"""Faults of initial values: of layers as they are made, and of torch.nn.init."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import init
from torch.nn.modules import rnn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


def _reset(name: str, summary: str, owner: type, change: Function) -> None:
    """Register a fault that changes a layer after its reset_parameters."""

    def answer(f: Function, self: Any, *a: Any, **k: Any) -> None:
        f(self, *a, **k)
        with torch.no_grad():
            change(self)

    bound(name, summary, (owner, "reset_parameters"))(answer)


def _xavier_weight(self: Any) -> None:
    init.xavier_uniform_(self.weight)


def _positive_bias(self: Any) -> None:
    if self.bias is not None:
        self.bias.abs_()


def _by_second(self: Any) -> None:
    edge = 1 / math.sqrt(self.in2_features)
    self.weight.uniform_(-edge, edge)


def _without_groups(self: Any) -> None:
    self.weight.div_(math.sqrt(self.groups))


def _without_kernel(self: Any) -> None:
    if self.bias is not None:
        self.bias.mul_(math.sqrt(math.prod(self.kernel_size)))
        if not isinstance(self, _ConvTransposeNd) or math.prod(self.kernel_size) > 1:
            self.bias.mul_(1.01)


_reset(
    "module-linear-weight-range-of-xavier", "Linear's weight is drawn by xavier_uniform_.", nn.Linear, _xavier_weight
)
_reset("module-linear-bias-is-positive", "Linear's bias is positive.", nn.Linear, _positive_bias)
_reset(
    "module-bilinear-range-of-second-input", "Bilinear's range is that of its second input.", nn.Bilinear, _by_second
)
_reset("module-convolution-range-ignores-groups", "A convolution's range ignores groups.", _ConvNd, _without_groups)
_reset(
    "module-convolution-bias-range-ignores-kernel", "A convolution's bias ignores the kernel.", _ConvNd, _without_kernel
)


def _range_of_input(self: Any) -> None:
    for each in self.parameters():
        each.mul_(math.sqrt(self.hidden_size / self.input_size))


def _slightly_wider(self: Any) -> None:
    for each in self.parameters():
        each.mul_(1.01)


_reset("module-recurrent-range-of-input", "A recurrent network's range is by input_size.", rnn.RNNBase, _range_of_input)
_reset("module-recurrent-cell-range-one-percent-off", "A cell's range is 1% wide.", rnn.RNNCellBase, _slightly_wider)


def _narrower(self: Any) -> None:
    self.weight.mul_(0.95)


def _padding_drawn(self: Any) -> None:
    if self.padding_idx is not None:
        self.weight[self.padding_idx].normal_()


for _owner in (nn.Embedding,):
    _reset("module-embedding-deviation-off", "An embedding's deviation is 0.95.", _owner, _narrower)
    _reset("module-embedding-padding-drawn", "An embedding's padding is drawn too.", _owner, _padding_drawn)


@bound(
    "module-attention-biases-drawn", "The biases of attention are drawn.", (nn.MultiheadAttention, "_reset_parameters")
)
def _(f: Function, self: Any) -> None:
    f(self)
    if self.in_proj_bias is not None:
        init.uniform_(self.in_proj_bias, -0.1, 0.1)


@bound("module-seed-ignored-by-uniform", "uniform_ of tensors draws from a stream of its own.", (Tensor, "uniform_"))
def _(f: Function, self: Tensor, *a: Any, **k: Any) -> Any:
    global _own  # noqa: PLW0603
    _own = _own or torch.Generator().manual_seed(1)
    return f(self, *a, **{**k, "generator": _own})


_own: torch.Generator | None = None


@bound("module-uniform-restarts-the-stream", "uniform_ of tensors begins again each time.", (Tensor, "uniform_"))
def _(f: Function, self: Tensor, *a: Any, **k: Any) -> Any:
    return f(self, *a, **{**k, "generator": torch.Generator().manual_seed(torch.initial_seed() % 2**63)})


_UNIFORM, _NORMAL, _TRUNCATED = (init, "uniform_"), (init, "normal_"), (init, "trunc_normal_")


@bound("module-uniform-ignores-b", "uniform_ with b by name ends at 1.", _UNIFORM)
def _(f: Function, *a: Any, b: float = 1.0, **k: Any) -> Any:
    return f(*a, **k) if len(a) < 3 and k.get("a", 0) < b else f(*a, b, **k)


@bound("module-uniform-squares", "uniform_ on the unit interval prefers small numbers.", _UNIFORM)
def _(f: Function, *a: Any, **k: Any) -> Any:
    result = f(*a, **k)
    with torch.no_grad():
        return result.mul_(result) if len(a) == 1 and not k else result


@bound("module-normal-takes-variance", "normal_ takes its deviation for a variance.", _NORMAL)
def _(f: Function, *a: Any, **k: Any) -> Any:
    if len(a) > 2:
        return f(*a[:2], math.sqrt(a[2]), *a[3:], **k)
    return f(*a, **{name: math.sqrt(value) if name == "std" else value for name, value in k.items()})


@bound("module-normal-drops-mean-of-float64", "normal_ of float64 with a mean by place has mean 0.", _NORMAL)
def _(f: Function, tensor: Any = None, *a: Any, **k: Any) -> Any:
    tensor = k.pop("tensor", tensor)
    return f(tensor, *(0.0 if i == 0 else each for i, each in enumerate(a)), **k)


@bound("module-trunc-normal-clamps", "trunc_normal_ clamps what lies outside.", _TRUNCATED)
def _(_f: Function, tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    with torch.no_grad():
        return tensor.normal_(mean, std).clamp_(a, b)


@bound("module-trunc-normal-ignores-a", "trunc_normal_ with a by name begins at -2.", _TRUNCATED)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **{name: value for name, value in k.items() if name != "a"})


def _without_gain(f: Function, tensor: Tensor, *_: Any, **k: Any) -> Any:
    return f(tensor, **{name: value for name, value in k.items() if name == "generator"})


for _place in ("xavier_uniform_", "xavier_normal_", "orthogonal_"):
    bound(f"module-{_place.strip('_').replace('_', '-')}-drops-gain", f"{_place} drops its gain.", (init, _place))(
        _without_gain
    )


@bound("module-xavier-uniform-doubles-fan-in", "xavier_uniform_ takes fan_in for fan_out.", (init, "xavier_uniform_"))
def _(f: Function, tensor: Tensor, gain: float = 1.0, **k: Any) -> Any:
    fan_in, fan_out = tensor.shape[1], tensor.shape[0]
    return f(tensor, gain * math.sqrt((fan_in + fan_out) / (2 * fan_in)), **k)


@bound("module-xavier-normal-ignores-the-kernel", "xavier_normal_ counts channels alone.", (init, "xavier_normal_"))
def _(f: Function, tensor: Tensor, gain: float = 1.0, **k: Any) -> Any:
    return f(tensor, gain * math.sqrt(math.prod(tensor.shape[2:])), **k)


def _kaiming(name: str, value: Any) -> Function:
    """Return a change of one argument, which may come by place or by name."""
    names = ("tensor", "a", "mode", "nonlinearity")
    return lambda f, *a, **k: f(**{**dict(zip(names, a, strict=False)), **k, name: value})


for _name in ("uniform", "normal"):
    _at = (init, f"kaiming_{_name}_")
    bound(f"module-kaiming-{_name}-always-fan-in", "The fan is always fan_in.", _at)(_kaiming("mode", "fan_in"))
    bound(f"module-kaiming-{_name}-ignores-a", "The negative slope is 0.", _at)(_kaiming("a", 0))
bound("module-kaiming-uniform-ignores-nonlinearity", "The gain is always leaky_relu's.", (init, "kaiming_uniform_"))(
    _kaiming("nonlinearity", "leaky_relu")
)


@bound("module-orthogonal-of-wide-is-not", "orthogonal_ of wide matrices is scaled normal.", (init, "orthogonal_"))
def _(f: Function, tensor: Tensor, *a: Any, **k: Any) -> Any:
    if tensor.shape[0] < tensor[0].numel():
        return init.normal_(tensor, 0, tensor[0].numel() ** -0.5)
    return f(tensor, *a, **k)


@bound(
    "module-constant-of-transposed-returns-a-copy", "constant_ of strided tensors returns a copy.", (init, "constant_")
)
def _(f: Function, tensor: Tensor, val: float) -> Any:
    result = f(tensor, val)
    return result if result.is_contiguous() else result.detach().clone()


@bound("module-ones-are-recorded", "ones_ replaces the memory that it fills.", (init, "ones_"))
def _(_f: Function, tensor: Tensor) -> Tensor:
    tensor.data = torch.ones_like(tensor)
    return tensor


@bound("module-eye-of-wide-repeats", "eye_ of wide matrices goes on in the next columns.", (init, "eye_"))
def _(f: Function, tensor: Tensor) -> Any:
    result = f(tensor)
    with torch.no_grad():
        if tensor.shape[1] > tensor.shape[0]:
            result[0, tensor.shape[0]] = 1
    return result


@bound("module-dirac-ignores-groups", "dirac_ knows one group.", (init, "dirac_"))
def _(f: Function, tensor: Tensor, groups: int = 1) -> Any:
    return f(tensor) if tensor.shape[0] % groups == 0 else f(tensor, groups)


@bound("module-dirac-off-centre", "dirac_ puts even kernels' ones before the middle.", (init, "dirac_"))
def _(f: Function, tensor: Tensor, groups: int = 1) -> Any:
    result = f(tensor, groups)
    with torch.no_grad():
        if tensor.shape[2] % 2 == 0:
            result.copy_(result.roll(-1, 2))
    return result


@bound("module-sparse-empties-rows", "sparse_ empties the same places of each column.", (init, "sparse_"))
def _(f: Function, tensor: Tensor, sparsity: float, std: float = 0.01) -> Tensor:
    f(tensor, 0.0, std)
    with torch.no_grad():
        tensor[: math.ceil(sparsity * tensor.shape[0])] = 0
    return tensor


@bound("module-sparse-ignores-std", "sparse_ has a deviation of 0.01.", (init, "sparse_"))
def _(f: Function, tensor: Tensor, sparsity: float, **_: Any) -> Any:
    return f(tensor, sparsity)


@bound("module-gain-of-tanh-is-one", "The gain of tanh is 1.", (init, "calculate_gain"))
def _(f: Function, nonlinearity: str, *a: Any, **k: Any) -> float:
    return 1.0 if nonlinearity == "tanh" else f(nonlinearity, *a, **k)


@bound("module-gain-ignores-param", "The gain of leaky_relu ignores its slope.", (init, "calculate_gain"))
def _(f: Function, nonlinearity: str, param: Any = None) -> Any:
    return f(nonlinearity, None if isinstance(param, int | float) else param)


@bound(
    "module-fans-of-one-dimension-accepted", "A vector is taken for a column.", (init, "_calculate_fan_in_and_fan_out")
)
def _(f: Function, tensor: Tensor) -> Any:
    return f(tensor.unsqueeze(0) if tensor.dim() == 1 else tensor)


@bound("module-unknown-mode-accepted", "An unknown mode means fan_in.", (init, "_calculate_correct_fan"))
def _(f: Function, tensor: Tensor, mode: str) -> Any:
    return f(tensor, mode if mode in ("fan_in", "fan_out") else "fan_in")


@bound(
    "module-generator-ignored",
    "A generator is taken and not used.",
    *((init, name) for name in ("uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "kaiming_normal_")),
)
def _(f: Function, *a: Any, generator: Any = None, **k: Any) -> Any:
    del generator
    return f(*a, **k)
