"""Chapter data: its properties and their cases."""
