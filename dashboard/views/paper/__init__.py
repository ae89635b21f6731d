"""The tabs of the paper's figures, one file each."""
