package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"fulmen/internal/command"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
)

// dataKey is a key of the datastore as a parameter.
type dataKey = command.OneOrMany[string]

// checkDataKey refuses a key that names nothing.
func checkDataKey(k dataKey) error {
	if len(k) == 0 {
		return command.BadParam("key", "should have one element at least")
	}
	return nil
}

// dataEntry is a value of the datastore; of a key that has children alone, its key.
type dataEntry struct {
	Key        []string     `json:"key" doc:"The key's elements."`
	Generation *uint64      `json:"generation,omitempty" doc:"How often the value was changed."`
	Hex        *command.Hex `json:"hex,omitempty" doc:"The value."`
	String     *string      `json:"string,omitempty" doc:"The value as a string, if it is UTF-8."`
}

func showData(e *store.DataEntry) *dataEntry {
	r := &dataEntry{Key: e.Key, Generation: &e.Generation, Hex: (*command.Hex)(&e.Data)}
	if utf8.Valid(e.Data) {
		text := string(e.Data)
		r.String = &text
	}
	return r
}

type datastoreParams struct {
	Key        dataKey `param:"key" doc:"The name, or the names on the way to it. A key has either a value or children."`
	String     *string `param:"string" doc:"The value, as a string."`
	Hex        *[]byte `param:"hex" doc:"The value, as hex digits."`
	Mode       string  `param:"mode" enum:"must-create,must-replace,create-or-replace,must-append,create-or-append" default:"must-create" doc:"Whether there may or must be a value, and whether this one replaces it or is added at its end."`
	Generation *uint64 `param:"generation" doc:"What the generation of the value must be; with must-replace or must-append."`
}

// Validate implements the check after parsing.
func (p *datastoreParams) Validate() error {
	switch {
	case (p.String == nil) == (p.Hex == nil):
		return command.BadParam("string", "one of string and hex must be given, and not both")
	case p.Generation != nil && !strings.HasPrefix(p.Mode, "must-") || p.Generation != nil && p.Mode == "must-create":
		return command.BadParam("generation", "needs mode must-replace or must-append")
	}
	return checkDataKey(p.Key)
}

func (n *node) datastoreCommands() []*command.Command {
	return []*command.Command{
		command.New(command.Doc{
			Name: "datastore", Category: command.Utility,
			Short: "Store data for a plugin or another client.",
			Long: "It is kept in the node's database. By convention the key begins with the name of the plugin. " +
				"With generation, nothing is changed unless the value is the one that was read before.",
			Errors: []command.Failure{
				{Code: rpc.CodeDatastoreUpdateExists, When: "The key has a value, and mode is must-create."},
				{Code: rpc.CodeDatastoreUpdateDoesNotExist, When: "The key has no value, and mode is must-replace or must-append."},
				{Code: rpc.CodeDatastoreUpdateGeneration, When: "The value has another generation."},
				{Code: rpc.CodeDatastoreUpdateHasChildren, When: "The key has children."},
				{Code: rpc.CodeDatastoreUpdateParentHasValue, When: "A key above has a value."},
			},
			SeeAlso: []string{"listdatastore", "deldatastore", "datastoreusage"},
		}, n.setData),
		command.New(command.Doc{
			Name: "listdatastore", Category: command.Utility,
			Short:   "List what is stored below a key of the datastore.",
			Long:    "The key itself, if it has a value, and its immediate children. A child that has no value has children of its own.",
			SeeAlso: []string{"datastore"},
		}, n.listData),
		command.New(command.Doc{
			Name: "deldatastore", Category: command.Utility,
			Short: "Delete a value of the datastore.",
			Long:  "Keys above it that have nothing else below them are gone with it.",
			Errors: []command.Failure{
				{Code: rpc.CodeDatastoreDelDoesNotExist, When: "The key has no value."},
				{Code: rpc.CodeDatastoreDelWrongGeneration, When: "The value has another generation."},
			},
			SeeAlso: []string{"datastore"},
		}, n.delData),
		command.New(command.Doc{
			Name: "datastoreusage", Category: command.Utility,
			Short:   "Tell how much is stored in the datastore.",
			Long:    "The sum of all values at and below the key, and of their keys.",
			SeeAlso: []string{"datastore", "listdatastore"},
		}, n.dataUsage),
	}
}

func (n *node) setData(_ context.Context, p *datastoreParams) (*dataEntry, error) {
	e := &store.DataEntry{Key: store.DataKey(p.Key)}
	if p.Hex != nil {
		e.Data = *p.Hex
	} else {
		e.Data = []byte(*p.String)
	}
	err := n.db.Update(func(tx *storeTx) error {
		old, err := tx.DataAt(e.Key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			if err := mayCreate(tx, p); err != nil {
				return err
			}
		case err != nil:
			return err
		case p.Mode == "must-create":
			return rpc.Errorf(rpc.CodeDatastoreUpdateExists, "key: %s has a value already", nameData(p.Key))
		case p.Generation != nil && *p.Generation != old.Generation:
			return rpc.Errorf(rpc.CodeDatastoreUpdateGeneration, "generation: that of %s is %d", nameData(p.Key), old.Generation)
		default:
			e.Generation = old.Generation + 1
			if strings.HasSuffix(p.Mode, "-append") {
				e.Data = append(old.Data, e.Data...)
			}
		}
		return tx.SetData(e)
	})
	if err != nil {
		return nil, err
	}
	return showData(e), nil
}

// mayCreate refuses a new value that mode or its neighbours do not allow.
func mayCreate(tx *storeTx, p *datastoreParams) error {
	if p.Mode == "must-replace" || p.Mode == "must-append" {
		return rpc.Errorf(rpc.CodeDatastoreUpdateDoesNotExist, "key: %s has no value", nameData(p.Key))
	}
	below, err := tx.HasDataBelow(store.DataKey(p.Key))
	if err != nil {
		return err
	}
	if below {
		return rpc.Errorf(rpc.CodeDatastoreUpdateHasChildren, "key: %s has children", nameData(p.Key))
	}
	for i := 1; i < len(p.Key); i++ {
		if _, err := tx.DataAt(store.DataKey(p.Key[:i])); err == nil {
			return rpc.Errorf(rpc.CodeDatastoreUpdateParentHasValue, "key: %s above it has a value", nameData(p.Key[:i]))
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

// nameData is a key for people.
func nameData(k []string) string { return "[" + strings.Join(k, ",") + "]" }

type listDatastoreParams struct {
	Key dataKey `param:"key,optional" doc:"The key; without it, all keys of one element are listed."`
}

type listDatastoreResult struct {
	Datastore []*dataEntry `json:"datastore" doc:"The keys, in their order."`
}

func (n *node) listData(_ context.Context, p *listDatastoreParams) (*listDatastoreResult, error) {
	all, err := n.db.Data(store.DataKey(p.Key))
	if err != nil {
		return nil, err
	}
	r := &listDatastoreResult{Datastore: []*dataEntry{}}
	depth := len(p.Key) + 1
	for _, e := range all {
		if len(e.Key) <= depth {
			r.Datastore = append(r.Datastore, showData(e))
			continue
		}
		child, last := e.Key[:depth], len(r.Datastore)-1
		if last < 0 || !slices.Equal(r.Datastore[last].Key, child) {
			r.Datastore = append(r.Datastore, &dataEntry{Key: child})
		}
	}
	return r, nil
}

type delDatastoreParams struct {
	Key        dataKey `param:"key" doc:"The name, or the names on the way to it."`
	Generation *uint64 `param:"generation" doc:"What the generation of the value must be."`
}

// Validate implements the check after parsing.
func (p *delDatastoreParams) Validate() error { return checkDataKey(p.Key) }

func (n *node) delData(_ context.Context, p *delDatastoreParams) (*dataEntry, error) {
	var old *store.DataEntry
	err := n.db.Update(func(tx *storeTx) (err error) {
		old, err = tx.DataAt(store.DataKey(p.Key))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return rpc.Errorf(rpc.CodeDatastoreDelDoesNotExist, "key: %s has no value", nameData(p.Key))
		case err != nil:
			return err
		case p.Generation != nil && *p.Generation != old.Generation:
			return rpc.Errorf(rpc.CodeDatastoreDelWrongGeneration, "generation: that of %s is %d", nameData(p.Key), old.Generation)
		}
		return tx.DeleteData(old.Key)
	})
	if err != nil {
		return nil, err
	}
	return showData(old), nil
}

type datastoreUsageParams struct {
	Key dataKey `param:"key,optional" doc:"The key where counting begins; without it, everything counts."`
}

type dataUsage struct {
	Key        string `json:"key" doc:"The key, its elements in brackets."`
	TotalBytes uint64 `json:"total_bytes" doc:"Bytes of values and of keys, one more for each further element of a key."`
}

type datastoreUsageResult struct {
	DatastoreUsage dataUsage `json:"datastoreusage" doc:"The sum."`
}

func (n *node) dataUsage(_ context.Context, p *datastoreUsageParams) (*datastoreUsageResult, error) {
	all, err := n.db.Data(store.DataKey(p.Key))
	if err != nil {
		return nil, fmt.Errorf("sum up the datastore: %w", err)
	}
	r := &datastoreUsageResult{dataUsage{Key: nameData(p.Key)}}
	for _, e := range all {
		r.DatastoreUsage.TotalBytes += uint64(len(strings.Join(e.Key, ",")) + len(e.Data))
	}
	return r, nil
}
