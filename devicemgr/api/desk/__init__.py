"""The desk's files, served to browsers."""
