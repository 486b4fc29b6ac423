package main

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	core "fulmen/internal/channel"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
	"fulmen/internal/tx"
)

type closeParams struct {
	ID                 string            `param:"id" doc:"The peer, if it has one channel; or the channel's channel_id, short_channel_id or alias."`
	UnilateralTimeout  *uint32           `param:"unilateraltimeout" doc:"Seconds after which the channel is closed without the peer, 172800 if omitted; 0 waits for the peer for ever."`
	Destination        string            `param:"destination,optional" doc:"The address that gets our balance; the wallet if omitted."`
	FeeNegotiationStep string            `param:"fee_negotiation_step" default:"50%" doc:"How fast to give way where the peer haggles about the fee: satoshi, or percent of the distance. A peer that tells its fee range agrees at once."`
	WrongFunding       *btcwire.OutPoint `param:"wrong_funding" doc:"Refused: closing another output than the channel's own is not supported."`
	ForceLeaseClosed   bool              `param:"force_lease_closed" default:"false" doc:"Has no effect: channels are not leased."`
	FeeRange           []command.Feerate `param:"feerange,optional" doc:"The least and the greatest fee rate for the closing transaction."`
}

// Validate implements the check after parsing.
func (p *closeParams) Validate() error {
	if p.WrongFunding != nil {
		return command.BadParam("wrong_funding", "is not supported: only the channel's own funding output can be closed")
	}
	if len(p.FeeRange) != 0 && len(p.FeeRange) != 2 {
		return command.BadParam("feerange", "should be an array of two fee rates, the least and the greatest")
	}
	_, _, err := negotiationStep(p.FeeNegotiationStep)
	return err
}

// defaultCloseTimeout is how long a peer has, in seconds.
const defaultCloseTimeout = 172_800

// timeout is how long the peer has; 0 is for ever.
func (p *closeParams) timeout() time.Duration {
	if p.UnilateralTimeout == nil {
		return seconds(defaultCloseTimeout)
	}
	return seconds(uint64(*p.UnilateralTimeout))
}

// alone reports whether the caller wants no other closing transaction of the peer's, but an end.
func (p *closeParams) alone() bool {
	return p.UnilateralTimeout != nil && *p.UnilateralTimeout > 0 && len(p.FeeRange) == 0
}

// negotiationStep reads fee_negotiation_step: one of the two is 0.
func negotiationStep(s string) (sat amount.Sat, percent uint8, err error) {
	number, isPercent := strings.CutSuffix(s, "%")
	step, err := strconv.ParseUint(number, 10, 64)
	switch {
	case err != nil || step == 0:
		return 0, 0, command.BadParam("fee_negotiation_step", "should be a positive number of satoshi, or a percentage such as 50%%")
	case isPercent && step > 100:
		return 0, 0, command.BadParam("fee_negotiation_step", "is %s, at most 100%%", s)
	case isPercent:
		return 0, uint8(step), nil
	}
	return amount.Sat(min(step, uint64(amount.MaxSat))), 0, nil
}

type closeResult struct {
	Txs   []command.Hex `json:"txs,omitempty" doc:"The closing transactions."`
	Txids []string      `json:"txids,omitempty" doc:"Their ids."`
	Type  string        `json:"type" doc:"mutual, unilateral, or unopened for a channel that was not open or not funded yet."`
}

func (n *node) closeCommand() *command.Command {
	return command.New(command.Doc{
		Name: "close", Category: command.Channels,
		Short: "Close a channel.",
		Long: "It agrees with the peer on a closing transaction, waiting for the peer to be there if need be, and returns when that " +
			"is broadcast; messages tell of each step before. Given again with a higher feerange, while the peer is connected and both have option_simple_close, it agrees on " +
			"another that pays more. If the peer does not agree in time, our commitment transaction is broadcast, which locks our balance for a while. " +
			"So it is when unilateraltimeout is given again, without feerange, and the closing transaction is not mined by then.",
		SeeAlso: []string{"fundchannel", "listpeerchannels"},
	}, n.closeByCaller)
}

func (n *node) closeByCaller(ctx context.Context, p *closeParams) (*closeResult, error) {
	var c *channel
	var unopened, withheld bool
	if err := n.onLoop(func() (err error) {
		if unopened = n.abandonOpening(p.ID); unopened {
			return nil
		}
		if c, err = n.channelNamed(p.ID); err == nil {
			withheld = c.row.Withheld
		}
		return err
	}); err != nil {
		return nil, err
	}
	if unopened || withheld && n.giveUpWithheld(ctx, c, causeUser, "Closed before it was funded") {
		return &closeResult{Type: closeUnopened}, nil
	}
	how, err := n.closingFor(ctx, c, p)
	if err != nil {
		return nil, err
	}
	request := rpc.FromContext(ctx)
	tell := func(text string) { request.Message(rpc.LevelInfo, "%s", text) }
	kind, raw, err := n.closeChannel(ctx, c, how, p.timeout(), tell)
	if err != nil {
		return nil, err
	}
	if kind == closeUnopened {
		return &closeResult{Type: kind}, nil
	}
	final, err := decodeTx(raw)
	if err != nil {
		return nil, err
	}
	return &closeResult{Type: kind, Txs: []command.Hex{raw}, Txids: []string{final.TxHash().String()}}, nil
}

// closeUnopened is the kind of a close of a channel that never was funded.
const closeUnopened = "unopened"

var errClosedUnopened = errors.New("it was closed before it was open")

// abandonOpening ends the opening of a channel with a peer that has no channel yet.
func (n *node) abandonOpening(id string) bool {
	peer, err := keys.ParsePubKey(id)
	p := n.peers[peer]
	if err != nil || p == nil || len(p.channels) > 0 || len(p.openings) != 1 {
		return false
	}
	for _, o := range p.openings {
		o.fail(errClosedUnopened)
	}
	return true
}

// closingFor makes the order, and lets hsmd sign for an address of the caller's.
func (n *node) closingFor(ctx context.Context, c *channel, p *closeParams) (*closing, error) {
	how := new(closing)
	var peerFeatures, ordered []byte
	var running bool
	if err := n.onLoop(func() (err error) {
		if c.peer.conn != nil {
			peerFeatures = c.peer.conn.features
		}
		how.script, running = c.row.CloseTo, c.proc != nil
		if c.close != nil || c.row.State == store.ShuttingDown || c.row.State == store.SigExchange {
			ordered = c.row.CloseTo
		}
		if how.fees, err = n.closeFeesFrom(p.FeeRange); err != nil {
			return err
		}
		if how.fees.StepSat, how.fees.StepPercent, err = negotiationStep(p.FeeNegotiationStep); err != nil {
			return err
		}
		switch {
		case c.row.State != store.ClosingComplete:
		case p.alone():
			how.alone, how.instead = true, c.row.CloseTx
		default:
			how.instead, err = c.checkReplacement(how.fees.Target)
		}
		return err
	}); err != nil || p.Destination == "" {
		return how, err
	}
	script, err := scriptTo(p.Destination, n.network.Params)
	if err != nil {
		return nil, command.BadParam("destination", "%w", err)
	}
	params, err := n.paramsOf(c)
	if err != nil {
		return nil, err
	}
	if err := checkDestination(script, ordered, params, peerFeatures); err != nil {
		return nil, err
	}
	how.script = script
	if !running {
		return how, nil // hsmd hears of the script when the channel's process starts
	}
	var reply hsmdmsg.AllowShutdownScriptReply
	return how, n.hsm.request(ctx, &hsmdmsg.AllowShutdownScript{PeerID: c.row.PeerID, ChannelDBID: c.row.ID, Script: script}, &reply)
}

// closeFeesFrom is what the closing transaction may pay; without a range of the caller's, our own.
func (n *node) closeFeesFrom(feeRange []command.Feerate) (channeldmsg.CloseFeerates, error) {
	fees := n.closeFeerates()
	if len(feeRange) == 0 {
		return fees, nil
	}
	var bounds [2]amount.FeeratePerKw
	for i, f := range feeRange {
		rate, err := n.wallet.ParseFeerate(f.String())
		if err != nil {
			return fees, command.BadParam("feerange", "%w", err)
		}
		bounds[i] = max(rate, amount.FeerateFloor)
	}
	fees.Min, fees.Max = bounds[0], bounds[1]
	if fees.Max < fees.Min {
		return fees, command.BadParam("feerange", "the greatest fee rate, %s, is less than the least, %s", fees.Max, fees.Min)
	}
	fees.Target = min(max(fees.Target, fees.Min), fees.Max)
	return fees, nil
}

// scriptTo is the output script that an address stands for.
func scriptTo(text string, params *chaincfg.Params) ([]byte, error) {
	a, err := address.DecodeAddress(text, params)
	if err != nil {
		return nil, err
	}
	if !a.IsForNet(params) {
		return nil, errors.New("is an address of another network")
	}
	return txscript.PayToAddrScript(a)
}

// checkDestination holds a script to what was promised to the peer or is ordered already, and to what
// the peer takes (BOLT 2, Closing Initiation: shutdown).
func checkDestination(script, ordered []byte, params *core.Params, peerFeatures features.Vector) error {
	for _, promised := range [][]byte{params.Local.UpfrontShutdownScript, ordered} {
		if len(promised) > 0 && !bytes.Equal(script, promised) {
			return command.BadParam("destination", "the channel has to close to output script %x, which was chosen before", promised)
		}
	}
	rules := tx.ScriptRules{AnySegwit: peerFeatures == nil || peerFeatures.Supports(features.ShutdownAnysegwit)}
	if err := rules.CheckShutdownScript(script); err != nil {
		return command.BadParam("destination", "the peer does not take it: %w", err)
	}
	return nil
}
