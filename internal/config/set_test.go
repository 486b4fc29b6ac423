package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestSetAndKeep(t *testing.T) {
	dir := home(t, map[string]string{
		".lightning/config":         "min-capacity-sat=1\nregtest",
		".lightning/regtest/config": "alias=x\n  min-capacity-sat = 2\n",
	})
	load := func() *Config {
		t.Helper()
		c, err := Load(nil, dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Declare(&Option{Name: "many", Multi: true, Dynamic: true}, &Option{Name: "on", Kind: Flag, Dynamic: true}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := load()
	for range 2 { // the second time nothing else changes
		for name, values := range map[string][]string{"min-capacity-sat": {"70000"}, "many": {"a", "b=c"}, "on": {"true"}} {
			if err := c.SetAndKeep(name, values); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.SetAndKeep("many", []string{"z"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Config{c, load()} {
		if c.Int("min-capacity-sat") != 70000 || !reflect.DeepEqual(c.Strings("many"), []string{"z"}) || !c.Flag("on") {
			t.Errorf("%d, %q, %v", c.Int("min-capacity-sat"), c.Strings("many"), c.Flag("on"))
		}
		source := c.List("min-capacity-sat")[0].Source
		if !strings.HasPrefix(source, filepath.Join(dir, ".lightning/regtest/config.setconfig:")) {
			t.Errorf("source %s", source)
		}
	}
	if err := c.SetAndKeep("on", []string{"false"}); err != nil {
		t.Fatal(err)
	}
	if c.Flag("on") || load().Flag("on") {
		t.Error("the flag is still there")
	}
	for file, want := range map[string]string{
		"config":         "# set by setconfig since: min-capacity-sat=1\nregtest\n",
		"regtest/config": "alias=x\n# set by setconfig since:   min-capacity-sat = 2\ninclude config.setconfig\n",
	} {
		got, err := os.ReadFile(filepath.Join(dir, ".lightning", file))
		if err != nil || string(got) != want {
			t.Errorf("%s: %v\n%s", file, err, got)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".lightning/regtest/*.new*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// The plugin whose option setconfig has kept was started at run time, and is not there at the next start.
func TestKeptOptionOfAbsentPlugin(t *testing.T) {
	dir := home(t, map[string]string{".lightning/config": "regtest\n", ".lightning/regtest/config": ""})
	load := func() *Config {
		t.Helper()
		c, err := Load(nil, dir)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	option := Option{Name: "greeting", Default: "hello", Dynamic: true, Plugin: "/greeter"}
	c := load()
	if err := c.Declare(&option); err != nil {
		t.Fatal(err)
	}
	if err := c.SetAndKeep("greeting", []string{"hi"}); err != nil {
		t.Fatal(err)
	}
	c = load()
	idle, err := c.Finish()
	place := filepath.Join(dir, ".lightning/regtest/config.setconfig:2")
	if err != nil || !reflect.DeepEqual(idle, []string{place + ": greeting"}) {
		t.Fatalf("%q, %v", idle, err)
	}
	if err := c.Declare(&option); err != nil || c.String("greeting") != "hi" {
		t.Errorf("once the plugin is there: %q, %v", c.String("greeting"), err)
	}
	if idle, err := c.Finish(); err != nil || idle != nil {
		t.Errorf("once the plugin is there: %q, %v", idle, err)
	}
}

func TestSetIsTransient(t *testing.T) {
	dir := home(t, nil)
	c, err := Load([]string{"--regtest", "--min-capacity-sat=5"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Set("min-capacity-sat", []string{"6"}); err != nil || c.Int("min-capacity-sat") != 6 {
		t.Errorf("%v, %d", err, c.Int("min-capacity-sat"))
	}
	if _, err := os.Stat(filepath.Join(dir, ".lightning")); err == nil {
		t.Error("files were written")
	}
}

func TestSetRefuses(t *testing.T) {
	c, err := Load([]string{"--regtest", "--min-capacity-sat=5"}, home(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Declare(&Option{Name: "on", Kind: Flag, Dynamic: true}, &Option{Name: "text", Dynamic: true}); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name   string
		values []string
		want   string
	}{
		{"nothing", []string{"1"}, `no option "nothing"`},
		{"alias", []string{"x"}, "may not change"},
		{"min-capacity-sat", nil, "needs one value"},
		{"min-capacity-sat", []string{"x"}, "whole number"},
		{"min-capacity-sat", []string{"7"}, "the command line sets it"},
		{"text", []string{"a\nrpc-file=x"}, "a line of a file"},
		{"on", []string{"maybe"}, "true or false"},
	} {
		if err := c.SetAndKeep(x.name, x.values); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s %q: %v, want %q", x.name, x.values, err, x.want)
		}
	}
	if c.Int("min-capacity-sat") != 5 {
		t.Error("a refused value is in force")
	}
}
