"""Lists of all people in few fields, for pages that keep them."""
