package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"fulmen/internal/config"
	"fulmen/internal/features"
	"fulmen/internal/logs"
	"fulmen/internal/plugin"
	"fulmen/internal/quiet"
	"fulmen/internal/store"
	"fulmen/internal/version"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lightningd:", err)
		os.Exit(1)
	}
}

// run is the life of a node.
func run(args []string, stdout io.Writer) error {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/"
	}
	cfg, err := config.Load(args, home)
	if err != nil {
		return err
	}
	if done, err := printAndExit(cfg, stdout); done {
		return err
	}
	if cfg.Flag("daemon") && !inBackground() {
		passphrase, err := askPassphrase(cfg) // here, where somebody sees the question
		if err != nil {
			return err
		}
		return goToBackground(args, logFiles(cfg), passphrase)
	}
	if err := makeFolders(cfg); err != nil {
		return err
	}
	pid, err := takeLock(cfg.PIDFile(), cfg.Path("rpc-file"))
	if err != nil {
		return err
	}
	defer pid.Close()
	book, err := openLog(cfg, stdout)
	if err != nil {
		return err
	}
	defer book.Close()
	book.Logger().Info("lightningd starts", "version", version.Version, "network", cfg.Network().Name, "folder", cfg.NetworkDir())
	if err := serve(cfg, book); err != nil {
		book.Logger().Error("lightningd ends", "error", err)
		return err
	}
	book.Logger().Info("lightningd has stopped")
	return nil
}

// serve opens what the node needs, and runs it until something ends it.
func serve(cfg *config.Config, book *logs.Book) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE)
	quiet.GiveBack()
	if err := refuseEmptyDatabase(cfg); err != nil {
		return err
	}
	db, err := store.Open(cfg.DatabaseFile())
	if err != nil {
		return err
	}
	n := newNode(cfg, book, db)
	go n.loop.run()
	started := make(chan error, 1)
	go func() { started <- n.start(); close(started) }()
	err = n.waitForEnd(signals, started)
	n.cancel()
	<-started // it gives up when the context ends, or is done long since
	n.shutdown()
	err = errors.Join(err, db.Close())
	n.plugins.Stop(context.Background(), nil) // now the last write has been told to those who follow them
	return err
}

// waitForEnd handles signals until the node is asked to stop, or cannot go on.
func (n *node) waitForEnd(signals <-chan os.Signal, started <-chan error) error {
	for {
		select {
		case err := <-started:
			if err != nil {
				return err
			}
			n.log.Info("Server started with public key "+n.id.String(), "alias", n.alias(), "version", version.Version)
			sdNotify("READY=1")
			if cfg := n.cfg; cfg.Flag("daemon") && len(cfg.Strings("log-file")) == 0 {
				n.log.Warn("no log-file is set: what is logged from here on goes nowhere; lightning-cli getlog has the newest of it")
			}
			tellParent()
			started = nil
		case err := <-n.failure:
			return err
		case <-n.stopRequested:
			return nil
		case s := <-signals:
			if s != syscall.SIGHUP {
				n.log.Info("stopping", "signal", s.String())
				return nil
			}
			if err := n.book.Reopen(); err != nil {
				n.log.Error("log files cannot be opened again, the old ones stay in use", "error", err)
			}
		}
	}
}

// printAndExit handles the options that only print.
func printAndExit(cfg *config.Config, w io.Writer) (done bool, err error) {
	switch {
	case cfg.Flag("help"):
		return true, cfg.WriteHelp(w)
	case cfg.Flag("version"):
		_, err := fmt.Fprintln(w, version.Version)
		return true, err
	case cfg.Flag("list-features-only"):
		for bit := range features.Ours(features.Init).All() {
			fmt.Fprintln(w, bit)
		}
		return true, nil
	}
	return false, nil
}

// makeFolders makes the node's folders, which only their owner may enter.
func makeFolders(cfg *config.Config) error {
	if err := os.MkdirAll(cfg.NetworkDir(), 0o700); err != nil {
		return fmt.Errorf("make the node's folder: %w", err)
	}
	return nil
}

// logPath is a log file's path, which is relative to lightning-dir wherever the node was started.
func logPath(cfg *config.Config, path string) string {
	if path == "" || path == "-" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(cfg.Dir(), path)
}

// logFiles are the paths of the log-file options; none: standard output.
func logFiles(cfg *config.Config) []string {
	files := slices.Clone(cfg.Strings("log-file"))
	for i := range files {
		files[i] = logPath(cfg, files[i])
	}
	return files
}

func openLog(cfg *config.Config, stdout io.Writer) (*logs.Book, error) {
	opts := logs.Options{
		Files: logFiles(cfg), Prefix: cfg.String("log-prefix"), Timestamps: cfg.Bool("log-timestamps"), Stdout: stdout, Now: time.Now,
	}
	for _, text := range cfg.Strings("log-level") {
		f, err := logs.ParseFilter(text)
		if err != nil {
			return nil, cfg.Malformed("log-level", text, err)
		}
		f.File = logPath(cfg, f.File)
		opts.Filters = append(opts.Filters, f)
	}
	return logs.New(opts)
}

// shutdown ends everything in order. Whatever does not end in time is killed: what is on disk is right
// at every moment. Plugins leave first, while they can still call us, but for those that the node needs
// until its own end.
func (n *node) shutdown() {
	sdNotify("STOPPING=1")
	n.plugins.Stop(context.Background(), func(p *plugin.Plugin) bool { return isBackend(p) || followsDatabase(p) })
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	n.stopServices(ctx)
}
