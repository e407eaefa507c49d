"""The durable store; the only package that imports SQLAlchemy, and `sqlite` the only module that knows SQLite."""
