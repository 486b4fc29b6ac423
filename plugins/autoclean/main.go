// Command autoclean is the plugin that deletes old invoices, payments and forwards: autoclean-status, autoclean-once,
// and, every autoclean-cycle seconds, what the options autoclean-...-age say.
//
// Started by lightningd, which does all deletions by its own commands. How many there were is in lightningd's
// datastore; there is no other state. As long as no age is set, it only waits.
//
// Trust: it reads and deletes what lightningd lists, and takes nothing from anybody else.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"fulmen/plugins/autoclean/autoclean"
	"fulmen/plugins/builtin"
	"fulmen/plugins/plugin"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := plugin.New()
	cleaner := autoclean.New(autoclean.Config{Node: p, Now: time.Now, After: time.After, Log: p.Log})
	for _, o := range cleaner.Options() {
		p.AddOption(plugin.Option{Name: o.Name, Type: plugin.Int, Default: o.Default, Description: o.Doc, Change: change(o)})
	}
	p.OnInit(func(i plugin.Init) error {
		if err := setAll(i, cleaner.Options()); err != nil {
			return &plugin.Error{Code: -1, Message: err.Error()} // a mistake of the operator's, to be seen in the log
		}
		go cleaner.Run(ctx)
		return nil
	})
	builtin.Add(p, cleaner.Commands()...)
	if err := p.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "autoclean: %v\n", err)
		os.Exit(1)
	}
}

// change sets an option to what setconfig says.
func change(o autoclean.Option) func(plugin.Value) error {
	return func(v plugin.Value) error {
		seconds, err := v.Int()
		if err != nil {
			return err
		}
		return o.Set(seconds)
	}
}

// setAll sets the options as the node was started with. All that are wrong are named at once.
func setAll(i plugin.Init, options []autoclean.Option) error {
	var wrong error
	for _, o := range options {
		seconds, err := i.Int(o.Name)
		if err == nil {
			err = o.Set(seconds)
		}
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", o.Name, err))
		}
	}
	return wrong
}
