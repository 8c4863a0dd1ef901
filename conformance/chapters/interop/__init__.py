"""Chapter interop: its properties and their cases."""
