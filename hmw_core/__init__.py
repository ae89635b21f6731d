"""What training and dashboard agree on: the log, the margins, the criteria, losses and weights."""
