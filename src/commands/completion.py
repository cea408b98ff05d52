"""`aiwave completion`: shell completion of commands, groups, options and keys."""

from collections.abc import Sequence

from ..errors import AiwaveError
from . import COMMANDS

BASH = """_aiwave() {
  local IFS=$'\\n'
  COMPREPLY=($(aiwave completion query "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _aiwave aiwave"""

SHELLS = {"bash": BASH, "zsh": f"autoload -U bashcompinit && bashcompinit\n{BASH}"}

USAGE = 'aiwave completion bash (or zsh) prints code for the shell to run: eval "$(aiwave completion bash)".'


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    if arguments[:1] == ["query"]:
        print("\n".join(candidates(arguments[1:])))
    elif list(arguments) in [[shell] for shell in SHELLS]:
        print(SHELLS[arguments[0]])
    elif set(arguments) & {"-h", "--help"}:
        print(USAGE)
    else:
        raise AiwaveError(USAGE)


def candidates(words: Sequence[str]) -> list[str]:
    """Completions of the last of `words`, the command line after `aiwave`; none leaves it to the shell."""
    if len(words) < 2:
        return [f"{name} " for name in COMMANDS if name.startswith("".join(words))]
    if words[0] not in ("prepare", "data", "train", "evaluate", "anchors", "report"):
        return []
    return _of_configuration(words[0], words[1:])


def _of_configuration(name: str, words: Sequence[str]) -> list[str]:
    from hydra import initialize_config_module
    from hydra._internal.core_plugins.bash_completion import BashCompletion
    from hydra.core.global_hydra import GlobalHydra

    with initialize_config_module("aiwave.conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        return list(BashCompletion(loader)._query(config_name=name, line=" ".join(words)))
