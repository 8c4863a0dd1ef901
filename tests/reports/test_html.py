"""The HTML of a run: what it shows, and that no text of the records becomes an element, an attribute or a script."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import record_builders as build
from hypothesis import example, given, settings
from hypothesis import strategies as st

from torch_conformance.reports import html, records
from torch_conformance.spec import load

FIRST, SECOND, THIRD = build.KEYS
VOID = {"meta", "br", "img", "link", "input"}


class Page(HTMLParser):
    """Elements with the names of their attributes; values and text beside them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.open: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


def run_of(text: str) -> list[records.Record]:
    """Return a run with a text in every field that has one."""
    key, other = (f"creation.full.{text}", f"a{text}", f"b{text}"), (f"z{text}.a.b", f"a{text}", f"c{text}")
    failure = build.failure(
        key,
        inputs=[records.Input(name=text, text=text, dtype=text, size=[1], stride=[1], offset=0, bits=f"0{text}")],
        test=text,
        reproduced=text,
        **dict.fromkeys(("signature", "diagnosis", "statement", "expected", "observed", "script"), f"x{text}"),
        traceback=f"x{text}",
    )
    device = records.Device(name=text, kind=text, unit=0, model=text, driver=f"d{text}", memory_bytes=1)
    torch = records.Torch(version=text, git=text, config=text, path=text, cuda=f"c{text}")
    names = ("suite", "manifest", "profile", "started", "python", "numpy", "hypothesis", "platform", "cpu_model")
    run = build.run(
        devices=[device], torch=torch, environment={text: text}, selection={text: text}, **dict.fromkeys(names, text)
    )
    unsupported = build.cell(other, "unsupported", reason=f"r{text}", test=text, worker=text)
    plan = records.Plan(
        cells=[records.PlannedCell(clause=c, device=d, dtype=t) for c, d, t in (key, other)],
        inapplicable=[records.Inapplicable(clause=f"y{text}", device=f"a{text}", dtype=f"e{text}", reason=f"r{text}")],
    )
    return [run, plan, build.cell(key, "fail", reason=text), failure, unsupported, build.event("note", text)]


def fragments(text: str) -> str:
    found = run_of(text)
    failing = next(record for record in found if isinstance(record, records.Failure))
    row = "".join([*html.row_cells(text, text, text), html.nodeid_cell(text)])
    table = f"<table><tr>{''.join(html.header_cells())}</tr><tr>{row}</tr></table>"
    return html.summary_html(found, load()) + html.failure_html(failing) + table


PLAIN = Page(fragments("plain")).elements


@settings(deadline=None, max_examples=50)
@given(text=st.text(st.characters(), min_size=1, max_size=30) | st.text("<>&\"'/=`{}%#-! a\n", min_size=1, max_size=30))
@example("<script>alert(1)</script>")
@example("\"'><img src=x onerror=alert(1)>")
@example("' onmouseover='alert(1)")
@example("]]><!-- --></style></pre></details></section>")
@example("{{ 7 * 7 }}{% raw %}")
@example("\x00\x1b[31m\u202eabc\u2066\ud800\ufffe")
@example("javascript:alert(1)")
@example("&lt;b&gt;")
def test_no_element_and_no_attribute_comes_from_data(text: str) -> None:
    page = fragments(text)
    page.encode("utf-8")
    parsed = Page(page)
    assert parsed.open == []
    assert parsed.elements == PLAIN
    assert not [name for name, _ in parsed.values if name.startswith("on") or name in ("src", "style")]
    for name, value in parsed.values:
        if name == "href":
            assert value.startswith(("#clause-", "https://docs.pytorch.org/"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


def test_hostile_text_is_shown_as_it_is() -> None:
    text = Page(fragments("<b>&amp;</b>")).text
    assert "creation.full.<b>&amp;</b>" in text
    assert "creation.full.{{7*7}}" in Page(fragments("{{7*7}}")).text


def test_long_texts_are_cut_and_scripts_are_not() -> None:
    page = fragments("y" * 1_000_000)
    assert len(page) < 3_000_000
    assert "(1000000 characters)" in page
    found = build.deviating()
    found[3] = build.failure(FIRST, script="# line\n" * 5000)
    assert "# line\n" * 5000 in html.summary_html(found, load())


def test_states_and_their_letters() -> None:
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
    states = html.states(found)
    assert "".join(html.LETTERS[states[key][0]][0] for key in keys) == "PFWUVCNI"
    text = Page(html.summary_html(found, load())).text
    for reason in ("probe: no", "device-lost: Xid 79", "issue 1", "a fact"):
        assert reason in text


def test_failing_clauses_come_first_and_open() -> None:
    page = html.summary_html(build.deviating(), load())
    failing, chapter = page.index('id="clause-creation.full.fills" open'), page.index('class="tc-chapter"')
    assert failing < chapter < page.index('id="clause-dtypes.promotion.table">')
    assert page.count('id="clause-creation.full.fills"') == 1


def test_a_clause_shows_statement_level_and_source() -> None:
    clause = next(iter(load().clauses.values()))
    text = " ".join(Page(html.summary_html([build.run(), build.plan(((clause.id, "cpu", "-"),))], load())).text.split())
    for part in (clause.statement, f"{clause.level}, {clause.basis}", clause.source):
        assert part in text


def test_a_failure_shows_all_it_has() -> None:
    text = " ".join(Page(html.failure_html(build.failure(FIRST))).text.split())
    for part in ("expected 0", "first at index [0], 1 of 1 elements", "2 ULP", "reproduced 3/3", "[1], [1], 0", "01"):
        assert part in text
    bare = build.failure(FIRST, script="", inputs=[], first_index=None, ulp=None, reproduced="not replayed")
    assert "no script to reproduce it" in Page(html.failure_html(bare)).text


def test_ten_thousand_cells_take_little_time_and_space() -> None:
    keys = tuple((f"a.b.c{n // 100}", f"cuda:{n % 10}", f"dtype{n // 10 % 10}") for n in range(10_000))
    found: list[records.Record] = [build.run(), build.plan(keys)]
    for key in keys:
        found += [build.cell(key, "fail"), build.failure(key, traceback="x" * 3000)]
    assert len(html.summary_html(found, load())) < 4_000_000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of the installed pytest-html."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "test_it.py").write_text("def test_it():\n    pass\n", encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "--html=index.html", "--self-contained-html"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_it.py"], cwd=folder, check=True, capture_output=True
    )
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_policy_allows_the_pages_own_script_alone(page: str) -> None:
    safe = html.with_policy(page)
    head, _, _ = safe.partition("<title")
    policy = dict(Page(head).values)["content"]
    script = safe[safe.rindex("<script>") + 8 : safe.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"<[^>]* on[a-z]+=", safe[: safe.rindex("<script>")])
    assert safe.count("Content-Security-Policy") == 1
    assert len(page) < len(safe) < len(page) + 400


def test_a_page_of_another_make_is_refused() -> None:
    with pytest.raises(ValueError, match="no page of pytest-html"):
        html.with_policy("<html><body></body></html>")


def test_cells_can_be_sorted_by_pytest_html() -> None:
    """basereport.py finds column and text with these patterns."""
    for head, cell in zip(html.header_cells(), html.row_cells("a.b.c", "cpu", "<b>\nx"), strict=True):
        assert "sortable" in head
        name, text = re.search(r"col-(\w+)", cell), re.search(r"<td.*?>(.*?)</td>", cell)
        assert name is not None
        assert text is not None
        assert f'data-column-type="{name.group(1)}"' in head
