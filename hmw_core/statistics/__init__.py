"""Statistics of plain arrays: intervals, mixtures, modes."""
