package config

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// devPrefix begins the names of the options that need developer, those of plugins among them.
const devPrefix = "dev-"

func developer() []*Option {
	return []*Option{
		{Name: "developer", Kind: Flag, Group: Developer, Doc: "Allow the options that begin with dev-, without which those are refused"},
		{Name: "dev-bitcoind-poll", Kind: Int, Group: Developer, Default: "0", Check: between(0, 3600), Doc: "Seconds between looks for a new block; 0: 30, on regtest 1"},
		{Name: "dev-fast-gossip", Kind: Flag, Group: Developer, Doc: "Tell peers ten times a second what is new in the network"},
		{Name: "dev-no-reconnect", Kind: Flag, Group: Developer, Doc: "Connect to no peer without being asked; take those that come"},
		{Name: "dev-fast-reconnect", Kind: Flag, Group: Developer, Doc: "Wait 3 seconds at most before a peer is tried again, instead of 300"},
		{Name: "dev-allow-localhost", Kind: Flag, Group: Developer, Doc: "Announce addresses that only this machine or network can reach, and tell peers theirs"},
		{Name: "dev-fail-on-subdaemon-fail", Kind: Flag, Group: Developer, Doc: "End the node when any of its processes fails"},
		{Name: "dev-save-plugin-io", Group: Developer, Check: notEmpty, Doc: "Folder for all that plugins are sent and write, as NAME.PID.stdin and NAME.PID.stdout"},
		{Name: "dev-crash-after", Kind: Int, Group: Developer, Default: "0", Check: between(0, 1<<31), Doc: "End by SIGABRT after this many seconds; 0: never"},
		{Name: "dev-crash-at-step", Kind: Int, Group: Developer, Default: "0", Check: between(0, 1<<20), Doc: "End by SIGKILL at this step of the first payment to forward, or channel to fund, counted from 1; 0: never"},
		{Name: "dev-mpp-timeout", Kind: Int, Group: Developer, Default: "60", Check: between(1, 1<<20), Doc: "Seconds that the parts of a payment to us wait for the others"},
		{Name: "dev-no-version-checks", Kind: Flag, Group: Developer, Doc: "Do not ask programs of subdaemon for their version before the node starts"},
		{Name: "dev-disconnect", Group: Developer, Check: notEmpty, Doc: "File of what to do to connections when messages are sent: see docs/compatibility.md"},
		{Name: "dev-force-features", Multi: true, Group: Developer, Check: notEmpty, Doc: "Feature bits in place of ours, as INIT/GLOBALINIT/NODE/CHANNEL/BOLT11, each a list of numbers; or one to add or to take away, as +BIT or -BIT"},
		{Name: "dev-force-privkey", Kind: Conceal, Group: Developer, Check: checkHex(1), Doc: "On regtest: the node's private key, 64 hex digits"},
		{Name: "dev-force-bip32-seed", Kind: Conceal, Group: Developer, Check: checkHex(1), Doc: "On regtest: the seed of the wallet's keys, 64 hex digits"},
		{Name: "dev-force-channel-secrets", Kind: Conceal, Group: Developer, Check: checkHex(6), Doc: "On regtest: every channel's secrets, as FUNDING/REVOCATION/PAYMENT/DELAYED/HTLC/SEED, each of 64 hex digits"},
	}
}

// checkHex wants some secrets of 32 bytes, parted by slashes.
func checkHex(count int) func(string) error {
	return func(value string) error {
		_, err := parseSecrets(value, count)
		return err
	}
}

func parseSecrets(value string, count int) ([][32]byte, error) {
	parts := strings.Split(value, "/")
	if len(parts) != count {
		return nil, errors.New("should be as many secrets as it explains, parted by slashes")
	}
	secrets := make([][32]byte, count)
	for i, part := range parts {
		raw, err := hex.DecodeString(part)
		if err != nil || len(raw) != 32 {
			return nil, errors.New("each secret should be 64 hex digits")
		}
		secrets[i] = [32]byte(raw)
	}
	return secrets, nil
}

// Secrets are the 32-byte secrets of an option that checkHex checks; nil if it is not set.
func (c *Config) Secrets(name string) [][32]byte {
	value := c.String(name)
	if value == "" {
		return nil
	}
	return must(parseSecrets(value, strings.Count(value, "/")+1))
}

// checkDeveloper refuses what only developer allows, and chosen keys where coins have a worth (as hsmd does).
func (c *Config) checkDeveloper() error {
	allowed := c.Flag("developer")
	for _, s := range c.now.Load().given {
		switch {
		case !allowed && strings.HasPrefix(s.name, devPrefix):
			return s.fault(errors.New("only with the option developer"))
		case c.network.Name != "regtest" && slices.Contains(chosenKeys, s.name):
			return s.fault(errors.New("keys can be chosen on regtest alone"))
		}
	}
	return nil
}

// chosenKeys are the options that take secrets.
var chosenKeys = []string{"dev-force-privkey", "dev-force-bip32-seed", "dev-force-channel-secrets"}
