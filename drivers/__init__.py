"""One file a device family; the file's name is the kind."""
