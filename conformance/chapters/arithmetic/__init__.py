"""Chapter arithmetic: its properties and their cases."""
