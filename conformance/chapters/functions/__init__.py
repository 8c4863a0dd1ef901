"""Chapter functions: its properties and their cases."""
