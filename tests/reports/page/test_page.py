"""The page without a browser: what it shows, that texts stay texts, that it is the same every time."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import sys
from pathlib import Path

import msgspec
import pytest
import record_builders as build
from html_document import Document
from hypothesis import example, given, settings
from hypothesis import strategies as st

from torch_conformance.reports import page
from torch_conformance.reports.page import coverage, drafts, drawings, gathering, matrix, numerics
from torch_conformance.reports.records import model as records
from torch_conformance.spec import load, load_waivers

FIRST, SECOND, THIRD = build.KEYS
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>]]>\x00\x1b[31m\u202eabc{{7*7}}\ud800"


def rendered(found: list[records.Record], label: str = "here") -> str:
    return page.render([page.Install(label, found)], load())


def words(found: list[records.Record]) -> str:
    return " ".join(Document(rendered(found)).text.split())


PLAIN = Document(rendered(build.hostile("plain"), "plain")).elements


@settings(deadline=None, max_examples=20)
@given(text=st.text(st.characters(), min_size=1, max_size=30) | st.text("<>&\"'/=`{}%#-! a\n", min_size=1, max_size=30))
@example("<script>alert(1)</script>")
@example("</script><script>alert(1)</script>")
@example("\"'><img src=x onerror=alert(1)>")
@example("]]><!-- --></style></pre></details></section>")
@example("{{ 7 * 7 }}{% raw %}")
@example("\x00\x1b[31m\u202eabc\u2066\ud800\ufffe")
@example("$\\frac{1}$ url(https://a.example/)")
def test_no_element_and_no_attribute_comes_from_data(text: str) -> None:
    document = rendered(build.hostile(text), text)
    document.encode("utf-8")
    parsed = Document(document)
    assert parsed.open == []
    # Backticks make a piece of a diagnosis code, and a reason may be empty; nothing else depends on a text.
    assert {each for each in parsed.elements if each != ("code", ())} <= set(PLAIN)
    assert not [name for name, _ in parsed.values if name.startswith("on") or name in ("src", "style", "srcdoc")]
    for name, value in parsed.values:
        if name == "href":
            assert value.startswith(("#", "https://docs.pytorch.org/"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", document)


def test_only_the_pages_own_script_and_styles_are_allowed() -> None:
    document = rendered(build.hostile(HOSTILE))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', document)
    policy = policy.replace("&#39;", "'")
    for tag in ("script", "style"):
        content = document[document.rindex(f"<{tag}>") + len(tag) + 2 : document.rindex(f"</{tag}>")]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for text in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "http:", "//cdn"):
        assert text not in (Path(page.__file__).parent.parent / "templates" / "page.js").read_text()


def test_data_are_json_that_nothing_in_them_ends() -> None:
    value = {"a": f"{HOSTILE}</script><!--".encode("utf-8", "replace").decode(), "b": "\u2028&amp;"}
    text = str(page.embedded(value))
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text) == value


def test_the_page_is_the_same_every_time() -> None:
    assert rendered(build.hostile("x")) == rendered(build.hostile("x"))


def test_verdict_causes_and_environment_need_no_script() -> None:
    text = words(build.deviating())
    for part in (
        "3 cells planned",
        "is 1, expected 0",
        "creation.full.fills",
        "reproduced 3/3",
        "import torch",
        "AVX2",
    ):
        assert part in text
    assert "ab" * 32 in text
    assert words(build.deviating()[:3]).count("deviations") >= 1


@pytest.mark.parametrize("found", [build.conformant(), build.deviating(), build.deviating()[:3], [build.run()]])
def test_every_verdict_renders(found: list[records.Record]) -> None:
    assert "planned" in words(found)


def test_runs_beside_each_other() -> None:
    other = [build.run(profile="deep", manifest="cd" * 32), *build.deviating()[1:]]
    installs = [page.Install("torch 2.13", build.conformant()), page.Install("torch 2.13", other, truncated=True)]
    document = page.render(installs, load(), [page.Notice("Newly failing", [f"a {HOSTILE}"])])
    text = " ".join(Document(document).text.split())
    for part in ("2 runs: ", "torch 2.13 (2)", "different specifications and profiles", "cut off: torch 2.13 (2)"):
        assert part in text
    assert "Newly failing a <script>alert(1)</script>" in text
    with pytest.raises(ValueError, match="at least one"):
        page.render([], load())


def test_letters_of_every_state() -> None:
    keys = tuple(("a.b.c", "cpu", f"dtype{number}") for number in range(8))
    lost = build.cell(keys[5], "none", execution="device-lost", disposition="unexpected", reason="Xid 79")
    found: list[records.Record] = [
        build.run(),
        build.plan(keys[:7], (keys[7],)),
        build.cell(keys[0]),
        build.cell(keys[1], "fail"),
        build.failure(keys[1]),
        build.cell(keys[2], "fail", disposition="waived", reason="issue 1"),
        build.failure(keys[2]),
        build.cell(keys[3], "unsupported", reason="probe: no"),
        build.cell(keys[4], "vacuous"),
        lost,
    ]
    installs = gathering.gather([page.Install("here", found)], load())
    table = matrix.build(installs, load())
    assert table.letters == {"a.b.c": "PFWUVCNI"}
    (detail,) = matrix.details(table, installs, load())
    assert {tuple(each[:2]) for each in detail["a.b.c"]["reasons"]} == {
        *(("U", "probe: no"), ("W", "issue 1"), ("I", "a fact"), ("C", "device-lost: Xid 79")),
    }
    assert [each["waived"] for each in detail["a.b.c"]["failures"]] == [False, True]


def test_a_hundred_thousand_cells_are_letters_not_elements() -> None:
    keys = tuple((f"a.b.c{n // 100}", f"cuda:{n % 10}", f"dtype{n // 10 % 10}") for n in range(100_000))
    document = rendered([build.run(), build.plan(keys), *(build.cell(key) for key in keys)])
    assert len(Document(document).elements) < 2000
    assert len(document) < 8_000_000


def test_failures_share_a_budget() -> None:
    keys = tuple((f"a.b.c{n}", "cpu", "float32") for n in range(100))
    found: list[records.Record] = [build.run(), build.plan(keys)]
    for key in keys:
        found += [build.cell(key, "fail"), build.failure(key, script="x" * 300_000)]
    assert 2_000_000 < len(rendered(found)) < 20_000_000


def test_an_issue_cannot_be_closed_from_within() -> None:
    failure = build.failure(("creation.full.infers-dtype", "cpu", "-"), diagnosis="```` @all", observed="`" * 5)
    text = drafts.issue(failure, build.run(), load())
    assert "`````\n```` @all\n`````" in text
    assert "reproduced in 3 of 3 fresh processes" in text
    assert "```python\nimport torch\n```" in text
    assert "torch 2.13.0 (abc)" in text
    assert "is attached" in drafts.issue(build.failure(FIRST, script="x" * 60_000), None, load())


@pytest.mark.parametrize(
    "script", ['assert "\\n" == """a""" # """', "raise ValueError(1)\n", "", "x" * 9000, "\ud800\x00"]
)
def test_a_waiver_draft_is_a_waiver(tmp_path: Path, script: str) -> None:
    key = ("creation.full.infers-dtype", "cpu", "float32")
    signature = "creation.full: dtype of torch.full(size)"
    failure = build.failure(key, script=script, diagnosis=f'a "b" \\ {HOSTILE}', signature=signature)
    path = tmp_path / "known.toml"
    path.write_text(drafts.waiver(failure, build.run()), encoding="utf-8")
    if "\ud800" in script:
        return  # it is no Python; that it is TOML is seen by what is read above
    waiver = load_waivers(load(), [path])[-1]
    assert (waiver.clause, waiver.dtypes, waiver.mode) == (key[0], ("float32",), "dtype")
    assert "2.13.0" in waiver.torch
    if script.startswith("assert"):
        assert waiver.witness.strip() == script


def test_the_smallest_head_room_comes_first() -> None:
    def worst(name: str, ulp: float | None, bound: float) -> records.WorstError:
        return records.WorstError(operation=name, ulp=ulp, bound=bound, input="")

    cells = [
        build.cell(FIRST, worst=[worst("wide", 0.5, 4), worst("tight", 3.9, 4), worst("rounded", 0.5, 0.51)]),
        build.cell(SECOND, worst=[worst("wide", 1e30, 4), worst("absolute", None, 4)]),
        build.cell(("x.y.z", *FIRST[1:]), worst=[worst("wide", 2.0, 4)]),
    ]
    (install,) = gathering.gather([page.Install("here", [build.run(), *cells])], load())
    found = numerics.distances([install])
    assert [(each.operation, each.share) for each in found][:3] == [
        ("tight", 0.975),
        ("wide", 0.5),
        ("rounded", pytest.approx(0.98, abs=0.01)),
    ]
    assert {each.operation for each in found if each.share is None} == {"wide", "absolute"}


def test_a_variable_is_shown_with_its_clause() -> None:
    place = ("here", "cpu", "float32", 1.0, 2.0, "", "nn.linear.value")
    labels = [numerics.Distance(name, *place).label for name in ("y", "d[0]", "torch.exp(a)", "y + 1")]
    assert labels == ["nn.linear.value: y", "nn.linear.value: d[0]", "torch.exp(a)", "y + 1"]


def test_every_bound_is_shown() -> None:
    rows = numerics.bound_rows(load())
    assert sum(len(row.operations) for row in rows) == len(load().bounds)
    (row,) = (row for row in rows if "tan" in row.operations and row.device == "cuda")
    assert (row.dtypes, row.bound, row.basis) == ("single", "4 + 1/2 ULP", "documented")
    document = html.unescape(rendered(build.conformant()))
    assert all(f"<td>{row.bound}</td>" in document for row in rows)


def picture(device: str, title: str = "loss", **changes: object) -> records.Picture:
    series = [
        records.Series(name="torch", role="observed", x=[0.0, 1.0, 2.0], y=[1.0, None, 0.25]),
        records.Series(name="reference", role="expected", x=[0.0, 1.0, 2.0], y=[1.0, 0.5, 0.25]),
        records.Series(name="points", role="data", x=[0.0, 1.0], y=[1.0, 2.0]),
    ]
    made = records.Picture(
        clause=FIRST[0],
        device=device,
        dtype="float32",
        title=title,
        x_label="step",
        y_label="loss",
        logarithmic=True,
        series=series,
    )
    return msgspec.structs.replace(made, **changes)


def test_pictures_of_all_devices_are_one_drawing() -> None:
    found = [*build.conformant()[:-1], picture("cpu"), picture("cuda:0"), picture("cpu", "line", logarithmic=False)]
    document = rendered([*found, build.end()])
    assert document.count('class="drawing"') == 2
    for text in ("torch, cpu", "torch, cuda:0", "reference", "points", ">1e-01<" if ">1e-01<" in document else ">1<"):
        assert text in document
    assert "<metadata" not in document
    assert "mathdefault" not in document
    assert len(re.findall(r'\bid="([^"]+)"', document)) == len(set(re.findall(r'\bid="([^"]+)"', document)))


def test_a_picture_without_finite_values_is_drawn() -> None:
    empty = records.Series(name="none", role="observed", x=[], y=[])
    lost = records.Series(name="nan", role="observed", x=[0.0, 1.0], y=[None, None])
    below = records.Series(name="negative", role="observed", x=[0.0, 1.0, 2.0], y=[-1.0, 0.0])
    for series in ([], [empty], [lost], [below], [empty, lost, below]):
        assert 'class="drawing"' in rendered([*build.conformant(), picture("cpu", series=series)])


def test_a_drawing_is_made_of_known_parts_only() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 1 1" '
        'onload="x"><script>x</script><style>x</style><foreignObject/><a href="javascript:x"><text>x</text></a>'
        '<image href="https://a.example/"/><use xlink:href="https://a.example/#a"/><use xlink:href="#m"/>'
        '<path d="M0 0" style="fill: url(https://a.example/); stroke: #000001" onclick="x"/></svg>'
    )
    made = drawings.rebuilt(svg, "p")
    assert made == (
        '<svg viewBox="0 0 1 1" class="drawing" aria-hidden="true"><use /><use href="#p-m" />'
        '<path d="M0 0" stroke="var(--ink)" /></svg>'
    )


def test_nothing_to_draw_imports_no_matplotlib(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import record_builders as build\n"
        "from torch_conformance.reports import page; from torch_conformance.spec import load\n"
        "page.write([page.Install('a', build.deviating())], load(), pathlib.Path(sys.argv[2]))\n"
        "assert 'matplotlib' not in sys.modules; assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parents[1]), str(tmp_path / "index.html")]
    import subprocess  # noqa: PLC0415

    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""


def test_a_matplotlib_that_cannot_be_imported_costs_the_drawings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = words([*build.conformant(), picture("cpu")])
    assert "matplotlib cannot be imported" in text
    assert "not drawn, its numbers are in results.jsonl" in text


def test_callables_without_a_clause() -> None:
    surface = records.Surface(names=["torch.full", "torch.no_such_thing", "torch.exp", "torch.Tensor.exp_"])
    installs = gathering.gather([page.Install("here", [build.run(), surface])], load())
    spaces = {each.name: each for each in coverage.surface(installs, load())}
    assert spaces["torch"].uncovered == ("torch.no_such_thing",)
    assert (spaces["torch.Tensor"].total, spaces["torch.Tensor"].uncovered) == (1, ())


def test_breadth_and_depth() -> None:
    installs = gathering.gather([page.Install("here", build.conformant())], load())
    chapters = coverage.per_chapter(installs, load())
    assert sum(each.clauses for each in chapters) == len(load().clauses)
    assert sum(each.clauses for each in coverage.per_section(installs, load())) == len(load().clauses)
