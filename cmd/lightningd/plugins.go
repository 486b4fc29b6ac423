package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"fulmen/internal/config"
	"fulmen/internal/plugin"
	"fulmen/internal/version"
)

// newPluginHost makes the host, still without plugins.
func (n *node) newPluginHost() *plugin.Host {
	return plugin.NewHost(plugin.Config{
		Spec: plugin.Spec{
			Dir: n.cfg.NetworkDir(), Version: version.Version, Log: n.log,
			AllowDeprecated: n.cfg.Bool("allow-deprecated-apis"), SaveIO: n.cfg.Path("dev-save-plugin-io"),
			LogStderr: n.cfg.Flag("daemon"), // the terminal is somebody else's
			Env:       []string{"LIGHTNINGD_DATABASE=" + n.cfg.DatabaseFile()},
		},
		Reserved: func(method string) (string, bool) {
			_, err := n.commands().Lookup(method)
			return "lightningd", err == nil
		},
		Topics: topics, SetOptions: n.setPluginOptions, Setup: n.pluginSetup,
		Published: n.pluginPublished, Changed: func() { n.tellCustomTypes(); n.payMayBeGone(); n.loop.post(n.wantRevoked) },
		Fatal: func(p *plugin.Plugin, reason error) { n.die("important plugin "+p.Name+" ended", reason) },
	})
}

// startPlugins starts the built-in plugins and those that the options name, and takes up their options.
func (n *node) startPlugins(ctx context.Context) error {
	programs, err := n.pluginPrograms()
	if err != nil {
		return err
	}
	n.book.Tap(n.tellLog)
	if err := n.plugins.AddAll(ctx, programs, n.pluginFailed); err != nil {
		return err
	}
	n.takePluginFeatures()
	idle, err := n.cfg.Finish()
	for _, line := range idle {
		n.log.Warn("an option that setconfig has kept is of a plugin that is not there", "line", line)
	}
	return err
}

// needed are the built-in plugins without which the node ends: its backend, and the backup that it was asked to
// keep.
var needed = []string{"bcli", "backup"}

// pluginPrograms lists what is to be started with the node, each program once.
func (n *node) pluginPrograms() ([]plugin.Program, error) {
	builtin, err := filepath.Glob(filepath.Join(n.programs.Dir, "plugins", "*"))
	if err != nil {
		return nil, err
	}
	sort.Strings(builtin)
	found, err := n.pluginsInFolders()
	if err != nil {
		return nil, err
	}
	disabled := n.cfg.Strings("disable-plugin")
	var list []plugin.Program
	add := func(path string, p plugin.Program) error {
		path, err := filepath.Abs(path)
		if err != nil || slices.ContainsFunc(list, func(other plugin.Program) bool { return other.Path == path }) {
			return err
		}
		if base := filepath.Base(path); slices.Contains(disabled, path) || slices.Contains(disabled, base) ||
			slices.Contains(disabled, strings.TrimSuffix(base, filepath.Ext(base))) {
			return nil
		}
		p.Path, p.Startup = path, true
		list = append(list, p)
		return nil
	}
	for _, path := range builtin {
		err = errors.Join(err, add(path, plugin.Program{Important: slices.Contains(needed, filepath.Base(path)), Builtin: true}))
	}
	for _, path := range n.cfg.Strings("important-plugin") {
		err = errors.Join(err, add(path, plugin.Program{Important: true}))
	}
	for _, path := range append(found, n.cfg.Strings("plugin")...) {
		err = errors.Join(err, add(path, plugin.Program{}))
	}
	return list, err
}

// pluginFolder is where operators put plugins that are to be started with every network.
func (n *node) pluginFolder() string { return filepath.Join(n.cfg.Dir(), "plugins") }

// pluginsInFolders lists the programs in the folders that plugin-dir names, and in pluginFolder.
func (n *node) pluginsInFolders() ([]string, error) {
	var found []string
	for _, dir := range n.cfg.Strings("plugin-dir") {
		programs, err := programsIn(dir)
		if err != nil {
			return nil, n.cfg.Malformed("plugin-dir", dir, err)
		}
		found = append(found, programs...)
	}
	programs, err := programsIn(n.pluginFolder())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return append(found, programs...), err
}

// programsIn lists the files of a folder that can be executed.
func programsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var found []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, statErr := os.Stat(path); statErr == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			found = append(found, path)
		}
	}
	return found, err
}

// pluginFailed says what a plugin that does not come up means for the start of the node.
func (n *node) pluginFailed(p plugin.Program, err error) error {
	var no *plugin.Disabled
	switch {
	case errors.As(err, &no):
		n.log.Info("plugin disables itself", "plugin", p.Path, "reason", no.Reason)
		return nil
	case p.Important:
		return err
	}
	n.log.Error("plugin does not start", "plugin", p.Path, "error", err)
	return nil
}

// setPluginOptions enters a plugin's options in the table of options.
func (n *node) setPluginOptions(path string, list []plugin.Option, given []string) error {
	options := make([]*config.Option, len(list))
	for i, o := range list {
		options[i] = optionOf(path, o)
	}
	if err := n.cfg.SetPlugin(path, options, given); err != nil {
		return err
	}
	for _, o := range list {
		if len(o.Deprecated) > 0 && n.cfg.IsSet(o.Name) {
			n.log.Warn("a deprecated option of a plugin is set", "option", o.Name, "plugin", path)
		}
	}
	return nil
}

// optionOf is a plugin's option as an entry of the table of options.
func optionOf(path string, o plugin.Option) *config.Option {
	kinds := map[plugin.OptionType]config.Kind{
		plugin.String: config.String, plugin.StringConceal: config.Conceal, plugin.Int: config.Int,
		plugin.Bool: config.Bool, plugin.Flag: config.Flag,
	}
	c := &config.Option{Name: o.Name, Kind: kinds[o.Type], Group: config.Plugin, Doc: o.Description, Multi: o.Multi, Dynamic: o.Dynamic, Plugin: path}
	if len(o.Deprecated) > 0 {
		c.Doc += " (deprecated)"
	}
	switch d := o.Default.(type) {
	case string:
		c.Default = d
	case bool:
		if o.Type == plugin.Bool { // a flag that is not there is false, whatever its default
			c.Default = strconv.FormatBool(d)
		}
	case float64:
		c.Default = strconv.FormatInt(int64(d), 10)
	}
	return c
}

// initPlugins gives the plugins their options. The backend and the backup got theirs earlier: nothing goes
// without them.
func (n *node) initPlugins(ctx context.Context) error {
	for _, p := range n.plugins.Plugins() {
		if isBackend(p) || n.isBackup(p) {
			continue
		}
		if err := n.initPlugin(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) initPlugin(ctx context.Context, p *plugin.Plugin) error {
	err := n.plugins.Init(ctx, p)
	if err != nil {
		err = n.pluginFailed(plugin.Program{Path: p.Name, Important: p.Important()}, err)
	}
	return err
}

// initBackup gives our own backup plugin its options before anything is written. Others that follow the database
// expect to be asked about writes before init.
func (n *node) initBackup(ctx context.Context) error {
	for _, p := range n.plugins.Plugins() {
		if n.isBackup(p) {
			return n.initPlugin(ctx, p)
		}
	}
	return nil
}

func (n *node) isBackup(p *plugin.Plugin) bool {
	program, found := n.plugins.Find(p.Name)
	return found && program.Builtin && followsDatabase(p)
}

func isBackend(p *plugin.Plugin) bool {
	return slices.ContainsFunc(p.Manifest().Methods, func(m plugin.Method) bool { return m.Name == "getchaininfo" })
}

// followsDatabase reports whether a plugin is asked about each write: it stays until the last one.
func followsDatabase(p *plugin.Plugin) bool {
	return slices.ContainsFunc(p.Manifest().Hooks, func(h plugin.Hook) bool { return h.Name == "db_write" })
}
