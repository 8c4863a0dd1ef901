"""Faults of gradients of gradients: the first gradient stays as it is."""

from __future__ import annotations

from torch import Tensor

from torch_conformance.conformance.power.damage import off
from torch_conformance.conformance.power.gradient_forms import result_gradient_changed, with_gradient

for _name in ("linear", "conv2d", "softmax", "cross_entropy", "layer_norm", "batch_norm"):
    result_gradient_changed(
        f"nn-second-{_name.replace('_', '-')}-detached",
        f"{_name}'s gradient is cut off what it is made of.",
        f"F.{_name}",
        change=Tensor.detach,
    )
for _name in ("conv_transpose1d", "gelu", "mse_loss"):
    result_gradient_changed(
        f"nn-second-{_name.replace('_', '-')}-one-percent-off",
        f"The second derivative of {_name} is 1% off.",
        f"F.{_name}",
        change=lambda g: with_gradient(g, off),
    )
