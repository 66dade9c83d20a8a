"""Proof that landed lines were not changed: the audit chain, its witness, and bundles that others can check."""
