// Command backup keeps a second copy of lightningd's database, in a folder on another disk or on another host, and
// makes the database from it again.
//
//	backup                                           started by lightningd, with the option backup-path
//	backup receive [-secret-file FILE] ADDRESS DIR   keeps the copy for a node on another host
//	backup restore [-force] DIR DATABASE             makes the database file from the copy in DIR
//	backup check DIR                                 reads all of a copy, changes nothing
//
// As a plugin it answers the hook db_write: each transaction is on the other disk before lightningd commits
// it. Where that fails, the node stops. It reads the database in lightning-dir, writes the copy, and opens no
// other connection than the one to the receiver.
//
// Trust: a receiver takes TCP from those who know the secret, Unix sockets from those whom permissions let in. Restore
// executes what changes rows, and nothing else.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	"fulmen/plugins/backup/backup"
	"fulmen/plugins/plugin"
)

func main() {
	err := run(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		err = nil
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "backup: %v\n", err)
		os.Exit(1)
	}
}

const usage = "usage: backup receive [-secret-file FILE] ADDRESS DIR | restore [-force] DIR DATABASE | check DIR"

func run(args []string) error {
	if len(args) == 0 {
		if os.Getenv("LIGHTNINGD_PLUGIN") == "" {
			return errors.New(usage)
		}
		return follow()
	}
	set := flag.NewFlagSet("backup "+args[0], flag.ContinueOnError)
	secretFile := set.String("secret-file", "", "file with the secret that both ends of tcp: share")
	force := set.Bool("force", false, "restore what comes before a damage; it may be an old state, for which peers punish")
	if err := set.Parse(args[1:]); err != nil {
		return err
	}
	switch rest := set.Args(); {
	case args[0] == "receive" && len(rest) == 2:
		return receive(rest[0], rest[1], *secretFile)
	case args[0] == "restore" && len(rest) == 2:
		r, err := backup.Restore(rest[0], rest[1], backup.Options{Force: *force})
		if err == nil {
			fmt.Printf("%s is restored, %s\n", rest[1], describe(r))
		}
		return err
	case args[0] == "check" && len(rest) == 1:
		r, err := backup.Check(rest[0])
		if err == nil {
			fmt.Printf("%s is whole, %s\n", rest[0], describe(r))
		}
		return err
	}
	return errors.New(usage)
}

func describe(r backup.Restored) string {
	text := fmt.Sprintf("up to version %d (a snapshot of %d bytes and %d transactions)", r.Version, r.Size, r.Transactions)
	if r.Torn {
		text += "; the transaction that was being written at its end was never committed"
	}
	if r.Damage != nil {
		text += fmt.Sprintf("; WARNING: what follows was left out, so this may be an old state (%v)", r.Damage)
	}
	return text
}

func readSecret(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	return backup.ReadSecret(path)
}

func receive(address, dir, secretFile string) error {
	secret, err := readSecret(secretFile)
	if err != nil {
		return err
	}
	l, err := backup.Listen(address, secret)
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s\n", l.Addr())
	return backup.NewReceiver(dir, func(format string, args ...any) { fmt.Printf(format+"\n", args...) }).Serve(l)
}

// follow is the plugin.
func follow() error {
	p := plugin.New()
	p.AddOption(plugin.Option{Name: "backup-path", Type: plugin.String,
		Description: "Keep a second copy of the database in this folder, or at a receiver (tcp:HOST:PORT, unix:PATH)"})
	p.AddOption(plugin.Option{Name: "backup-secret-file", Type: plugin.String,
		Description: "File with the secret that backup-path's receiver has too, needed for tcp:"})
	var keeper *backup.Keeper
	p.OnInit(func(i plugin.Init) (err error) {
		path, err := i.String("backup-path")
		if err == nil && path == "" {
			return errors.New("no backup-path is set")
		}
		var secretFile string
		if err == nil {
			secretFile, err = i.String("backup-secret-file")
		}
		if err == nil {
			keeper, err = open(p, path, secretFile)
		}
		if err != nil { // without the copy that was asked for the node must not start
			return &plugin.Error{Code: -1, Message: err.Error()}
		}
		return nil
	})
	p.AddHook(plugin.Hook{Name: "db_write", Run: func(_ context.Context, question json.RawMessage) (any, error) {
		var q struct {
			Version uint32   `json:"data_version"`
			Writes  []string `json:"writes"`
		}
		if err := json.Unmarshal(question, &q); err != nil {
			return nil, err
		}
		if keeper == nil {
			return nil, errors.New("a transaction before init")
		}
		if err := keeper.Write(q.Version, q.Writes); err != nil {
			return nil, err
		}
		return plugin.Continue, nil
	}})
	return p.Run()
}

func open(p *plugin.Plugin, path, secretFile string) (*backup.Keeper, error) {
	database := os.Getenv("LIGHTNINGD_DATABASE")
	if database == "" {
		return nil, errors.New("lightningd does not say where its database is (LIGHTNINGD_DATABASE)")
	}
	secret, err := readSecret(secretFile)
	if err != nil {
		return nil, err
	}
	var to backup.Copy
	if backup.IsAddress(path) {
		to, err = backup.DialRemote(path, secret)
	} else {
		to, err = backup.OpenDir(path)
	}
	if err != nil {
		return nil, err
	}
	keeper, err := backup.NewKeeper(backup.Config{
		Source: backup.NewSource(database), To: to, Log: p.Log,
		Fail: func(err error) {
			fmt.Fprintf(os.Stderr, "backup: %v\n", err)
			os.Exit(1) // an important plugin: the node stops
		},
	})
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	return keeper, nil
}
