"""Pages that find, judge and correct wrong labels."""
