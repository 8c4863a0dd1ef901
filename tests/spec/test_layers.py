"""The loader of layers refuses bad rows with file, line, row, key and the way out, and reads good ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from torch_conformance import spec
from torch_conformance.spec.layers import Option, Probe, layers, load_layers

ROW = """\
[[layer]]
name = "elu"
module = "ELU"
function = "elu"
reference = "activations.elu"
options = [
    { name = "alpha", default = "1.0", domain = [0.5, [1, "None"]] },
    { name = "inplace", default = "False", domain = "flag", since = "2.1" },
]
cases = [{}, { alpha = 0.5 }]
probes = [
    { function = "x1", module = "", inputs = "x1" },
]
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "elu"\n', "", "1: the table has no key 'name'; add it"),
        ('"elu"\nmodule', "3\nmodule", "2: name = 3: expected text"),
        ("[[layer]]", "[[layers]]", "1: unknown table 'layers'; one of layer; did you mean 'layer'?"),
        ("\nfunction =", "\nfunctions =", "4: layer elu: unknown key 'functions'; one of name, module, function,"),
        ('module = "ELU"\nfunction = "elu"\n', "", "1: layer elu: neither a module nor a function; give one"),
        ("reference =", "dims = 4\nreference =", "5: layer elu: dims = 4: expected 1, 2 or 3"),
        ("reference =", "since = 'x'\nreference =", "5: layer elu: since = 'x': expected a torch version"),
        ("cases = [{}, {", "cases = [3, {", "10: layer elu: cases = [3, {'alpha': 0.5}]: expected a list of at least"),
        ("{ alpha = 0.5 }", "{ beta = 0.5 }", "10: layer elu: cases: 'beta' is no option of the layer; add it"),
        ("cases =", "spellings = 'x'\ncases =", "10: layer elu: spellings = 'x': expected a list of expressions"),
        ('name = "alpha", ', "", "7: layer elu: option 1: the table has no key 'name'; add it"),
        (', domain = "flag"', "", "8: layer elu: option inplace: the table has no key 'domain'; add it"),
        ('"flag"', '"flags"', "8: layer elu: option inplace: domain = 'flags': expected one of flag, real, "),
        ('[0.5, [1, "None"]]', "[]", "7: layer elu: option alpha: domain = []: expected a range or a list"),
        ('default = "1.0"', "default = 1.0", "7: layer elu: option alpha: default = 1.0: expected text"),
        ('since = "2.1"', "keyword = 1", "8: layer elu: option inplace: keyword = 1: expected true or false"),
        ('since = "2.1"', 'only = "method"', "8: layer elu: option inplace: only = 'method': expected one of module,"),
        ('function = "x1", ', 'functions = "x1", ', "12: layer elu: probe 1: unknown key 'functions'; one of"),
        (', inputs = "x1"', "", "12: layer elu: probe 1: module and inputs go together; give both or neither"),
        (
            'function = "x1", module = "", inputs = "x1"',
            "",
            "12: layer elu: probe 1: calls nothing; give it a function",
        ),
        ('module = "ELU"\n', "", "11: layer elu: probe 1: the layer has no module; name it, or take 'module' out"),
        (ROW, ROW + ROW, "15: layer elu: the name is taken; names are unique"),
    ],
)
def test_refuses_rows(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert ROW.count(old) == 1
    path = tmp_path / "layers.toml"
    path.write_text(ROW.replace(old, new))
    with pytest.raises(spec.SpecificationError) as caught:
        load_layers(path)
    assert caught.value.problems[0].startswith(f"{path}:{expected}")


def test_reads_a_row(tmp_path: Path) -> None:
    path = tmp_path / "layers.toml"
    path.write_text(ROW)
    row = load_layers(path)["elu"]
    assert row.options == (
        Option("alpha", (0.5, (1, None)), "1.0"),
        Option("inplace", "flag", "False", since="2.1"),
    )
    assert row.values("alpha") == (0.5, (1, None))
    assert row.by_name_alone == {"inplace"}
    assert row.probes == (Probe("x1", "", "x1"),)
    with pytest.raises(KeyError, match="option inplace has no list of values"):
        row.values("inplace")


def test_shipped_rows_are_read() -> None:
    rows = layers()
    assert rows["conv-transpose2d"].dims == 2
    assert [option.name for option in rows["max-pool1d"].options_of("function")][-2:] == ["ceil_mode", "return_indices"]
    assert [option.name for option in rows["max-pool1d"].options_of("module")][-2:] == ["return_indices", "ceil_mode"]
    assert [option.name for option in rows["gru"].options_of("call")] == ["hx"]
    assert not rows["rms-norm"].exists_in("2.3.1")
    assert rows["rms-norm"].exists_in("2.4.0+cpu")
