"""Alembic's environment: runs the migrations on the connection that Database hands over."""

from alembic import context

from devicemgr.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, transactional_ddl=True
)
context.run_migrations()
