package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/psbt/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/rpc"
	"fulmen/internal/wallet"
)

// fundingTx is a transaction that funds channels, in the making. Its inputs are reserved, until the node ends or
// they are released; its outputs have placeholders until the peers' keys are known.
type fundingTx struct {
	packet  *psbt.Packet
	outputs []int // of each channel, in the transaction
	tx      *btcwire.MsgTx
	signed  []byte
}

// fundingPlaceholder is a P2WSH script: version 0 and 32 bytes.
var fundingPlaceholder = append([]byte{0x00, 0x20}, make([]byte, 32)...)

// maxStandardWeight is that of the heaviest transaction that nodes relay.
const maxStandardWeight = 400_000

// reserveFunding makes a funding transaction with outputs of these amounts, so that lack of coins is known before
// any peer is asked; allTo is the output that gets what the others leave, but no more than atMost, or -1.
func (n *node) reserveFunding(ctx context.Context, values []amount.Sat, allTo int, atMost amount.Sat, r wallet.SpendRequest) (*fundingTx, error) {
	for _, v := range values {
		r.Outputs = append(r.Outputs, btcwire.NewTxOut(int64(v), fundingPlaceholder))
	}
	r.AllTo, r.AllAtMost, r.Fleeting = allTo, atMost, true
	var f *wallet.Funding
	err := n.onWallet(ctx, func(w *wallet.Wallet) (changes *wallet.Changes, err error) {
		f, changes, err = w.Spend(&r)
		return changes, err
	})
	if err != nil {
		return nil, fundingError(err)
	}
	t := &fundingTx{packet: f.PSBT}
	for i := range values {
		t.outputs = append(t.outputs, f.OutputIndex(i))
	}
	if f.Weight > maxStandardWeight {
		err := fmt.Errorf("the funding transaction would weigh %d, and none over %d is relayed", f.Weight, maxStandardWeight)
		return nil, errors.Join(err, n.releaseFunding(t))
	}
	return t, nil
}

// fundingError gives an error of the wallet its code.
func fundingError(err error) error {
	for _, c := range []struct {
		is   error
		code rpc.Code
	}{
		{wallet.ErrInsufficient, rpc.CodeFundCannotAfford}, {wallet.ErrDust, rpc.CodeFundOutputIsDust},
		{wallet.ErrEmergency, rpc.CodeFundEmergencyReserve},
	} {
		if errors.Is(err, c.is) {
			return rpc.Errorf(c.code, "%w", err)
		}
	}
	if errors.Is(err, wallet.ErrFeerate) {
		return command.BadParam("feerate", "%w", err)
	}
	for _, is := range []error{wallet.ErrUnknown, wallet.ErrSpent, wallet.ErrReserved, wallet.ErrTwice} {
		if errors.Is(err, is) {
			return command.BadParam("utxos", "%w", err)
		}
	}
	return err
}

// releaseFunding frees the inputs of a funding transaction that came to nothing.
func (n *node) releaseFunding(f *fundingTx) error { return n.release(n.ctx, f.packet) }

// value is what a channel gets.
func (f *fundingTx) value(channel int) amount.Sat {
	return amount.Sat(f.packet.UnsignedTx.TxOut[f.outputs[channel]].Value)
}

// pay puts the scripts of the channels into the transaction; its id is final then.
func (f *fundingTx) pay(scripts []*channeldmsg.NeedFunding) {
	for i, s := range scripts {
		f.packet.UnsignedTx.TxOut[f.outputs[i]].PkScript = s.PkScript
	}
}

// outpoint is what funds a channel.
func (f *fundingTx) outpoint(channel int) btcwire.OutPoint {
	return btcwire.OutPoint{Hash: f.packet.UnsignedTx.TxHash(), Index: uint32(f.outputs[channel])}
}

// sign has hsmd sign it.
func (f *fundingTx) sign(ctx context.Context, n *node) (err error) {
	if err := n.signPSBT(ctx, f.packet, nil); err != nil {
		return err
	}
	if f.tx, err = wallet.Finalize(f.packet); err != nil {
		return err
	}
	f.signed, err = encodeTx(f.tx)
	return err
}
