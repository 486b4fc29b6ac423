package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"fulmen/internal/command"
	"fulmen/internal/plugin"
)

type pluginParams struct {
	Subcommand string                     `param:"subcommand" enum:"start,stop,rescan,startdir,list" doc:"What to do."`
	Plugin     string                     `param:"plugin,optional" doc:"The program to start, a path, from the folder plugins on if it is relative; or the plugin to stop, by path or name."`
	Directory  string                     `param:"directory,optional" doc:"The folder whose programs startdir starts."`
	Options    []string                   `param:"options,optional" doc:"Options for the plugin that is started, each as NAME=VALUE."`
	More       map[string]json.RawMessage `param:",rest" doc:"Options by their names."`
}

// Validate implements the check after parsing.
func (p *pluginParams) Validate() error {
	if p.Subcommand == "startdir" && p.Directory == "" {
		p.Plugin, p.Directory = "", p.Plugin // given by position
	}
	need := map[string]bool{"start": true, "stop": true}[p.Subcommand]
	switch {
	case need && p.Plugin == "":
		return errors.New("missing required parameter: plugin")
	case p.Subcommand == "startdir" && p.Directory == "":
		return errors.New("missing required parameter: directory")
	case p.Directory != "" && p.Subcommand != "startdir":
		return fmt.Errorf("directory: is for startdir, not for %s", p.Subcommand)
	case p.Plugin != "" && !need:
		return fmt.Errorf("plugin: is for start and stop, not for %s", p.Subcommand)
	case len(p.Options)+len(p.More) > 0 && p.Subcommand != "start":
		return fmt.Errorf("options: are for start, not for %s", p.Subcommand)
	}
	return nil
}

// given are the options as NAME=VALUE.
func (p *pluginParams) given() ([]string, error) {
	given := slices.Clone(p.Options)
	for _, name := range slices.Sorted(maps.Keys(p.More)) {
		var value any
		raw := p.More[name]
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, command.BadParam(name, "%w", err)
		}
		switch value := value.(type) {
		case string:
			given = append(given, name+"="+value)
		case bool, float64:
			given = append(given, name+"="+string(raw))
		default:
			return nil, command.BadParam(name, "should be a string, a number or a boolean")
		}
	}
	return given, nil
}

type listedPlugin struct {
	Name    string `json:"name" doc:"The program's path."`
	Active  bool   `json:"active" doc:"Whether it is initialised and runs."`
	Dynamic bool   `json:"dynamic" doc:"Whether it may be started and stopped while lightningd runs."`
}

type pluginResult struct {
	Command string         `json:"command" doc:"The subcommand."`
	Plugins []listedPlugin `json:"plugins,omitzero" doc:"All plugins, of all subcommands but stop."`
	Result  string         `json:"result,omitempty" doc:"That it was stopped, of stop."`
}

func (n *node) pluginCommand() *command.Command {
	return command.New(command.Doc{
		Name: "plugin", Category: command.Plugins,
		Short: "Start, stop or list plugins.",
		Long: "start runs a program as a plugin: within 60 seconds it is ready, or ended with the reason as the error. A plugin that runs " +
			"already is started anew if its file has changed. stop ends one; a plugin that subscribed to shutdown has 30 seconds to leave, and " +
			"the end of an important one stops the node. startdir starts all programs of a folder, rescan those of the folder plugins in " +
			"lightning-dir. list names all, those too that have ended and will be started again. Only plugins that call themselves dynamic " +
			"can be started and stopped while lightningd runs.",
		SeeAlso: []string{"help", "listconfigs"},
	}, n.managePlugins)
}

func (n *node) managePlugins(ctx context.Context, p *pluginParams) (*pluginResult, error) {
	var err error
	switch p.Subcommand {
	case "start":
		err = n.startPlugin(ctx, p)
	case "stop":
		return n.stopPlugin(ctx, p.Plugin)
	case "startdir":
		err = n.startPluginsOf(ctx, p.Directory)
	case "rescan":
		err = n.startPluginsOf(ctx, n.pluginFolder())
	}
	if err != nil {
		return nil, err
	}
	r := &pluginResult{Command: p.Subcommand, Plugins: []listedPlugin{}}
	for _, l := range n.plugins.List() {
		r.Plugins = append(r.Plugins, listedPlugin{l.Path, l.Active, l.Dynamic})
	}
	return r, nil
}

func (n *node) startPlugin(ctx context.Context, p *pluginParams) error {
	given, err := p.given()
	if err != nil {
		return err
	}
	path := p.Plugin
	if !filepath.IsAbs(path) {
		path = filepath.Join(n.pluginFolder(), path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return command.BadParam("plugin", "%w", err)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return command.BadParam("plugin", "%s is no program that may be executed", path)
	}
	return n.runPlugin(ctx, path, given)
}

// runPlugin starts a program, or starts it anew if its file is another now.
func (n *node) runPlugin(ctx context.Context, path string, given []string) error {
	if old, ok := n.plugins.Find(path); ok && !old.Important && n.plugins.Replaced(path) {
		if err := n.plugins.Remove(ctx, path); err != nil {
			return err
		}
	}
	p, err := n.plugins.Add(ctx, plugin.Program{Path: path, Given: given})
	if err != nil {
		return err
	}
	n.log.Info("plugin is started", "plugin", p.Name)
	return nil
}

// startPluginsOf starts what does not run of a folder. The error names each program that does not come up;
// the others do.
func (n *node) startPluginsOf(ctx context.Context, dir string) error {
	programs, err := programsIn(dir)
	if err != nil {
		return command.BadParam("directory", "%w", err)
	}
	var failed []error
	for _, path := range programs {
		path, err := filepath.Abs(path)
		if err == nil {
			err = n.runPlugin(ctx, path, nil)
		}
		if err != nil && !errors.Is(err, plugin.ErrRunning) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (n *node) stopPlugin(ctx context.Context, name string) (*pluginResult, error) {
	p, ok := n.plugins.Find(name)
	if !ok {
		return nil, command.BadParam("plugin", "there is no plugin %q", name)
	}
	if err := n.plugins.Remove(ctx, p.Path); err != nil {
		return nil, command.BadParam("plugin", "%w", err)
	}
	if p.Important {
		n.log.Warn("an important plugin was stopped, and the node stops with it", "plugin", p.Path)
		n.stopOnce.Do(func() { close(n.stopRequested) })
	}
	return &pluginResult{Command: "stop", Result: fmt.Sprintf("Successfully stopped %s.", filepath.Base(p.Path))}, nil
}
