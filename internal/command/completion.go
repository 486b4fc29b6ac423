package command

import (
	"fmt"
	"strings"
)

// BashCompletion is the script for contrib/lightning-cli.bash-completion: it completes commands, the
// names of their parameters after -k, and enumerated values.
func (t *Table) BashCompletion() string {
	var b strings.Builder
	b.WriteString("# bash completion for lightning-cli. Generated from the command table; do not edit.\n\n")
	b.WriteString("_lightning_cli_parameters() {\n\tcase \"$1\" in\n")
	for _, name := range t.Names() {
		if words := completionWords(t.commands[name]); words != "" {
			fmt.Fprintf(&b, "\t%s) echo \"%s\" ;;\n", name, words)
		}
	}
	b.WriteString("\tesac\n}\n\n")
	fmt.Fprintf(&b, completionFunction, strings.Join(t.Names(), " "))
	return b.String()
}

// completionWords are NAME= for each parameter, or NAME=VALUE for each of its values.
func completionWords(c *Command) string {
	var words []string
	for _, p := range c.Params {
		if len(p.Enum) == 0 {
			words = append(words, p.Name+"=")
		}
		for _, value := range p.Enum {
			words = append(words, p.Name+"="+value)
		}
	}
	return strings.Join(words, " ")
}

const completionFunction = `_lightning_cli() {
	# bash takes NAME=VALUE apart at the "=": here it is one word.
	local line=${COMP_LINE:0:COMP_POINT} current= command= word
	local -a words
	read -ra words <<<"$line"
	if [[ $line != *" " ]]; then
		current=${words[-1]}
		unset "words[-1]"
	fi
	for word in "${words[@]:1}"; do
		case "$word" in
		-*) ;;
		*) command=$word; break ;;
		esac
	done
	COMPREPLY=()
	if [ -z "$command" ]; then
		COMPREPLY=($(compgen -W "%[1]s" -- "$current"))
	elif [ "$command" = help ] || [ "$command" = check ]; then
		COMPREPLY=($(compgen -W "%[1]s" -- "$current"))
	else
		COMPREPLY=($(compgen -W "$(_lightning_cli_parameters "$command")" -- "$current"))
		[[ ${COMPREPLY-} == *= ]] && compopt -o nospace
		# What stands before the "=" is on the line already.
		[[ $current == *=* ]] && COMPREPLY=("${COMPREPLY[@]#*=}")
	fi
}

complete -F _lightning_cli lightning-cli
`
