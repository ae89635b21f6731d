"""The page on which a class and its samples are looked at, part by part."""
