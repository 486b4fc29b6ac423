package main

import "fulmen/internal/plugin"

// recoverFacts is the payload of the hook recover.
type recoverFacts struct {
	Codex32 string `json:"codex32"`
}

// tellRecovered gives the plugins that ask for it the secret that the option recover brought. The node does not
// wait for what they do with it.
func (n *node) tellRecovered() {
	secret := n.recovered
	n.recovered = ""
	if secret == "" {
		return
	}
	n.ask(plugin.Question{
		Hook: "recover", Payload: func() any { return recoverFacts{secret} }, Answer: plugin.Continue,
	}, func() {})
}
