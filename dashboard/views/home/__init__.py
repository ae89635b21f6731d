"""Parts of the pages that list, train and compare runs."""
