package plugin

import (
	"context"
	"encoding/json"
	"fmt"
)

func (p *Plugin) getManifest(ctx context.Context) error {
	ctx, cancel := p.startTime(ctx)
	defer cancel()
	raw, err := p.CallRaw(ctx, "getmanifest", map[string]bool{"allow-deprecated-apis": p.spec.AllowDeprecated})
	if err != nil {
		return fmt.Errorf("getmanifest: %w", err)
	}
	if p.manifest, err = decodeManifest(raw); err != nil {
		return err
	}
	if p.manifest.Disable != "" {
		return &Disabled{p.manifest.Disable}
	}
	return nil
}

// startTime bounds each of getmanifest and init.
func (p *Plugin) startTime(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := p.spec.StartTimeout
	if limit == 0 {
		limit = StartTimeout
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
}

// Configuration is the part of init that is the same for every plugin.
type Configuration struct {
	LightningDir string     `json:"lightning-dir"`
	RPCFile      string     `json:"rpc-file"`
	Startup      bool       `json:"startup"`
	Network      string     `json:"network"`
	FeatureSet   FeatureSet `json:"feature_set"`
	// The proxy fields are left out where no proxy is configured.
	Proxy          *Proxy `json:"proxy,omitempty"`
	TorV3Enabled   *bool  `json:"torv3-enabled,omitempty"`
	AlwaysUseProxy *bool  `json:"always_use_proxy,omitempty"`
}

// FeatureSet is our feature bits in hex, in each place that has some.
type FeatureSet struct {
	Init    string `json:"init"`
	Node    string `json:"node"`
	Channel string `json:"channel"`
	Invoice string `json:"invoice"`
}

// Proxy is the SOCKS proxy in use.
type Proxy struct {
	Type    string `json:"type"`
	Address string `json:"address"`
	Port    uint16 `json:"port"`
}

// Init gives the plugin its options (unset flags left out) and says that the RPC is there.
func (p *Plugin) Init(ctx context.Context, options map[string]any, c Configuration) error {
	if options == nil {
		options = map[string]any{}
	}
	ctx, cancel := p.startTime(ctx)
	defer cancel()
	raw, err := p.CallRaw(ctx, "init", struct {
		Options       map[string]any `json:"options"`
		Configuration Configuration  `json:"configuration"`
	}{options, c})
	if err == nil {
		var result struct {
			Disable string `json:"disable"`
		}
		if json.Unmarshal(raw, &result) == nil && result.Disable != "" {
			err = &Disabled{result.Disable}
		}
	}
	if err != nil {
		p.end(fmt.Errorf("init: %w", err))
		return fmt.Errorf("plugin %s: init: %w", p.Name, err)
	}
	p.active.Store(true)
	return nil
}
