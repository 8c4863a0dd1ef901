"""Chapter graph: its properties and their cases."""
