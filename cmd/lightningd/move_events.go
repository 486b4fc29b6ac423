package main

import (
	"fulmen/internal/store"
)

// coinVersion is that of coin_movement's form.
const coinVersion = 2

// movement is what all movements have in the notification coin_movement.
type movement struct {
	Version  uint32 `json:"version"`
	CoinType string `json:"coin_type"`
	NodeID   string `json:"node_id"`
	Type     string `json:"type"`
}

type chainMovement struct {
	movement
	*chainMove
}

type channelMovement struct {
	movement
	*channelMove
}

// toldMoves are the last movements that plugins were told of, by created_index.
type toldMoves struct{ chain, channel uint64 }

// tellMoves tells plugins of the movements that came to disk since the last time. It runs in the loop, after
// each batch, and reads nothing while nobody follows.
func (n *node) tellMoves() {
	if !n.plugins.Subscribed("coin_movement") {
		return
	}
	if err := n.tellNewMoves(); err != nil {
		n.log.Warn("movements of coins cannot be told", "error", err)
	}
}

func (n *node) tellNewMoves() error {
	chain, err := n.db.ChainMoves(store.Page{Start: n.toldMoves.chain + 1})
	if err != nil {
		return err
	}
	for i := range chain {
		n.toldMoves.chain = chain[i].CreatedIndex
		n.notify("coin_movement", func() any { return chainMovement{n.movement("chain_mvt"), showChainMove(&chain[i])} })
	}
	channel, err := n.db.ChannelMoves(store.Page{Start: n.toldMoves.channel + 1})
	if err != nil || len(channel) == 0 {
		return err
	}
	ids, err := n.db.ChannelIDs()
	if err != nil {
		return err
	}
	for i := range channel {
		n.toldMoves.channel = channel[i].CreatedIndex
		n.notify("coin_movement", func() any {
			return channelMovement{n.movement("channel_mvt"), showChannelMove(&channel[i], ids[channel[i].Channel])}
		})
	}
	return nil
}

func (n *node) movement(kind string) movement {
	return movement{coinVersion, n.coinType(), n.id.String(), kind}
}
