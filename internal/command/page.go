package command

import (
	"fmt"
	"strings"
)

// Text is the explanation for a terminal.
func (c *Command) Text() string {
	w := pageWriter{}
	w.heading = func(s string) { fmt.Fprintf(&w.b, "\n%s\n\n", strings.ToUpper(s)) }
	w.strong = func(s string) string { return s }
	fmt.Fprintf(&w.b, "%s - %s\n", c.Name, c.Short)
	w.body(c)
	return w.b.String()
}

// ManPage is the explanation in Markdown, for docs/man/lightning-NAME.7.md.
func (c *Command) ManPage() string {
	w := pageWriter{}
	w.heading = func(s string) { fmt.Fprintf(&w.b, "\n## %s\n\n", s) }
	w.strong = func(s string) string { return "**" + s + "**" }
	fmt.Fprintf(&w.b, "# lightning-%s(7): %s\n", c.Name, c.Short)
	w.body(c)
	return w.b.String()
}

// ManPages are the pages of all commands by file name.
func (t *Table) ManPages() map[string]string {
	pages := make(map[string]string, len(t.commands))
	for name, c := range t.commands {
		pages["lightning-"+name+".7.md"] = c.ManPage()
	}
	return pages
}

// pageWriter writes one page in either form.
type pageWriter struct {
	b       strings.Builder
	heading func(string)
	strong  func(string) string
}

func (w *pageWriter) body(c *Command) {
	w.heading("Synopsis")
	fmt.Fprintf(&w.b, "    %s\n", c.Usage())
	if c.Long != "" {
		w.heading("Description")
		fmt.Fprintln(&w.b, strings.TrimSpace(c.Long))
	}
	if len(c.Params) > 0 {
		w.heading("Parameters")
		for _, p := range c.Params {
			w.param(p)
		}
	}
	if len(c.Results) > 0 {
		w.heading("Result")
		w.results(c.Results, "")
	}
	w.errors(c.Errors)
	if len(c.SeeAlso) > 0 {
		w.heading("See also")
		pages := make([]string, len(c.SeeAlso))
		for i, name := range c.SeeAlso {
			pages[i] = "lightning-" + name + "(7)"
		}
		fmt.Fprintln(&w.b, strings.Join(pages, ", "))
	}
}

func (w *pageWriter) param(p Param) {
	kind := p.Kind
	switch {
	case p.Required:
		kind += ", required"
	case p.Default != "":
		kind += ", default " + p.Default
	}
	fmt.Fprintf(&w.b, "- %s (%s)%s\n", w.strong(p.Name), kind, sentence(p.Doc))
}

func (w *pageWriter) results(list []Result, indent string) {
	for _, r := range list {
		kind := r.Kind
		if r.Optional {
			kind += ", optional"
		}
		fmt.Fprintf(&w.b, "%s- %s (%s)%s\n", indent, w.strong(r.Name), kind, sentence(r.Doc))
		w.results(r.Members, indent+"  ")
	}
}

func (w *pageWriter) errors(list []Failure) {
	if len(list) == 0 {
		return
	}
	w.heading("Errors")
	for _, e := range list {
		fmt.Fprintf(&w.b, "- %s%s\n", w.strong(fmt.Sprint(int(e.Code))), sentence(e.When))
	}
}

func sentence(doc string) string {
	if doc == "" {
		return ""
	}
	return ": " + doc
}
