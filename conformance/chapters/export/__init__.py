"""Chapter export: its properties and their cases."""
