"""What figures are drawn with: style, text, panels, clouds, globes."""
