"""What pytest-html's page gets: no text of the records becomes an element, an attribute or a script in it."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys

import pytest
import record_builders as build
from html_document import Document
from hypothesis import example, given, settings
from hypothesis import strategies as st

from torch_conformance.reports.writers import pytest_html
from torch_conformance.spec import load


def fragments(text: str) -> str:
    found = build.hostile(text)
    row = "".join([*pytest_html.row_cells(text, text, text), pytest_html.nodeid_cell(text)])
    table = f"<table><tr>{''.join(pytest_html.header_cells())}</tr><tr>{row}</tr></table>"
    return pytest_html.summary_html(found, load()) + table


PLAIN = Document(fragments("plain")).elements


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
    parsed = Document(page)
    assert parsed.open == []
    assert parsed.elements == PLAIN
    assert not [name for name, _ in parsed.values if name.startswith("on") or name in ("src", "style")]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


def test_hostile_text_is_shown_as_it_is() -> None:
    text = Document(fragments("<b>&amp;</b>")).text
    assert "creation.full.<b>&amp;</b>" in text
    assert "creation.full.{{7*7}}" in Document(fragments("{{7*7}}")).text


def test_long_texts_are_cut() -> None:
    page = fragments("y" * 1_000_000)
    assert len(page) < 100_000
    assert "(1000000 characters)" in page


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
    safe = pytest_html.with_policy(page)
    head, _, _ = safe.partition("<title")
    policy = dict(Document(head).values)["content"]
    script = safe[safe.rindex("<script>") + 8 : safe.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"<[^>]* on[a-z]+=", safe[: safe.rindex("<script>")])
    assert safe.count("Content-Security-Policy") == 1
    assert len(page) < len(safe) < len(page) + 400


def test_a_page_of_another_make_is_refused() -> None:
    with pytest.raises(ValueError, match="no page of pytest-html"):
        pytest_html.with_policy("<html><body></body></html>")


def test_cells_can_be_sorted_by_pytest_html() -> None:
    """basereport.py finds column and text with these patterns."""
    for head, cell in zip(pytest_html.header_cells(), pytest_html.row_cells("a.b.c", "cpu", "<b>\nx"), strict=True):
        assert "sortable" in head
        name, text = re.search(r"col-(\w+)", cell), re.search(r"<td.*?>(.*?)</td>", cell)
        assert name is not None
        assert text is not None
        assert f'data-column-type="{name.group(1)}"' in head
