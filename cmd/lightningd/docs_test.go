package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fulmen/internal/command"
	"fulmen/internal/config"
	"fulmen/plugins/autoclean/autoclean"
	"fulmen/plugins/bookkeeper/bookkeeper"
	"fulmen/plugins/pay/pay"
	"fulmen/plugins/sql/sql"
	"fulmen/plugins/topology/topology"
)

//go:generate go test -count=1 -run ^TestDocs -update .

// What is written about options and commands follows from their tables. With -update these tests
// write it, without they fail where it differs.
var update = flag.Bool("update", false, "write generated documents and golden files")

// root is the folder of the checkout.
var root = filepath.Join("..", "..")

// golden compares a file with what it should be, or makes it so.
func golden(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date; write it with: go test ./cmd/lightningd -update", path)
	}
}

// allCommands are lightningd's, and those of the plugins that come with it.
func allCommands() *command.Table {
	t := commandTable()
	t.Add(topology.New().Commands()...)
	t.Add(pay.New(pay.Config{}).Commands()...)
	t.Add(autoclean.New(autoclean.Config{}).Commands()...)
	t.Add(sql.New().Commands()...)
	t.Add(bookkeeper.New().Commands()...)
	return t
}

// TestDocsManPages holds docs/man to the command table: one page a command, and no other.
func TestDocsManPages(t *testing.T) {
	pages := allCommands().ManPages()
	dir := filepath.Join(root, "docs", "man")
	for name, text := range pages {
		golden(t, filepath.Join(dir, name), []byte(text))
	}
	found, err := filepath.Glob(filepath.Join(dir, "lightning-*.7.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if _, ok := pages[filepath.Base(path)]; ok {
			continue
		}
		if *update {
			err = os.Remove(path)
		} else {
			err = fmt.Errorf("%s explains no command", path)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// TestDocsManIndex holds the list of all pages to the command table.
func TestDocsManIndex(t *testing.T) {
	table := allCommands()
	var b strings.Builder
	b.WriteString("# Manual pages\n\nGenerated from the command table. In a running node, `lightning-cli help COMMAND` shows the same.\n\n" +
		"- [lightningd(8)](lightningd.8.md): the node, and all of its options\n" +
		"- [lightning-cli(1)](lightning-cli.1.md): commands from a shell\n" +
		"- [lightning-hsmtool(8)](lightning-hsmtool.8.md): the file that all keys follow from\n\n" +
		"| command | what it does |\n|---|---|\n")
	for _, name := range table.Names() {
		c, err := table.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "| [%s](lightning-%s.7.md) | %s |\n", name, name, c.Short)
	}
	golden(t, filepath.Join(root, "docs", "man", "README.md"), []byte(b.String()))
}

// TestDocsCompatibilityNamesAllCommands holds the list in docs/compatibility.md to the command table.
func TestDocsCompatibilityNamesAllCommands(t *testing.T) {
	_, rest, _ := strings.Cut(readText(t, filepath.Join(root, "docs", "compatibility.md")), "table below says: `")
	list, _, _ := strings.Cut(rest, "`")
	if got, want := strings.Fields(list), allCommands().Names(); !slices.Equal(got, want) {
		t.Errorf("docs/compatibility.md lists %q, the commands are %q", got, want)
	}
}

func TestDocsBashCompletion(t *testing.T) {
	script := allCommands().BashCompletion()
	golden(t, filepath.Join(root, "contrib", "lightning-cli.bash-completion"), []byte(script))
	if out, err := exec.Command("bash", "-n", filepath.Join(root, "contrib", "lightning-cli.bash-completion")).CombinedOutput(); err != nil {
		t.Errorf("bash does not read the script: %v\n%s", err, out)
	}
}

// Between these lines of lightningd.8.md stands what is generated.
const (
	optionsBegin = "<!-- options: generated, do not edit -->\n"
	optionsEnd   = "<!-- end of options -->\n"
)

// withOptions are the plugins that come with the node and have options.
var withOptions = []string{"bcli", "autoclean", "backup"}

// TestDocsOptions holds the options in lightningd's page to the tables of lightningd and of its plugins.
func TestDocsOptions(t *testing.T) {
	path := filepath.Join(root, "docs", "man", "lightningd.8.md")
	before, rest, ok := strings.Cut(readText(t, path), optionsBegin)
	_, after, closed := strings.Cut(rest, optionsEnd)
	if !ok || !closed {
		t.Fatalf("%s: no lines %q and %q", path, optionsBegin, optionsEnd)
	}
	options := config.Core()
	for _, name := range withOptions {
		options = append(options, pluginOptions(t, name)...)
	}
	golden(t, path, []byte(before+optionsBegin+describeOptions(options)+optionsEnd+after))
}

// describeOptions is one list a group, in the order of --help.
func describeOptions(options []*config.Option) string {
	var b strings.Builder
	for _, group := range []config.Group{config.General, config.Logging, config.Policy, config.Net, config.Plugin, config.Developer} {
		title := string(group)
		if group == config.Plugin {
			title = "Plugins, and those of the plugins that come with the node"
		}
		fmt.Fprintf(&b, "\n### %s\n\n", title)
		for _, o := range options {
			if o.Group == group {
				fmt.Fprintf(&b, "- **%s**: %s%s\n", synopsis(o), o.Doc, remarks(o))
			}
		}
	}
	return b.String() + "\n"
}

func synopsis(o *config.Option) string {
	values := map[config.Kind]string{
		config.String: "TEXT", config.Conceal: "SECRET", config.Int: "NUMBER", config.Bool: "true|false", config.Msat: "AMOUNT",
	}
	if value, ok := values[o.Kind]; ok {
		return o.Name + "=" + value
	}
	return o.Name
}

// remarks are what the table says beside the explanation.
func remarks(o *config.Option) string {
	var list []string
	if o.Default != "" && o.Kind != config.Conceal {
		list = append(list, "default "+o.Default)
	}
	if o.TestDefault != "" {
		list = append(list, o.TestDefault+" where coins are worth nothing")
	}
	if o.Multi {
		list = append(list, "may be given several times")
	}
	if o.Early {
		list = append(list, "only on the command line")
	}
	if list == nil {
		return ""
	}
	return " (" + strings.Join(list, "; ") + ")"
}

// TestDocsOptionsWithoutEffect wants each option to be used, or to be named by docs/compatibility.md as one
// that has no effect.
func TestDocsOptionsWithoutEffect(t *testing.T) {
	page := readText(t, filepath.Join(root, "docs", "compatibility.md"))
	_, table, _ := strings.Cut(page, "These alone are taken and have no effect:")
	table, _, _ = strings.Cut(table, "\n#")
	code := sourceText(t, ".") + sourceText(t, filepath.Join(root, "internal", "config"))
	for _, o := range config.Core() {
		if !strings.Contains(code, `"`+o.Name+`"`) && !isNetworkFlag(o.Name) && !strings.Contains(table, "`"+o.Name+"`") {
			t.Errorf("option %s: nothing uses it, and docs/compatibility.md does not say so", o.Name)
		}
	}
}

func isNetworkFlag(name string) bool {
	_, err := config.FindNetwork(name)
	return err == nil
}

// sourceText is the code of a folder but for its tests and the table of options.
func sourceText(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "core.go" {
			continue
		}
		b.WriteString(readText(t, path))
	}
	return b.String()
}

// pluginOptions asks a plugin itself for its manifest, as lightningd does.
func pluginOptions(t *testing.T, name string) []*config.Option {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-o", program, "fulmen/plugins/"+name).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "LIGHTNINGD_PLUGIN=1")
	cmd.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"getmanifest","params":{}}` + "\n\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ask %s: %v", name, err)
	}
	var reply struct {
		Result struct {
			Options []struct {
				Name, Type, Description string
				Default                 any
			}
		}
	}
	if err := json.Unmarshal(out, &reply); err != nil {
		t.Fatalf("manifest of %s: %v\n%s", name, err, out)
	}
	var options []*config.Option
	for _, o := range reply.Result.Options {
		kinds := map[string]config.Kind{"string": config.String, "string-conceal": config.Conceal, "int": config.Int, "bool": config.Bool, "flag": config.Flag}
		kind, ok := kinds[o.Type]
		if !ok {
			t.Fatalf("%s: option %s is of type %q", name, o.Name, o.Type)
		}
		option := &config.Option{Name: o.Name, Kind: kind, Group: config.Plugin, Doc: strings.ToUpper(o.Description[:1]) + o.Description[1:]}
		if o.Default != nil {
			option.Default = fmt.Sprint(o.Default)
		}
		options = append(options, option)
	}
	return options
}

// TestDocsDependencies holds docs/dependencies.md to the modules that our packages import.
func TestDocsDependencies(t *testing.T) {
	page := readText(t, filepath.Join(root, "docs", "dependencies.md"))
	const imports = `{{join .Imports "\n"}}{{"\n"}}{{join .TestImports "\n"}}{{"\n"}}{{join .XTestImports "\n"}}`
	packages := goList(t, "-e", "-f", imports, "fulmen/...")
	packages = slices.DeleteFunc(packages, func(p string) bool {
		first, _, _ := strings.Cut(p, "/")
		return !strings.Contains(first, ".")
	})
	modules := goList(t, append([]string{"-f", "{{.Module.Path}}"}, packages...)...)
	modules = append(modules, "github.com/btcsuite/btcd", "honnef.co/go/tools")
	for _, m := range modules {
		if !strings.Contains(page, "| `"+m+"` |") {
			t.Errorf("docs/dependencies.md does not say why %s is used", m)
		}
	}
	for line := range strings.Lines(page) {
		name, _, found := strings.Cut(strings.TrimPrefix(line, "| `"), "` |")
		if found && !slices.Contains(modules, name) {
			t.Errorf("docs/dependencies.md names %s, which nothing imports", name)
		}
	}
}

// goList returns the different lines that go list prints.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	lines := strings.Fields(string(out))
	slices.Sort(lines)
	return slices.Compact(lines)
}
