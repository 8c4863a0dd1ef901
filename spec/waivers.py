"""Known deviations: what a clause may fail with, where, and the witness that shows it is still there."""

from __future__ import annotations

import dataclasses
import datetime as dt
import fnmatch
from collections.abc import Sequence
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from torch_conformance.spec.model import Specification, SpecificationError, release
from torch_conformance.spec.toml_file import TomlFile, TomlTable

MODES = ("value", "dtype", "shape", "type", "device", "fact", "equality", "error", "exception")
JUDGEMENTS = ("torch", "documentation")
SHIPPED = Path(__file__).resolve().parent / "tables" / "waivers.toml"

_REQUIRED = ("clause", "torch", "mode", "why", "judgement", "issue", "witness")
_OPTIONAL = ("device", "dtypes", "involves", "ulp", "expires", "depends_on_machine")


@dataclasses.dataclass(frozen=True, slots=True)
class Waiver:
    """One known deviation.

    Attributes:
        clause: A clause id, or a pattern of ids.
        torch: The torch versions that deviate, as a version specifier such as ">=2.0,<2.1".
        mode: In what the answer deviates; one of MODES.
        why: What happens instead, in a sentence.
        judgement: Who is wrong: torch, or its documentation.
        issue: A link, or "none known".
        witness: Python lines on `torch`, `np` and `device` that raise where torch deviates, and pass where it does not.
        device: A pattern of device strings.
        dtypes: The dtypes that deviate; empty for all.
        involves: Text that the deviating script holds, such as an operation's name; empty for any.
        ulp: The distance up to which a deviating value is waived; None for any.
        expires: The first day on which the waiver no longer counts.
        depends_on_machine: Whether some processors or NumPys do not show it; a witness that passes means "not here".
        place: File and line of the waiver.
    """

    clause: str
    torch: SpecifierSet
    mode: str
    why: str
    judgement: str
    issue: str
    witness: str
    device: str
    dtypes: tuple[str, ...]
    involves: str
    ulp: float | None
    expires: dt.date | None
    depends_on_machine: bool
    place: str

    def applies_to(self, clause: str, device: str, dtype: str, torch_version: str, today: dt.date) -> bool:
        """Whether the waiver speaks of a cell."""
        return (
            fnmatch.fnmatchcase(clause, self.clause)
            and fnmatch.fnmatchcase(device, self.device)
            and (not self.dtypes or dtype in self.dtypes)
            and self.torch.contains(release(torch_version), prereleases=True)
            and (self.expires is None or today < self.expires)
        )

    def covers(self, mode: str, script: str, ulp: float | None) -> bool:
        """Whether a deviation is the known one, and no worse."""
        return mode == self.mode and self.involves in script and (self.ulp is None or (ulp or 0.0) <= self.ulp)


def _specifier(table: TomlTable) -> SpecifierSet:
    try:
        return SpecifierSet(str(table.data.get("torch", "")))
    except InvalidSpecifier:
        table.expect("torch", "versions such as '>=2.0,<2.1'")
        return SpecifierSet()


def _waiver(table: TomlTable, known: Specification) -> Waiver:
    table.keys(_REQUIRED, _OPTIONAL)
    table.text(*_REQUIRED, "device", "involves")
    table.choice("mode", MODES)
    table.choice("judgement", JUDGEMENTS)
    data = table.data
    pattern = data.get("clause")
    if isinstance(pattern, str) and not fnmatch.filter(known.clauses, pattern):
        table.refuse("clause", f"clause = {pattern!r}: no such clause; {known.suggest(pattern)}")
    dtypes = data.get("dtypes", [])
    if not isinstance(dtypes, list) or not all(each in known.dtypes for each in dtypes):
        table.expect("dtypes", "a list of dtypes")
        dtypes = []
    ulp = data.get("ulp")
    if ulp is not None and (isinstance(ulp, bool) or not isinstance(ulp, int | float) or not ulp > 0):
        table.expect("ulp", "a number above 0")
    expires = data.get("expires")
    if expires is not None and type(expires) is not dt.date:
        table.expect("expires", "a date such as 2027-01-31")
    depends = data.get("depends_on_machine", False)
    if not isinstance(depends, bool):
        table.expect("depends_on_machine", "true or false")
    try:
        compile(str(data.get("witness", "")), "witness", "exec")
    except SyntaxError as error:
        table.refuse("witness", f"witness: is not Python: {error.msg}")
    return Waiver(
        **{key: str(data.get(key, "")) for key in _REQUIRED if key != "torch"},
        torch=_specifier(table),
        device=str(data.get("device", "*")),
        dtypes=tuple(dtypes),
        involves=str(data.get("involves", "")),
        ulp=ulp,
        expires=expires,
        depends_on_machine=bool(depends),
        place=f"{table.file.path.name}:{table.line}",
    )


def load_waivers(known: Specification, paths: Sequence[Path] = ()) -> tuple[Waiver, ...]:
    """Return the waivers shipped with this module, and those of more files.

    Args:
        known: The specification whose clauses they are about.
        paths: TOML files of [[waiver]] tables.

    Raises:
        SpecificationError: Naming every problem of every file.
    """
    files = [TomlFile(path) for path in (SHIPPED, *paths)]
    waivers = []
    for file in files:
        file.check_top("waiver")
        waivers += [_waiver(table, known) for table in file.tables("waiver")]
    problems = [problem for file in files for problem in file.problems]
    if problems:
        raise SpecificationError(*problems)
    return tuple(waivers)
