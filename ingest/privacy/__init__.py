"""Secrets in what is landed: found by the rules of a seed, replaced by marks."""
