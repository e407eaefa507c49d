"""A simulated Dahua (Intelbras) face terminal, as docs/drivers/dahua_console.md describes one."""
