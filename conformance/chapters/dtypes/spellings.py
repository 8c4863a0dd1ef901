"""The ways to ask for another dtype."""

from __future__ import annotations

# Call, dtype.
SHORTHANDS = (
    *(("x.double()", "float64"), ("x.float()", "float32"), ("x.half()", "float16"), ("x.bfloat16()", "bfloat16")),
    *(("x.int()", "int32"), ("x.long()", "int64"), ("x.short()", "int16"), ("x.char()", "int8")),
    *(("x.byte()", "uint8"), ("x.bool()", "bool"), ("x.cfloat()", "complex64"), ("x.cdouble()", "complex128")),
)
TO_DTYPE = (
    *("x.to(dtype)", "x.to(dtype=dtype)", "x.to(device, dtype)", "x.to(device=device, dtype=dtype)"),
    *("x.to(dtype, non_blocking=True)", "x.to(dtype, False, True)", "x.to(device, dtype, False, True)"),
    *("x.to(dtype, copy=True)", "x.to(dtype, memory_format=torch.preserve_format)", "x.to(None, dtype)"),
    *("x.to(device, dtype=dtype)", "x.to(dtype=dtype, copy=True)", "torch.Tensor.to(x, dtype)"),
)
TO_OTHER = ("x.to(other)", "x.to(other, copy=True)", "x.to(other, non_blocking=True)", "x.to(other, False, True)")
TYPE_DTYPE = ("x.type(dtype)", "x.type(dtype=dtype)", "x.type(dtype, non_blocking=True)", "x.type(dtype, True)")

# Legacy name, dtype.
LEGACY = (
    *(("DoubleTensor", "float64"), ("FloatTensor", "float32"), ("HalfTensor", "float16")),
    *(("BFloat16Tensor", "bfloat16"), ("LongTensor", "int64"), ("IntTensor", "int32"), ("ShortTensor", "int16")),
    *(("CharTensor", "int8"), ("ByteTensor", "uint8"), ("BoolTensor", "bool")),
)
