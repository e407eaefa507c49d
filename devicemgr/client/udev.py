"""`devicemgr udev …`"""

import typer

from devicemgr.client.output import emit
from devicemgr.client.session import session
from devicemgr.errors import NotFound

app = typer.Typer(no_args_is_help=True, help="Names that stay for serial devices.")


@app.command("rules")
def rules() -> None:
    """Print the rules template for /etc/udev/rules.d/70-devicemgr.rules."""
    template = session().load_parts().udev_template
    if template is None or not template.is_file():
        raise NotFound("the rules template is not installed; install devicemgr anew")
    text = template.read_text(encoding="utf-8")
    if not emit({"file": template.name, "rules": text}):
        typer.echo(text, nl=False)
