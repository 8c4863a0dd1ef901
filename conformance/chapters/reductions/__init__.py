"""Chapter reductions: its properties and their cases."""
