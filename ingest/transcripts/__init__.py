"""Transcripts: `kinds` classifies a file by its path, `discover` finds the files and their changes."""
