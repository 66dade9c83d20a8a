"""Damaged logs: what disks, clients, people and time do to transcripts, made from a seed (see `damages`)."""
