"""What every figure is drawn with: style, text, panels, clouds, globes."""
