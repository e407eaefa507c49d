"""Lists of all people as pages keep them: one edition for each revision, and what has changed since an older one."""
