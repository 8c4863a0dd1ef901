"""What torch.from_numpy makes of an array: dtype, elements, strides, and the memory they share."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given

from torch_conformance.conformance.chapters.interop.interchange import ARRAY, LADDER, SAME, array_inputs, written
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.reference.model.dtypes import bits, numpy_dtype

_SIZES: tuple[tuple[int, ...], ...] = ((), (3,), (0,), (2, 0, 3), (2, 3), (1, 1, 1, 1), (32_769,))
# NumPy's C types: two of them have the same width, and so the same torch dtype, on every platform.
_INTEGER_CODES = "bhilq"


@clause("interop.from-numpy.maps-dtype")
def test_from_numpy_maps_dtype(cell: Cell) -> None:
    for size in _SIZES:
        trial = cell.trial(a=np.zeros(size, numpy_dtype(cell.dtype)))
        trial.expect_equal("torch.from_numpy(a).dtype", cell.torch_dtype)
        trial.expect_equal("torch.from_numpy(a).device.type", "cpu")
    codes = [code for code in _INTEGER_CODES if cell.dtype == f"int{np.dtype(code).itemsize * 8}"]
    for code in codes:
        trial = cell.trial(code=code)
        trial.expect_equal("torch.from_numpy(np.zeros((2, 3), code)).dtype", cell.torch_dtype)


@clause("interop.from-numpy.keeps-every-element")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), repeat=4))
def test_from_numpy_keeps_every_element(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        trial = cell.trial(**array_inputs(value))
        trial.run(ARRAY)
        trial.expect("torch.from_numpy(a).to(device)", value)
        trial.expect("torch.from_numpy(a.T).to(device)", value.array.T)
        trial.expect("torch.from_numpy(a[..., None][..., 0]).to(device)", value)


@clause("interop.from-numpy.keeps-strides")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), repeat=6))
def test_from_numpy_keeps_strides(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        trial = cell.trial(**array_inputs(value))
        trial.run(ARRAY)
        trial.run("t = torch.from_numpy(a)")
        trial.expect_equal("tuple(t.shape)", value.size)
        trial.expect_equal("t.storage_offset()", 0)
        if value.numel:
            trial.expect_equal("t.stride()", value.stride)
            trial.expect_true("t.data_ptr() == a.ctypes.data", "the tensor begins where the array begins")


@clause("interop.from-numpy.shares-memory")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "tail"), overlapping=False, repeat=2))
def test_from_numpy_shares_memory(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype, "finite")
        first = recipe.array(cell.dtype, "finite", variant=1)
        second = recipe.array(cell.dtype, "finite", variant=2)
        trial = cell.trial(
            **array_inputs(value),
            first=recipe.tensor(cell.dtype, "finite", variant=1),
            second=second,
            wanted=written(value, first),
        )
        trial.run(SAME)
        trial.run(ARRAY)
        trial.run("t = torch.from_numpy(a)")
        trial.run("t.copy_(first)")
        trial.expect_true("same(base, wanted)", "the array's memory holds what was written to the tensor")
        trial.run("a[...] = second")
        trial.expect("t.to(device)", second)
        trial.expect("torch.from_numpy(a).to(device)", second)


@clause("interop.from-numpy.keeps-array-alive")
def test_from_numpy_keeps_array_alive(cell: Cell) -> None:
    for size in ((), (5,), (3, 4), (40_000,)):
        values = np.arange(np.prod(size, dtype=int), dtype=np.float32).reshape(size)
        trial = cell.trial(values=values)
        trial.run("import weakref")
        trial.run("a = np.array(values)")
        trial.run("owner = weakref.ref(a)")
        trial.run("t = torch.from_numpy(a)")
        trial.run("view = t.reshape(-1)[:1]")
        trial.run("del a")
        trial.expect_true("owner() is not None", "the array lives as long as the tensor")
        trial.expect("t.to(device)", values)
        trial.run("del t")
        trial.expect_true("owner() is not None", "the array lives as long as a view of the tensor")
        trial.expect("view.to(device)", values.reshape(-1)[:1])
        trial.run("del view")
        trial.expect_true("owner() is None", "the array goes when the last tensor goes")


@clause("interop.from-numpy.refuses-non-arrays")
def test_from_numpy_refuses_non_arrays(cell: Cell) -> None:
    trial = cell.trial(number=1, real=1.5, listed=[1, 2], pair=(1, 2), text="a", scalar=np.float32(1), nothing=None)
    for statement in (
        "torch.from_numpy(number)",
        "torch.from_numpy(real)",
        "torch.from_numpy(listed)",
        "torch.from_numpy(pair)",
        "torch.from_numpy(text)",
        "torch.from_numpy(scalar)",
        "torch.from_numpy(nothing)",
        "torch.from_numpy(bytearray(8))",
        "torch.from_numpy(torch.zeros(2))",
        "torch.from_numpy()",
    ):
        trial.expect_error(statement, TypeError)


@clause("interop.array.refuses-foreign-dtypes")
def test_array_refuses_foreign_dtypes(cell: Cell) -> None:
    for size in ((3,), (), (2, 2), (0,)):
        for code in ("U3", "S3", "O", "M8[s]", "m8[ns]", "V4", "longdouble", "clongdouble", "i4,f4"):
            trial = cell.trial(size=size, code=code)
            trial.run("a = np.zeros(size, code)")
            trial.expect_error("torch.from_numpy(a)", TypeError)
            trial.expect_error("torch.tensor(a, device=device)", TypeError)
            trial.expect_error("torch.tensor(a, dtype=torch.float32, device=device)", TypeError)
            trial.expect_error("torch.as_tensor(a, device=device)", TypeError)
            trial.expect_error("torch.asarray(a, device=device)", TypeError)


@clause("interop.array.refuses-wide-unsigned")
def test_array_refuses_wide_unsigned(cell: Cell) -> None:
    for size in ((3,), (), (2, 2), (0,)):
        for code in ("uint16", "uint32", "uint64"):
            trial = cell.trial(size=size, code=code)
            trial.run("a = np.zeros(size, code)")
            trial.expect_error("torch.from_numpy(a)", TypeError)
            trial.expect_error("torch.tensor(a, device=device)", TypeError)
            trial.expect_error("torch.as_tensor(a, device=device)", TypeError)
            trial.expect_error("torch.asarray(a, device=device)", TypeError)


@clause("interop.array.refuses-byte-swapped")
def test_array_refuses_byte_swapped(cell: Cell) -> None:
    narrow = bits(cell.dtype) == 8
    for size in ((3,), (), (2, 2), (257,)):
        zeros = np.ones(size, numpy_dtype(cell.dtype))
        trial = cell.trial(native=zeros)
        trial.run("a = native.astype(native.dtype.newbyteorder())")
        if narrow:
            # A single byte has no order: such an array is like any other.
            trial.expect("torch.from_numpy(a).to(device)", zeros)
            trial.expect("torch.tensor(a, device=device)", zeros)
            continue
        trial.expect_error("torch.from_numpy(a)", ValueError)
        trial.expect_error("torch.tensor(a, device=device)", ValueError)
        trial.expect_error("torch.as_tensor(a, device=device)", ValueError)
        trial.expect_error("torch.asarray(a, device=device)", ValueError)


_REVERSED = (
    "a = base.reshape(24)[::-1]",
    "a = base.reshape(24)[::-2]",
    "a = base[::-1]",
    "a = base[:, ::-1]",
    "a = base[..., ::-1]",
    "a = base[::-1, ::-1, ::-1]",
    "a = base.transpose(2, 0, 1)[:, :, ::-2]",
    "a = np.flip(base, 1)",
    "a = base.reshape(24)[:2][::-1]",
)


@clause("interop.array.refuses-negative-strides")
def test_array_refuses_negative_strides(cell: Cell) -> None:
    elements = np.arange(24).reshape(2, 4, 3).astype(numpy_dtype(cell.dtype))
    for reverse in _REVERSED:
        trial = cell.trial(base=elements)
        trial.run(reverse)
        trial.expect_error("torch.from_numpy(a)", ValueError)
        trial.expect_error("torch.tensor(a, device=device)", ValueError)
        trial.expect_error("torch.as_tensor(a, device=device)", ValueError)
        trial.expect_error("torch.asarray(a, device=device)", ValueError)
    trial = cell.trial(base=elements)
    trial.run("a = base[::-1].copy()")
    trial.expect("torch.from_numpy(a).to(device)", elements[::-1].copy())


@clause("interop.array.refuses-fractional-strides")
def test_array_refuses_fractional_strides(cell: Cell) -> None:
    width = bits(cell.dtype) // 8
    if width == 1:
        # Every step is a whole number of one-byte elements, so that fields of records are arrays like any other.
        trial = cell.trial(code=numpy_dtype(cell.dtype).str)
        trial.run("records = np.zeros(4, dtype=[('field', code), ('rest', 'S2')])")
        trial.expect("torch.from_numpy(records['field']).to(device)", np.zeros(4, numpy_dtype(cell.dtype)))
        return
    for size, strides in (
        ((4,), (width + 1,)),
        ((4,), (width * 2 - 1,)),
        ((2, 3), (3 * width + 1, width)),
        ((2, 3), (width, width + 1)),
        ((2, 2, 3), (12 * width, 3 * width + 1, width)),
    ):
        trial = cell.trial(code=numpy_dtype(cell.dtype).str, size=size, strides=strides)
        trial.run("a = np.ndarray(size, code, np.zeros(1024, 'u1'), 0, strides)")
        trial.expect_error("torch.from_numpy(a)", ValueError)
        trial.expect_error("torch.tensor(a, device=device)", ValueError)
        trial.expect_error("torch.as_tensor(a, device=device)", ValueError)
        trial.expect_error("torch.asarray(a, device=device)", ValueError)


_WARNINGS_OF = """\
def warnings_of(convert, value):
    torch.set_warn_always(True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        convert(value)
    torch.set_warn_always(False)
    return [each.category.__name__ for each in caught]"""


@clause("interop.array.warns-read-only")
def test_array_warns_read_only(cell: Cell) -> None:
    for size in ((3,), (2, 3), (40_000,)):
        trial = cell.trial(a=np.ones(size, np.float32))
        trial.run("import warnings")
        trial.run(_WARNINGS_OF)
        trial.expect_equal("warnings_of(torch.from_numpy, a)", [])
        trial.run("a.setflags(write=False)")
        trial.expect_equal("warnings_of(torch.from_numpy, a)", ["UserWarning"])
        trial.expect_equal("warnings_of(torch.from_numpy, a.T)", ["UserWarning"])
        trial.expect_equal("warnings_of(torch.as_tensor, a)", ["UserWarning"])
        trial.expect_equal("warnings_of(torch.asarray, a)", ["UserWarning"])
        trial.expect_equal("warnings_of(torch.tensor, a)", [])
        trial.expect_equal("a.flags.writeable", value=False)


_FIXED = {
    "from-numpy": (
        "t = torch.from_numpy(np.ones(6, np.float32))",
        "t = torch.from_numpy(np.ones((2, 3), 'f4').T)",
    ),
    "frombuffer": ("t = torch.frombuffer(bytearray(24), dtype=torch.float32)",),
}


@clause("interop.*.is-not-resizable")
def test_is_not_resizable(cell: Cell) -> None:
    for making in _FIXED[cell.clause.subject]:
        trial = cell.trial()
        trial.run(making)
        trial.run("address = t.data_ptr()")
        trial.expect_error("t.resize_(7)", RuntimeError)
        trial.expect_error("t.resize_(2, 3, 2)", RuntimeError)
        trial.expect_error("t.resize_(100_000)", RuntimeError)
        trial.run(making)
        trial.expect_error("t.resize_as_(torch.ones(4, 4))", RuntimeError)
        trial.run(making)
        trial.expect_equal("t.untyped_storage().nbytes()", 24)
