package main

import (
	"bytes"
	"context"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/store"
	"fulmen/internal/wallet"
)

// walletCommands are the commands about coins.
func (n *node) walletCommands() []*command.Command {
	return []*command.Command{
		n.newAddrCommand(), n.listAddressesCommand(), n.listFundsCommand(),
		n.withdrawCommand(), n.multiWithdrawCommand(), n.txPrepareCommand(), n.txSendCommand(), n.txDiscardCommand(), n.listTransactionsCommand(),
		n.fundPSBTCommand(), n.utxoPSBTCommand(), n.reserveInputsCommand(), n.unreserveInputsCommand(), n.signPSBTCommand(), n.sendPSBTCommand(), n.addPSBTOutputCommand(), upgradeWalletCommand(),
		n.feeratesCommand(), n.parseFeerateCommand(),
	}
}

type newAddrParams struct {
	Type string `param:"addresstype" enum:"bech32,p2tr,all" default:"p2tr" doc:"The kind of address."`
}

type newAddrResult struct {
	P2TR   string `json:"p2tr,omitempty" doc:"The taproot address (BIP 86)."`
	Bech32 string `json:"bech32,omitempty" doc:"The segwit version 0 address (BIP 84)."`
}

func (n *node) newAddrCommand() *command.Command {
	return command.New(command.Doc{
		Name: "newaddr", Category: command.Bitcoin,
		Short:   "Make an address to receive coins at.",
		Long:    "Coins sent to it can fund channels once they are confirmed.",
		SeeAlso: []string{"listaddresses", "listfunds", "withdraw"},
	}, n.newAddr)
}

func (n *node) newAddr(ctx context.Context, p *newAddrParams) (*newAddrResult, error) {
	kinds := []wallet.Kind{wallet.P2TR}
	switch p.Type {
	case "bech32":
		kinds = []wallet.Kind{wallet.P2WPKH}
	case "all":
		kinds = []wallet.Kind{wallet.P2WPKH, wallet.P2TR}
	}
	r := &newAddrResult{}
	err := n.onWallet(ctx, func(w *wallet.Wallet) (*wallet.Changes, error) {
		issued, changes, err := w.NewAddresses(kinds...)
		for _, a := range issued {
			r.set(a.Kind, w.Encode(a.Script))
		}
		return changes, err
	})
	return r, err
}

func (r *newAddrResult) set(kind wallet.Kind, address string) {
	if kind == wallet.P2TR {
		r.P2TR = address
		return
	}
	r.Bech32 = address
}

type listAddressesParams struct {
	Address string `param:"address,optional" doc:"Only this address."`
	Start   uint32 `param:"start" default:"1" doc:"The first key index to list."`
	Limit   uint32 `param:"limit" default:"4294967295" doc:"How many indexes to list at most."`
}

type addressResult struct {
	KeyIdx uint32 `json:"keyidx" doc:"Index of the key."`
	Bech32 string `json:"bech32,omitempty" doc:"Its segwit version 0 address, if issued."`
	P2TR   string `json:"p2tr,omitempty" doc:"Its taproot address, if issued."`
}

type listAddressesResult struct {
	Addresses []*addressResult `json:"addresses" doc:"The addresses, by index."`
}

func (n *node) listAddressesCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listaddresses", Category: command.Bitcoin,
		Short:   "List the addresses that were made.",
		SeeAlso: []string{"newaddr"},
	}, n.listAddresses)
}

func (n *node) listAddresses(_ context.Context, p *listAddressesParams) (*listAddressesResult, error) {
	r := &listAddressesResult{Addresses: []*addressResult{}}
	var script []byte
	if p.Address != "" {
		var err error
		if script, err = n.decodeAddress("address", p.Address); err != nil {
			return nil, err
		}
	}
	err := n.onLoop(func() error {
		for _, a := range n.wallet.Issued(p.Start, int(p.Limit)) {
			if script != nil && !bytes.Equal(script, a.Script) {
				continue
			}
			if len(r.Addresses) == 0 || r.Addresses[len(r.Addresses)-1].KeyIdx != a.Index {
				r.Addresses = append(r.Addresses, &addressResult{KeyIdx: a.Index})
			}
			last := r.Addresses[len(r.Addresses)-1]
			if text := n.wallet.Encode(a.Script); a.Kind == wallet.P2TR {
				last.P2TR = text
			} else {
				last.Bech32 = text
			}
		}
		return nil
	})
	return r, err
}

type listFundsParams struct {
	Spent bool `param:"spent" default:"false" doc:"List outputs that are spent too."`
}

type outputResult struct {
	Txid            string       `json:"txid" doc:"The transaction that it is in."`
	Output          uint32       `json:"output" doc:"Its index there."`
	AmountMsat      amount.Msat  `json:"amount_msat" doc:"What it is worth."`
	ScriptPubKey    command.Hex  `json:"scriptpubkey" doc:"What locks it."`
	Address         string       `json:"address,omitempty" doc:"The same as an address."`
	Status          string       `json:"status" doc:"unconfirmed, confirmed, spent or immature."`
	BlockHeight     block.Height `json:"blockheight,omitempty" doc:"The block it was confirmed in."`
	Reserved        bool         `json:"reserved" doc:"Whether it is kept for a transaction."`
	ReservedToBlock block.Height `json:"reserved_to_block,omitempty" doc:"Until which height."`
}

type fundsChannelResult struct {
	PeerID         string      `json:"peer_id" doc:"The peer."`
	Connected      bool        `json:"connected" doc:"Whether it is connected."`
	State          string      `json:"state" doc:"The channel's state."`
	ChannelID      string      `json:"channel_id" doc:"The channel."`
	ShortChannelID string      `json:"short_channel_id,omitempty" doc:"Where its funding transaction is in the chain."`
	OurAmountMsat  amount.Msat `json:"our_amount_msat" doc:"Our balance."`
	AmountMsat     amount.Msat `json:"amount_msat" doc:"The capacity."`
	FundingTxid    string      `json:"funding_txid" doc:"The funding transaction."`
	FundingOutput  uint16      `json:"funding_output" doc:"Its output."`
}

type listFundsResult struct {
	Outputs  []*outputResult       `json:"outputs" doc:"The wallet's outputs."`
	Channels []*fundsChannelResult `json:"channels" doc:"What is in channels."`
}

func (n *node) listFundsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listfunds", Category: command.Bitcoin,
		Short:   "List the wallet's coins and the balances of channels.",
		SeeAlso: []string{"newaddr", "listpeerchannels", "withdraw"},
	}, n.listFunds)
}

func (n *node) listFunds(_ context.Context, p *listFundsParams) (*listFundsResult, error) {
	r := &listFundsResult{Outputs: []*outputResult{}, Channels: []*fundsChannelResult{}}
	var old []wallet.Coin
	if p.Spent {
		var err error
		if old, err = n.db.SpentCoins(); err != nil {
			return nil, err
		}
	}
	err := n.onLoop(func() error {
		coins := n.wallet.Coins()
		for i := range coins {
			if coins[i].SpentHeight == 0 && (p.Spent || n.wallet.Status(&coins[i]) != wallet.Spent) {
				r.Outputs = append(r.Outputs, n.showCoin(&coins[i]))
			}
		}
		for i := range old {
			r.Outputs = append(r.Outputs, n.showCoin(&old[i]))
		}
		for _, c := range n.channels {
			r.Channels = append(r.Channels, showFunds(c))
		}
		return nil
	})
	slices.SortFunc(r.Channels, func(a, b *fundsChannelResult) int { return bytes.Compare([]byte(a.ChannelID), []byte(b.ChannelID)) })
	return r, err
}

func (n *node) showCoin(c *wallet.Coin) *outputResult {
	r := &outputResult{
		Txid: c.Outpoint.Hash.String(), Output: c.Outpoint.Index, AmountMsat: c.Amount.Msat(), ScriptPubKey: c.Script,
		Address: n.wallet.Encode(c.Script), Status: string(n.wallet.Status(c)), BlockHeight: c.Height, Reserved: n.wallet.Reserved(c),
	}
	if r.Reserved {
		r.ReservedToBlock = c.ReservedTo
	}
	return r
}

func showFunds(c *channel) *fundsChannelResult {
	r := &fundsChannelResult{
		PeerID: c.row.PeerID.String(), Connected: c.peer.conn != nil, State: string(c.row.State), ChannelID: c.row.ChannelID.String(),
		OurAmountMsat: c.tally.ToUs, AmountMsat: c.row.FundingSats.Msat(), FundingTxid: c.fundingOutpoint().Hash.String(),
		FundingOutput: c.row.FundingOutput,
	}
	if c.row.ShortChannelID != 0 && c.row.State != store.AwaitingLockin {
		r.ShortChannelID = c.row.ShortChannelID.String()
	}
	return r
}
