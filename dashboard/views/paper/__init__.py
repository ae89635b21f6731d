"""Pages of the paper's figures."""
