"""The terminal's side: commands as clients of the API, tables for people, JSON for programs."""
