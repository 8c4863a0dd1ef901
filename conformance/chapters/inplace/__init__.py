"""Chapter inplace: its properties and their cases."""
