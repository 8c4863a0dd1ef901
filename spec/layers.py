"""Layers as rows: constructor, functional form, options with their defaults and domains, reference, probes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch_conformance.spec.model import SpecificationError, release
from torch_conformance.spec.toml_file import TomlFile, TomlTable

FORMS = ("module", "function", "call")
# What a documented range may be; any other domain is a list of the values that matter.
RANGES = (
    *("flag", "real", "positive", "non-negative", "probability", "whole", "count"),
    *("dimension", "extents", "tensor", "dtype", "callable", "module"),
)
_TEXTS = ("module", "function", "reference", "since")
_LISTS = ("spellings", "writes")
_PROBE = ("function", "module", "inputs", "also", "written", "call")


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """An option of a layer.

    Attributes:
        name: Its keyword.
        domain: A documented range, or the values that matter.
        default: Its documented default as torch code; None where it must be given.
        only: The form that alone has it; empty where the constructor and the function have it.
        keyword: Whether it is given by name alone.
        since: The release of torch with which it came; empty for 2.0 and before.
    """

    name: str
    domain: str | tuple[Any, ...]
    default: str | None = None
    only: str = ""
    keyword: bool = False
    since: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Probe:
    """A call whose result would be another if an option that it leaves out had another default.

    Attributes:
        function: What the function is given, as torch code; None where it is not called.
        module: What the constructor is given; None where no module is made.
        inputs: What the module is called with.
        also: What else is compared after the call of the function.
        written: The options written out, where they are not all those left out with their defaults.
        call: The same for the call of the module.
    """

    function: str | None = None
    module: str | None = None
    inputs: str = ""
    also: str = ""
    written: str = ""
    call: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """A layer of torch.nn, or a function of torch.nn.functional that has none.

    Attributes:
        name: As in the clauses that are about it.
        module: Its class in torch.nn; empty where it has none.
        function: Its functional form in torch.nn.functional; empty where it has none.
        reference: Module and name in reference/nn; empty where the expected value is NumPy's alone.
        dims: Its number of spatial dimensions; 0 where it takes any.
        since: The release of torch with which it came; empty for 2.0 and before.
        options: In the order in which they may be given by position.
        spellings: Further expressions that compute it from x.
        writes: Expressions that write z, a copy of x, and return it.
        cases: Sets of options that are judged together.
        probes: Calls that show a wrong default.
    """

    name: str
    module: str = ""
    function: str = ""
    reference: str = ""
    dims: int = 0
    since: str = ""
    options: tuple[Option, ...] = ()
    spellings: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    cases: tuple[Mapping[str, Any], ...] = ({},)
    probes: tuple[Probe, ...] = ()

    def options_of(self, form: str) -> tuple[Option, ...]:
        """Return the options of a form, in order."""
        shared = ("", form) if form != "call" else (form,)
        return tuple(option for option in self.options if option.only in shared)

    def values(self, name: str) -> tuple[Any, ...]:
        """Return the values of an option that matter.

        Raises:
            KeyError: When the row gives a range, or has no such option.
        """
        for option in self.options:
            if option.name == name and isinstance(option.domain, tuple):
                return option.domain
        raise KeyError(f"layer {self.name}: option {name} has no list of values")

    @property
    def by_name_alone(self) -> frozenset[str]:
        """Names of the options that cannot be given by position."""
        return frozenset(option.name for option in self.options if option.keyword or option.since)

    def exists_in(self, version: str) -> bool:
        """Tell whether a version of torch has it."""
        return exists(self.since, version)


def exists(since: str, version: str) -> bool:
    """Tell whether a version of torch has what came with a release; an empty release is any."""
    return not since or release(version) >= release(since)


def _frozen(value: Any) -> Any:
    """Return a value of a domain: lists become tuples, the text None the object."""
    if isinstance(value, list):
        return tuple(_frozen(each) for each in value)
    return None if value == "None" else value


def _inner(row: TomlTable, key: str, label: str) -> list[TomlTable]:
    """Return the inline tables of a list, each with the line on which it stands."""
    found = row.data.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        row.expect(key, "a list of tables { ... }, one on each line")
        return []
    first = row.file.key_line(row.line, key) + 1
    return [
        TomlTable(row.file, first + number, data, f"{row.prefix}{label} {data.get('name', number + 1)}: ")
        for number, data in enumerate(found)
    ]


def _option(table: TomlTable) -> Option | None:
    before = len(table.file.problems)
    table.keys(("name", "domain"), ("default", "only", "keyword", "since"))
    table.text("name", "default", "only", "since")
    table.choice("only", FORMS)
    table.version("since")
    if not isinstance(table.data.get("keyword", True), bool):
        table.expect("keyword", "true or false")
    domain = table.data.get("domain", "flag")
    if isinstance(domain, str):
        table.choice("domain", RANGES)
    elif not isinstance(domain, list) or not domain:
        table.expect("domain", "a range or a list of at least one value")
    if len(table.file.problems) > before:
        return None
    return Option(**(table.data | {"domain": _frozen(domain) if isinstance(domain, list) else domain}))


def _probe(table: TomlTable, row: TomlTable) -> Probe | None:
    before = len(table.file.problems)
    table.keys((), _PROBE)
    for key, value in table.data.items():
        if not isinstance(value, str):
            table.expect(key, "torch code as text")
    for form in ("function", "module"):
        if form in table.data and form not in row.data:
            table.refuse(form, f"the layer has no {form}; name it, or take {form!r} out")
    if not {"function", "module"} & table.data.keys():
        table.refuse("", "calls nothing; give it a function, or a module with inputs")
    if ("module" in table.data) != ("inputs" in table.data):
        table.refuse("module", "module and inputs go together; give both or neither")
    return Probe(**table.data) if len(table.file.problems) == before else None


def _check_cases(table: TomlTable, names: set[str]) -> None:
    cases = table.data.get("cases", [{}])
    if not isinstance(cases, list) or not cases or not all(isinstance(each, dict) for each in cases):
        table.expect("cases", "a list of at least one table { ... }")
        return
    for key in sorted({key for case in cases for key in case} - names):
        table.refuse("cases", f"cases: {key!r} is no option of the layer; add it to its options")


def _layer(table: TomlTable, known: Mapping[str, Layer]) -> Layer | None:
    file, before = table.file, len(table.file.problems)
    name = table.data.get("name")
    table = dataclasses.replace(table, prefix=f"layer {name}: " if isinstance(name, str) else "")
    table.keys(("name",), (*_TEXTS, *_LISTS, "dims", "options", "cases", "probes"))
    table.text("name", *_TEXTS)
    table.version("since")
    if table.data.get("dims", 1) not in (1, 2, 3):
        table.expect("dims", "1, 2 or 3")
    for key in _LISTS:
        value = table.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            table.expect(key, "a list of expressions")
    if name in known:
        table.refuse("name", "the name is taken; names are unique")
    if not {"module", "function"} & table.data.keys():
        file.refuse(table.line, f"{table.prefix}neither a module nor a function; give one")
    options = [_option(each) for each in _inner(table, "options", "option")]
    probes = [_probe(each, table) for each in _inner(table, "probes", "probe")]
    if len(file.problems) == before:
        _check_cases(table, {option.name for option in options if option})
    if len(file.problems) > before:
        return None
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.data.items()
    }
    fields["options"] = tuple(option for option in options if option)
    fields["probes"] = tuple(probe for probe in probes if probe)
    return Layer(**fields)


def load_layers(path: Path) -> Mapping[str, Layer]:
    """Return the layers of a file by name.

    Raises:
        SpecificationError: Naming every row with missing, unknown or bad keys, or with a name that is taken.
    """
    file = TomlFile(path)
    rows: dict[str, Layer] = {}
    file.check_top("layer")
    for table in file.tables("layer"):
        row = _layer(table, rows)
        if row is not None:
            rows[row.name] = row
    if file.problems:
        raise SpecificationError(*file.problems)
    return MappingProxyType(rows)


@functools.cache
def layers() -> Mapping[str, Layer]:
    """Return the shipped layers by name.

    Raises:
        SpecificationError: As `load_layers` does.
    """
    return load_layers(Path(__file__).parent / "tables" / "layers.toml")
