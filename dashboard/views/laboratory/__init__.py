"""Pages that compare criteria."""
