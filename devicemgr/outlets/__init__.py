"""Events that leave the box: an outbox for each outlet, which reads the record from a cursor of its own."""
