"""Tells people: result records, verdict, JUnit XML, HTML and terminal summaries."""
