"""The pages, one file each, and `blocks`, what they are made of."""
