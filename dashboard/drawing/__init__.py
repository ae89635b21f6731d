"""What every figure is drawn with: marks and their two renderers, style, text, clouds, fans."""
