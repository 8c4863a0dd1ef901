"""Read the specification's TOML files; refuse bad ones with file, line, key, value and the way out."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch_conformance.spec import accuracy
from torch_conformance.spec.families import clause_tables
from torch_conformance.spec.model import (
    BASES,
    KINDS,
    LEVELS,
    NO_DTYPES,
    Chapter,
    Clause,
    DType,
    Specification,
    SpecificationError,
)
from torch_conformance.spec.toml_file import TomlFile, TomlTable, near

_KEBAB = r"[a-z0-9]+(-[a-z0-9]+)*"
_ID = re.compile(rf"{_KEBAB}\.{_KEBAB}\.{_KEBAB}")
_REQUIRED = ("id", "statement", "basis", "source", "kind", "dtypes", "faults")
_OPTIONAL = ("level", "seed", "since", "until", "optional", "note")
_CATEGORIES = ("bool", "integral", "floating", "complex")
_BITS = (8, 16, 32, 64, 128)

Sets = Mapping[str, tuple[str, ...]]


def _check_faults(table: TomlTable) -> None:
    value = table.data.get("faults", ["absent"])
    good = isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)
    if not good or not all(re.fullmatch(_KEBAB, each) for each in value):
        table.expect("faults", "a list of at least one kebab-case name")


def _check_statement(table: TomlTable) -> None:
    value = table.data.get("statement")
    if not isinstance(value, str):
        return
    if not re.fullmatch(r"[^\n]*\w[^\n]*\.", value) or re.search(r"[.!?]\s+[A-Z]", value):
        table.refuse("statement", "statement: expected one sentence on one line, ending in '.'")


def _check_versions(table: TomlTable) -> None:
    since, until = table.version("since"), table.version("until")
    if since is not None and until is not None and until <= since:
        table.expect("until", f"a version after since = {table.data['since']!r}")


def _check_id(table: TomlTable, places: dict[str, str]) -> None:
    value = table.data.get("id")
    if not isinstance(value, str):
        return
    path = table.file.path
    if not _ID.fullmatch(value):
        table.expect("id", "chapter.subject.fact in kebab-case")
    elif value.split(".")[0] != path.stem:
        table.refuse("id", f"id = {value!r}: a clause of {path.name} begins with '{path.stem}.'")
    if value in places:
        table.refuse("id", f"id = {value!r} is taken by {places[value]}; ids are unique")
    places.setdefault(value, f"{path}:{table.file.key_line(table.line, 'id')}")


def _clauses(file: TomlFile, sets: Sets | None, places: dict[str, str]) -> Iterator[Clause]:
    for table in clause_tables(file, (*_REQUIRED, *_OPTIONAL)):
        before = len(file.problems)
        table.keys(_REQUIRED, _OPTIONAL)
        table.text(*(key for key in (*_REQUIRED, *_OPTIONAL) if key != "faults"))
        _check_faults(table)
        table.choice("level", LEVELS)
        table.choice("basis", BASES)
        table.choice("kind", KINDS)
        if sets is not None:
            table.dtypes("dtypes", (*sets, NO_DTYPES))
            table.dtypes("optional", tuple(sets))
        _check_versions(table)
        _check_statement(table)
        _check_id(table, places)
        if len(file.problems) == before:
            fields: dict[str, Any] = {key: table.data.get(key) for key in (*_REQUIRED, *_OPTIONAL)}
            fields["faults"] = tuple(table.data["faults"])
            fields["level"] = table.data.get("level", LEVELS[0])
            yield Clause(**fields, chapter=file.path.stem, file=str(file.path), line=table.line)


def _chapter(file: TomlFile) -> Chapter:
    file.check_top("chapter", "clause", "family")
    head = file.data.get("chapter")
    if not isinstance(head, dict):
        file.refuse(file.place("chapter"), "a chapter begins with a table [chapter] that has title and about")
        return Chapter(file.path.stem, "", "")
    table = TomlTable(file, file.place("chapter"), head)
    table.keys(("title", "about"))
    table.text("title", "about")
    return Chapter(file.path.stem, str(head.get("title")), str(head.get("about")))


def _dtypes(file: TomlFile) -> tuple[dict[str, DType], dict[str, tuple[str, ...]]]:
    if not file.readable:
        return {}, {}
    file.check_top("dtype", "set")
    if not file.data.get("dtype"):
        file.refuse(file.place("dtype"), "no dtypes; add a table [dtype] with one row per element type")
    known: dict[str, None] = {}
    dtypes = {}
    for name, row in file.rows("dtype"):
        known[name] = None
        before = len(file.problems)
        row.keys(("category", "bits", "signed", "since", "numpy"))
        row.text("category", "since", "numpy")
        row.choice("category", _CATEGORIES)
        row.version("since")
        if row.data.get("bits", 8) not in _BITS:
            row.expect("bits", f"one of {', '.join(map(str, _BITS))}")
        if not isinstance(row.data.get("signed", True), bool):
            row.expect("signed", "true or false")
        if len(file.problems) == before:
            dtypes[name] = DType(name=name, **row.data)
    declared = dict(file.rows("set"))
    sets: dict[str, tuple[str, ...]] = {name: (name,) for name in known}
    for name, row in declared.items():
        _check_set(row, name, known)
        members = _members(name, declared, known, ())
        sets[name] = tuple(each for each in known if each in members)
    return dtypes, sets


def _check_set(row: TomlTable, name: str, dtypes: Mapping[str, object]) -> None:
    row.keys(("about", "members"))
    row.text("about")
    members = row.data.get("members", ["absent"])
    if not isinstance(members, list) or not members or not all(isinstance(each, str) for each in members):
        row.expect("members", "a list of at least one dtype or set")
    if name in dtypes or name == NO_DTYPES:
        row.file.refuse(
            row.line, f"{row.prefix}the name is taken; every dtype is a set, and 'none' means no dtype axis"
        )


def _members(
    name: str, declared: Mapping[str, TomlTable], dtypes: Mapping[str, object], above: tuple[str, ...]
) -> set[str]:
    found: set[str] = set()
    members = declared[name].data.get("members")
    for member in members if isinstance(members, list) else ():
        if not isinstance(member, str):
            continue
        if member in dtypes:
            found.add(member)
        elif member in (name, *above):
            declared[name].refuse("members", f"{member!r} would contain itself; take it out")
        elif member in declared:
            found |= _members(member, declared, dtypes, (*above, name))
        else:
            known = (*dtypes, *declared)
            declared[name].refuse("members", f"{member!r} is no dtype and no set{near(member, known)}")
    return found


def _without(data: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in keys}


def _manifest(content: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _load(directory: Path) -> Specification:
    types, bound_file = (TomlFile(directory / "tables" / name) for name in ("dtypes.toml", "accuracy.toml"))
    chapters = [TomlFile(path) for path in sorted((directory / "chapters").glob("*.toml"))]
    dtypes, sets = _dtypes(types)
    # Without the sets, every mention of one would be refused for a fault that is not its own.
    known = sets if types.readable else None
    bounds = tuple(accuracy.read(bound_file, known))
    places: dict[str, str] = {}
    readable = [file for file in chapters if file.readable]
    heads = tuple(_chapter(file) for file in readable)
    clauses = {each.id: each for file in readable for each in _clauses(file, known, places)}
    problems = [problem for file in (types, bound_file, *chapters) for problem in file.problems]
    if not chapters:
        problems.append(f"{directory / 'chapters'}:1: holds no chapter; a specification has at least one *.toml there")
    if problems:
        raise SpecificationError(*problems)
    content = [
        [_without(dataclasses.asdict(each), "file", "line") for each in clauses.values()],
        [dataclasses.asdict(each) for each in dtypes.values()],
        {name: list(members) for name, members in sets.items()},
        [dataclasses.asdict(each) for each in bounds],
    ]
    return Specification(
        heads,
        MappingProxyType(clauses),
        MappingProxyType(dtypes),
        MappingProxyType(sets),
        bounds,
        _manifest(content),
    )


@functools.lru_cache(maxsize=1)
def _load_shipped() -> Specification:
    return _load(Path(__file__).resolve().parent)


def load(directory: Path | None = None) -> Specification:
    """Return the specification of a folder, or the one shipped with this module.

    Args:
        directory: A folder with dtypes.toml, accuracy.toml and chapters/*.toml.

    Raises:
        SpecificationError: Naming every problem of every file.
    """
    return _load_shipped() if directory is None else _load(directory)
