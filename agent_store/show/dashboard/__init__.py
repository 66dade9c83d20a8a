"""The dashboard: one HTML file that shows what the published store says, and asks nobody for anything."""
