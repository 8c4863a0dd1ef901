"""Chapter creation: its properties and their cases."""
