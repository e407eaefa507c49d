"""How the files of tables are written: encodings, delimiters and workbooks."""
