package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"fulmen/internal/invoice"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/jsonobject"
	"fulmen/internal/rpc"
	"fulmen/internal/runes"
	"fulmen/internal/store"
)

// runeKeeper knows which runes are this node's, and how they were used.
type runeKeeper struct {
	mu     sync.Mutex // held from a rune's check to the note of its use
	secret []byte
	uses   runes.Uses
}

// runeInfo is what the secret of runes is derived for: the same that others use, so that runes stay good.
const runeInfo = "commando"

// runeSecret is what this node's runes begin with.
func (n *node) runeSecret(ctx context.Context) ([]byte, error) {
	n.runes.mu.Lock()
	defer n.runes.mu.Unlock()
	if n.runes.secret == nil {
		var reply hsmdmsg.DeriveSecretReply
		if err := n.hsm.request(ctx, &hsmdmsg.DeriveSecret{Info: []byte(runeInfo)}, &reply); err != nil {
			return nil, fmt.Errorf("derive the secret of runes: %w", err)
		}
		n.runes.secret = reply.Secret[:]
	}
	return n.runes.secret, nil
}

// runeUse is a command that somebody wants to run with a rune; an empty string is unknown.
type runeUse struct {
	nodeID string
	method string
	params json.RawMessage // an array or object, or nothing
}

// useRune checks whether a rune allows a command, and counts it as used if so.
func (n *node) useRune(ctx context.Context, text string, use runeUse) error {
	secret, err := n.runeSecret(ctx)
	if err != nil {
		return err
	}
	r, err := runes.Decode(text)
	if err != nil {
		return rpc.Errorf(rpc.CodeRuneNotAuthorized, "rune: %w", err)
	}
	id, ok := runeID(r)
	if !ok || !r.IsFrom(secret) {
		return rpc.Errorf(rpc.CodeRuneNotAuthorized, "rune: not of this node")
	}
	if black, err := n.isBlacklisted(id); err != nil || black {
		if err == nil {
			err = rpc.Errorf(rpc.CodeRuneBlacklisted, "rune: blacklisted")
		}
		return err
	}
	n.runes.mu.Lock()
	defer n.runes.mu.Unlock()
	last, err := n.db.RuneUsed(id)
	if err != nil {
		return err
	}
	params, err := readParams(use.params)
	if err != nil {
		return rpc.Errorf(rpc.CodeRuneNotPermitted, "rune does not allow this: %w", err)
	}
	c := runeCheck{use: use, params: params, id: fmt.Sprint(id), uses: n.runes.uses, last: last, now: n.now()}
	if err := r.Check(c.field); err != nil {
		return rpc.Errorf(rpc.CodeRuneNotPermitted, "rune does not allow this: %w", err)
	}
	n.runes.uses.Add(c.id, c.now)
	return n.db.Update(func(tx *storeTx) error { return tx.UseRune(id, c.now) })
}

// runeID is the unique_id of a rune that this node may have made: a number.
func runeID(r runes.Rune) (uint64, bool) {
	text, version := r.UniqueID()
	id, err := strconv.ParseUint(text, 10, 63)
	return id, err == nil && version == ""
}

func (n *node) isBlacklisted(id uint64) (bool, error) {
	list, err := n.db.RuneBlacklist()
	for _, g := range list {
		if g.First <= id && id <= g.Last {
			return true, err
		}
	}
	return false, err
}

// runeParams are a command's parameters as a rune sees them.
type runeParams struct {
	list  []json.RawMessage
	named map[string]json.RawMessage
}

// readParams refuses an object that has a name twice: which of the values the command takes is up to who reads it, and
// that may be a plugin.
func readParams(raw json.RawMessage) (p runeParams, err error) {
	if json.Unmarshal(raw, &p.list) == nil {
		return p, nil
	}
	var members jsonobject.Object[json.RawMessage]
	if json.Unmarshal(raw, &members) != nil {
		return p, nil // neither: then there are none
	}
	p.named = make(map[string]json.RawMessage, len(members))
	for _, m := range members {
		if _, twice := p.named[m.Name]; twice {
			return p, fmt.Errorf("parameter %.50q is given twice", m.Name)
		}
		p.named[m.Name] = m.Value
	}
	return p, nil
}

// runeCheck gives the fields of a command to the conditions of a rune.
type runeCheck struct {
	use    runeUse
	params runeParams
	id     string
	uses   runes.Uses
	last   time.Time
	now    time.Time
}

func (c *runeCheck) field(a runes.Alternative) (string, bool, error) {
	switch a.Field {
	case "time":
		return strconv.FormatInt(c.now.Unix(), 10), true, nil
	case "id":
		return c.use.nodeID, c.use.nodeID != "", nil
	case "method":
		return c.use.method, c.use.method != "", nil
	case "pnum":
		return strconv.Itoa(len(c.params.list) + len(c.params.named)), true, nil
	case "rate":
		return "", true, c.uses.CheckRate(a, c.id, c.now)
	case "per":
		return "", true, runes.CheckPer(a, c.last, c.now)
	}
	if name, ok := strings.CutPrefix(a.Field, "pname"); ok {
		return c.params.byName(name)
	}
	if number, ok := strings.CutPrefix(a.Field, "parr"); ok {
		i, err := strconv.ParseUint(number, 10, 31)
		if err != nil || i >= uint64(len(c.params.list)) {
			return "", false, nil
		}
		return paramText(c.params.list[i]), true, nil
	}
	if name, ok := strings.CutPrefix(a.Field, "pinv"); ok {
		return c.params.ofInvoice(name)
	}
	return "", false, nil
}

// byName finds a parameter. Runes were once made with names without underscores: those stand for the one
// parameter whose name is the same without; if there are two, the command may take the other.
func (p runeParams) byName(name string) (string, bool, error) {
	if raw, ok := p.named[name]; ok {
		return paramText(raw), true, nil
	}
	var found []json.RawMessage
	for other, raw := range p.named {
		if strings.ReplaceAll(other, "_", "") == name {
			found = append(found, raw)
		}
	}
	switch len(found) {
	case 0:
		return "", false, nil
	case 1:
		return paramText(found[0]), true, nil
	}
	return "", true, fmt.Errorf("pname%s fits several parameters", name)
}

// paramText is a string's text, or any other value as JSON.
func paramText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && len(raw) > 0 && raw[0] == '"' {
		return text
	}
	return string(raw)
}

// ofInvoice reads a field of an invoice that is a parameter: name is X_N, the parameter and the field.
func (p runeParams) ofInvoice(name string) (string, bool, error) {
	i := strings.LastIndexByte(name, '_')
	if i < 0 {
		return "", false, fmt.Errorf("pinv%s names no field", name)
	}
	text, ok, err := p.byName(name[:i])
	if number, numErr := strconv.ParseUint(name[:i], 10, 31); !ok && numErr == nil && number < uint64(len(p.list)) {
		text, ok = paramText(p.list[number]), true
	}
	if err != nil || !ok {
		return "", false, err
	}
	inv, err := invoice.Decode(text)
	if err != nil {
		return "", false, fmt.Errorf("parameter %s is no invoice: %w", name[:i], err)
	}
	switch field := name[i+1:]; {
	case field == "node":
		return inv.Payee.String(), true, nil
	case field == "amount" && inv.Amount != 0:
		return strconv.FormatUint(uint64(inv.Amount), 10), true, nil
	case field == "description" && inv.Description != nil:
		return *inv.Description, true, nil
	case field != "amount" && field != "description":
		return "", false, fmt.Errorf("pinv%s names no field of an invoice", name)
	}
	return "", false, nil
}

// storedRunes are those made here, by their id.
func (n *node) storedRunes() (map[uint64]store.StoredRune, []store.StoredRune, error) {
	list, err := n.db.Runes()
	byID := map[uint64]store.StoredRune{}
	for _, s := range list {
		byID[s.ID] = s
	}
	return byID, list, err
}
