"""What other programs wrote, read: delimited text, arrays, pickles, columns of labels."""
