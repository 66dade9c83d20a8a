"""What serves the published store: to models, to the terminal, to other programs."""
