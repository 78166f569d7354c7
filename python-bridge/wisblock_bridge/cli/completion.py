"""``wisblock-bridge completion``: a script that completes this command in bash or zsh.

1. The options come from the parser, by ``shtab``.
2. Names of modules, operations and parameters are those of the bridge's own modules, written into
   the script: completing asks no bridge and starts no Python.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wisblock_bridge.cli import arguments, parse_params
from wisblock_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Entry = Mapping[str, object]

MODULE, OPERATION, PARAMETER = "_wisblock_modules", "_wisblock_operations", "_wisblock_parameters"

BASH = """\
%(data)s
_wisblock_words() {
  # The module and the operation that were typed before this word.
  _wisblock_module= _wisblock_operation=
  local word IFS=$' \\t\\n'
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ -z $_wisblock_module ]]; then
      [[ " $_wisblock_names " == *" ${word^^} "* ]] && _wisblock_module=${word^^}
    elif [[ " $(_wisblock_of "$_wisblock_module") " == *" $word "* ]]; then
      _wisblock_operation=$word
    fi
  done
}
_wisblock_modules() {
  local IFS=$' \\t\\n'
  compgen -W "$_wisblock_names" -- "${1^^}"
}
_wisblock_operations() {
  local IFS=$' \\t\\n'
  _wisblock_words
  compgen -W "$(_wisblock_of "$_wisblock_module")" -- "$1"
}
_wisblock_parameters() {
  local IFS=$' \\t\\n'
  _wisblock_words
  compgen -W "$(_wisblock_params "$_wisblock_module" "$_wisblock_operation")" -- "$1"
}
_wisblock_complete() {
  _shtab_wisblock_bridge "$@"
  # A value follows at once.
  [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
"""

BASH_END = "complete -o bashdefault -F _wisblock_complete wisblock-bridge\n"

ZSH = """\
%(data)s
_wisblock_words() {
  _wisblock_module= _wisblock_operation=
  local word
  for word in "${(@)words[2,CURRENT-1]}"; do
    if [[ -z $_wisblock_module ]]; then
      [[ " $_wisblock_names " == *" ${(U)word} "* ]] && _wisblock_module=${(U)word}
    elif [[ " $(_wisblock_of "$_wisblock_module") " == *" $word "* ]]; then
      _wisblock_operation=$word
    fi
  done
}
_wisblock_modules() { compadd -M 'm:{a-z}={A-Z}' -- ${=_wisblock_names}; }
_wisblock_operations() {
  _wisblock_words
  compadd -- ${=$(_wisblock_of "$_wisblock_module")}
}
_wisblock_parameters() {
  _wisblock_words
  compadd -S '' -- ${=$(_wisblock_params "$_wisblock_module" "$_wisblock_operation")}
}
"""


def completion(options: argparse.Namespace) -> int:
    """Print the script for a shell."""
    sys.stdout.write(script(options.shell))
    return 0


def script(shell: str) -> str:
    """Return the script for a shell.

    Args:
        shell: "bash" or "zsh".

    Raises:
        ConfigError: The package that makes it is not installed.
    """
    try:
        import shtab  # noqa: PLC0415  (an extra)
    except ImportError:
        raise ConfigError(
            "The package shtab is missing. Install it with "
            "`pip install 'wisblock-bridge[completion]'`."
        ) from None
    parser = arguments.build_parser()
    _mark(parser, shtab.FILE)
    preamble = {"bash": BASH, "zsh": ZSH}[shell] % {"data": _data()}
    text: str = shtab.complete(parser, shell=shell, preamble=preamble)
    return f"{text.rstrip()}\n{BASH_END if shell == 'bash' else ''}"


def _mark(parser: argparse.ArgumentParser, file: object) -> None:
    """Say how arguments are completed, in all commands."""
    functions = {"module": MODULE, "operation": OPERATION, "params": PARAMETER}
    for action in parser._actions:  # noqa: SLF001  (there is no other way to see them)
        marked: Any = action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for each in action.choices.values():
                _mark(each, file)
        elif action.dest in functions:
            marked.complete = dict.fromkeys(arguments.SHELLS, functions[action.dest])
            if action.nargs == "?" and action.dest != "params":
                action.nargs = None  # one word each, so that the next one gets its turn
        elif action.type is Path:
            marked.complete = file
        elif action.type is arguments.place and action.choices is None:
            action.choices = ("1", "2", "board")


def _data() -> str:
    """Return shell functions that know modules, operations and parameters."""
    from wisblock_bridge.modules import registry  # noqa: PLC0415  (imports all modules)

    modules = parse_params.entries(registry.load_own().data, "modules")
    names = " ".join(str(each["name"]) for each in modules)
    lines = [f"_wisblock_names='{names}'", "_wisblock_of() {", "  case $1 in"]
    lines += [f"    {each['name']}) echo '{' '.join(_entry_names(each))}' ;;" for each in modules]
    lines += ["  esac", "}", "_wisblock_params() {", "  case $1/$2 in"]
    for each in modules:
        for kind in ("operations", "events"):
            for entry in parse_params.entries(each, kind):
                params = [f"{param['name']}=" for param in parse_params.entries(entry, "params")]
                if params:
                    lines.append(
                        f"    {each['name']}/{entry['name']}) echo '{' '.join(params)}' ;;"
                    )
    return "\n".join([*lines, "  esac", "}"])


def _entry_names(module: Entry) -> list[str]:
    return [
        str(entry["name"])
        for kind in ("operations", "events")
        for entry in parse_params.entries(module, kind)
    ]
