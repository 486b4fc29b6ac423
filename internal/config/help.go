package config

import (
	"fmt"
	"io"
)

// WriteHelp explains all declared options.
func (c *Config) WriteHelp(w io.Writer) error {
	if _, err := fmt.Fprint(w, "Usage: lightningd [--OPTION[=VALUE]]...\n\n",
		"Each option may also stand, without the dashes, in <lightning-dir>/config\n",
		"or <lightning-dir>/<network>/config, one a line.\n"); err != nil {
		return err
	}
	for _, group := range []Group{General, Logging, Policy, Net, Plugin, Developer} {
		if err := c.writeGroup(w, group); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) writeGroup(w io.Writer, group Group) error {
	title := fmt.Sprintf("\n%s:\n", group)
	for _, o := range c.now.Load().options {
		if o.Group != group && (group != Plugin || o.Plugin == "") {
			continue
		}
		name := "--" + o.Name
		if o.Kind != Flag {
			name += "=" + o.placeholder()
		}
		doc := o.Doc
		if d := c.defaultOf(o); d != "" && o.Kind != Conceal {
			doc += fmt.Sprintf(" (default: %s)", d)
		}
		if o.Multi {
			doc += "; may be given several times"
		}
		if _, err := fmt.Fprintf(w, "%s  %s\n        %s\n", title, name, doc); err != nil {
			return err
		}
		title = ""
	}
	return nil
}
