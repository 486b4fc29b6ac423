package interop

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fulmen/internal/amount"
	"fulmen/tests/interop/lndrpc"
)

// hexBytes is raw bytes.
func hexBytes(text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil {
		panic(err) // text is of our own making, or a node's own
	}
	return raw
}

// Open implements Peer.
func (l *lnd) Open(to string, how Open) (string, error) {
	point, err := lndTry(l, l.lightning.OpenChannelSync, &lndrpc.OpenChannelRequest{
		NodePubkey: hexBytes(to), LocalFundingAmount: int64(how.Sats), PushSat: int64(how.Push), Private: how.Private,
		CloseAddress: how.CloseTo, SatPerVbyte: 5, ScidAlias: how.Alias, CommitmentType: lndTypes[how.Type],
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s:%d", txidOf(point.GetFundingTxidBytes()), point.OutputIndex), nil
}

// lndTypes are the types of channels that Open names.
var lndTypes = map[string]lndrpc.CommitmentType{
	"anchors": lndrpc.CommitmentType_ANCHORS, "static_remote_key": lndrpc.CommitmentType_STATIC_REMOTE_KEY,
}

// txidOf shows a txid the way it is always shown: backwards.
func txidOf(raw []byte) string {
	shown := make([]byte, len(raw))
	for i, b := range raw {
		shown[len(raw)-1-i] = b
	}
	return hex.EncodeToString(shown)
}

// pointOf reads a funding output the way it is always shown.
func (l *lnd) pointOf(point string) *lndrpc.ChannelPoint {
	l.t.Helper()
	txid, shown, _ := strings.Cut(point, ":")
	index, err := strconv.ParseUint(shown, 10, 32)
	if err != nil {
		l.t.Fatalf("funding output %q: %v", point, err)
	}
	return &lndrpc.ChannelPoint{FundingTxid: &lndrpc.ChannelPoint_FundingTxidStr{FundingTxidStr: txid}, OutputIndex: uint32(index)}
}

func (l *lnd) listChannels() []*lndrpc.Channel {
	l.t.Helper()
	return lndMust(l, l.lightning.ListChannels, &lndrpc.ListChannelsRequest{}).Channels
}

// Channels implements Peer.
func (l *lnd) Channels() []Channel {
	l.t.Helper()
	var channels []Channel
	for _, c := range l.listChannels() {
		channels = append(channels, Channel{
			Point: c.ChannelPoint, Active: c.Active && l.routable(c.ChanId), Linked: c.Active, Capacity: amount.Sat(c.Capacity),
			Local: amount.Sat(c.LocalBalance), OfUs: amount.Sat(c.RemoteBalance), CommitFee: amount.Sat(c.CommitFee),
			Feerate: amount.FeeratePerKw(c.FeePerKw), Type: strings.ToLower(c.CommitmentType.String()), Private: c.Private,
			Opener: c.Initiator, HTLCs: len(c.PendingHtlcs), Reserve: amount.Sat(c.LocalConstraints.GetChanReserveSat()),
			OurReserve: amount.Sat(c.RemoteConstraints.GetChanReserveSat()), DustLimit: amount.Sat(c.LocalConstraints.GetDustLimitSat()),
		})
	}
	return channels
}

// routable says whether lnd has a channel in its graph with the terms of both sides: it is active before
// that, but no payment goes through it.
func (l *lnd) routable(id uint64) bool {
	edge, err := lndTry(l, l.lightning.GetChanInfo, &lndrpc.ChanInfoRequest{ChanId: id})
	return err == nil && edge.Node1Policy != nil && edge.Node2Policy != nil
}

// PaySmallest implements Peer.
func (l *lnd) PaySmallest(point string) {
	l.t.Helper()
	for _, c := range l.listChannels() {
		if c.ChannelPoint == point {
			l.SetTerms(point, Terms{Base: 1000, PPM: 1, Delta: 80, Min: 1, Max: amount.Sat(c.Capacity).Msat()})
		}
	}
}

// Close implements Peer.
func (l *lnd) Close(point string, how Close) error {
	return l.closeBy(&lndrpc.CloseChannelRequest{ChannelPoint: l.pointOf(point), SatPerVbyte: how.SatPerByte})
}

// ForceClose implements Closer.
func (l *lnd) ForceClose(point string) error {
	return l.closeBy(&lndrpc.CloseChannelRequest{ChannelPoint: l.pointOf(point), Force: true})
}

// closeBy begins a close, and returns once lnd says that it is under way.
func (l *lnd) closeBy(request *lndrpc.CloseChannelRequest) error {
	ctx, cancel := context.WithTimeout(l.t.Context(), lndPatience)
	defer cancel() // ends the stream; the close goes on
	stream, err := l.lightning.CloseChannel(ctx, request)
	if err == nil {
		_, err = stream.Recv()
	}
	return lndError(err)
}

// Resolved implements Closer.
func (l *lnd) Resolved(point string) bool {
	l.t.Helper()
	list := lndMust(l, l.lightning.PendingChannels, &lndrpc.PendingChannelsRequest{})
	return !slices.ContainsFunc(list.PendingForceClosingChannels, func(c *lndrpc.PendingChannelsResponse_ForceClosedChannel) bool {
		return c.Channel.GetChannelPoint() == point
	}) && !slices.ContainsFunc(list.WaitingCloseChannels, func(c *lndrpc.PendingChannelsResponse_WaitingCloseChannel) bool {
		return c.Channel.GetChannelPoint() == point
	})
}

// OnChain implements Closer.
func (l *lnd) OnChain() amount.Sat {
	l.t.Helper()
	return amount.Sat(lndMust(l, l.lightning.WalletBalance, &lndrpc.WalletBalanceRequest{}).ConfirmedBalance)
}
