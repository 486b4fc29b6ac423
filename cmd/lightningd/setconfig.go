package main

import (
	"context"

	"fulmen/internal/command"
	"fulmen/internal/config"
	"fulmen/internal/rpc"
)

// configVal is one value of an option, or those of a multi option.
type configVal []string

// ParamKind implements command.Value.
func (configVal) ParamKind() string { return "string, number, boolean, or an array of strings" }

// ParseParam implements command.Value.
func (v *configVal) ParseParam(t command.Token) error {
	if tokens, err := t.Array(); err == nil {
		*v = make(configVal, len(tokens))
		for i, e := range tokens {
			if (*v)[i], err = e.Text(); err != nil {
				return err
			}
		}
		return nil
	}
	text, err := t.Text()
	*v = configVal{text}
	return err
}

type setConfigParams struct {
	Config    string     `param:"config" doc:"The option."`
	Val       *configVal `param:"val" doc:"Its value; of a multi option an array of all its values; none for a flag that is to be set."`
	Transient bool       `param:"transient" default:"false" doc:"Until the node stops, and not in the configuration."`
}

// setConfigEntry has what listconfigs shows, and the name.
type setConfigEntry struct {
	Config string `json:"config" doc:"The option."`
	config.Entry
}

type setConfigResult struct {
	Config setConfigEntry `json:"config" doc:"The option as listconfigs shows it."`
}

func (n *node) setConfigCommand() *command.Command {
	return command.New(command.Doc{
		Name: "setconfig", Category: command.Utility,
		Short: "Change an option while the node runs.",
		Long: "listconfigs says which options are dynamic. The change is in force at once. It is written to the file config.setconfig beside the " +
			"network's configuration, which includes that file from then on; lines elsewhere that set the option become comments.",
		SeeAlso: []string{"listconfigs"},
	}, n.setConfig)
}

func (n *node) setConfig(ctx context.Context, p *setConfigParams) (*setConfigResult, error) {
	values := []string{"true"} // a flag that is named alone
	if p.Val != nil {
		values = *p.Val
	}
	o, err := n.cfg.CheckDynamic(p.Config, values)
	switch {
	case err != nil:
		return nil, command.BadParam("config", "%w", err)
	case p.Val == nil && o.Kind != config.Flag:
		return nil, command.BadParam("val", "option %s needs one", p.Config)
	}
	if err := n.askPluginToSet(ctx, o, values); err != nil {
		return nil, err
	}
	set := n.cfg.SetAndKeep
	if p.Transient {
		set = n.cfg.Set
	}
	if err := set(p.Config, values); err != nil {
		return nil, command.BadParam("config", "%w", err)
	}
	n.log.Info("option changed", "option", p.Config, "transient", p.Transient)
	list := n.cfg.List(p.Config)
	if len(list) == 0 { // a multi option without any value
		return &setConfigResult{setConfigEntry{p.Config, config.Entry{Plugin: o.Plugin, Dynamic: true}}}, nil
	}
	return &setConfigResult{setConfigEntry{p.Config, list[0].AsStrings()}}, nil
}

// askPluginToSet tells a plugin that an option of its own changes; it may refuse.
func (n *node) askPluginToSet(ctx context.Context, o *config.Option, values []string) error {
	if o.Plugin == "" {
		return nil
	}
	for _, p := range n.plugins.Plugins() {
		if p.Path() != o.Plugin || !p.Active() {
			continue // one that does not run gets the value when it starts
		}
		var val any = values
		if !o.Multi {
			val = values[0]
		}
		params := struct {
			Config string `json:"config"`
			Val    any    `json:"val"`
		}{o.Name, val}
		if _, err := p.CallRaw(ctx, "setconfig", params); err != nil {
			return rpc.Errorf(rpc.CodeInvalidParams, "val: plugin %s: %w", p.Name, err)
		}
	}
	return nil
}
