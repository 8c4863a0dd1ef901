"""Every clause names faults that exist, every fault is named, and every clause has one property."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from torch_conformance.conformance.power import runner
from torch_conformance.conformance.power.registry import library
from torch_conformance.conformance.run.discovery import bindings, bound_clauses
from torch_conformance.spec import load

SPECIFICATION = load()


def test_clauses_and_faults_know_each_other() -> None:
    named = {fault for clause in SPECIFICATION.clauses.values() for fault in clause.faults}
    assert named - set(library()) == set()
    assert set(library()) - named == set()


def test_every_fault_is_told_in_a_sentence() -> None:
    assert [fault.name for fault in library().values() if not fault.summary.endswith(".")] == []


def test_every_clause_has_one_property() -> None:
    found = bindings(SPECIFICATION)
    assert set(found) == set(SPECIFICATION.clauses)
    assert all(identifier in bound_clauses(function, SPECIFICATION) for identifier, function in found.items())


def test_a_fault_is_caught_and_an_unbroken_torch_is_not_accused() -> None:
    fault = next(iter(library()))
    (outcome,) = runner.outcomes(SPECIFICATION, [fault], profile="standard", devices=["cpu"], jobs=1)
    assert outcome.word == "caught", outcome
    assert set(runner.naming(SPECIFICATION, fault)) <= set(outcome.spoke)


def test_a_fault_named_by_the_environment_breaks_a_fresh_process() -> None:
    code = "import torch; print(torch.__version__)"
    broken = [sys.executable, "-m", "torch_conformance.conformance.power.under_fault"]
    environment = os.environ | {"TORCH_CONFORMANCE_FAULT": "no-such-fault"}
    done = subprocess.run([*broken, code], capture_output=True, text=True, check=False, env=environment)
    assert "no-such-fault" in done.stderr
    assert done.returncode != 0


def test_unknown_patterns_are_refused() -> None:
    with pytest.raises(KeyError):
        library()["no-such-fault"]
