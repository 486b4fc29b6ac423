package profiles

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fulmen/tests/harness"
)

// contrib is a folder of the checkout's contrib.
func contrib(t *testing.T, name string) string {
	t.Helper()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "contrib", name)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// programs are all that the checkout builds.
func programs(t *testing.T) []string {
	t.Helper()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	mains, err := filepath.Glob(filepath.Join(root, "cmd", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	plugins, err := filepath.Glob(filepath.Join(root, "plugins", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, main := range append(mains, plugins...) {
		names = append(names, filepath.Base(filepath.Dir(main)))
	}
	if len(names) < 8 {
		t.Fatalf("found only %v", names)
	}
	return names
}

// byPeople are the programs that lightningd does not start.
var byPeople = []string{"lightningd", "lightning-cli", "lightning-hsmtool"}

// withAnother are the programs that share the profile of another, as they may do the same.
var withAnother = map[string]string{"autoclean": "pay"}

// maxTransitions is how many other profiles one can name (apparmor_parser: "too many specified profile transitions").
const maxTransitions = 12

func TestEveryProgramHasAppArmorProfile(t *testing.T) {
	dir := contrib(t, "apparmor")
	master := read(t, filepath.Join(dir, "lightningd"))
	if n := strings.Count(master, " mrpix -> &"); n > maxTransitions {
		t.Errorf("lightningd names %d profiles, at most %d can be", n, maxTransitions)
	}
	for _, name := range programs(t) {
		path := "/" + name
		if other := withAnother[name]; other != "" {
			name = other
		}
		profile := read(t, filepath.Join(dir, name))
		if slices.Contains(byPeople, name) {
			if want := "profile fulmen-" + name + " @{fulmen_bin}/" + name + " {"; !strings.Contains(profile, want) {
				t.Errorf("%s: no %q", name, want)
			}
			continue
		}
		// A path of its own would make the kernel choose it instead of stacking it.
		if want := "profile fulmen-" + name + " {"; !strings.Contains(profile, want) {
			t.Errorf("%s: no %q", name, want)
		}
		for other, with := range withAnother {
			if with == name {
				path = "/{" + other + "," + name + "}"
			}
		}
		if want := path + " mrpix -> &fulmen-" + name + ","; !strings.Contains(master, want) {
			t.Errorf("lightningd: no %q", want)
		}
	}
}

func TestEveryProgramHasSELinuxType(t *testing.T) {
	dir := contrib(t, "selinux")
	contexts, rules := read(t, filepath.Join(dir, "fulmen.fc")), read(t, filepath.Join(dir, "fulmen.te"))
	for _, name := range programs(t) {
		domain := strings.TrimPrefix(name, "lightning-")
		if name == "lightning-hsmtool" {
			continue // the operator's, in the operator's domain
		}
		if want := "object_r:fulmen_" + domain + "_exec_t"; !strings.Contains(contexts, "/"+name+"\t--") || !strings.Contains(contexts, want) {
			t.Errorf("fulmen.fc: no %s for %s", want, name)
		}
		declared := strings.Contains(rules, "fulmen_child_template("+domain+")") || strings.Contains(rules, "type fulmen_"+domain+"_t;")
		if !declared {
			t.Errorf("fulmen.te: no domain for %s", name)
		}
	}
}
