"""The rights and the whereabouts as they were, and requests judged again by other rights."""
