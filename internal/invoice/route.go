package invoice

import (
	"encoding/binary"
	"fmt"

	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// parseRoute reads an `r` field.
func parseRoute(words []byte) ([]HopHint, error) {
	data := toBytes(words)
	if len(data) == 0 || len(data)%hopHintSize != 0 {
		return nil, fmt.Errorf("%d bytes are no multiple of %d", len(data), hopHintSize)
	}
	be := binary.BigEndian
	var hops []HopHint
	for ; len(data) > 0; data = data[hopHintSize:] {
		hops = append(hops, HopHint{
			NodeID:                    keys.PubKey(data[:33]),
			ShortChannelID:            wire.ShortChannelID(be.Uint64(data[33:])),
			FeeBaseMsat:               be.Uint32(data[41:]),
			FeeProportionalMillionths: be.Uint32(data[45:]),
			CLTVExpiryDelta:           block.Delta(be.Uint16(data[49:])),
		})
	}
	return hops, nil
}

func routeBytes(hops []HopHint) []byte {
	be := binary.BigEndian
	var data []byte
	for i := range hops {
		h := &hops[i]
		data = append(data, h.NodeID[:]...)
		data = be.AppendUint64(data, uint64(h.ShortChannelID))
		data = be.AppendUint32(data, h.FeeBaseMsat)
		data = be.AppendUint32(data, h.FeeProportionalMillionths)
		data = be.AppendUint16(data, uint16(h.CLTVExpiryDelta))
	}
	return data
}
