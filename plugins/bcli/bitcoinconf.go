package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// sections is what bitcoin.conf calls the networks.
var sections = map[string]string{
	"bitcoin": "main", "testnet": "test", "testnet4": "testnet4", "signet": "signet", "regtest": "regtest",
}

// readBitcoinConf reads the keys that bitcoin-cli would find for a network: its section's before
// those above all sections, of which a port and a host are for the main network only.
func readBitcoinConf(path, network string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read bitcoin.conf: %w", err)
	}
	defer f.Close()
	general, own := make(map[string]string), make(map[string]string)
	into := general
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		line = strings.TrimSpace(line)
		if section, ok := strings.CutPrefix(line, "["); ok {
			into = nil
			if strings.TrimSuffix(section, "]") == sections[network] {
				into = own
			}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); ok && into != nil && into[key] == "" {
			into[key] = strings.TrimSpace(value) // the first of several holds
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for key, value := range general {
		onlyMain := key == "rpcport" || key == "rpcconnect"
		if own[key] == "" && (network == "bitcoin" || !onlyMain) {
			own[key] = value
		}
	}
	return own, nil
}
