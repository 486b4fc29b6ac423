package config

import (
	"fmt"
	"strings"
)

// Network is a Bitcoin network as options name it.
type Network struct {
	Name string // also of its folder in lightning-dir
	Port uint16 // default for peers
	Test bool   // its coins are worth nothing
}

// Networks are all that there are; the first is the default.
var Networks = []Network{
	{Name: "bitcoin", Port: 9735},
	{Name: "testnet", Port: 19735, Test: true},
	{Name: "testnet4", Port: 49735, Test: true},
	{Name: "signet", Port: 39735, Test: true},
	{Name: "regtest", Port: 19846, Test: true},
}

// networkFlag is the flag that selects a network, e.g. --mainnet.
func (n Network) networkFlag() string {
	if n.Name == "bitcoin" {
		return "mainnet"
	}
	return n.Name
}

// FindNetwork returns the network of that name; mainnet is another one for bitcoin.
func FindNetwork(name string) (Network, error) {
	var names []string
	for _, n := range Networks {
		if name == n.Name || name == n.networkFlag() {
			return n, nil
		}
		names = append(names, n.Name)
	}
	return Network{}, fmt.Errorf("should be one of %s", strings.Join(names, ", "))
}

func checkNetwork(value string) error {
	_, err := FindNetwork(value)
	return err
}

// chooseNetwork finds the one network that the settings of one source select, if any.
func chooseNetwork(settings []setting) (chosen *Network, err error) {
	var by setting
	for _, s := range settings {
		n, selects, err := s.network()
		if err != nil {
			return nil, s.fault(err)
		}
		if !selects {
			continue
		}
		if chosen != nil && chosen.Name != n.Name {
			return nil, s.fault(fmt.Errorf("contradicts %s (%s)", by.text(), by.place))
		}
		chosen, by = &n, s
	}
	return chosen, nil
}

// network is the network that s selects, if it selects one.
func (s setting) network() (n Network, selects bool, err error) {
	if s.name == "network" {
		n, err := FindNetwork(s.value)
		return n, err == nil, err
	}
	for _, n := range Networks {
		if s.name == n.networkFlag() {
			return n, true, nil
		}
	}
	return Network{}, false, nil
}
