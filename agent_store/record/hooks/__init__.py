"""What the client calls at its events: each is recorded, and a few are answered from files that publishing left.

A hook is a process of its own and is waited for, so what runs here loads nothing but these files and what Python has in it.
"""
