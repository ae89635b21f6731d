"""Parts of the page on which a class and its samples are looked at."""
