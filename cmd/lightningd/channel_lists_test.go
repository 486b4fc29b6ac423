package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"fulmen/internal/amount"
	core "fulmen/internal/channel"
	"fulmen/internal/features"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/keys"
	"fulmen/internal/schema"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

func testUpdate(base uint32, flags byte) []byte {
	return wire.Encode(&wire.ChannelUpdate{
		MessageFlags: 1, ChannelFlags: flags, CLTVExpiryDelta: 34, HTLCMinimumMsat: 1, FeeBaseMsat: base,
		FeeProportionalMillionths: 10, HTLCMaximumMsat: 1e9,
	})
}

func testRow(id uint64, private bool) *store.Channel {
	return &store.Channel{
		ID: id, PeerID: newPayee(byte(id + 1)).id(), ChannelID: wire.ChannelID{byte(id)}, State: store.Normal, Opener: "local", Private: private,
		FundingTxid: [32]byte{byte(id)}, FundingSats: 1e6, ChannelType: features.New(features.StaticRemotekey, features.Anchors),
		ShortChannelID: wire.NewShortChannelID(103, uint32(id), 0), AliasLocal: wire.NewShortChannelID(1, uint32(id), 1),
		AliasRemote: wire.NewShortChannelID(2, uint32(id), 2), Policy: store.Policy{FeeBase: 1, FeePPM: 10, HTLCMax: 99e7, CLTVDelta: 34},
		RemoteUpdate: testUpdate(1000, 0), Billboard: "Lockin complete", LastStable: time.Unix(1_700_000_000, 0),
	}
}

var testParams = &core.Params{
	FundingSats: 1e6,
	Local:       core.Side{DustLimit: 546, ChannelReserve: 10_000, MaxHTLCValueInFlight: amount.MaxMsat, ToSelfDelay: 144, MaxAcceptedHTLCs: 30},
	Remote:      core.Side{DustLimit: 354, ChannelReserve: 20_000, HTLCMinimum: 5, ToSelfDelay: 6, MaxAcceptedHTLCs: 483},
}

// keepsSchema fails unless result is what the command's schema publishes.
func keepsSchema(t *testing.T, command string, result any) {
	t.Helper()
	s, err := schema.Load(command)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ValidateResponse(raw); err != nil {
		t.Errorf("%s: %v\n%s", command, err, raw)
	}
}

func TestListPeerChannelsKeepsItsSchema(t *testing.T) {
	n := &node{id: newPayee(1).id(), network: network{Params: &chaincfg.RegressionNetParams}}
	d := &channeldmsg.DescribeReply{
		Status: channeldmsg.Status{ToLocal: 6e8, Spendable: 5e8, Receivable: 3e8, FeeratePerKw: 253},
		HTLCs: []channeldmsg.DescribedHTLC{
			{Offered: true, ID: 1, AmountMsat: 1000, CLTVExpiry: 120, State: "SENT_ADD_ACK_REVOCATION", LocalTrimmed: true},
			{ID: 2, AmountMsat: 2_000_000, CLTVExpiry: 130, State: "RCVD_ADD_ACK_REVOCATION"},
		},
		LastTxFee: 284,
	}
	open := &channelView{row: *testRow(1, false), tally: store.Tally{MinToUs: 1e8, MaxToUs: 7e8}, proc: &channelProcess{}, connected: true, ready: true}
	closing := &channelView{row: *testRow(2, true), tally: store.Tally{MinToUs: 1e8, MaxToUs: 7e8}}
	closing.row.State, closing.row.Closer, closing.row.CloseCause = store.AwaitingUnilateral, "remote", string(causeProtocol)
	closing.row.LostState = true
	closing.row.CloseTo = append([]byte{0, 20}, make([]byte, 20)...)
	changes := []store.StateChange{{At: time.Unix(1_700_000_000, 0), Old: store.AwaitingLockin, New: store.Normal, Cause: "local", Message: "Lockin complete"}}
	result := &listPeerChannelsResult{}
	for _, v := range []*channelView{open, closing} {
		result.Channels = append(result.Channels, n.showChannel(v, testParams, d, changes))
	}
	keepsSchema(t, "listpeerchannels", result)
	a, b := result.Channels[0], result.Channels[1]
	if a.TheirReserveMsat != 10_000_000 || a.OurReserveMsat != 20_000_000 || a.TheirToSelfDelay != 144 || a.OurToSelfDelay != 6 {
		t.Errorf("whose limits are whose: %+v", a)
	}
	if a.LostState || !b.LostState || b.Owner != "" || b.Reestablished != nil || b.CloseToAddr == "" {
		t.Errorf("the closing channel: %+v", b)
	}
}

func TestListClosedChannelsKeepsItsSchema(t *testing.T) {
	row := testRow(1, false)
	row.State, row.Closer, row.CloseCause = store.Closed, "local", "user"
	tally := &store.Tally{LocalRevoked: 4, RemoteSigned: 5, ToUs: 6e8, MinToUs: 1e8, MaxToUs: 7e8}
	keepsSchema(t, "listclosedchannels", &listClosedChannelsResult{ClosedChannels: []*closedChannelResult{showClosed(row, tally)}})
}

func TestListPeerChannelsTakesOneFilter(t *testing.T) {
	id, scid := newPayee(2).id(), wire.ShortChannelID(1)
	if (&listPeerChannelsParams{ID: &id, ShortChannelID: &scid}).Validate() == nil {
		t.Error("two filters were accepted")
	}
	row := testRow(1, false)
	for name, p := range map[string]listPeerChannelsParams{
		"all": {}, "peer": {ID: &row.PeerID}, "short_channel_id": {ShortChannelID: &row.ShortChannelID}, "alias": {ShortChannelID: &row.AliasLocal},
		"channel_id": {ChannelID: &row.ChannelID},
	} {
		if p.Validate() != nil || !p.matches(row) {
			t.Errorf("%s does not find the channel", name)
		}
		if p != (listPeerChannelsParams{}) && p.matches(testRow(2, false)) {
			t.Errorf("%s finds another channel", name)
		}
	}
}

func TestDecodeKeepsItsSchema(t *testing.T) {
	inv, err := decodeInvoice("string", "LIGHTNING:"+newPayee(2).invoice(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	keepsSchema(t, "decode", showDecoded(inv))
}

func TestReceiveHints(t *testing.T) {
	in := func(id uint64, private, online bool, receivable amount.Msat) incomingChannel {
		return incomingChannel{row: testRow(id, private), online: online, receivable: receivable}
	}
	silent := in(5, true, true, 9e6)
	silent.row.RemoteUpdate = nil
	disabled := in(6, true, true, 9e6)
	disabled.row.RemoteUpdate = testUpdate(0, wire.ChannelFlagDisable)
	private := []incomingChannel{in(1, true, true, 1e6), in(2, true, true, 3e6), in(3, true, false, 8e6), silent, disabled}
	mixed := append([]incomingChannel{in(4, false, true, 2e6)}, private...)
	deadEnd := func(peer keys.PubKey) bool { return peer == testRow(7, true).PeerID }
	for _, c := range []struct {
		name     string
		channels []incomingChannel
		expose   *exposeChannels
		want     []uint64
	}{
		{"private ones alone, the best first", private, nil, []uint64{2, 1}},
		{"those that are away, if nobody is there", []incomingChannel{in(3, true, false, 8e6)}, nil, []uint64{3}},
		{"none that can receive nothing", []incomingChannel{in(1, true, true, 0)}, nil, nil},
		{"none at a dead end", []incomingChannel{in(7, true, true, 1e6), in(1, true, true, 1e5)}, nil, []uint64{1}},
		{"a dead end, if there is no other", []incomingChannel{in(7, true, true, 1e6)}, nil, []uint64{7}},
		{"a few", []incomingChannel{in(1, true, true, 1), in(2, true, true, 4), in(3, true, true, 3), in(8, true, true, 2)}, nil, []uint64{2, 3, 8}},
		{"none beside a public one", mixed, nil, nil},
		{"none wanted", private, &exposeChannels{}, nil},
		{"all wanted", mixed, &exposeChannels{All: true}, []uint64{2, 1}},
		{"one wanted", mixed, &exposeChannels{Only: []wire.ShortChannelID{testRow(4, false).ShortChannelID}}, []uint64{4}},
		{"one wanted by alias", mixed, &exposeChannels{Only: []wire.ShortChannelID{testRow(1, true).AliasRemote}}, []uint64{1}},
	} {
		r := receivingBy(c.channels, 0, c.expose, deadEnd)
		if len(r.hints) != len(c.want) {
			t.Errorf("%s: hints %+v, want %v", c.name, r.hints, c.want)
			continue
		}
		for i, id := range c.want {
			want := testRow(id, id != 4)
			h := r.hints[i][0]
			scid := want.AliasRemote
			if !want.Private {
				scid = want.ShortChannelID
			}
			if h.NodeID != want.PeerID || h.ShortChannelID != scid || h.FeeBaseMsat != 1000 || h.CLTVExpiryDelta != 34 {
				t.Errorf("%s: hint %d is %+v", c.name, i, h)
			}
		}
	}
	r := receivingBy(mixed, 0, nil, deadEnd)
	if r.total != 32e6 || r.online != 24e6 || r.reachable != 2e6 || r.greatest != 2e6 {
		t.Errorf("sums %+v", r)
	}
}

func TestSetChannelWarns(t *testing.T) {
	msat := func(m amount.Msat) *amount.Msat { return &m }
	e := new(setChannelEntry)
	params := *testParams
	params.Remote.MaxHTLCValueInFlight = 99e7 // below the capacity
	p := &setChannelParams{FeeBase: msat(7), HTLCMin: msat(1), HTLCMax: msat(2e9)}
	policy, err := p.policyFrom(store.Policy{FeePPM: 3}, &params, e)
	if err != nil {
		t.Fatal(err)
	}
	if policy.FeeBase != 7 || policy.FeePPM != 3 || policy.HTLCMin != 5 || policy.HTLCMax != 99e7 {
		t.Errorf("policy %+v", policy)
	}
	if e.WarningHTLCMinTooLow == "" || e.WarningHTLCMaxTooHigh == "" {
		t.Errorf("no warnings: %+v", e)
	}
	if _, err := (&setChannelParams{HTLCMin: msat(10), HTLCMax: msat(9)}).policyFrom(store.Policy{}, &params, e); err == nil {
		t.Error("htlcmax below htlcmin was accepted")
	}
	if _, err := (&setChannelParams{FeeBase: msat(1 << 32)}).policyFrom(store.Policy{HTLCMax: 9}, &params, e); err == nil {
		t.Error("a base fee that fits no channel_update was accepted")
	}
}

func TestCloseDestination(t *testing.T) {
	const taproot = "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6"
	script, err := scriptTo(taproot, &chaincfg.RegressionNetParams)
	if err != nil || addressOf(script, &chaincfg.RegressionNetParams) != taproot {
		t.Fatalf("script %x, %v", script, err)
	}
	if _, err := scriptTo(taproot, &chaincfg.MainNetParams); err == nil {
		t.Error("an address of another network was accepted")
	}
	if err := checkDestination(script, nil, testParams, features.New(features.ShutdownAnysegwit.Optional())); err != nil {
		t.Error(err)
	}
	if checkDestination(script, nil, testParams, features.New(features.Anchors)) == nil {
		t.Error("taproot was accepted for a peer without option_shutdown_anysegwit")
	}
	if checkDestination(script, []byte{0, 20, 1}, testParams, nil) == nil {
		t.Error("another script than the one promised was accepted")
	}
}

func TestCloseParams(t *testing.T) {
	for step, good := range map[string]bool{"50%": true, "100%": true, "1": true, "500": true, "0": false, "101%": false, "half": false, "": false, "%": false} {
		if _, _, err := negotiationStep(step); (err == nil) != good {
			t.Errorf("fee_negotiation_step %q: %v", step, err)
		}
	}
}
