"""The tabs that compare criteria, one file each."""
