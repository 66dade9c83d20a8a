"""The programs that the client calls at its events: each event is recorded, and a few are answered from files written
at publish.

A hook is a separate process that the client waits for, so the code here loads only these files and Python's built-in
modules.
"""
