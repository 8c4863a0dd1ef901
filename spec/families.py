"""Families of clauses: one fact, stated once, of several subjects.

A chapter's file may put what the clauses of one fact share into a table [[family]], and each subject into a table
[[family.clause]] below it:

    [[family]]
    fact = "resumes-its-schedule"
    statement = "A {} that loads another's state_dict goes on with its rates."
    source = "torch.optim.lr_scheduler.{}"
    kind = "value"

    [[family.clause]]
    subject = "step-lr"
    says = "StepLR"
    faults = ["step-lr-state-lost"]

Its clause is `<chapter>.<subject>.<fact>`, and `says` stands where the family writes {}. A key of the subject's own
table goes before the family's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from torch_conformance.spec.toml_file import TomlFile, TomlTable

_BLANK = "{}"
_FILLED = ("statement", "source")


@dataclasses.dataclass(frozen=True)
class _Member(TomlTable):
    """The table of a family's subject, with the family's keys below its own."""

    family_line: int = 0
    own: frozenset[str] = frozenset()

    def refuse(self, key: str, message: str) -> None:
        """Note a problem with a key, where it stands."""
        if key == "id":  # made of the subject and the family's fact
            key = "subject"
        line = self.line if key in self.own or key not in self.data else self.family_line
        self.file.refuse(self.file.key_line(line, key), self.prefix + message)


def clause_tables(file: TomlFile, keys: Sequence[str]) -> list[TomlTable]:
    """Return a table for each clause of a chapter's file, alone or of a family, in the order of the file.

    Args:
        file: The chapter.
        keys: Every key that a clause may have.
    """
    members = (member for family in _families(file, keys) for member in family)
    return sorted([*file.tables("clause"), *members], key=lambda table: table.line)


def _families(file: TomlFile, keys: Sequence[str]) -> Iterator[list[TomlTable]]:
    shared = tuple(key for key in keys if key != "id")
    lines = iter(file.headers("family.clause"))
    for family in file.tables("family"):
        family.keys(("fact", "clause"), shared)
        family.text("fact")
        subjects = family.data.get("clause", [])
        if not isinstance(subjects, list) or not all(isinstance(each, dict) for each in subjects):
            family.refuse("clause", "clause: expected tables; head each with [[family.clause]]")
            continue
        yield [_member(file, family, next(lines, family.line), subject, shared) for subject in subjects]


def _member(file: TomlFile, family: TomlTable, line: int, data: dict[str, Any], shared: tuple[str, ...]) -> TomlTable:
    table = TomlTable(file, line, data)
    table.keys(("subject",), ("says", *shared))
    table.text("subject", "says")
    fact, says = family.data.get("fact"), data.get("says")
    merged = {key: value for key, value in family.data.items() if key not in ("fact", "clause")}
    for key in _FILLED:
        text = merged.get(key)
        if isinstance(text, str) and _BLANK in text and key not in data:
            if not isinstance(says, str):
                file.refuse(line, f"the family's {key} has a {_BLANK}; add says, or a {key} of the subject's own")
            merged[key] = text.replace(_BLANK, str(says))
    if says is not None and not any(_BLANK in str(family.data.get(key)) for key in _FILLED):
        table.refuse("says", f"says = {says!r}: the family has no {_BLANK} to put it in; write {_BLANK} or take it out")
    merged |= {key: value for key, value in data.items() if key not in ("subject", "says")}
    merged["id"] = f"{file.path.stem}.{data.get('subject')}.{fact}"
    return _Member(file, line, merged, family_line=family.line, own=frozenset(data))
