"""Whether what was landed is still what it was: the audit chain, its witness, and bundles for others to check."""
