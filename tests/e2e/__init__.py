"""The real client, offline: it talks to a server of this folder that plays what the model says."""
