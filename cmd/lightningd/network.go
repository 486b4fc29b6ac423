package main

import (
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"fulmen/internal/invoice"
)

// network is the chain that the node is on, under the names that each standard has for it.
type network struct {
	Name      string // as options and getinfo have it
	BIP70     string // as the backend has it
	ChainHash [32]byte
	Invoice   invoice.Network
	Params    *chaincfg.Params
	Port      uint16
	Test      bool
}

func networkNamed(name string, port uint16, test bool) (network, error) {
	n := network{Name: name, Port: port, Test: test}
	switch name {
	case "bitcoin":
		n.BIP70, n.Invoice, n.Params = "main", invoice.Bitcoin, &chaincfg.MainNetParams
	case "testnet":
		n.BIP70, n.Invoice, n.Params = "test", invoice.Testnet, &chaincfg.TestNet3Params
	case "testnet4":
		n.BIP70, n.Invoice, n.Params = "testnet4", invoice.Testnet, &chaincfg.TestNet4Params
	case "signet":
		n.BIP70, n.Invoice, n.Params = "signet", invoice.Signet, &chaincfg.SigNetParams
	case "regtest":
		n.BIP70, n.Invoice, n.Params = "regtest", invoice.Regtest, &chaincfg.RegressionNetParams
	default:
		return n, fmt.Errorf("network %q is not known", name)
	}
	n.ChainHash = *n.Params.GenesisHash
	return n, nil
}
