"""What a page shows, prepared without widgets."""
