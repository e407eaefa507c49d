"""The template of the udev rules, as package data: in a checkout and in a wheel it is found in the same way."""
