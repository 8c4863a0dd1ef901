"""Read the specification's TOML files; refuse bad ones with file, line, key, value and the way out."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from packaging.version import InvalidVersion, Version
from torch_conformance.spec.model import (
    BASES,
    KINDS,
    LEVELS,
    NO_DTYPES,
    Bound,
    Chapter,
    Clause,
    DType,
    Specification,
    SpecificationError,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KEBAB = r"[a-z0-9]+(-[a-z0-9]+)*"
_ID = re.compile(rf"{_KEBAB}\.{_KEBAB}\.{_KEBAB}")
_REQUIRED = ("id", "statement", "level", "basis", "source", "kind", "dtypes", "faults")
_OPTIONAL = ("seed", "since", "until", "optional", "note")
_CHOICES = {"level": LEVELS, "basis": BASES, "kind": KINDS}
_BOUND_KEYS = ("operation", "dtypes", "ulp", "basis", "argument")
_BOUND_BASES = ("documented", "derived", "measured")


@dataclasses.dataclass
class _File:
    """A TOML file with the means to say where in it something stands."""

    path: Path
    text: str = ""
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    problems: list[str] = dataclasses.field(default_factory=list)

    def read(self) -> None:
        try:
            self.text = self.path.read_text(encoding="utf-8")
            self.data = tomllib.loads(self.text)
        except OSError as error:
            self.problems.append(f"{self.path}:1: cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            self.problems.append(f"{self.path}:1: is not UTF-8 text")
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            line = int(found.group(1)) if found else max(1, self.text.count("\n"))
            self.problems.append(f"{self.path}:{line}: is not TOML: {error}")

    def table_lines(self, name: str) -> list[int]:
        """Return the line of each [[name]] header."""
        header = re.compile(rf"^\s*\[\[\s*{name}\s*\]\]")
        return [number for number, line in enumerate(self.text.splitlines(), 1) if header.match(line)]

    def key_line(self, start: int, key: str) -> int:
        """Return the line of a key in the table that begins at a line, or that line itself."""
        lines = self.text.splitlines()
        for number in range(start, len(lines)):
            if re.match(rf"\s*{re.escape(key)}\s*=", lines[number]):
                return number + 1
            if lines[number].lstrip().startswith("[["):
                break
        return start

    def refuse(self, line: int, message: str) -> None:
        self.problems.append(f"{self.path}:{line}: {message}")


def _near(value: object, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(value), allowed, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _check_keys(
    file: _File, line: int, table: Mapping[str, Any], required: Sequence[str], known: Sequence[str]
) -> None:
    for key in table:
        if key not in known:
            file.refuse(file.key_line(line, key), f"unknown key {key!r}; one of {', '.join(known)}{_near(key, known)}")
    for key in required:
        if key not in table:
            file.refuse(line, f"the table has no key {key!r}; add it")


def _check_types(file: _File, line: int, table: Mapping[str, Any]) -> None:
    for key in (*_REQUIRED, *_OPTIONAL):
        value = table.get(key)
        if value is None:
            continue
        if key == "faults":
            good = isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)
            if not good or not all(re.fullmatch(_KEBAB, each) for each in value):
                wanted = "a list of at least one kebab-case name"
                file.refuse(file.key_line(line, key), f"faults = {value!r}: expected {wanted}")
        elif not isinstance(value, str) or not value.strip():
            file.refuse(file.key_line(line, key), f"{key} = {value!r}: expected text")


def _check_values(file: _File, line: int, table: Mapping[str, Any], sets: Mapping[str, Any]) -> None:
    for key, allowed in _CHOICES.items():
        value = table.get(key)
        if isinstance(value, str) and value not in allowed:
            message = f"{key} = {value!r}: expected one of {', '.join(allowed)}{_near(value, allowed)}"
            file.refuse(file.key_line(line, key), message)
    for key in ("dtypes", "optional"):
        value = table.get(key)
        names = (*sets, NO_DTYPES) if key == "dtypes" else tuple(sets)
        if isinstance(value, str) and value not in names:
            message = f"{key} = {value!r}: no such set of dtypes in dtypes.toml{_near(value, names)}"
            file.refuse(file.key_line(line, key), message)
    for key in ("since", "until"):
        value = table.get(key)
        if isinstance(value, str):
            try:
                Version(value)
            except InvalidVersion:
                file.refuse(file.key_line(line, key), f"{key} = {value!r}: expected a torch version such as '2.1'")
    statement = table.get("statement")
    if isinstance(statement, str) and (not statement.endswith(".") or "\n" in statement.strip()):
        file.refuse(file.key_line(line, "statement"), "statement: expected one sentence on one line, ending in '.'")


def _check_id(file: _File, line: int, table: Mapping[str, Any], places: dict[str, str]) -> None:
    value = table.get("id")
    if not isinstance(value, str):
        return
    where = file.key_line(line, "id")
    stem = file.path.stem
    if not _ID.fullmatch(value):
        file.refuse(where, f"id = {value!r}: expected chapter.subject.fact in kebab-case")
    elif value.split(".")[0] != stem:
        file.refuse(where, f"id = {value!r}: a clause of {file.path.name} begins with '{stem}.'")
    if value in places:
        file.refuse(where, f"id = {value!r} is taken by {places[value]}; ids are unique")
    places[value] = f"{file.path}:{where}"


def _clauses(file: _File, sets: Mapping[str, Any], places: dict[str, str]) -> Iterator[Clause]:
    tables = file.data.get("clause", [])
    lines = file.table_lines("clause")
    for index, table in enumerate(tables):
        line = lines[index] if index < len(lines) else 1
        before = len(file.problems)
        _check_keys(file, line, table, _REQUIRED, (*_REQUIRED, *_OPTIONAL))
        _check_types(file, line, table)
        _check_values(file, line, table, sets)
        _check_id(file, line, table, places)
        if len(file.problems) == before:
            optional = {key: table.get(key) for key in _OPTIONAL}
            fixed = {key: table[key] for key in _REQUIRED if key != "faults"}
            yield Clause(
                **fixed,
                **optional,
                faults=tuple(table["faults"]),
                chapter=file.path.stem,
                file=str(file.path),
                line=line,
            )


def _chapter(file: _File) -> Chapter:
    head = file.data.get("chapter")
    if not isinstance(head, dict) or set(head) != {"title", "about"}:
        file.refuse(1, "a chapter begins with a table [chapter] that has title and about")
        return Chapter(file.path.stem, "", "")
    for key in file.data:
        if key not in ("chapter", "clause"):
            file.refuse(1, f"unknown table {key!r}; a chapter has [chapter] and [[clause]]")
    return Chapter(file.path.stem, str(head["title"]), str(head["about"]))


def _dtypes(file: _File) -> tuple[dict[str, DType], dict[str, tuple[str, ...]]]:
    dtypes = {}
    for name, facts in file.data.get("dtype", {}).items():
        try:
            dtypes[name] = DType(name=name, **facts)
        except TypeError as error:
            file.refuse(file.key_line(1, name), f"dtype {name}: {error}")
    declared = {name: table.get("members", []) for name, table in file.data.get("set", {}).items()}
    sets: dict[str, tuple[str, ...]] = {name: (name,) for name in dtypes}
    for name in declared:
        members = _members(file, name, declared, dtypes, ())
        sets[name] = tuple(each for each in dtypes if each in members)
    return dtypes, sets


def _members(
    file: _File, name: str, declared: Mapping[str, Any], dtypes: Mapping[str, DType], above: tuple[str, ...]
) -> set[str]:
    found: set[str] = set()
    for member in declared[name]:
        if member in dtypes:
            found.add(member)
        elif member in declared and member not in (name, *above):
            found |= _members(file, member, declared, dtypes, (*above, name))
        else:
            known = (*dtypes, *declared)
            message = f"set {name}: {member!r} is no dtype and no set above it{_near(member, known)}"
            file.refuse(file.key_line(1, name), message)
    return found


def _bounds(file: _File, sets: Mapping[str, Any]) -> Iterator[Bound]:
    lines = file.table_lines("bound")
    for index, table in enumerate(file.data.get("bound", [])):
        line = lines[index] if index < len(lines) else 1
        before = len(file.problems)
        _check_keys(file, line, table, ("operation", "dtypes", "basis", "argument"), _BOUND_KEYS)
        ulp = table.get("ulp")
        if ulp is not None and (isinstance(ulp, bool) or not isinstance(ulp, int | float) or not 0 <= ulp < 2**24):
            file.refuse(file.key_line(line, "ulp"), f"ulp = {ulp!r}: expected a finite number from 0")
        if table.get("basis") not in _BOUND_BASES:
            wanted = ", ".join(_BOUND_BASES)
            file.refuse(file.key_line(line, "basis"), f"basis = {table.get('basis')!r}: expected one of {wanted}")
        if table.get("dtypes") not in sets:
            file.refuse(file.key_line(line, "dtypes"), f"dtypes = {table.get('dtypes')!r}: no such set of dtypes")
        if len(file.problems) == before:
            number = None if ulp is None else float(ulp)
            yield Bound(table["operation"], table["dtypes"], number, table["basis"], table["argument"])


def _manifest(content: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _content(clause: Clause) -> dict[str, Any]:
    return {key: value for key, value in dataclasses.asdict(clause).items() if key not in ("file", "line")}


def _load(directory: Path) -> Specification:
    types, accuracy = _File(directory / "dtypes.toml"), _File(directory / "accuracy.toml")
    chapters = [_File(path) for path in sorted((directory / "chapters").glob("*.toml"))]
    files = [types, accuracy, *chapters]
    for file in files:
        file.read()
    dtypes, sets = _dtypes(types)
    bounds = tuple(_bounds(accuracy, sets))
    places: dict[str, str] = {}
    readable = [file for file in chapters if not file.problems]
    heads = tuple(_chapter(file) for file in readable)
    clauses = {each.id: each for file in readable for each in _clauses(file, sets, places)}
    problems = [problem for file in files for problem in file.problems]
    if problems:
        raise SpecificationError(*problems)
    content = [
        [_content(each) for each in clauses.values()],
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
