/** The command `completion`: the scripts by which shells ask this program for words (`complete`). */
import type { CompletionOptions } from '../cli/command-options.js'
import type { Io } from './io.js'

/** @returns the exit code */
export async function completion({ shell }: CompletionOptions, { print, program }: Io): Promise<number> {
  await print(program === 'kubectl active-passive' ? BY_KUBECTL : SCRIPTS[shell])
  return 0
}

/** A plugin is no command of the shell. All three shells read this as comments. */
const BY_KUBECTL = `# kubectl completes its plugins itself, once its own completion is set up (kubectl completion --help):
# it runs kubectl_complete-active_passive, which has to be on PATH. npm installs it beside the plugin.
# Where it is missing, as after krew, an executable file of that name with these two lines does the same:
#   #!/bin/sh
#   exec kubectl active-passive __complete "$@"
`

const BASH = `# active-passive completion for bash: source <(active-passive completion bash)
_active_passive() {
  local words=() n word out line last=\${COMP_WORDS[COMP_CWORD]}
  # bash has split --output=json into three words.
  for ((n = 1; n <= COMP_CWORD; n++)); do
    word=\${COMP_WORDS[n]}
    if ((n > 1)) && [[ $word == "=" || \${COMP_WORDS[n - 1]} == "=" ]]; then
      words[\${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
  done
  [[ $last == "=" ]] && last=
  word=\${words[\${#words[@]}-1]}
  out=$(active-passive __complete "\${words[@]}" 2>/dev/null) || return
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :0) compopt -o default 2>/dev/null ;;
      :*) ;;
      *)
        line=\${line%%$'\\t'*}
        COMPREPLY+=("\${line:\${#word}-\${#last}}")
        ;;
    esac
  done <<<"$out"
}
complete -F _active_passive active-passive
`

const ZSH = `#compdef active-passive
# active-passive completion for zsh: source <(active-passive completion zsh), or a file _active-passive in fpath
_active_passive() {
  local line tab=$'\\t'
  local -a lines choices
  lines=("\${(@f)$(active-passive __complete "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  for line in $lines; do
    case $line in
      :0) _files; return ;;
      :*) ;;
      *$tab*) choices+=("\${\${line%%$tab*}//:/\\\\:}:\${line#*$tab}") ;;
      *) choices+=("\${line//:/\\\\:}") ;;
    esac
  done
  _describe active-passive choices
}
if [ "$funcstack[1]" = "_active_passive" ]; then
  _active_passive
else
  compdef _active_passive active-passive
fi
`

const FISH = `# active-passive completion for fish: active-passive completion fish | source
function __active_passive_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l lines (active-passive __complete $words[2..-1] "$last" 2>/dev/null)
    if test "$lines[-1]" = ":0"
        __fish_complete_path "$last"
    else
        string match -v -- ':*' $lines
    end
end
complete -c active-passive -f -a '(__active_passive_complete)'
`

const SCRIPTS: Readonly<Record<CompletionOptions['shell'], string>> = { bash: BASH, zsh: ZSH, fish: FISH }
