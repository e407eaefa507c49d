"""Groups of people, and the rights that follow from them."""
