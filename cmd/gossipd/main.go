package main

import (
	"errors"
	"os"

	"fulmen/internal/daemon"
	"fulmen/internal/gossip"
	"fulmen/internal/gossipstore"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/sandbox"
)

func main() {
	p := daemon.Start("gossipd")
	lightningd, hsmd, connectd := p.Link(daemon.LinkToLightningd), p.Link(4), p.Link(5)
	init, store, err := recvInit(lightningd)
	p.Must("read init", err)
	p.Confine(sandbox.Gossipd) // before the first byte from a peer

	sh := newShell(p.Log)
	sh.lightningd, sh.hsmd = lightningd, hsmd
	p.Must("load gossip_store", sh.load(init, store))
	// A Client, because it must not wait for connectd, which may be waiting for us.
	sh.connectd = ipc.NewClient(connectd, func(f *ipc.Frame) error { return fromConnectd(f, sh.in) })
	go func() { p.Must("read lightningd", sh.readLightningd()) }()
	go func() {
		<-sh.connectd.Done()
		p.Must("read connectd", sh.connectd.Err())
	}()
	p.Must("gossip", sh.run())
}

var errNoStore = errors.New("it comes without gossip_store")

func recvInit(lightningd *ipc.Conn) (*gossipdmsg.Init, *os.File, error) {
	f, err := lightningd.Recv()
	if err != nil {
		return nil, nil, err
	}
	init := new(gossipdmsg.Init)
	if err := f.Decode(init); err != nil {
		return nil, nil, err
	}
	if len(f.Fds) != 1 {
		return nil, nil, errNoStore
	}
	return init, f.Fds[0], nil
}

// load reads the store. The machine's first actions are done at once.
func (sh *shell) load(init *gossipdmsg.Init, file *os.File) error {
	sh.machine = gossip.New(gossip.Self{ID: init.NodeID, ChainHash: init.ChainHash})
	loader := sh.machine.Loader()
	store, damage, err := gossipstore.Load(file, init.StoreID, func(r *gossipstore.Record) error {
		loader.Record(r)
		return nil
	})
	if err != nil {
		return err
	}
	if damage != nil {
		sh.log.Warn("the end of gossip_store is damaged and was cut off", "error", damage, "bytes", store.Size())
	}
	sh.store = store
	_, err = sh.doAll(loader.Done(now(), store.Size(), store.DeletedSize())) // none of these has an answer
	return err
}
