"""The steps from suspects to corrected labels, one file each."""
