package main

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/features"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/wire"
	"fulmen/tests/hostile"
)

// The fixtures of the database that every node begins with.
var (
	bobID, malloryID = newPayee(2).id(), newPayee(3).id()
	ownSnapshot      []byte
)

const (
	bobChannel     = 1
	malloryChannel = 2
	testHeight     = 150
)

// firstDatabase is made once for all nodes.
var firstDatabase = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "hostile")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "db")
	db, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	a, _, err := channeltest.Open("alice", "bob", channeltest.Terms{Cheap: true, Funding: 1e6, ToOpener: 6e8, Feerate: 1000})
	if err != nil {
		return nil, err
	}
	ownSnapshot = a.Log.Snapshot
	err = db.Update(func(tx *storeTx) error {
		for id, peer := range map[uint64]keys.PubKey{bobChannel: bobID, malloryChannel: malloryID} {
			if err := storeTestChannel(tx, id, peer); err != nil {
				return err
			}
		}
		return tx.CreateInvoice(testInvoice())
	})
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func storeTestChannel(tx *storeTx, id uint64, peer keys.PubKey) error {
	for {
		reserved, err := tx.NextChannelID()
		if err != nil {
			return err
		}
		if reserved >= malloryChannel {
			break
		}
	}
	row := testRow(id, false)
	row.PeerID, row.State, row.ChannelID = peer, store.Normal, wire.NewChannelID(row.FundingTxid, 0)
	setup, err := encodeChannelSetup(&hsmdmsg.ChannelSetup{FundingTxid: row.FundingTxid, FundingSats: row.FundingSats})
	if err != nil {
		return err
	}
	row.Setup = setup
	if err := tx.CreateChannel(row); err != nil {
		return err
	}
	if err := tx.SaveChannel(row); err != nil {
		return err
	}
	return tx.AppendChannelLog(id, 0, true, ownSnapshot, &store.Tally{ToUs: 6e8, MinToUs: 6e8, MaxToUs: 6e8})
}

func testInvoice() *invoices.Invoice {
	return &invoices.Invoice{
		Label: "hostile", Bolt11: "lnbcrt", PaymentHash: sha256.Sum256(testPreimage[:]), Preimage: testPreimage,
		PaymentSecret: [32]byte{8}, ExpiresAt: time.Now().Add(time.Hour), Status: invoices.Unpaid,
	}
}

// deafBackend takes every transaction and knows nothing.
type deafBackend struct{}

func (deafBackend) ChainInfo(context.Context, block.Height) (chain.Info, error) {
	return chain.Info{Chain: "regtest", Headers: testHeight, Blocks: testHeight}, nil
}

func (deafBackend) BlockAt(context.Context, block.Height) (*btcwire.MsgBlock, error) { return nil, nil }

func (deafBackend) EstimateFees(context.Context) (chain.Fees, error) { return chain.Fees{}, nil }

func (deafBackend) SendTx(context.Context, *btcwire.MsgTx, bool) error { return nil }

func (deafBackend) Output(context.Context, btcwire.OutPoint) (*chain.Output, error) { return nil, nil }

// testClose is a transaction that spends a channel's funding output.
func testClose(channel uint64, outputs ...byte) []byte {
	tx := btcwire.NewMsgTx(2)
	tx.AddTxIn(btcwire.NewTxIn(&btcwire.OutPoint{Hash: chainhash.Hash(testRow(channel, false).FundingTxid)}, nil, nil))
	for _, o := range outputs {
		tx.AddTxOut(btcwire.NewTxOut(1000, []byte{0, 20, o, 19: 0, 21: 0}))
	}
	raw, err := encodeTx(tx)
	if err != nil {
		panic(err)
	}
	return raw
}

// openChannel is mallory's open_channel.
func (w *surroundings) openChannel() []byte {
	return wire.Encode(&wire.OpenChannel{
		ChainHash: w.n.network.ChainHash, TemporaryChannelID: wire.ChannelID{9}, FundingPubkey: malloryID, RevocationBasepoint: malloryID,
		PaymentBasepoint: malloryID, DelayedPaymentBasepoint: malloryID, HTLCBasepoint: malloryID, FirstPerCommitmentPoint: malloryID,
	})
}

// vocabulary are values that get past the first checks.
func (w *surroundings) vocabulary() *hostile.Words {
	v := w.words
	v.Numbers(0, 1, 2, 3, bobChannel, malloryChannel, 1000, 6e8, 1e9, testHeight+100)
	v.Texts(ownSnapshot, testClose(malloryChannel, 1), testClose(bobChannel, 1), []byte(strings.Repeat("x", wire.MaxMessage)), testUpdate(7, 0),
		features.New(features.StaticRemotekey, features.Anchors),
		w.openChannel(),
		wire.Encode(&wire.ChannelReestablish{ChannelID: wire.NewChannelID(testRow(malloryChannel, false).FundingTxid, 0)}))
	bob, mallory := testRow(bobChannel, false), testRow(malloryChannel, false)
	v.Values(bobID, malloryID, w.n.id, testPreimage, partPreimage(1), partPreimage(2), [32]byte(sha256.Sum256(testPreimage[:])), [32]byte{8},
		bob.FundingTxid, mallory.FundingTxid, wire.NewChannelID(bob.FundingTxid, 0), wire.NewChannelID(mallory.FundingTxid, 0),
		wire.NewChannelID([32]byte{9}, 0), [32]byte{9}, bob.ShortChannelID, mallory.AliasLocal)
	return v
}
