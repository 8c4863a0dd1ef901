"""Records to build runs from."""

from __future__ import annotations

from typing import Any

from torch_conformance.reports.records import model as records

Key = tuple[str, str, str]
KEYS: tuple[Key, ...] = (
    ("creation.full.fills", "cpu", "int64"),
    ("creation.full.fills", "cpu", "float32"),
    ("dtypes.promotion.table", "cpu", "-"),
)


def run(**changes: Any) -> records.Run:
    fields: dict[str, Any] = {
        "schema": records.SCHEMA,
        "suite": "1.0",
        "manifest": "ab" * 32,
        "profile": "smoke",
        "seed": 0,
        "command": ["torch-conformance", "run"],
        "started": "2026-01-01T00:00:00+00:00",
        "torch": records.Torch(version="2.13.0", git="abc", config="", path="", cuda=""),
        "python": "3.11.7",
        "numpy": "2.4.6",
        "hypothesis": "6.170",
        "platform": "Linux",
        "cpu_model": "a CPU",
        "cpu_capability": "AVX2",
        "threads": 2,
        "devices": [records.Device(name="cpu", kind="cpu", unit=0, model="a CPU", driver="", memory_bytes=0)],
        "environment": {},
        "selection": {},
        "workers": 2,
    }
    return records.Run(**fields | changes)


def plan(keys: tuple[Key, ...] = KEYS, inapplicable: tuple[Key, ...] = ()) -> records.Plan:
    return records.Plan(
        cells=[records.PlannedCell(clause=c, device=d, dtype=t) for c, d, t in keys],
        inapplicable=[records.Inapplicable(clause=c, device=d, dtype=t, reason="a fact") for c, d, t in inapplicable],
    )


def cell(key: Key, verdict: str = "pass", **changes: Any) -> records.Cell:
    clause, device, dtype = key
    fields: dict[str, Any] = {
        "clause": clause,
        "device": device,
        "dtype": dtype,
        "test": f"test_x.py::test_x[{clause}]",
        "execution": "completed",
        "verdict": verdict,
        "disposition": "unexpected" if verdict == "fail" else "as-required",
        "reason": "",
        "seconds": 0.5,
        "examples": 3,
        "comparisons": 10,
        "fingerprint": "00",
        "worker": "gw0",
        "worst": [],
    }
    return records.Cell(**fields | changes)


def failure(key: Key, **changes: Any) -> records.Failure:
    clause, device, dtype = key
    fields: dict[str, Any] = {
        "clause": clause,
        "device": device,
        "dtype": dtype,
        "test": "test",
        "signature": "creation.full: value",
        "diagnosis": "`torch.full(size, fill)`[0] is 1, expected 0",
        "inputs": [records.Input(name="a", text="[1]", dtype="int64", size=[1], stride=[1], offset=0, bits="01")],
        "statement": "torch.full(size, fill)",
        "expected": "[0]",
        "observed": "[1]",
        "first_index": [0],
        "mismatches": 1,
        "elements": 1,
        "ulp": 2.0,
        "script": "import torch\n",
        "reproduced": "3/3",
        "traceback": "Traceback",
    }
    return records.Failure(**fields | changes)


def event(kind: records.EventKind, message: str = "something") -> records.Event:
    return records.Event(kind=kind, message=message, cell=None, time="")


def end(cells: int = len(KEYS), failures: int = 0, comparisons: int | None = None) -> records.End:
    count = 10 * cells if comparisons is None else comparisons
    return records.End(
        digest="", finished="", seconds=1.0, cpu_seconds=2.0, cells=cells, failures=failures, comparisons=count
    )


def conformant() -> list[records.Record]:
    return [run(), plan(), *(cell(key) for key in KEYS), end()]


def deviating() -> list[records.Record]:
    first, second, third = KEYS
    return [run(), plan(), cell(first, "fail"), failure(first), cell(second), cell(third), end(failures=1)]


def hostile(text: str) -> list[records.Record]:
    """Return a run with a text in every field that has one."""
    key, other = (f"creation.full.{text}", f"a{text}", f"b{text}"), (f"z{text}.a.b", f"a{text}", f"c{text}")
    failing = failure(
        key,
        inputs=[records.Input(name=text, text=text, dtype=text, size=[1], stride=[1], offset=0, bits=f"0{text}")],
        test=text,
        reproduced=text,
        **dict.fromkeys(("signature", "diagnosis", "statement", "expected", "observed", "script"), f"x{text}"),
        traceback=f"x{text}",
    )
    device = records.Device(name=text, kind=text, unit=0, model=text, driver=f"d{text}", memory_bytes=1)
    torch = records.Torch(version=text, git=text, config=text, path=text, cuda=f"c{text}")
    names = ("suite", "manifest", "profile", "started", "python", "numpy", "hypothesis", "platform", "cpu_model")
    about = run(
        devices=[device], torch=torch, environment={text: text}, selection={text: text}, **dict.fromkeys(names, text)
    )
    unsupported = cell(other, "unsupported", reason=f"r{text}", test=text, worker=text)
    planned = records.Plan(
        cells=[records.PlannedCell(clause=c, device=d, dtype=t) for c, d, t in (key, other)],
        inapplicable=[records.Inapplicable(clause=f"y{text}", device=f"a{text}", dtype=f"e{text}", reason=f"r{text}")],
    )
    worst = records.WorstError(operation=f"o{text}", ulp=1.0, bound=2.0, input=f"i{text}")
    curve = records.Series(name=text, role="observed", x=[0.0, 1.0], y=[1.0, None])
    picture = records.Picture(
        clause=key[0],
        device=key[1],
        dtype=key[2],
        logarithmic=False,
        series=[curve],
        **dict.fromkeys(("title", "x_label", "y_label"), f"p{text}"),
    )
    surface = records.Surface(names=[f"torch.{text}"])
    return [
        about,
        planned,
        cell(key, "fail", reason=text, worst=[worst]),
        failing,
        unsupported,
        event("note", text),
        picture,
        surface,
    ]
