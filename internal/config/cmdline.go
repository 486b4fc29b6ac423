package config

import (
	"fmt"
	"strings"
)

// cmdline is the place of settings from there, as listconfigs shows it.
const cmdline = "cmdline"

// short are the options with one letter.
var short = map[string]string{"-h": "--help", "-V": "--version"}

// parseArgs splits the command line. lookup finds declared options; of an option that only a plugin
// may know, the next argument is taken for its value unless it starts with a dash.
func parseArgs(args []string, lookup func(string) *Option) ([]setting, error) {
	var settings []setting
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if long, ok := short[arg]; ok {
			arg = long
		}
		text, ok := strings.CutPrefix(arg, "--")
		if !ok || text == "" || text[0] == '=' {
			return nil, fmt.Errorf("command line: %q is not an option; options start with --", arg)
		}
		s := setting{place: cmdline}
		s.name, s.value, s.given = strings.Cut(text, "=")
		if !s.given && i+1 < len(args) && takesNext(lookup(s.name), args[i+1]) {
			i++
			s.value, s.given = args[i], true
		}
		settings = append(settings, s)
	}
	return settings, nil
}

func takesNext(o *Option, next string) bool {
	if o == nil {
		return !strings.HasPrefix(next, "-")
	}
	return o.Kind != Flag
}
