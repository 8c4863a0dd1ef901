"""Chapter dtypes: its properties and their cases."""
