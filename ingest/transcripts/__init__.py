"""Transcripts: `kinds` tells a file by its path, `discover` finds the files and what has changed."""
