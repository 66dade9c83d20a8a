"""Serves the published store to models, the terminal and other programs."""
