"""Code: git repositories and what agents read of them, as chunks and symbols. Start at `ingest.code.scan.scan_code`.

Nothing is imported here: who asks for vectors must not wait for a scan.
"""
