"""Numbers of cards: formats, frames of readers, layouts of bits and notations."""
