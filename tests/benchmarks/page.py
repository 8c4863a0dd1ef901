"""How long the page of 100,000 cells takes to write, and to its first paint in Chromium; run as a script."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from torch_conformance.reports import page
from torch_conformance.reports.records import model as records
from torch_conformance.spec import load

sys.path.insert(0, str(Path(__file__).parent.parent / "reports"))
import record_builders as build

CELLS = 100_000
FAILURES = 300


def run_of(cells: int) -> list[records.Record]:
    """Return a run over ten devices and ten dtypes, some of it failing, with a distance per cell."""
    keys = tuple((f"a{n // 10_000}.b.c{n // 100}", f"cuda:{n % 10}", f"dtype{n // 10 % 10}") for n in range(cells))
    found: list[records.Record] = [build.run(), build.plan(keys)]
    for number, key in enumerate(keys):
        fails = number % (cells // FAILURES) == 0
        worst = [records.WorstError(operation=key[0], ulp=0.5, bound=1.0, input="element 0")]
        found.append(build.cell(key, "fail" if fails else "pass", fingerprint=f"{number:016x}", worst=worst))
        if fails:
            found.append(build.failure(key, script="import torch\n" * 200))
    return [*found, build.end(cells=cells, failures=FAILURES)]


def main() -> None:
    """Print the figures."""
    found = run_of(CELLS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "index.html"
        began = time.perf_counter()
        page.write([page.Install("many", found)], load(), path)
        print(f"write: {time.perf_counter() - began:.2f} s, {path.stat().st_size / 1e6:.1f} MB")  # noqa: T201
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(3):
            opened = browser.new_page()
            opened.goto(path.as_uri())
            paint, ready, nodes = opened.evaluate(
                "[performance.getEntriesByName('first-contentful-paint')[0].startTime,"
                " performance.timing.domContentLoadedEventEnd - performance.timing.navigationStart,"
                " document.querySelectorAll('*').length]"
            )
            began = time.perf_counter()
            opened.locator("#cells .chapter button").first.click()
            opened.locator("#cells tbody tr:not(.chapter) a").first.click()
            opened.locator("#clause h2").wait_for()
            clicks = time.perf_counter() - began
            said = f"first paint {paint:.0f} ms, interactive {ready:.0f} ms, {nodes} elements"
            print(f"{said}; a chapter and a clause {clicks:.2f} s")  # noqa: T201
            opened.close()
        browser.close()


if __name__ == "__main__":
    main()
