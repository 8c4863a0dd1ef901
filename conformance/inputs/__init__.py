"""The way to draw cases: sizes, layouts, values, dimensions, indices."""
