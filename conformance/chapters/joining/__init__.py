"""Chapter joining: its properties and their cases."""
