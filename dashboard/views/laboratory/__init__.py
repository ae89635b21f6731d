"""Pages of the criterion laboratory."""
