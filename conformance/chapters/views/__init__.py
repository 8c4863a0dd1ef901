"""Chapter views: its properties and their cases."""
