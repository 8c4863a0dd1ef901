"""Which property judges which clause: the chapters' test modules, imported and checked against the spec."""

from __future__ import annotations

import fnmatch
import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch_conformance.spec import Specification

Property = Callable[..., Any]
# Imported by name: the folders of the chapters import from here on, never the other way round.
CHAPTERS = "torch_conformance.conformance.chapters"


class BindingError(Exception):
    """The tests and the specification do not fit together; the text names every misfit."""


def pattern_of(function: Property) -> str | None:
    """Return the clause id, or pattern of ids, that a test function is bound to, if it is bound."""
    for mark in getattr(function, "pytestmark", ()):
        if mark.name == "clause":
            return str(mark.args[0])
    return None


def bound_clauses(function: Property, specification: Specification) -> tuple[str, ...]:
    """Return the ids of the clauses that a test function is bound to."""
    pattern = pattern_of(function)
    if pattern is None:
        return ()
    if "*" not in pattern:
        return (pattern,)
    return tuple(fnmatch.filter(specification.clauses, pattern))


@functools.cache
def import_chapters() -> tuple[str, ...]:
    """Import every chapter's test module, so that inputs do not depend on which tests a run selects.

    Hypothesis draws constants from imported modules of the project: what is imported must be the same in a full
    run, a shard and a run of one test.
    """
    folders = importlib.import_module(CHAPTERS)
    found = (module.name for module in pkgutil.walk_packages(folders.__path__, f"{CHAPTERS}.") if not module.ispkg)
    chapters = tuple(sorted(name for name in found if name.rpartition(".")[2].startswith("test_")))
    for name in chapters:
        importlib.import_module(name)
    return chapters


def _properties() -> dict[str, Property]:
    found: dict[str, Property] = {}
    for name in import_chapters():
        for attribute, value in vars(importlib.import_module(name)).items():
            if attribute.startswith("test_") and callable(value) and value.__module__ == name:
                found[f"{name}.{attribute}"] = value
    return found


def bindings(specification: Specification) -> Mapping[str, Property]:
    """Return the property of each clause.

    Raises:
        BindingError: Naming every test without a clause, every clause without a test, every clause with two.
    """
    owners: dict[str, str] = {}
    properties = _properties()
    problems: list[str] = []
    for name, function in properties.items():
        identifiers = bound_clauses(function, specification)
        if not identifiers:
            problems.append(f"{name} is bound to no clause; put @clause(...) with an existing id above it")
        for identifier in identifiers:
            if identifier not in specification.clauses:
                problems.append(f"{name} is bound to {identifier}, which no chapter defines")
            if identifier in owners:
                problems.append(f"{name} and {owners[identifier]} are both bound to clause {identifier}")
            owners[identifier] = name
    problems += [
        f"{each.file}:{each.line}: clause {identifier} has no test"
        for identifier, each in specification.clauses.items()
        if identifier not in owners
    ]
    if problems:
        raise BindingError("\n".join(problems))
    return MappingProxyType({identifier: properties[name] for identifier, name in owners.items()})


def drifted(specification: Specification, torch_module: Any) -> tuple[str, ...]:
    """Return the sources named by clauses that the installed torch does not document, each with its clauses."""
    missing: dict[str, list[str]] = {}
    for identifier, each in specification.clauses.items():
        if each.source.startswith("torch") and not _documented(torch_module, each.source):
            missing.setdefault(each.source, []).append(identifier)
    return tuple(f"{source} has no docstring here: {', '.join(ids)}" for source, ids in missing.items())


def _documented(torch_module: Any, source: str) -> bool:
    value = torch_module
    for part in source.split(".")[1:]:
        value = getattr(value, part, None)
        if value is None:
            return False
    return bool(getattr(value, "__doc__", None))
