"""Reports but the page: terminal, JUnit, CI job, grid, pytest-html."""
