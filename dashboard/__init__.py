"""Show, compare and export what a training has logged."""
