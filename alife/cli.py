"""The command line: `alife search | resume | run | replay | export | caption | embed | list | check ...`.

Heavy modules are imported inside the commands, so that `alife list` and `--help` answer at once.
"""

from __future__ import annotations

import os
import signal
import sys

import click

from . import commands
from .errors import AlifeError, suggest


class Commands(click.Group):
    """The built-in commands, and those that plugins bring."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted({*super().list_commands(ctx), *self._plugged()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A built-in command, else one of a plugin."""
        return super().get_command(ctx, cmd_name) or self._plugged().get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with near names when there is no such command."""
        if args and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(
                f"no command is called {args[0]!r}; {suggest(args[0], self.list_commands(ctx))}", ctx
            )
        return super().resolve_command(ctx, args)

    def _plugged(self) -> dict[str, click.Command]:
        from .registry import default_registry

        return default_registry().commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="alife")
def cli() -> None:
    """Search artificial worlds for life, keep what is found, and show it.

    Start with `alife search`: two minutes of Lenia, then a contact sheet.
    """


for command in commands.BUILT_IN:
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: every expected failure is one line after `error:` and exit code 2; Ctrl-C exits with 130."""
    sys.exit(run_command(sys.argv[1:] if arguments is None else arguments))


def run_command(arguments: list[str]) -> int:
    """The exit code of one command."""
    try:
        code = cli.main(arguments or ["--help"], prog_name="alife", standalone_mode=False)
    except click.ClickException as error:
        return fail(error.format_message(), error.exit_code if not isinstance(error, click.FileError) else 2)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except AlifeError as error:
        return fail(str(error))
    except BrokenPipeError:  # the reader of our output has gone, as in `alife list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return fail(f"{error.strerror or error}{where}; make room or choose another place, then try again")
    return code if isinstance(code, int) else 0


def fail(message: str, code: int = 2) -> int:
    """Say what went wrong, on one stream, in one form."""
    print(f"error: {message}", file=sys.stderr)
    return code
