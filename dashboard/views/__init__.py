"""The pages of the menu, one file each."""
