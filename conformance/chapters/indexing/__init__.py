"""Chapter indexing: its properties and their cases."""
