"""Faults of Tensor.numpy and Tensor.__array__."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import named
from torch_conformance.conformance.power.damage import (
    always,
    into,
    is_many,
    is_offset,
    is_strided,
    of,
    without_conjugate_bit,
    without_negative_bit,
)
from torch_conformance.conformance.power.forms import both, input_changed, replaced, result_changed, wrapping
from torch_conformance.conformance.power.registry import Breaker, FaultUnavailable, Function, fault

for mutation, summary, change, when in (
    ("bfloat16-becomes-float32", "widens bfloat16 tensors", into(torch.float32), of(torch.bfloat16)),
    ("accepts-leaf", "detaches leaves by itself", Tensor.detach, lambda x: x.is_leaf),
    ("resolves-conjugate", "resolves conjugation without force", Tensor.resolve_conj, always),
    ("densifies", "makes sparse tensors dense", Tensor.to_dense, lambda x: x.is_sparse),
):
    input_changed(named("numpy", mutation), f"numpy {summary}.", "Tensor.numpy", change=change, when=when)


def _in_memory_order(array: Any) -> Any:
    transposed = array.ndim == 2 and array.flags.f_contiguous and not array.flags.c_contiguous
    return array.T.reshape(array.shape) if transposed else array


def _last_lost(array: Any) -> Any:
    array = array.copy()
    array[(-1,) * array.ndim] = 0
    return array


for operation, mutation, summary, change, when in (
    ("numpy", "int32-becomes-int64", "widens int32 tensors", lambda y: y.astype(np.int64), of(torch.int32)),
    ("numpy", "scalar-becomes-generic", "gives a NumPy scalar", lambda y: y[()], lambda x: not x.ndim),
    ("numpy", "ignores-transposition", "reads matrices in the order of their memory", _in_memory_order, always),
    ("numpy", "makes-contiguous", "compacts tensors that are not contiguous", np.ndarray.copy, is_strided),
    ("numpy", "copies-offset", "copies tensors with an offset", np.ndarray.copy, is_offset),
    ("numpy", "force-copies-leaf", "copies tensors that require grad", np.ndarray.copy, lambda x: x.requires_grad),
    ("__array__", "drops-last-of-large", "loses the tail of large tensors", _last_lost, is_many),
    ("__array__", "copies", "copies", np.ndarray.copy, always),
):
    name = named(operation.replace("__array__", "array-protocol"), mutation)
    result_changed(name, f"{operation} {summary}.", f"Tensor.{operation}", change=change, when=when)

input_changed("array-protocol-detaches", "__array__ detaches by itself.", "Tensor.__array__", change=Tensor.detach)
replaced("resolve-conj-does-nothing", "resolve_conj returns its argument.", *both("resolve_conj"))(lambda _, x: x)
replaced("numpy-accepts-meta", "numpy gives zeros for tensors without data.", "Tensor.numpy")(
    lambda numpy, x, **options: np.zeros(x.shape) if x.device.type == "meta" else numpy(x, **options)
)
replaced("numpy-ignores-negative-bit", "numpy takes memory in spite of the negative bit.", "Tensor.numpy")(
    lambda numpy, x, **options: numpy(x if options.get("force") else without_negative_bit(x), **options)
)
replaced("numpy-force-ignores-negation", "numpy with force takes memory in spite of it.", "Tensor.numpy")(
    lambda numpy, x, **options: numpy(without_negative_bit(x.detach()) if options.get("force") else x, **options)
)
replaced("numpy-force-ignores-conjugate", "numpy with force ignores the conjugate bit.", "Tensor.numpy")(
    lambda numpy, x, **options: numpy(without_conjugate_bit(x) if options.get("force") else x, **options)
)


@replaced("numpy-force-resolves-in-place", "numpy with force conjugates the tensor's own memory.", "Tensor.numpy")
def _(numpy: Function, x: Tensor, **options: Any) -> Any:
    if not (options.get("force") and x.is_conj()):
        return numpy(x, **options)
    array = numpy(x.detach().conj(), **options)
    return np.conjugate(array, out=array)


replaced("array-protocol-ignores-dtype", "__array__ ignores dtype for integer tensors.", "Tensor.__array__")(
    lambda array, x, *dtype, **options: array(x) if x.dtype == torch.int32 else array(x, *dtype, **options)
)


@fault("np-array-shares", "__array__ takes NumPy's copy= and ignores it.")
def _(breaker: Breaker) -> None:
    if int(np.__version__.split(".")[0]) < 2:
        raise FaultUnavailable("NumPy before 2 does not pass copy= to __array__")
    broken = wrapping(lambda array, x, dtype=None, copy=None: array(x, dtype))  # noqa: ARG005
    breaker.replace(("Tensor.__array__",), broken)
