"""Write the manual page of the installed command: ENVIRONMENT/bin/python packaging/man_page.py FILE"""

import sys
from pathlib import Path

from typer.main import get_command

from cli import app
from devicemgr.cli.man_page import man_page

if len(sys.argv) != 2:
    sys.exit("usage: man_page.py FILE")
Path(sys.argv[1]).write_text(man_page(get_command(app)), encoding="utf-8")
