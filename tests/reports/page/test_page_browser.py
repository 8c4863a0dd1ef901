"""The page in a real browser: search, filters, address, clauses, copying, and that it keeps to itself."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import record_builders as build

from torch_conformance.reports import page
from torch_conformance.reports.records import model as records
from torch_conformance.spec import load

playwright_api = pytest.importorskip("playwright.sync_api", reason="drives a browser with Playwright")

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path")

CLAUSE = "creation.full.infers-dtype"
OTHER = "creation.full.ignores-nothing"
HOSTILE = "<script>window.hit=1</script>\"'><img src=x onerror=window.hit=2></script>\u202eabc\ud800\x00{{7*7}}"
SCRIPT = "import torch\nassert torch.full((2,), 3).dtype == torch.int64\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright_api.Browser]:
    with playwright_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


class Opened:
    """A page of a file, with everything it said or asked for."""

    def __init__(self, browser: playwright_api.Browser, path: Path, fragment: str = "", **settings: object) -> None:
        self.context = browser.new_context(**settings)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.address = path.as_uri()
        self.page.goto(self.address + fragment)

    def quiet(self) -> None:
        """Check that the page loaded itself and nothing else, and said nothing."""
        assert self.said == []
        assert {url.partition("#")[0] for url in self.asked} == {self.address}
        assert self.page.evaluate("window.hit") is None

    @property
    def rows(self) -> list[str]:
        return [text.strip() for text in self.page.locator("#cells tbody tr:not(.chapter) th").all_inner_texts()]

    @property
    def fragment(self) -> str:
        return str(self.page.evaluate("location.hash"))


def open_page(browser: playwright_api.Browser, path: Path, fragment: str = "", **settings: object) -> Opened:
    return Opened(browser, path, fragment, **settings)


def one_run(dtype_fails: str = "int64") -> list[records.Record]:
    keys = [(name, "cpu", dtype) for name in list(load().clauses)[:40] for dtype in ("float32", "int64")]
    keys += [(CLAUSE, device, dtype) for device in ("cpu", "cuda:0") for dtype in ("float64", dtype_fails)]
    keys = list(dict.fromkeys(keys))
    failing = (CLAUSE, "cuda:0", dtype_fails)
    found: list[records.Record] = [build.run(), build.plan(tuple(keys))]
    for key in keys:
        found.append(build.cell(key, "fail" if key == failing else "pass", fingerprint=f"{key[0]}{key[2]}"))
        if key == failing:
            found.append(build.failure(key, script=SCRIPT, signature="creation.full: dtype of torch.full(size)"))
    return [*found, build.end(cells=len(keys), failures=1)]


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("single") / "index.html"
    page.write([page.Install("torch 2.13.0", one_run())], load(), path)
    return path


def test_search_filters_and_the_address(browser: playwright_api.Browser, single: Path) -> None:
    opened = open_page(browser, single)
    assert opened.rows == []
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("infers DTYPE bool")
    assert opened.rows == [CLAUSE.partition(".")[2]]
    assert opened.fragment == "#q=infers+DTYPE+bool"
    opened.page.fill("#search", "")
    opened.page.click('[data-state="F"]')
    assert opened.rows == [CLAUSE.partition(".")[2]]
    opened.page.select_option("#filter-device", "cpu")
    assert opened.rows == []
    assert "Nothing matches" in opened.page.inner_text("#found")
    opened.page.select_option("#filter-device", "cuda:0")
    assert opened.rows == [CLAUSE.partition(".")[2]]
    assert opened.fragment == "#state=F&device=cuda%3A0"
    again = open_page(browser, single, opened.fragment)
    assert again.rows == opened.rows
    assert again.page.input_value("#filter-device") == "cuda:0"
    assert again.page.get_attribute('[data-state="F"]', "aria-pressed") == "true"
    again.page.click("#reset")
    assert again.rows == []
    assert again.fragment == ""
    opened.quiet()
    again.quiet()


def test_only_differences_and_columns(browser: playwright_api.Browser, single: Path) -> None:
    opened = open_page(browser, single)
    opened.page.select_option("#filter-differ", "device")
    assert opened.rows == [CLAUSE.partition(".")[2]]
    opened.page.select_option("#filter-dtype", "float64")
    assert "No cells differ" in opened.page.inner_text("#found")
    opened.page.select_option("#filter-dtype", "")
    opened.page.select_option("#filter-columns", "dtype")
    heads = opened.page.locator("#cells thead th").all_inner_texts()
    assert {"int64", "float32", "float64"} <= set(heads)
    row = opened.page.locator("#cells tbody tr:not(.chapter)").first
    assert "F 1/2" in " ".join(row.locator("td").all_inner_texts())
    opened.quiet()


def test_a_clause_and_its_failure(browser: playwright_api.Browser, single: Path) -> None:
    opened = open_page(browser, single)
    opened.page.click("#causes a")
    dialog = opened.page.locator("#clause")
    text = " ".join(dialog.inner_text().split())
    clause = load().clauses[CLAUSE]
    for part in (
        clause.statement,
        f"{clause.level}, {clause.basis}",
        *clause.faults,
        "test_x.py::test_x",
        "expected 0",
    ):
        assert part in text
    assert "reproduced 3/3" in text
    assert "On the very same inputs P cpu int64" in text
    assert "stride [1]" in text
    assert dialog.locator(f'a[href="{clause.url}"]').count() == 1
    assert f"clause={CLAUSE}" in opened.fragment
    opened.page.keyboard.press("Escape")
    assert not dialog.is_visible()
    # The browser tells of the closing in a task of its own.
    playwright_api.expect(opened.page).not_to_have_url(re.compile("clause="))
    linked = open_page(browser, single, f"#clause={CLAUSE}")
    assert linked.page.locator("#clause").is_visible()
    unknown = open_page(browser, single, "#clause=%3Cimg%3E&columns=nothing&state=%00")
    assert "no clause <img>" in unknown.page.inner_text("#found")
    for each in (opened, linked, unknown):
        each.quiet()


@pytest.mark.parametrize("clipboard", [True, False])
def test_copying_from_the_file_system(browser: playwright_api.Browser, single: Path, *, clipboard: bool) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    opened = open_page(browser, single, f"#clause={CLAUSE}", permissions=permissions)
    if not clipboard:
        opened.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    buttons = opened.page.get_by_role("button", name="Copy:")
    assert buttons.count() == 3
    for number, begin in enumerate(("import torch\n", "```\n", "# A draft")):
        buttons.nth(number).click()
        opened.page.locator("#clause .copy [role=status]", has_text="copied").nth(number).wait_for()
        if clipboard:
            assert opened.page.evaluate("navigator.clipboard.readText()").startswith(begin)
        else:
            assert opened.page.evaluate("getSelection().toString()").startswith(begin)
    opened.quiet()


def test_two_runs_beside_each_other(browser: playwright_api.Browser, tmp_path: Path) -> None:
    other = [record for record in one_run("int32") if not isinstance(record, records.Failure)]
    fine = [
        build.cell((each.clause, each.device, each.dtype)) if isinstance(each, records.Cell) else each for each in other
    ]
    installs = [page.Install("torch 2.13.0", one_run()), page.Install("torch 2.8.0", fine)]
    page.write(installs, load(), tmp_path / "index.html")
    opened = open_page(browser, tmp_path / "index.html")
    assert opened.page.locator("#cells thead th").all_inner_texts()[1:] == ["torch 2.13.0", "torch 2.8.0"]
    opened.page.select_option("#filter-differ", "install")
    assert opened.rows == []
    opened.page.select_option("#filter-differ", "any")
    assert opened.rows == [CLAUSE.partition(".")[2]]
    opened.page.select_option("#filter-install", "torch 2.8.0")
    assert opened.rows == []
    opened.quiet()


def test_hostile_texts_are_shown_as_text(browser: playwright_api.Browser, tmp_path: Path) -> None:
    installs = [page.Install(HOSTILE, build.hostile(HOSTILE)), page.Install(HOSTILE, build.hostile("b" + HOSTILE))]
    page.write(installs, load(), tmp_path / "index.html", [page.Notice(HOSTILE, [HOSTILE])])
    opened = open_page(browser, tmp_path / "index.html")
    seen = "<script>window.hit=1</script>\"'><img src=x onerror=window.hit=2></script>\\u202eabc\\ud800\\x00{{7*7}}"
    assert seen in opened.page.inner_text(".notice")
    for link in opened.page.locator("#causes a").all():
        link.click()
        text = opened.page.inner_text("#clause")
        assert text.count(seen) > 10
        opened.page.keyboard.press("Escape")
    opened.page.fill("#search", "<script>")
    chapters = opened.page.locator("#cells .chapter button").all_inner_texts()
    assert sum("<script>" in chapter for chapter in chapters) > 1
    assert opened.page.locator("img, iframe, object, embed, form:not(#filters)").count() == 0
    opened.quiet()


def test_the_policy_stops_a_script_that_found_a_way_in(
    browser: playwright_api.Browser, single: Path, tmp_path: Path
) -> None:
    text = single.read_text(encoding="utf-8")
    way_in = '<script>window.hit=1</script><img src="x" onerror="window.hit=2"><style>h1{display:none}</style>'
    (tmp_path / "index.html").write_text(text.replace("<main>", f"<main>{way_in}"), encoding="utf-8")
    opened = open_page(browser, tmp_path / "index.html")
    opened.page.wait_for_timeout(200)
    assert opened.page.evaluate("window.hit") is None
    assert opened.page.is_visible("h1")
    assert opened.said


def test_without_scripts_the_verdict_is_readable(browser: playwright_api.Browser, single: Path) -> None:
    opened = open_page(browser, single, java_script_enabled=False)
    assert opened.page.is_visible("h1")
    assert "deviations" in opened.page.inner_text("#verdict")
    assert "is 1, expected 0" in opened.page.inner_text("#causes")
    opened.page.click("#causes summary")
    assert "assert torch.full" in opened.page.inner_text("#causes pre")
    assert opened.page.locator("#cells .chapter").count() > 0
    assert "specification" in opened.page.inner_text("#environment")
    assert not opened.page.is_visible("#filters")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(browser: playwright_api.Browser, single: Path, scheme: str) -> None:
    """Every letter and every quiet text has a ratio of at least 4.5 to what lies behind it."""
    opened = open_page(browser, single, color_scheme=scheme)
    pairs = opened.page.evaluate(
        """() => {
          const style = getComputedStyle(document.documentElement);
          const read = (name) => style.getPropertyValue(name).trim();
          const letters = [..."PFWUIVCN"].map((letter) => [read(`--${letter}-ink`), read(`--${letter}`)]);
          const plain = ["--ink", "--soft", "--link", "--good", "--bad", "--odd", "--broken"];
          const on = (back) => plain.map((name) => [read(name), read(back)]);
          return [...letters, ...on("--paper"), ...on("--raised")];
        }"""
    )

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for front, back in pairs:
        light, dark = sorted((luminance(front), luminance(back)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (front, back)


def test_keyboard_and_names(browser: playwright_api.Browser, single: Path) -> None:
    opened = open_page(browser, single)
    button = opened.page.locator("#cells .chapter button").first
    button.focus()
    opened.page.keyboard.press("Enter")
    assert opened.page.locator("#cells .chapter button").first.get_attribute("aria-expanded") == "true"
    assert opened.page.evaluate("document.activeElement.dataset.chapter") == "0"
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press("Enter")
    assert opened.page.locator("#clause").is_visible()
    assert opened.page.evaluate("document.activeElement.id") == "clause-title"
    for control in opened.page.locator("#filters input, #filters select").all():
        assert control.evaluate("element => element.labels.length") == 1
    assert opened.page.locator("h1").count() == 1
    opened.quiet()


def test_a_hundred_thousand_cells(browser: playwright_api.Browser, tmp_path: Path) -> None:
    keys = tuple((f"a.b.c{n // 100}", f"cuda:{n % 10}", f"dtype{n // 10 % 10}") for n in range(100_000))
    found = [build.run(), build.plan(keys), *(build.cell(key) for key in keys), build.end(cells=len(keys))]
    page.write([page.Install("many", found)], load(), tmp_path / "index.html")
    opened = open_page(browser, tmp_path / "index.html")
    assert opened.page.evaluate("document.querySelectorAll('*').length") < 3000
    opened.page.click("#cells .chapter button")
    assert opened.page.evaluate("document.querySelectorAll('*').length") < 20_000
    opened.page.locator("#cells tfoot button").click()
    assert len(opened.rows) == 500
    paint = json.loads(opened.page.evaluate("JSON.stringify(performance.getEntriesByName('first-contentful-paint'))"))
    assert paint[0]["startTime"] < 5000  # tests/benchmarks/page.py measures it
    opened.quiet()
