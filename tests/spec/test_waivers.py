"""Waivers: what is refused when they are read, and what they speak of."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from torch_conformance.spec import SpecificationError, load, load_waivers

GOOD = """
[[waiver]]
clause = "creation.full.*"
torch = ">=2.0,<2.1"
device = "cuda*"
dtypes = ["float32"]
mode = "value"
involves = "torch.full"
ulp = 2
expires = 2027-01-31
why = "A reason."
judgement = "torch"
issue = "none known"
witness = "assert torch.ones(1, device=device).item() == 1"
"""
TODAY = dt.date(2026, 12, 1)


def _written(folder: Path, text: str) -> Path:
    path = folder / "waivers.toml"
    path.write_text(text)
    return path


def test_a_waiver_speaks_of_its_clause_device_dtype_version_and_time(tmp_path: Path) -> None:
    waiver = load_waivers(load(), [_written(tmp_path, GOOD)])[-1]
    place = ("creation.full.infers-dtype", "cuda:0", "float32")
    assert waiver.applies_to(*place, "2.0.1+cu117", TODAY)
    assert not waiver.applies_to(*place, "2.1.0", TODAY)
    assert not waiver.applies_to(*place, "2.0.1", dt.date(2027, 1, 31))
    assert not waiver.applies_to("creation.ones.is-one", "cuda:0", "float32", "2.0.1", TODAY)
    assert not waiver.applies_to(place[0], "cpu", "float32", "2.0.1", TODAY)
    assert not waiver.applies_to(place[0], "cuda", "float64", "2.0.1", TODAY)


def test_a_waiver_covers_the_known_deviation_and_nothing_worse(tmp_path: Path) -> None:
    waiver = load_waivers(load(), [_written(tmp_path, GOOD)])[-1]
    assert waiver.covers("value", "y = torch.full((3,), 1.5)", 2.0)
    assert not waiver.covers("value", "y = torch.full((3,), 1.5)", 2.5)
    assert not waiver.covers("dtype", "y = torch.full((3,), 1.5)", None)
    assert not waiver.covers("value", "y = torch.ones(3)", 1.0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('clause = "creation.ful.*"', "waivers.toml:3: clause = 'creation.ful.*': no such clause; closest: "),
        ('torch = "2,0"', "waivers.toml:4: torch = '2,0': expected versions such as '>=2.0,<2.1'"),
        ('dtypes = ["float31"]', "waivers.toml:6: dtypes = ['float31']: expected a list of dtypes"),
        ('mode = "values"', "waivers.toml:7: mode = 'values': expected one of value, dtype"),
        ("ulp = 0", "waivers.toml:9: ulp = 0: expected a number above 0"),
        ('expires = "soon"', "waivers.toml:10: expires = 'soon': expected a date such as 2027-01-31"),
        ('judgement = "suite"', "waivers.toml:12: judgement = 'suite': expected one of torch, documentation"),
        ('witness = "assert ("', "waivers.toml:14: witness: is not Python"),
        ('until = "2.1"', "waivers.toml:4: unknown key 'until'; one of clause, torch"),
    ],
)
def test_bad_waivers_are_refused_by_line(tmp_path: Path, line: str, message: str) -> None:
    key = line.partition(" ")[0]
    kept = [line if each.startswith(f"{key} =") else each for each in GOOD.splitlines()]
    text = "\n".join(kept if line in kept else [*kept[:3], line, *kept[3:]])
    with pytest.raises(SpecificationError) as refused:
        load_waivers(load(), [_written(tmp_path, text)])
    assert message in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=r"none\.toml:1: cannot be read"):
        load_waivers(load(), [tmp_path / "none.toml"])
