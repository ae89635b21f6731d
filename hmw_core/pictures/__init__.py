"""What pictures alone tell: brightness, contrast, duplicates."""
