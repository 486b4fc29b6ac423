package gossip

import (
	"fmt"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// answerRange answers query_channel_range: the range as it was asked for, without a channel in it.
func answerRange(to keys.PubKey, q *wire.QueryChannelRange) []Action {
	return []Action{SendPeer{to, wire.Encode(&wire.ReplyChannelRange{
		ChainHash:       q.ChainHash,
		FirstBlocknum:   q.FirstBlocknum,
		NumberOfBlocks:  q.NumberOfBlocks,
		SyncComplete:    1, // the final reply, which is all that it says (BOLT 7, Query Messages)
		EncodedShortIDs: wire.EncodeShortIDs(nil),
	})}}
}

// answerShortIDs answers query_short_channel_ids: we know none of them, and have no full
// information for the querier to rely on.
func answerShortIDs(to keys.PubKey, q *wire.QueryShortChannelIDs) []Action {
	if err := checkShortIDs(q); err != nil {
		return []Action{Misbehaved{to, fmt.Sprintf("query_short_channel_ids: %v", err)}}
	}
	return []Action{SendPeer{to, wire.Encode(&wire.ReplyShortChannelIDsEnd{ChainHash: q.ChainHash})}}
}

func checkShortIDs(q *wire.QueryShortChannelIDs) error {
	ids, err := wire.DecodeShortIDs(q.EncodedShortIDs)
	if err != nil || q.QueryFlags == nil {
		return err
	}
	flags, err := q.QueryFlags.Flags()
	if err == nil && len(flags) != len(ids) {
		err = fmt.Errorf("%d flags for %d short_channel_ids", len(flags), len(ids))
	}
	return err
}
