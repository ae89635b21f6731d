"""The pages of the menu: each is a bar, a sentence and its tabs."""
