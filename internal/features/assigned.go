package features

import (
	"fmt"
	"math/bits"
)

// The features that BOLT 9 assigns, by their even bits.
const (
	DataLossProtect       Bit = 0
	UpfrontShutdownScript Bit = 4
	GossipQueries         Bit = 6
	VarOnionOptin         Bit = 8
	GossipQueriesEx       Bit = 10
	StaticRemotekey       Bit = 12
	PaymentSecret         Bit = 14
	BasicMPP              Bit = 16
	SupportLargeChannel   Bit = 18
	Anchors               Bit = 22
	RouteBlinding         Bit = 24
	ShutdownAnysegwit     Bit = 26
	DualFund              Bit = 28
	Quiesce               Bit = 34
	AttributionData       Bit = 36
	OnionMessages         Bit = 38
	ProvideStorage        Bit = 42
	ChannelTypes          Bit = 44 // option_channel_type
	SCIDAlias             Bit = 46
	PaymentMetadata       Bit = 48
	Zeroconf              Bit = 50
	Keysend               Bit = 54 // bLIP 3
	SimpleClose           Bit = 60
	Splice                Bit = 62
)

// Context is a place where feature vectors are shown (BOLT 9, the column Context).
type Context int

// The places that have vectors of their own.
const (
	Init Context = iota
	NodeAnnouncement
	ChannelAnnouncement
	Invoice
)

// feature is one row of BOLT 9's table and what we make of it.
type feature struct {
	bit     Bit // even
	name    string
	needs   []Bit // by their even bits
	use     use
	peers   bool // we set it in init and node_announcement
	invoice bool // we set it in invoices
}

// use says whether we have a feature.
type use int

const (
	unsupported use = iota
	optional
	compulsory
)

// table is ordered by bit. What BOLT 9 calls assumed is compulsory, and still shown, as nodes in
// the field look for it. No feature is shown in channel_announcement.
var table = []feature{
	{bit: DataLossProtect, name: "option_data_loss_protect", use: compulsory, peers: true},
	{bit: UpfrontShutdownScript, name: "option_upfront_shutdown_script", use: optional, peers: true},
	{bit: GossipQueries, name: "gossip_queries", use: optional, peers: true},
	{bit: VarOnionOptin, name: "var_onion_optin", use: compulsory, peers: true, invoice: true},
	{bit: GossipQueriesEx, name: "gossip_queries_ex", use: optional, peers: true},
	{bit: StaticRemotekey, name: "option_static_remotekey", use: compulsory, peers: true},
	{bit: PaymentSecret, name: "payment_secret", use: compulsory, peers: true, invoice: true},
	{bit: BasicMPP, name: "basic_mpp", needs: []Bit{PaymentSecret}, use: optional, peers: true, invoice: true},
	{bit: SupportLargeChannel, name: "option_support_large_channel", use: optional, peers: true},
	{bit: Anchors, name: "option_anchors", use: optional, peers: true},
	{bit: RouteBlinding, name: "option_route_blinding"},
	{bit: ShutdownAnysegwit, name: "option_shutdown_anysegwit", use: optional, peers: true},
	{bit: DualFund, name: "option_dual_fund"},
	{bit: Quiesce, name: "option_quiesce"},
	{bit: AttributionData, name: "option_attribution_data", use: optional, peers: true},
	{bit: OnionMessages, name: "option_onion_messages"},
	{bit: ProvideStorage, name: "option_provide_storage", use: optional, peers: true},
	{bit: ChannelTypes, name: "option_channel_type", use: compulsory, peers: true},
	{bit: SCIDAlias, name: "option_scid_alias", use: optional, peers: true},
	{bit: PaymentMetadata, name: "option_payment_metadata", use: optional, invoice: true},
	{bit: Zeroconf, name: "option_zeroconf", needs: []Bit{SCIDAlias}},
	{bit: Keysend, name: "keysend", needs: []Bit{VarOnionOptin}, use: optional, peers: true},
	{bit: SimpleClose, name: "option_simple_close", needs: []Bit{ShutdownAnysegwit}, use: optional, peers: true},
	{bit: Splice, name: "option_splice"},
}

// lookup finds the row for either bit of a pair, or nil.
func lookup(b Bit) *feature {
	for i := range table {
		if table[i].bit == b.Compulsory() {
			return &table[i]
		}
	}
	return nil
}

// Name is BOLT 9's name for b's pair, or empty if it has none.
func (b Bit) Name() string {
	if f := lookup(b); f != nil {
		return f.name
	}
	return ""
}

// Ours is the vector that we show in a context: the features that this node has.
func Ours(in Context) Vector {
	var v Vector
	for _, f := range table {
		shown := in == Invoice && f.invoice || (in == Init || in == NodeAnnouncement) && f.peers
		switch {
		case shown && f.use == compulsory:
			v = v.Set(f.bit.Compulsory())
		case shown:
			v = v.Set(f.bit.Optional())
		}
	}
	return v
}

// CheckPeer says why we cannot talk to a peer with these features, init's two vectors combined: it
// requires one that we do not have, or leaves out one that another depends on. Either closes the
// connection (BOLT 1, The init Message).
func CheckPeer(remote Vector) error { return check(remote, "peer") }

// CheckInvoice says the same of an invoice's features (BOLT 11, Requirements).
func CheckInvoice(v Vector) error { return check(v, "invoice") }

// Strange reports whether a vector requires a feature that BOLT 9 does not assign, as far as we know: whose
// announcement has it is not to be routed through (BOLT 7).
func (v Vector) Strange() bool {
	for i, b := range v {
		// Even bits alone; nearly all announcements have few of these.
		for even := b & 0x55; even != 0; even &= even - 1 {
			if lookup(Bit(8*(len(v)-1-i)+bits.TrailingZeros8(even))) == nil {
				return true
			}
		}
	}
	return false
}

func check(v Vector, who string) error {
	for b := range v.All() {
		f := lookup(b)
		if b.IsCompulsory() && (f == nil || f.use == unsupported) {
			return fmt.Errorf("%s requires feature %d (%s), which we do not support", who, uint32(b), describe(f))
		}
		if f == nil {
			continue
		}
		for _, need := range f.needs {
			if !v.Supports(need) {
				return fmt.Errorf("%s sets %s without %s, which it depends on", who, b, need.Name())
			}
		}
	}
	return nil
}

// describe names a feature in an error.
func describe(f *feature) string {
	if f == nil {
		return "unknown"
	}
	return f.name
}
