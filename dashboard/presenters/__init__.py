"""The tables and sentences of a page, prepared without widgets."""
