package wallet

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// The ways in which an address or a network is refused.
var (
	ErrAddress = errors.New("invalid address")
	ErrNetwork = errors.New("unknown network")
)

// gap is how many addresses are watched beyond the last one issued or paid to: those may have been
// issued from the same words elsewhere, or by a database that was lost. BIP 44 asks for 20.
const gap = 20

// firstIndex is the first key index that is issued, as Core Lightning's listaddresses counts.
const firstIndex = 1

// String names the kind as newaddr does.
func (k Kind) String() string {
	switch k {
	case P2WPKH:
		return "bech32"
	case P2TR:
		return "p2tr"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// chainID names one of the four chains.
type chainID struct {
	kind   Kind
	change bool
}

// chain derives the addresses of one chain.
type chain struct {
	key   *hdkeychain.ExtendedKey
	next  uint32 // to be issued
	ahead uint32 // the first that is not watched
}

// Params are the parameters of a network that we know by Core Lightning's name.
func Params(network string) (*chaincfg.Params, error) {
	switch network {
	case "bitcoin":
		return &chaincfg.MainNetParams, nil
	case "testnet":
		return &chaincfg.TestNet3Params, nil
	case "testnet4":
		return &chaincfg.TestNet4Params, nil
	case "signet":
		return &chaincfg.SigNetParams, nil
	case "regtest":
		return &chaincfg.RegressionNetParams, nil
	}
	return nil, fmt.Errorf("%q: %w", network, ErrNetwork)
}

// addChains derives an account's two chains.
func (w *Wallet) addChains(kind Kind, account *hdkeychain.ExtendedKey) error {
	if account.IsPrivate() {
		return fmt.Errorf("account key of %s is private", kind)
	}
	for i, change := range []bool{false, true} {
		key, err := account.Derive(uint32(i))
		if err != nil {
			return fmt.Errorf("chain %d of %s: %w", i, kind, err)
		}
		w.chains[chainID{kind, change}] = &chain{key: key, next: firstIndex, ahead: firstIndex}
	}
	return nil
}

// addAddress watches a script.
func (w *Wallet) addAddress(a *Address) error {
	c := w.chains[chainID{a.Kind, a.Change}]
	if c == nil {
		return fmt.Errorf("address %d: unknown kind %d", a.Index, a.Kind)
	}
	w.scripts[string(a.Script)] = a
	c.ahead = max(c.ahead, a.Index+1)
	if a.Issued {
		c.next = max(c.next, a.Index+1)
	}
	return nil
}

// lookAhead watches scripts beyond those issued.
func (w *Wallet) lookAhead(changes *changeSet) error {
	for id, c := range w.chains {
		for c.ahead < c.next+gap {
			if err := w.watch(KeyPath{id.kind, id.change, c.ahead}, changes); err != nil {
				return err
			}
		}
	}
	return nil
}

// fillGaps watches what is missing below the last address that is watched: the changes of a step that
// looked ahead and then failed were not stored.
func (w *Wallet) fillGaps(changes *changeSet) error {
	have := make(map[chainID]uint32)
	for _, a := range w.scripts {
		have[chainID{a.Kind, a.Change}]++
	}
	for id, c := range w.chains {
		if have[id] == c.ahead-firstIndex {
			continue
		}
		for i := uint32(firstIndex); i < c.ahead; i++ {
			if err := w.watch(KeyPath{id.kind, id.change, i}, changes); err != nil {
				return err
			}
		}
	}
	return nil
}

// watch derives an address and watches it, unless that is done.
func (w *Wallet) watch(p KeyPath, changes *changeSet) error {
	script, err := w.chains[chainID{p.Kind, p.Change}].script(p.Kind, p.Index)
	if err != nil || w.scripts[string(script)] != nil {
		return err
	}
	a := &Address{KeyPath: p, Script: script}
	changes.Addresses = append(changes.Addresses, *a)
	return w.addAddress(a)
}

// script is the output script of a key.
func (c *chain) script(kind Kind, index uint32) ([]byte, error) {
	child, err := c.key.Derive(index)
	if err != nil {
		return nil, fmt.Errorf("%s key %d: %w", kind, index, err)
	}
	pub, err := child.ECPubKey()
	if err != nil {
		return nil, fmt.Errorf("%s key %d: %w", kind, index, err)
	}
	return scriptOf(kind, pub)
}

func scriptOf(kind Kind, pub *btcec.PublicKey) ([]byte, error) {
	if kind == P2WPKH {
		return tx.P2WPKH(keys.PubKey(pub.SerializeCompressed())), nil
	}
	return txscript.PayToTaprootScript(txscript.ComputeTaprootKeyNoScript(pub))
}

// NewAddresses issues an address of each kind, all of one key index, so that newaddr's `all` tells
// them apart by kind alone.
func (w *Wallet) NewAddresses(kinds ...Kind) ([]Address, *Changes, error) {
	index := uint32(firstIndex)
	for _, kind := range []Kind{P2WPKH, P2TR} {
		index = max(index, w.chains[chainID{kind, false}].next)
	}
	return w.issue(index, false, kinds)
}

// ChangeAddress issues an address for change, and for what channels pay back.
func (w *Wallet) ChangeAddress() (Address, *Changes, error) {
	issued, changes, err := w.issue(w.chains[chainID{P2TR, true}].next, true, []Kind{P2TR})
	if err != nil {
		return Address{}, nil, err
	}
	return issued[0], changes, nil
}

// issue marks addresses as given away.
func (w *Wallet) issue(index uint32, change bool, kinds []Kind) ([]Address, *Changes, error) {
	if index >= hdkeychain.HardenedKeyStart-gap {
		return nil, nil, fmt.Errorf("key index %d: no addresses are left", index)
	}
	changes := newChangeSet()
	var issued []Address
	for _, kind := range kinds {
		c := w.chains[chainID{kind, change}]
		if c == nil {
			return nil, nil, fmt.Errorf("address of %s: %w", kind, ErrAddress)
		}
		c.next = index // those skipped over belong to the other kind
		if err := w.lookAhead(changes); err != nil {
			return nil, nil, err
		}
		script, err := c.script(kind, index)
		if err != nil {
			return nil, nil, err
		}
		a := w.scripts[string(script)]
		w.markIssued(a, changes)
		issued = append(issued, *a)
	}
	if err := w.lookAhead(changes); err != nil {
		return nil, nil, err
	}
	return issued, changes.done(), nil
}

// markIssued notes that an address is in use, by us or by somebody who paid to it.
func (w *Wallet) markIssued(a *Address, changes *changeSet) {
	if a.Issued {
		return
	}
	a.Issued = true
	c := w.chains[chainID{a.Kind, a.Change}]
	c.next = max(c.next, a.Index+1)
	changes.Addresses = append(changes.Addresses, *a)
}

// Encode is the address of an output script as text, empty if it has none.
func (w *Wallet) Encode(script []byte) string {
	_, addresses, _, err := txscript.ExtractPkScriptAddrs(script, w.params)
	if err != nil || len(addresses) != 1 {
		return ""
	}
	return addresses[0].EncodeAddress()
}

// Decode is the output script of an address of this network.
func (w *Wallet) Decode(text string) ([]byte, error) {
	a, err := address.DecodeAddress(text, w.params)
	if err != nil {
		return nil, fmt.Errorf("%q: %w: %w", text, ErrAddress, err)
	}
	if _, ok := a.(*address.AddressPubKey); ok {
		return nil, fmt.Errorf("%q: %w: a public key is none", text, ErrAddress)
	}
	if !a.IsForNet(w.params) {
		return nil, fmt.Errorf("%q: %w: not of %s", text, ErrAddress, w.params.Name)
	}
	script, err := txscript.PayToAddrScript(a)
	if err != nil {
		return nil, fmt.Errorf("%q: %w: %w", text, ErrAddress, err)
	}
	return script, nil
}

// Owns returns the key of an output script that is ours.
func (w *Wallet) Owns(script []byte) (KeyPath, bool) {
	a, ok := w.scripts[string(script)]
	if !ok {
		return KeyPath{}, false
	}
	return a.KeyPath, true
}

// Issued are addresses given away, in the order of their index from start on, at most limit indexes;
// those of one index differ in kind.
func (w *Wallet) Issued(start uint32, limit int) []Address {
	var list []Address
	last := uint32(0)
	for _, kind := range []Kind{P2WPKH, P2TR} {
		last = max(last, w.chains[chainID{kind, false}].next)
	}
	byPath := make(map[KeyPath]*Address)
	for _, a := range w.scripts {
		if a.Issued && !a.Change {
			byPath[a.KeyPath] = a
		}
	}
	for i := max(start, firstIndex); i < last && limit > 0; i++ {
		before := len(list)
		for _, kind := range []Kind{P2WPKH, P2TR} {
			if a := byPath[KeyPath{kind, false, i}]; a != nil {
				list = append(list, *a)
			}
		}
		if len(list) > before {
			limit--
		}
	}
	return list
}
