"""Pages that find and mend wrong labels."""
